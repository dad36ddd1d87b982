"""Settings of an EG3D generator as plain data (docs/eg3d.md#rendering-options). Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ..config import Config
from ..errors import ITPortraitError

Axes = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
OFFICIAL_AXES: Axes = ((0, 1), (0, 2), (2, 0))
"""World axes (u, v) of each plane. The third is (z, x), not (y, z): released weights depend on it."""


NOISE_MODES = ("none", "const", "random")


@dataclass(frozen=True)
class RenderingConfig(Config):
    """How rays are sampled and marched; the names are those of the official `rendering_kwargs`."""

    depth_resolution: int = 48
    """Coarse samples per ray."""
    depth_resolution_importance: int = 48
    """Fine samples per ray; 0 for none."""
    ray_start: float | str = 2.25
    """Nearest depth in world units, or "auto" for the box."""
    ray_end: float | str = 3.3
    """Farthest depth in world units, or "auto" for the box."""
    box_warp: float = 1.0
    """Side of the cube that the planes cover, world units."""
    white_back: bool = False
    """White where nothing is hit; otherwise black."""
    disparity_space_sampling: bool = False
    """Coarse samples evenly spaced in 1/depth."""
    c_gen_conditioning_zero: bool = False
    """The mapping network does not see the camera."""
    c_scale: float = 1.0
    """Factor on the label that the mapping network sees."""
    superresolution_noise_mode: str = "none"
    """Noise of the super-resolution: "none", "const" or "random"."""
    density_noise: float = 0.0
    """Standard deviation of noise on the raw density (training with a generator only)."""
    decoder_lr_mul: float = 1.0
    """Learning-rate multiplier of the decoder."""
    avg_camera_radius: float = 2.7
    """Distance of the cameras from the origin, world units."""
    avg_camera_pivot: tuple[float, float, float] = (0.0, 0.0, 0.2)
    """The point that the cameras look at."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.ray_start == "auto") != (self.ray_end == "auto"):
            raise ITPortraitError(
                f'ray_start {self.ray_start!r} and ray_end {self.ray_end!r}: "auto" works for both only.'
            )
        if self.superresolution_noise_mode not in NOISE_MODES:
            raise ITPortraitError(
                f"superresolution_noise_mode is {self.superresolution_noise_mode!r:.60}; it must be one of "
                f"{', '.join(NOISE_MODES)}."
            )
        if self.automatic_limits and self.disparity_space_sampling:
            raise ITPortraitError('Ray limits "auto" and disparity_space_sampling exclude each other.')

    @property
    def automatic_limits(self) -> bool:
        """Whether the ray limits come from the box."""
        return self.ray_start == "auto"


@dataclass(frozen=True)
class SuperResolutionConfig(Config):
    """Two synthesis blocks behind the renderer."""

    input_resolution: int = 128
    """Side of the features that the first block takes, pixels."""
    channels: tuple[int, int] = (256, 128)
    """Output channels of the two blocks."""
    up: tuple[int, int] = (2, 2)
    """1 or 2 for each block: how much it enlarges."""
    resize: str = "different"
    """When features are resized to `input_resolution`: "different" (any other size) or "smaller"."""
    antialias: bool = True
    """Smooth when resizing down."""
    conv_clamp: float | None = 256.0
    """Limit of the absolute value after each layer; None for no limit."""
    has_filter: bool = False
    """Whether the checkpoint holds a buffer `superresolution.resample_filter`."""


SUPERRESOLUTION: dict[str, SuperResolutionConfig] = {
    "SuperresolutionHybrid8XDC": SuperResolutionConfig(128, (256, 128), (2, 2)),
    "SuperresolutionHybrid8X": SuperResolutionConfig(128, (128, 64), (2, 2), has_filter=True),
    "SuperresolutionHybrid4X": SuperResolutionConfig(
        128, (128, 64), (1, 2), resize="smaller", has_filter=True
    ),
    "SuperresolutionHybrid2X": SuperResolutionConfig(64, (128, 64), (1, 2), has_filter=True),
}
"""The official modules by class name."""


