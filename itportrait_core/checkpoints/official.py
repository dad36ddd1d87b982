"""Import of official checkpoints: any file that users have becomes safetensors; nothing in it is executed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from ..errors import ITPortraitError
from . import atomic, bare_eg3d, hashes, official_faces, official_generators
from .format import header_metadata
from .found import FoundNetwork
from .stored import StoredTensor
from .tensor_file import write_tensors
from .torch_files import read_checkpoint, read_whole

Progress = Callable[[int, int], None]
"""`on_progress(done, total)` in bytes; raising from it stops the import cleanly."""
KNOWN = (
    "EG3D and StyleGAN2-ADA .pkl, rosinality StyleGAN2 .pt, e4e / pSp / ReStyle .pt, "
    "Deep3DFaceRecon epoch_*.pth, model_ir_se50.pth, torchvision VGG16 and AlexNet .pth, EG3D "
    "weights under their published names"
)
ENDING = ".safetensors"


def import_checkpoint(
    src: str | os.PathLike[str],
    dst: str | os.PathLike[str],
    *,
    discriminator: bool = False,
    on_progress: Progress | None = None,
) -> list[Path]:
    """Turn an official checkpoint into files of our format.

    Args:
        src: the file; its content decides what it is, not its name.
        dst: the new .safetensors file, which must not be there, or an existing folder. In a folder the file
            is called as the source is; a number is added where that name is taken, so nothing is ever
            replaced. A source with two networks gives a second file beside it: `NAME-generator.safetensors`
            for the generator inside an encoder file, `NAME-discriminator.safetensors` for a discriminator.
        discriminator: also take the discriminator of an EG3D or StyleGAN2-ADA pickle.
        on_progress: called with bytes done and bytes in all.

    Returns:
        The files written, the main one first.

    Raises:
        ITPortraitError: for a missing, damaged, hostile or unknown file, or a target that cannot be written.

    Example:
        >>> torch.save({"weight": torch.zeros(3)}, "what.pt")
        >>> itp.import_checkpoint("what.pt", "models.safetensors")
        Traceback (most recent call last):
        itportrait_core.errors.ITPortraitError: ...
    """
    source = Path(src)
    data = read_whole(source)
    networks = find_networks(read_checkpoint(data), discriminator)
    done = len(data)
    total = done + sum(_size(network) for network in networks)
    report = on_progress or (lambda done, total: None)
    digest = hashes.of_buffer(data, lambda read: report(read, total))
    places: list[atomic.Reserved] = []
    with ExitStack() as stack:
        for network in networks:
            name = places[0].path.stem if places else ""
            place = stack.enter_context(_place(source, dst, name, network.suffix))
            _write(network, place.draft, source.name, digest)
            places.append(place)
            done += _size(network)
            report(done, total)
    return [place.path for place in places]


def find_networks(value: object, discriminator: bool = False) -> list[FoundNetwork]:
    """Recognise the content of a checkpoint.

    Raises:
        ITPortraitError: when it is none of the known kinds, or only looks like one.
    """
    try:
        return _recognise(value, discriminator)
    except ITPortraitError:
        raise
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise ITPortraitError(
            f"The file looks like a known checkpoint but is incomplete or altered "
            f"({type(error).__name__}: {error!s:.200}); get it again."
        ) from error


def _recognise(value: object, discriminator: bool) -> list[FoundNetwork]:
    if official_generators.is_network_pickle(value):
        return official_generators.from_network_pickle(value, discriminator)
    if discriminator:
        raise ITPortraitError("Only EG3D and StyleGAN2-ADA pickles hold a discriminator; import without it.")
    whole: dict[str, Any] = value if isinstance(value, dict) else {}
    for state in (whole, whole.get("state_dict")):
        if not isinstance(state, dict):
            continue
        state = _without_wrapper(state)
        if _tensors(state.get("g_ema")):
            return official_generators.from_rosinality_file(state)
        if _tensors(state.get("net_recon")):
            return official_faces.from_pose_file(state)
        if _tensors(state) and "encoder.input_layer.0.weight" in state:
            return official_faces.from_encoder_file(whole, state)
        if _tensors(state) and "output_layer.3.weight" in state and "input_layer.0.weight" in state:
            return official_faces.from_identity_file(state)
        if _tensors(state) and "features.0.weight" in state:
            return official_faces.from_trunk_file(state)
        for weights in (state, state.get("G_ema")):
            if isinstance(weights, dict) and _tensors(weights) and bare_eg3d.is_eg3d_state(weights):
                return bare_eg3d.from_eg3d_state(weights)
    raise ITPortraitError(f"The file is none of the known kinds: {KNOWN}.")


def _without_wrapper(state: dict[Any, Any]) -> dict[Any, Any]:
    """A state dict without the `module.` that training on several cards puts before every name."""
    if state and all(isinstance(name, str) and name.startswith("module.") for name in state):
        return {name.removeprefix("module."): value for name, value in state.items()}
    return state


def _tensors(value: object) -> bool:
    """Whether a value is a state dict: a mapping from names to tensors and nothing else."""
    return (
        isinstance(value, dict) and bool(value) and all(isinstance(v, StoredTensor) for v in value.values())
    )


@contextmanager
def _place(source: Path, dst: str | os.PathLike[str], first: str, suffix: str) -> Iterator[atomic.Reserved]:
    """A name for a new file; `first` is that of the source's first network."""
    folder = os.fspath(dst).endswith(("/", os.sep)) or Path(dst).is_dir()
    path = Path(dst, source.stem) if folder else Path(dst)
    stem = f"{first or path.name.removesuffix(ENDING)}{suffix}"
    with atomic.reserved(path.parent, stem, ENDING, plain=True) as place:
        if not folder and place.path.name != f"{stem}{ENDING}":
            raise ITPortraitError(
                f"{path.with_name(stem + ENDING)} is there already and is not replaced; give another "
                "name, or remove it first."
            )
        yield place


def _size(network: FoundNetwork) -> int:
    return sum(value.nbytes for value in network.tensors.values())


def _write(network: FoundNetwork, path: Path, name: str, digest: str) -> None:
    lineage = {"source_format": network.kind, "source_sha256": digest, **network.details}
    metadata = header_metadata(network.family, network.config.to_dict(), lineage, network.license, name)
    write_tensors(network.tensors, path, metadata)
