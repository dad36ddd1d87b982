"""Import of official checkpoints: any file that users have becomes safetensors; nothing in it is executed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import Tensor

from ..errors import ITPortraitError
from . import official_faces, official_generators
from .format import header_metadata
from .found import FoundNetwork
from .stored import StoredTensor
from .tensor_file import write_tensors
from .torch_files import open_checkpoint

Progress = Callable[[int, int], None]
"""`on_progress(done, total)` in bytes; raising from it stops the import cleanly."""
KNOWN = (
    "EG3D and StyleGAN2-ADA .pkl, rosinality StyleGAN2 .pt, e4e / pSp / ReStyle .pt, "
    "Deep3DFaceRecon epoch_*.pth, model_ir_se50.pth, torchvision VGG16 and AlexNet .pth"
)
_CHUNK = 1 << 20


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
        dst: the new .safetensors file, or an existing folder. A source with two networks gives a second file
            beside it: `NAME-generator.safetensors` for the generator inside an encoder file,
            `NAME-discriminator.safetensors` for a discriminator.
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
    with open_checkpoint(source) as value:
        networks = find_networks(value, discriminator)
        written = source.stat().st_size
        total = written + sum(_size(network) for network in networks)
        report = on_progress or (lambda done, total: None)
        digest = _sha256(source, lambda done: report(done, total))
        paths = []
        for network in networks:
            paths.append(_write(network, _target(source, dst, network.suffix), source.name, digest))
            written += _size(network)
            report(written, total)
        return paths


def find_networks(value: object, discriminator: bool = False) -> list[FoundNetwork]:
    """Recognise the content of a checkpoint.

    Raises:
        ITPortraitError: when it is none of the known kinds, or only looks like one.
    """
    try:
        return _recognise(value, discriminator)
    except ITPortraitError:
        raise
    except (LookupError, TypeError, AttributeError, ValueError, RuntimeError) as error:
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
    raise ITPortraitError(f"The file is none of the known kinds: {KNOWN}.")


def _tensors(value: object) -> bool:
    """Whether a value is a state dict: a mapping from names to tensors and nothing else."""
    return (
        isinstance(value, dict) and bool(value) and all(isinstance(v, StoredTensor) for v in value.values())
    )


def _target(source: Path, dst: str | os.PathLike[str], suffix: str) -> Path:
    folder = os.fspath(dst).endswith(("/", os.sep)) or Path(dst).is_dir()
    path = Path(dst, source.stem) if folder else Path(dst)
    return path.with_name(f"{path.name.removesuffix('.safetensors')}{suffix}.safetensors")


def _size(network: FoundNetwork) -> int:
    return sum(value.nbytes for value in network.tensors.values())


def _sha256(path: Path, report: Callable[[int], None]) -> str:
    digest = hashlib.sha256()
    done = 0
    with open(path, "rb") as file:
        while block := file.read(_CHUNK):
            digest.update(block)
            done += len(block)
            report(done)
    return digest.hexdigest()


def _write(network: FoundNetwork, path: Path, name: str, digest: str) -> Path:
    lineage = {"source_format": network.kind, "source_sha256": digest, **network.details}
    metadata = header_metadata(network.family, network.config.to_dict(), lineage, network.license, name)
    return write_tensors(_separate(network.tensors), path, metadata)


def _separate(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Contiguous tensors, none of which shares memory with another; copies only where needed."""
    places: set[int] = set()
    result = {}
    for name, value in tensors.items():
        value = value.contiguous()
        place = value.untyped_storage().data_ptr()
        result[name] = value.clone() if place in places else value
        places.add(place)
    return result
