"""Seconds-long runs of every method, and what they gave: `python -m tests.core.same_results` writes it anew.

The committed numbers (tests/data/same_results.json) were made before a refactoring; `test_same_results.py`
makes the runs again and compares. Weights are compared by hash where the arithmetic is the same, losses by
value everywhere.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import itportrait_core as itp
from tests.core.tiny import tiny_clip, tiny_generator, tiny_perceptual, tiny_portrait, tiny_prior

FILE = Path(__file__).parents[1] / "data" / "same_results.json"
TEXT = "a person wearing glasses"

SMALL_ITE = {
    "batch": 1, "neural_resolution": 32, "fast_share": 1.0, "target_start": "style", "text_origin": "style",
    "source_view": "matched", "templates": False, "nudge": True, "modules": ["synthesis"],
    "trained": "latents", "lr": 0.05, "betas": [0.5, 0.99], "rampdown": 0.2, "empty": 10.0,
    "background": 10.0, "image_beside_text": 1.0,
}  # fmt: skip
SMALL_APT = {
    "lr": 0.004, "betas": [0.5, 0.99], "l2": 0.5, "clip": 3.0, "variety": 2.0, "shape": 200.0, "empty": 5.0,
    "background": 10.0, "colour": 30.0,
}  # fmt: skip
RELEASED = {
    "views": 2, "focal": 4.4652, "pitch_convention": "eg3d",
    "view_yaws": [[-34.0, -23.0], [-17.0, 0.0, 34.0]],
    "view_pitches": [-34.0, 0.0, 11.0], "source_text": "Photo", "antialias": False, "gate": "bisector",
    "gate_scope": "per_model", "tau": 0.65, "xi": 35, "xi_strict": True,
    "modules": ["synthesis", "superresolution"],
}  # fmt: skip


def arithmetic() -> dict[str, str]:
    """What decides about the last bits of a result: torch, and the instructions that it may use."""
    flags = "unknown"
    info = Path("/proc/cpuinfo")
    if info.is_file():
        lines = [line for line in info.read_text().splitlines() if line.startswith(("flags", "Features"))]
        flags = hashlib.sha256("".join(lines[:1]).encode()).hexdigest()[:12]
    return {
        "torch": torch.__version__, "capability": torch.backends.cpu.get_cpu_capability(),
        "platform": f"{platform.system()} {platform.machine()}", "instructions": flags,
    }  # fmt: skip


def digest(tensors: dict[str, Tensor]) -> str:
    """SHA-256 over names, shapes and bytes."""
    total = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        value = value.detach().cpu().contiguous()
        total.update(f"{name}{tuple(value.shape)}{value.dtype}".encode())
        total.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


def _report(history: Any, **results: nn.Module | dict[str, Tensor]) -> dict[str, Any]:
    hashes = {
        name: digest(value.state_dict() if isinstance(value, nn.Module) else value)
        for name, value in results.items()
    }
    steps = [{"stage": r.stage, "losses": r.losses, "gate": r.gate, "delta": r.delta} for r in history]
    return {"hashes": hashes, "steps": steps}


def pocket_portrait() -> tuple[Any, itp.Portrait]:
    """The embedded generator, and a portrait with a picture in colours that none of its people have."""
    generator = itp.load_generator("pocket")
    with torch.no_grad():
        z = torch.randn(1, generator.z_dim, generator=torch.Generator().manual_seed(5))
        ws = generator.mapping(z, itp.cameras.front())
        camera = itp.cameras.orbit(12.0).float()
        image = generator.synthesis(ws, camera).image.clamp(-1, 1)
    picture = torch.stack([image[:, 2], -image[:, 0].sign() * 0.5, image[:, 1] * 0.7], dim=1)
    return generator, itp.Portrait(ws=ws, camera=camera, image=picture)


def invert_pocket() -> dict[str, Any]:
    """Eq. 3 and 4 with the embedded family."""
    generator, portrait = pocket_portrait()
    settings = {
        "steps": 6, "pose_preheat": 1, "start": "nearest", "start_samples": 16, "twin_samples": 2,
        "coarse_share": 0.4, "whiten": True, "lr_w": 0.05, "w_reg": 0.02, "w_noise_ramp": 0.5,
    }  # fmt: skip
    config = itp.InversionConfig.from_dict(settings)
    found = itp.invert(generator, portrait.image, itp.load_photo_prior("pocket"), config)
    return _report(found.history, portrait={"ws": found.ws, "camera": found.camera})


def invert_tiny() -> dict[str, Any]:
    """The other depth losses, W space and restarts, on a network that takes no time."""
    generator = tiny_generator()
    picture = tiny_portrait(generator).image
    found = {}
    for loss in ("consistency", "warp", "none"):
        config = itp.InversionConfig.from_dict(
            {"steps": 4, "pose_preheat": 1, "start_samples": 8, "twin_samples": 1, "restarts": 2,
             "space": "W", "depth_loss": loss, "realign_rounds": 0}
        )  # fmt: skip
        found[loss] = itp.invert(generator, picture, tiny_prior(), config, perceptual=tiny_perceptual())
    tensors = {f"{loss}.{n}": getattr(p, n) for loss, p in found.items() for n in ("ws", "camera")}
    return _report([r for p in found.values() for r in p.history], portraits=tensors)


def image_only() -> dict[str, Any]:
    """APT alone with the settings of small generators."""
    generator, portrait = pocket_portrait()
    style = itp.stylize(generator, portrait, itp.APTConfig.from_dict({"steps": 5, **SMALL_APT}))
    return _report(style.history, style=style)


def image_only_grey() -> dict[str, Any]:
    """The same beside a picture in greys, with depth and only the strongest layers."""
    generator, portrait = pocket_portrait()
    grey = portrait.image.mean(dim=1, keepdim=True).expand(-1, 3, -1, -1)
    portrait = itp.Portrait(ws=portrait.ws, camera=portrait.camera, image=grey.contiguous())
    config = itp.APTConfig.from_dict({"steps": 5, **SMALL_APT, "depth": 0.1, "adaptive_k": 4})
    style = itp.stylize(generator, portrait, config)
    return _report(style.history, style=style)


def text_only() -> dict[str, Any]:
    """ITE alone with the settings of small generators."""
    generator, _ = pocket_portrait()
    config = itp.ITEConfig.from_dict(
        {**SMALL_ITE, "mode": "text_only", "steps": 3, "text_length": 0.15, "likeness": 0.05}
    )
    result = itp.couple(generator, None, TEXT, config=config)
    return _report(result.history, target=result.target)


def coupled() -> dict[str, Any]:
    """The demonstration's settings, shortened."""
    generator, portrait = pocket_portrait()
    config = itp.ITEConfig.from_dict(
        {**SMALL_ITE, "apt": SMALL_APT, "steps": 6, "warmup": 2, "ite_per_round": 2, "text_length": 0.4,
         "likeness": 0.05, "colour": 30.0, "depth": 0.1}
    )  # fmt: skip
    result = itp.couple(generator, portrait, TEXT, config=config)
    return _report(result.history, target=result.target, style=result.style)


