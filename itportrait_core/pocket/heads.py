"""Measures of a head: attributes and a shape look -> one record of lengths per portrait.

Lengths are in world units (the camera stands 2.7 away, the head is about 0.42 tall), x to the picture's
right, y up, z towards the frontal camera. `surfaces.py` turns the record into signed distances.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .attributes import BEARDS, GLASSES, HAIR_STYLES, HATS, Attributes

HEAD = np.dtype([(name, np.float64) for name in (
    "cran_x", "cran_y", "cran_z", "jaw_x", "jaw_y", "jaw_z", "jaw_up", "jaw_front", "chin_y", "chin_z",
    "chin_r",
    "cheek_x", "cheek_y", "cheek_z", "cheek_r", "ridge", "socket", "neck_r", "ear_x", "ear_size",
    "nose_y", "nose_z", "nose_r", "nose_wing", "bridge_z",
    "eye_x", "eye_y", "eye_z", "eye_r", "eye_open", "eye_tall", "eye_tilt", "iris_r", "lash",
    "brow_y", "brow_z", "brow_thick", "brow_tilt", "brow_wide",
    "mouth_y", "mouth_z", "mouth_w", "lip_up", "lip_low", "curve", "opening",
    "hair", "volume", "length", "hairline", "parting", "bangs", "bun_y", "bun_z", "bun_r",
    "beard", "glasses", "glasses_z", "lens", "hat", "age", "female", "shoulder",
    "light_x", "light_y", "light_z", "freckles", "seed", "taper",
)])  # fmt: skip
"""One head. Sizes are radii or half-extents; `hair`, `beard`, `glasses`, `hat` are category indices."""

EYE_LINE = 0.040
"""World y of the eyes: 0.43 of the picture's height from its top."""


FORWARD = 0.04
"""World z of the heads' own origin: the kernels count z from here."""


@dataclass(frozen=True)
class Shape:
    """How a style deforms a head; 1 (factors) or 0 (offsets) leave it as it is."""

    cranium: float = 1.0  # factor on the skull above the eyes
    jaw: float = 1.0  # factor on jaw width
    chin: float = 1.0  # factor on the distance from mouth to chin
    cheek: float = 0.0  # added to the cheek radius; negative is hollow
    eye: float = 1.0  # factor on eye size
    eye_tall: float = 1.0  # factor on the height of the eye relative to its width
    iris: float = 1.0  # factor on the iris within the eye
    sunken: float = 0.0  # how far the eyes sit back, world units
    nose: float = 1.0  # factor on how far the nose stands out
    nose_wide: float = 1.0  # factor on nose width
    mouth: float = 1.0  # factor on mouth width
    ear: float = 1.0  # factor on ear size
    brow: float = 1.0  # factor on brow thickness
    neck: float = 1.0  # factor on neck radius
    hair: float = 1.0  # factor on hair volume


def build_heads(a: Attributes, shape: Shape) -> np.ndarray:
    """Measured heads, a structured array [B] of dtype `HEAD`."""
    from .surfaces import settle

    h = np.zeros(len(a), HEAD)
    _skull(h, a, shape)
    _eyes(h, a, shape)
    _nose_mouth(h, a, shape)
    _hair(h, a, shape)
    _extras(h, a)
    settle(h, shape.sunken)
    return h


def _skull(h: np.ndarray, a: Attributes, s: Shape) -> None:
    man = 1.0 - a.female
    h["female"] = a.female
    h["age"] = a.age
    h["cran_x"] = (0.147 + 0.009 * a.face_width + 0.003 * man) * s.cranium
    h["cran_y"] = (0.147 + 0.006 * a.face_length) * (0.5 + 0.5 * s.cranium)
    h["cran_z"] = 0.168 * (0.5 + 0.5 * s.cranium)
    h["jaw_x"] = (0.112 + 0.012 * a.jaw_width + 0.005 * man + 0.005 * a.face_width) * s.jaw
    h["jaw_y"] = (0.112 + 0.010 * a.face_length + 0.004 * man) * s.chin
    h["jaw_z"] = 0.118
    h["jaw_up"] = -0.058
    h["jaw_front"] = 0.076
    h["chin_y"] = -0.058 - (0.094 + 0.011 * a.face_length + 0.004 * man) * s.chin
    h["chin_z"] = 0.140 + 0.008 * a.chin
    h["chin_r"] = (0.040 + 0.004 * a.jaw_width + 0.004 * man) * (0.5 + 0.5 * s.jaw)
    h["cheek_x"] = 0.074 + 0.004 * a.face_width
    h["cheek_y"] = -0.028
    h["cheek_z"] = 0.128
    h["cheek_r"] = 0.048 + 0.007 * a.cheeks + s.cheek + 0.004 * (a.smile > 0.3)
    h["ridge"] = 0.4 + 0.6 * man
    h["socket"] = 0.009 + 0.5 * s.sunken
    h["neck_r"] = (0.071 + 0.013 * man) * s.neck
    h["ear_size"] = (1.0 + 0.22 * a.ear_size) * s.ear
    h["shoulder"] = 0.20 + 0.03 * man


