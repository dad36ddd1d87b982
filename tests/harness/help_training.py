"""Help pictures of the controls that are felt only after training: short runs on the embedded networks."""

from __future__ import annotations

from PIL import Image

import itportrait_core as itp
from itportrait_core.methods.configs import BlendConfig, suited
from itportrait_core.methods.shared.portrait import Portrait
from itportrait_core.networks.eg3d import EG3DGenerator
from itportrait_core.rendering.views import render_views

from .help_studio import INVERSION_STEPS, STYLE, STYLE_STEPS, Row, Rows, Studio, example, photos, snapshots

TEXT = "a person wearing glasses"
POSE_STEPS, TUNING_STEPS, COUPLED_STEPS = 6, 40, 48
ENDS = {"tau": (0.5, 0.9), "xi": (0, 100)}
"""Controls of the coupled run, and values on both sides of the usual one."""
INSTANT = ("marble statue", "zombie man", "pencil sketch", "anime girl")
"""Style pictures whose instant style is shown."""
MODULES = ("shape", "texture", "decoder", "superresolution")


def twins(studio: Studio) -> Rows:
    """A style picture and its photographic twins."""
    found = studio.inverted.twin
    shown = {"the picture": photos(example(STYLE))[0]}
    if found is not None:
        shown |= {f"twin {number + 1}": picture for number, picture in enumerate(photos(found)[:4])}
    return {"photo prior": shown}


def inversion(studio: Studio) -> Rows:
    """How an inversion comes closer, in both spaces, and from which pose it starts."""
    picture = {"the picture": photos(example(STYLE))[0]}
    rows: Rows = {}
    for space in ("W+", "W"):
        row, watch = snapshots((4, 8, 15, INVERSION_STEPS))
        found = studio.invert(INVERSION_STEPS, watch, space=space)
        if space == "W+":
            studio.__dict__.setdefault("inverted", found)
        rows[f"steps, space {space}"] = picture | row
    starts: Row = {}
    for pose in ("twin", "image", "frontal", "random"):
        starts[pose] = _portrait(studio, studio.invert(POSE_STEPS, pose_init=pose))
    return rows | {f"pose_init, after {POSE_STEPS} steps": picture | starts}


def _portrait(studio: Studio, portrait: Portrait) -> Image.Image:
    return photos(render_views(studio.generator, portrait.ws, portrait.camera).images)[0]


def stylize(studio: Studio) -> Rows:
    """Steps of APT on the style picture's person; beta and layers on somebody else."""
    row, watch = snapshots((4, 8, 16, STYLE_STEPS), which=2)
    config = itp.APTConfig(seed=studio.seed).replace(steps=STYLE_STEPS)
    fine = itp.stylize(studio.generator, studio.inverted, config, watch)
    studio.__dict__.setdefault("style", fine)
    wide = studio.stylize(layers=(7, 8, 9, 10, 11, 12, 13))
    near = studio.stylize(beta=0.5)
    before = {"before": studio.see()}
    return {
        "steps, the picture's person": {"0": _portrait(studio, studio.inverted), **row},
        "layers, somebody else": before
        | {"fine (9-13)": studio.see(studio.style), "fine and middle": studio.see(wide)},
        "beta, somebody else": before | {"0": studio.see(studio.style), "0.5": studio.see(near)},
    }


def instant(studio: Studio) -> Rows:
    """A style picture, and the person in its style at several strengths, for several pictures."""
    rows: Rows = {}
    for name in INSTANT:
        picture = example(name)
        made = {
            f"{strength:g}": itp.instant_style(
                studio.generator, picture, itp.InstantConfig(strength=strength)
            )
            for strength in (0.0, 0.5, 1.0, 1.4)
        }
        shown = {strength: studio.see(style) for strength, style in made.items()}
        rows[f"strength, {name}"] = {"the picture": photos(picture)[0]} | shown
    return rows


def blend(studio: Studio) -> Rows:
    """Strength of a style, all of it and in each part alone."""
    strengths = (0.0, 0.4, 0.8, 1.0, 1.2)

    def mixed(**parts: float) -> Image.Image:
        config = BlendConfig(**{**dict.fromkeys(MODULES, 0.0), **parts})
        return studio.see(itp.blend(studio.generator, [studio.style], [config]))

    rows: Rows = {"all four": {f"{a:g}": mixed(**dict.fromkeys(MODULES, a)) for a in strengths}}
    return rows | {part: {f"{a:g}": mixed(**{part: a}) for a in strengths} for part in MODULES}


def kept(studio: Studio) -> Rows:
    """One saved portrait, drawn by the base and by a style."""
    yaws = [-40.0, -20.0, 0.0, 20.0, 40.0]
    rows = {"the base": studio.generator, f"style: {STYLE}": studio.style}
    return {
        name: {f"{yaw:g}": picture for yaw, picture in zip(yaws, studio.views(yaws, 5.0, one), strict=True)}
        for name, one in rows.items()
    }


def fuse(studio: Studio) -> Rows:
    """Which of picture and text wins, by tau and xi, on top of the style picture's style."""
    begin = {"before": studio.see(), "style alone": studio.see(studio.style)}
    return {
        name: begin | {f"{value:g}": studio.see(_coupled(studio, **{name: value})) for value in values}
        for name, values in ENDS.items()
    }


def _coupled(studio: Studio, **changes: object) -> EG3DGenerator:
    config = suited(itp.ITEConfig, studio.generator, "coupled").replace(seed=studio.seed)
    config = config.with_steps(COUPLED_STEPS).replace(views=2, source_text="a person", **changes)
    start = studio.style if config.mode == "coupled" else None
    return itp.couple(studio.generator, studio.inverted, TEXT, None, config, style=start).target


def tuning(studio: Studio) -> Rows:
    """Pivotal tuning: the picture, its inversion, the generator after so many steps; and the side view."""
    row, watch = snapshots((5, 10, 20, TUNING_STEPS), which=3)
    config = suited(itp.TuningConfig, studio.generator)
    config = config.replace(seed=studio.seed, steps=TUNING_STEPS, lpips_stop=0.0)
    itp.pivotal_tune(studio.generator, studio.inverted, config=config, on_step=watch)
    side: Row = {}
    for depth in (0.0, 1.0):
        changed = config.replace(steps=TUNING_STEPS // 2, depth=depth)
        tuned = itp.pivotal_tune(studio.generator, studio.inverted, config=changed)
        seen = render_views(tuned, studio.inverted.ws, itp.cameras.orbit(45.0).float())
        side[f"{depth:g}"] = photos(seen.images)[0]
    begin = {"the picture": photos(example(STYLE))[0], "0": _portrait(studio, studio.inverted)}
    return {"steps": begin | row, "depth, from the side": side}


TRAINING = {
    "inversion": inversion,
    "twins": twins,
    "instant": instant,
    "stylize": stylize,
    "blend": blend,
    "kept": kept,
    "tuning": tuning,
    "fuse": fuse,
}
"""Name of the picture file -> what makes its rows; later ones use what earlier ones trained."""