@dataclass(frozen=True)
class EG3DConfig(Config):
    """Everything that is needed to build an EG3D generator. The defaults are the official ffhq512-128."""

    z_dim: int = 512
    """Length of the input latent."""
    c_dim: int = 25
    """Length of the camera label."""
    w_dim: int = 512
    """Length of a style vector."""
    mapping_layers: int = 2
    """Fully connected layers of the mapping network."""
    embed_features: int | None = None
    """Length of the embedded label; None for w_dim."""
    layer_features: int | None = None
    """Width of the inner mapping layers; None for w_dim."""
    backbone_resolution: int = 256
    """Side of the planes, a power of two from 8."""
    plane_channels: int = 32
    """Feature channels of each plane; also of the rendered features."""
    channel_base: int = 32768
    """A backbone block of side r has min(channel_base // r, channel_max) channels."""
    channel_max: int = 512
    """Largest number of channels of a backbone block."""
    conv_clamp: float | None = None
    """Limit of the absolute value in the backbone; None for no limit."""
    decoder_hidden: int = 64
    """Width of the decoder's hidden layer."""
    neural_rendering_resolution: int = 128
    """Side of the rendered feature picture before super-resolution, pixels."""
    plane_axes: Axes = OFFICIAL_AXES
    """World axes (u, v) of each plane."""
    superresolution: SuperResolutionConfig = field(default_factory=SuperResolutionConfig)
    rendering: RenderingConfig = field(default_factory=RenderingConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        pairs = self.plane_axes
        if len(pairs) != 3 or any(len(pair) != 2 or not {*pair} <= {0, 1, 2} for pair in pairs):
            raise ITPortraitError(
                f"plane_axes is {pairs!r:.80}; give two of the axes 0, 1, 2 for each of three planes."
            )

    @property
    def backbone_channels(self) -> int:
        """Channels of the backbone's output: all planes."""
        return 3 * self.plane_channels

    @property
    def resolution(self) -> int:
        """Side of the final picture, pixels."""
        return self.superresolution.input_resolution * self.superresolution.up[0] * self.superresolution.up[1]

    @classmethod
    def from_official(
        cls,
        init_kwargs: Mapping[str, Any],
        rendering_kwargs: Mapping[str, Any] | None = None,
        **overrides: Any,
    ) -> EG3DConfig:
        """Settings of an official checkpoint.

        Args:
            init_kwargs: the constructor arguments in the checkpoint.
            rendering_kwargs: the generator's attribute of that name, which outranks the one in `init_kwargs`.
            overrides: fields that the constructor arguments do not hold, such as `backbone_resolution`,
                `neural_rendering_resolution`, `plane_axes` and `superresolution`.

        Raises:
            ITPortraitError: for a super-resolution module that is not known.
        """
        rendering = dict(rendering_kwargs or init_kwargs["rendering_kwargs"])
        mapping = init_kwargs.get("mapping_kwargs", {})
        if "superresolution" not in overrides:
            overrides["superresolution"] = _official_superresolution(init_kwargs, rendering)
        names = {f.name for f in fields(RenderingConfig)}
        known = {key: value for key, value in rendering.items() if key in names}
        known.setdefault("c_scale", 0.0)  # a missing c_scale counts as 0 in the published code
        return cls(
            z_dim=init_kwargs["z_dim"],
            c_dim=init_kwargs["c_dim"],
            w_dim=init_kwargs["w_dim"],
            mapping_layers=mapping.get("num_layers", 8),
            embed_features=mapping.get("embed_features"),
            layer_features=mapping.get("layer_features"),
            channel_base=init_kwargs.get("channel_base", 32768),
            channel_max=init_kwargs.get("channel_max", 512),
            conv_clamp=init_kwargs.get("conv_clamp"),
            rendering=RenderingConfig.from_dict(known),
            **overrides,
        )


def _official_superresolution(
    init_kwargs: Mapping[str, Any], rendering: Mapping[str, Any]
) -> SuperResolutionConfig:
    name = str(rendering["superresolution_module"]).rpartition(".")[2]
    if name not in SUPERRESOLUTION:
        raise ITPortraitError(f"Unknown super-resolution {name!r}; known are {', '.join(SUPERRESOLUTION)}.")
    values = SUPERRESOLUTION[name].to_dict()
    values["conv_clamp"] = 256.0 if init_kwargs.get("sr_num_fp16_res", 0) > 0 else None
    values["antialias"] = rendering.get("sr_antialias", True)
    return SuperResolutionConfig.from_dict(values)
