"""The networks behind photo twins (paper Eq. 3): a 2D generator, its encoder, pose and identity."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch
from torch import nn

from ...checkpoints import embedded
from ...checkpoints.downloads import where
from ...errors import ITPortraitError
from ...networks.arcface import IdentityNet
from ...networks.encoders import StyleEncoder
from ...networks.pose import PoseNet


@dataclasses.dataclass(frozen=True)
class PhotoPrior:
    """What Eq. 3 needs.

    Attributes:
        generator: StyleGAN2 of photos, G_2d.
        encoder: picture -> its latents.
        pose: photo -> head angles, P.
        identity: face embedding for the identity loss, or None.
        frame: "eg3d" if its pictures are cut like the 3D generator's (the embedded family), else "ffhq".
    """

    generator: nn.Module
    encoder: StyleEncoder
    pose: PoseNet
    identity: IdentityNet | None = None
    frame: str = "eg3d"

    def networks(self) -> list[nn.Module]:
        """All of them: what a result depends on."""
        networks_or_none = (self.generator, self.encoder, self.pose, self.identity)
        return [network for network in networks_or_none if network is not None]

    def to(self, device: torch.device | str) -> PhotoPrior:
        """The same prior with its networks on `device`."""
        moved = {
            name: getattr(self, name) and getattr(self, name).to(device)
            for name in ("generator", "encoder", "pose", "identity")
        }
        return dataclasses.replace(self, **moved)


def load_photo_prior(
    source: str | dict[str, str | Path] = "pocket", *, device: torch.device | str = "cpu"
) -> PhotoPrior:
    """The networks of Eq. 3.

    Args:
        source: "pocket", or paths by role: generator, encoder, pose and, if there is one, identity; all of
            them files of this pack (import official checkpoints first).

    Raises:
        ITPortraitError: for a missing role, a file of another family, or an encoder that does not fit.

    Example:
        >>> prior = itp.load_photo_prior("pocket")
        >>> prior.generator.mapping(torch.zeros(1, prior.generator.z_dim)).ndim
        3
    """
    from ...checkpoints.format import load_model

    if source == "pocket":
        names = {"generator": "photo", "encoder": "encoder", "pose": "pose", "identity": "identity"}
        paths = {role: embedded.path(name) for role, name in names.items()}
    elif isinstance(source, dict):
        paths = {role: Path(path) for role, path in source.items() if path}
    else:
        raise ITPortraitError(f"A photo prior is 'pocket' or a dict of paths, not {source!r}.")
    missing = [role for role in ("generator", "encoder", "pose") if role not in paths]
    if missing:
        family = {"generator": "stylegan2", "encoder": "style_encoder"}.get(missing[0], missing[0])
        raise ITPortraitError(f"The photo prior lacks its {missing[0]}. {where(family)}")
    with torch.inference_mode(False), torch.no_grad():
        parts = {role: load_model(path, device) for role, path in paths.items()}
    frame = "eg3d" if source == "pocket" or parts["generator"].resolution < 256 else "ffhq"
    prior = PhotoPrior(frame=frame, **parts)
    wanted = (prior.generator.num_ws, prior.generator.w_dim)
    given = (prior.encoder.config.style_count, prior.encoder.config.code_dim)
    if given != wanted:
        raise ITPortraitError(
            f"The encoder gives {given[0]} latents of {given[1]}, the photo generator wants {wanted[0]} of "
            f"{wanted[1]}; an encoder fits only the generator it was trained with."
        )
    return prior