def coupled_paper() -> dict[str, Any]:
    """The paper's settings, and the released ones, on tiny networks with two CLIPs."""
    generator = tiny_generator()
    portrait, clips = tiny_portrait(generator), [tiny_clip(0, "a"), tiny_clip(1, "b")]
    steps, weights = [], {}
    for name, settings in {
        "paper": {"depth": 0.1, "calibrate": 0.5}, "released": RELEASED,
        "soft": {"gate": "soft", "adaptive_k": 3},
    }.items():  # fmt: skip
        config = itp.ITEConfig.from_dict({"steps": 4, **settings})
        result = itp.couple(generator, portrait, "glasses", clips, config, perceptual=tiny_perceptual())
        steps += list(result.history)
        weights |= {f"{name}.target.{k}": v for k, v in result.target.state_dict().items()}
        weights |= {f"{name}.style.{k}": v for k, v in result.style.state_dict().items()}
    return _report(steps, weights=weights)


def tuned() -> dict[str, Any]:
    """Pivotal tuning."""
    generator, portrait = pocket_portrait()
    config = itp.TuningConfig.from_dict(
        {"steps": 5, "lr": 0.01, "rampdown": 0.4, "l2": 20.0, "depth_views": 1, "raw": 0.5}
    )
    tuned = itp.pivotal_tune(generator, portrait, config)
    return _report(tuned.history, tuned=tuned)


RUNS: dict[str, Callable[[], dict[str, Any]]] = {
    run.__name__: run
    for run in (
        invert_pocket,
        invert_tiny,
        image_only,
        image_only_grey,
        text_only,
        coupled,
        coupled_paper,
        tuned,
    )
}


def main() -> None:
    """Write the committed file."""
    torch.set_num_threads(1)
    results = {name: run() for name, run in RUNS.items()}
    FILE.write_text(json.dumps({"arithmetic": arithmetic(), "runs": results}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