def _eyes(h: np.ndarray, a: Attributes, s: Shape) -> None:
    h["eye_x"] = (0.064 + 0.0055 * a.eye_distance) * (0.55 + 0.45 * s.eye)
    h["eye_y"] = EYE_LINE
    h["eye_r"] = (0.0315 + 0.0045 * a.eye_size) * s.eye
    h["eye_tall"] = s.eye_tall
    h["eye_open"] = 0.60 + 0.10 * a.eye_size - 0.10 * (a.smile > 0.3) - 0.10 * a.age**2
    h["eye_tilt"] = 0.16 * a.eye_tilt + 0.05
    h["iris_r"] = 0.50 * s.iris
    h["lash"] = 0.35 + 0.65 * a.female
    h["brow_y"] = EYE_LINE + h["eye_r"] * (0.45 + 0.75 * s.eye_tall) + 0.010
    h["brow_thick"] = (0.0075 + 0.0028 * a.brow_thickness - 0.0020 * a.female) * s.brow
    h["brow_tilt"] = 0.20 * a.brow_angle + 0.06
    h["brow_wide"] = 0.036 * (0.6 + 0.4 * s.eye)


def _nose_mouth(h: np.ndarray, a: Attributes, s: Shape) -> None:
    man = 1.0 - a.female
    h["nose_y"] = -0.034 - 0.008 * a.nose_length
    h["nose_r"] = (0.0195 + 0.0035 * a.nose_width + 0.0015 * man) * (0.35 + 0.65 * s.nose_wide)
    h["nose_wing"] = (0.0190 + 0.0055 * a.nose_width + 0.002 * man) * s.nose_wide
    h["nose_z"] = (0.040 + 0.012 * a.nose_length) * s.nose
    h["mouth_y"] = -0.096 - 0.003 * a.face_length - 0.004 * a.nose_length
    h["mouth_w"] = (0.048 + 0.006 * a.mouth_width + 0.015 * np.clip(a.smile, 0, 1)) * s.mouth
    h["lip_up"] = (0.0085 + 0.0030 * a.lip_fullness + 0.001 * a.female) * (0.4 + 0.6 * s.mouth)
    h["lip_low"] = (0.0115 + 0.0035 * a.lip_fullness + 0.001 * a.female) * (0.4 + 0.6 * s.mouth)
    h["curve"] = 0.034 * a.smile * (0.4 + 0.6 * s.mouth)
    h["opening"] = 0.026 * np.clip((a.smile - 0.35) / 0.65, 0, 1) * (0.4 + 0.6 * s.mouth)


def _hair(h: np.ndarray, a: Attributes, s: Shape) -> None:
    long = a.hair_style == HAIR_STYLES.index("long")
    bun = a.hair_style == HAIR_STYLES.index("bun")
    covered = a.hat > 0
    h["hair"] = a.hair_style
    h["volume"] = np.where(covered, 0.013, 0.019 + 0.008 * (a.hair_length + 1) * (~bun)) * s.hair
    h["taper"] = np.where(long, 0.0, 0.75)
    h["length"] = np.where(long, 0.235 + 0.085 * a.hair_length, 0.1)
    h["bangs"] = np.where(bun, 0.0, np.clip((np.abs(a.fringe) - 0.62) / 0.12, 0, 1))
    h["parting"] = 0.075 * np.clip(a.fringe / 0.7, -1, 1)
    h["hairline"] = 0.148 + 0.006 * a.face_length - np.where(bun, 0.006, 0.0) + 0.010 * a.age * (1 - a.female)
    h["bun_y"] = np.where(covered, -0.09, 0.085 + h["cran_y"] + 0.014)
    h["bun_z"] = np.where(covered, -0.135, -0.015)
    h["bun_r"] = 0.044 + 0.007 * a.hair_length


def _extras(h: np.ndarray, a: Attributes) -> None:
    h["beard"] = np.clip(a.beard, 0, len(BEARDS) - 1)
    h["glasses"] = np.clip(a.glasses, 0, len(GLASSES) - 1)
    h["lens"] = 0.044
    h["hat"] = np.clip(a.hat, 0, len(HATS) - 1)
    side, height = 0.85 * a.light_side, 0.35 + 0.30 * a.light_height
    light = np.stack([np.sin(side) * np.cos(height), np.sin(height), np.cos(side) * np.cos(height)], -1)
    h["light_x"], h["light_y"], h["light_z"] = light.T
    h["freckles"] = np.clip((a.complexion - 0.6) / 0.4, 0, 1)
    h["seed"] = 10.0 * a.hair_shade + 7.0 * a.accent
