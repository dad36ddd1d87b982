"""Runs our generator stage by stage, under the names of the golden data (docs/eg3d.md#golden-data)."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from itportrait_core.networks import rays, volume_rendering
from itportrait_core.networks.eg3d import EG3DConfig, EG3DGenerator, SuperResolutionConfig
from itportrait_core.networks.triplane import sample_planes

DATA = Path(__file__).parents[1] / "data"
Tensors = dict[str, Tensor]


def build(case: str, dtype: torch.dtype) -> tuple[EG3DGenerator, Tensors]:
    """The golden generator and its inputs."""
    settings = json.loads((DATA / f"eg3d_{case}_config.json").read_text())
    sr = settings["superresolution"]
    blocks = (sr["block0"], sr["block1"])
    config = EG3DConfig.from_official(
        settings["generator_kwargs"],
        backbone_resolution=settings["backbone_resolution"],
        neural_rendering_resolution=settings["neural_rendering_resolution"],
        superresolution=SuperResolutionConfig(
            input_resolution=sr["input_resolution"],
            channels=tuple(block["out_channels"] for block in blocks),
            up=tuple(block["up"] for block in blocks),
            conv_clamp=sr["conv_clamp"],
            has_filter=case == "B",
        ),
    )
    generator = EG3DGenerator(config, seed=None)
    generator.load_state_dict(load_file(DATA / f"eg3d_{case}_weights.safetensors"))
    inputs = load_file(DATA / f"eg3d_{case}_inputs.safetensors")
    return generator.to(dtype).eval(), {key: value.to(dtype) for key, value in inputs.items()}


def reconfigured(generator: EG3DGenerator, **changes: object) -> EG3DGenerator:
    """The same weights with other rendering settings."""
    config = replace(generator.config, rendering=replace(generator.config.rendering, **changes))
    other = EG3DGenerator(config, seed=None).to(generator.decoder.net[0].weight.dtype)
    other.load_state_dict(generator.state_dict())
    return other.eval()


def outputs(tag: str, rendered) -> Tensors:
    """The three outputs of the published generator."""
    names = ("image", "image_raw", "image_depth")
    return {f"{tag}.{name}": getattr(rendered, name) for name in names}


def mapping_stages(generator: EG3DGenerator, data: Tensors) -> Tensors:
    """Mapping network, truncation, and the update of the running mean."""
    found = {
        "ws_psi1": generator.mapping(data["z"], data["c_cond"]),
        "ws_psi07": generator.mapping(data["z"], data["c_cond"], 0.7),
        "ws_psi07_cut3": generator.mapping(data["z"], data["c_cond"], 0.7, 3),
    }
    kept = generator.backbone.mapping.w_avg.clone()
    generator.mapping(data["z"], data["c_cond"], update_w_avg=True)
    found["w_avg_after_update"] = generator.backbone.mapping.w_avg.clone()
    generator.backbone.mapping.w_avg.copy_(kept)
    return found


def plane_stages(generator: EG3DGenerator, ws: Tensor, coords: Tensor) -> Tensors:
    """Backbone, its block outputs, and the field at given points."""
    found: Tensors = {}
    hooks = []
    for side in generator.backbone.synthesis.block_resolutions:
        block = generator.backbone.synthesis.get_submodule(f"b{side}")

        def keep(module, inputs, output, side=side):
            found[f"const.act.backbone.b{side}.x"] = output[0]

        hooks.append(block.register_forward_hook(keep))
    planes = generator.planes(ws)
    for hook in hooks:
        hook.remove()
    found["planes_const"] = planes.flatten(1, 2)
    found["planes_none"] = generator.planes(ws, noise_mode="none").flatten(1, 2)
    found["sample.rgb"], found["sample.sigma"] = generator.field(planes, coords)
    config = generator.config
    read = sample_planes(planes, coords, config.rendering.box_warp, config.plane_axes)
    found["sample.plane_features"] = read.transpose(2, 3)
    return found


def ray_stages(generator: EG3DGenerator, planes: Tensor, data: Tensors) -> Tensors:
    """Every intermediate of the renderer, computed with its public parts."""
    settings = generator.config.rendering
    side = generator.neural_rendering_resolution
    views, count = data["c"].shape[0], side * side
    origins, directions = rays.make_rays(*rays.split_label(data["c"]), side)
    found = {"ray_origins": origins, "ray_directions": directions}
    start, end = settings.ray_start, settings.ray_end
    if settings.automatic_limits:
        start, end = rays.box_limits(origins, directions, settings.box_warp)
        found |= {"ray_start": start, "ray_end": end}
    field = partial(generator.field, planes)

    def evaluate(depths: Tensor, name: str) -> tuple[Tensor, Tensor]:
        points = origins[:, :, None] + depths[..., None] * directions[:, :, None]
        features, sigma = field(points.flatten(1, 2))
        found[f"sigma_{name}"], found[f"rgb_{name}_s8"] = sigma, features[:, ::8]
        return features.unflatten(1, depths.shape[1:]), sigma.reshape(depths.shape)

    u_coarse = data["u_coarse"].reshape(views, count, -1)
    u_fine = data["u_fine"].reshape(views, count, -1)
    depths = rays.stratified_depths(start, end, u_coarse)
    _, sigma = evaluate(depths, "coarse")
    weights = volume_rendering.march(depths, sigma)
    fine = rays.importance_depths(depths, weights, u_fine)
    _, fine_sigma = evaluate(fine, "fine")
    merged, order = torch.cat([depths, fine], -1).sort(-1)
    merged_weights = volume_rendering.march(merged, torch.cat([sigma, fine_sigma], -1).gather(-1, order))
    found |= {"depths_coarse": depths[..., None], "weights_coarse": weights[..., None]}
    found |= {"depths_fine": fine[..., None], "all_depths": merged[..., None]}
    found["weights"] = merged_weights[..., None]
    seen = volume_rendering.render_rays(
        field, origins, directions, settings, volume_rendering.Jitter(u_coarse, u_fine)
    )
    found |= {"rgb_final": seen.features, "depth_final": seen.depth, "weights_sum": seen.weight}
    return {f"const.{key}": value for key, value in found.items()}


def superresolution_stages(generator: EG3DGenerator, planes: Tensor, ws: Tensor, data: Tensors) -> Tensors:
    """Both blocks of the super-resolution, and the outputs."""
    found: Tensors = {}
    hooks = []
    for name in ("block0", "block1"):
        block = generator.superresolution.get_submodule(name)

        def keep(module, inputs, output, name=name):
            found[f"const.act.superresolution.{name}.x_s8"] = output[0][..., ::8, ::8]
            found[f"const.act.superresolution.{name}.rgb_s8"] = output[1][..., ::8, ::8]

        hooks.append(block.register_forward_hook(keep))
    rendered = generator.render(planes, ws, data["c"], jitter=(data["u_coarse"], data["u_fine"]))
    for hook in hooks:
        hook.remove()
    return found | outputs("const", rendered)


def variants(
    generator: EG3DGenerator, ws: Tensor, distinct: Tensor, data: Tensors, sides: tuple[int, ...]
) -> Tensors:
    """Outputs under other settings: noise, sampling, limits, background, resolution."""
    c, jitter = data["c"], (data["u_coarse"], data["u_fine"])
    planes = generator.planes(ws)

    def with_settings(tag: str, **changes: object) -> Tensors:
        return outputs(tag, reconfigured(generator, **changes).render(planes, ws, c, jitter=jitter))

    automatic = generator.config.rendering.automatic_limits
    limits = {"ray_start": 0.4, "ray_end": 3.2} if automatic else {}
    found = outputs("none", generator.synthesis(ws, c, noise_mode="none", jitter=jitter))
    found |= outputs("distinct", generator.synthesis(distinct, c, jitter=jitter))
    found |= with_settings("srnoise", superresolution_noise_mode="const")
    found |= outputs("det", generator.render(planes, ws, c))
    for side in sides:
        found |= outputs(f"det_nrr{side}", generator.render(planes, ws, c, neural_rendering_resolution=side))
    found |= with_settings("noimp", depth_resolution_importance=0)
    found |= with_settings("disparity", disparity_space_sampling=True, **limits)
    found |= with_settings("backswap", white_back=not generator.config.rendering.white_back)
    if automatic:
        found |= with_settings("floatlimits", **limits)
    else:
        found |= with_settings("auto", ray_start="auto", ray_end="auto")
    return found


def gradients(generator: EG3DGenerator, ws: Tensor, data: Tensors) -> Tensors:
    """Gradients of the golden loss with respect to latents, cameras and every parameter."""
    ws, c = ws.clone().requires_grad_(), data["c"].clone().requires_grad_()
    generator.requires_grad_(True)
    rendered = generator.synthesis(ws, c, jitter=(data["u_coarse"], data["u_fine"]))
    parts = ("image", "image_raw", "image_depth")
    loss = sum((getattr(rendered, part) * data[f"grad_{part}"]).sum() for part in parts)
    parameters = dict(generator.named_parameters())
    wanted = [ws, c, *parameters.values()]
    grads = torch.autograd.grad(loss, wanted, allow_unused=True)
    found = {"grad.loss": loss.reshape(1), "grad.ws": grads[0], "grad.c": grads[1]}
    for name, grad in zip(parameters, grads[2:], strict=True):
        if grad is not None:
            found[f"gradnorm.{name}"] = grad.norm().reshape(1)
            found[f"gradfull.{name}"] = grad
    return {key: value.detach() for key, value in found.items()}


def thin(x: Tensor, limit: int = 2000) -> Tensor:
    """At most `limit` evenly spread numbers of a tensor, to keep the data files small."""
    flat = x.flatten()
    return flat[:: -(-flat.numel() // limit) | 1]


def spaced(name: str, found: Tensors) -> Tensor:
    """The stage that a golden name means; a suffix `_sN` keeps every N-th row and column of a picture."""
    stem, mark, step = name.rpartition("_s")
    if name in found or not mark:
        return found[name]
    return found[stem][..., :: int(step), :: int(step)]
