"""Light and the marks of each art on a painted point (needs numba)."""

from __future__ import annotations

from math import floor, sin, sqrt

from .paint import albedo, hashed, noise, scale
from .surfaces import CLOTH, EYE, FRAME, HAIR, SKIN, fast, step
from .wardrobe import gradient, scene


@fast
def openness(x, y, z, nx, ny, nz, h):
    """How much of the sky a point sees, 0..1, from the distances above it."""
    a, _ = scene(x + 0.014 * nx, y + 0.014 * ny, z + 0.014 * nz, h)
    b, _ = scene(x + 0.045 * nx, y + 0.045 * ny, z + 0.045 * nz, h)
    hidden = 0.5 * (1.0 - min(max(a / 0.014, 0.0), 1.0)) + 0.6 * (1.0 - min(max(b / 0.045, 0.0), 1.0))
    return 1.0 - min(hidden, 0.9)


@fast
def sunlit(x, y, z, h):
    """Soft shadow towards the light, 0..1."""
    lit, t = 1.0, 0.018
    for _ in range(3):
        d, _m = scene(x + t * h.light_x, y + t * h.light_y, z + t * h.light_z, h)
        lit = min(lit, 0.5 + 4.5 * d / t)
        t *= 2.1
    return min(max(lit, 0.0), 1.0)


@fast
def banded(v, bands, amount):
    """Move a brightness towards its nearest lower band with soft steps."""
    s = v * bands
    f = s - floor(s)
    return v + ((floor(s) + step(0.42, 0.58, f)) / bands - v) * amount


@fast
def shade(x, y, z, material, h, palette, look, color):
    """Colour of a point of `material` under the portrait's light; written into `color` [3], range 0..1."""
    if look.stroke > 0.0:
        x, y, z = dab(x, y, z, look.stroke)
    nx, ny, nz = gradient(x, y, z, h)
    albedo(x, y, z, ny, material, h, palette, look, color)
    open_sky = openness(x, y, z, nx, ny, nz, h)
    facing = nx * h.light_x + ny * h.light_y + nz * h.light_z
    sun = max((facing + 0.22) / 1.22, 0.0)
    if sun > 0.0 and facing > -0.15:
        sun *= 0.38 + 0.62 * sunlit(x + 0.004 * nx, y + 0.004 * ny, z + 0.004 * nz, h)
    sky = (0.68 + 0.32 * ny) * (0.36 + 0.64 * open_sky)
    fill = max(-0.7 * nx * h.light_x + 0.75 * nz, 0.0) * open_sky
    bounce = max(-ny, 0.0) * (4.0 if material == SKIN else 0.5)
    if look.bands > 0.0:
        v = banded(min(sun * 0.75 + sky * 0.25, 0.999), look.band_count, look.bands)
        sun += (v * 1.05 - sun) * look.bands
        sky += (0.78 - sky) * look.bands
        fill += (0.3 - fill) * look.bands
    gain = look.ambient
    soft = 0.10 if material == SKIN else 0.0
    r = gain * (0.60 * sky + 0.05 * bounce) + look.sun * 0.66 * sun + 0.16 * fill + soft * sun * (1 - sun)
    g = gain * (0.61 * sky + 0.04 * bounce) + look.sun * 0.63 * sun + 0.16 * fill
    b = (
        gain * (0.64 * sky + 0.03 * bounce)
        + look.sun * 0.58 * sun
        + 0.17 * fill
        - 0.4 * soft * sun * (1 - sun)
    )
    if material == EYE:
        r, g, b = 0.5 * r + 0.46, 0.5 * g + 0.46, 0.5 * b + 0.46
    scale(color, r, g, b)
    sheen(nx, ny, nz, sun, open_sky, material, h, look, color)
    finish(x, y, z, material, r, h, look, color)


@fast
def sheen(nx, ny, nz, sun, open_sky, material, h, look, color):
    """Highlights baked for a viewer straight ahead, so that they do not move with the camera."""
    vx, vy, vz = h.light_x, h.light_y, h.light_z + 1.0
    s = 1.0 / sqrt(vx * vx + vy * vy + vz * vz)
    c = max((nx * vx + ny * vy + nz * vz) * s, 0.0)
    power = 0.10 * c**14
    if material == HAIR:
        power = 0.22 * c**10
    elif material == FRAME:
        power = 0.5 * c**16
    elif material == CLOTH:
        power = 0.02 * c**4
    elif material == EYE:
        power = 0.0
    power *= look.gloss * open_sky * min(sun * 1.5, 1.0)
    for k in range(3):
        color[k] += power


@fast
def dab(x, y, z, size):
    """Snap a point to the middle of its brush stroke: slanted cells with a wandering direction."""
    w = 6.0 * noise(x * 7, y * 7, z * 7 + 9.0)
    dx, dy = sin(w + 1.57), sin(w)
    along, across = x * dx + y * dy, x * dy - y * dx
    i, j, k = floor(along / (3.0 * size)), floor(across / size), floor(z / (1.6 * size))
    jitter = hashed(i, j, k) - 0.5
    return x + 0.9 * size * jitter * dx, y + 0.9 * size * jitter * dy, z


@fast
def finish(x, y, z, material, light, h, look, color):
    """Marks on top of the lit colour: veins, blotches, scars, strokes, hatching, saturation, contrast."""
    if look.vein > 0.0:
        n = noise(x * 9 + 4.0, y * 9, z * 9) + 0.5 * noise(x * 21, y * 21 + h.seed, z * 21)
        n += 0.25 * noise(x * 47, y * 47, z * 47)
        vein = step(0.10, 0.0, abs(sin(5.0 * (x + 0.8 * y) + 5.5 * n)))
        f = 1.0 - look.vein * (0.22 * vein + 0.05 * (n - 0.8))
        scale(color, f, f, f * (1.0 + 0.03 * look.vein * vein))
    if look.blotch > 0.0 and material == SKIN:
        n = noise(x * 22 + 7.0, y * 22, z * 22 + h.seed) * 0.65 + noise(x * 55, y * 55, z * 55) * 0.35
        t = look.blotch * step(0.50, 0.68, n)
        scale(color, 1 - 0.42 * t, 1 - 0.30 * t, 1 - 0.52 * t)
        scar(x, y, z, look.scar, color)
    if look.stroke > 0.0:
        n = noise(x * 75, y * 75, z * 75) - 0.5
        f = 1.0 + 0.20 * min(look.stroke / 0.01, 1.5) * n
        scale(color, f * 1.01, f, f * 0.99)
    grey = 0.30 * color[0] + 0.59 * color[1] + 0.11 * color[2]
    for c in range(3):
        v = grey + (color[c] - grey) * look.saturation
        v = 0.5 + (v - 0.5) * look.contrast + look.lift
        color[c] = v
    if look.hatch > 0.0:
        hatching(x, y, z, look.hatch, color)
    for c in range(3):
        color[c] = min(max(color[c], 0.0), 1.0)


@fast
def scar(x, y, z, amount, color):
    """A stitched scar over one cheek and one on the brow."""
    if amount <= 0.0 or z < 0.05:
        return
    for k in range(2):
        cx, cy, slope = (0.075, -0.035, -0.6) if k == 0 else (-0.055, 0.125, 0.5)
        u, v = x - cx, y - cy
        along, across = u + slope * v, v - slope * u
        inside = step(0.055, 0.045, abs(along))
        cut = step(0.0055, 0.002, abs(across)) * inside
        stitch = step(0.6, 0.9, sin(along * 330.0)) * step(0.015, 0.012, abs(across)) * inside
        t = amount * max(cut, 0.8 * stitch)
        color[0] += (0.34 - color[0]) * t
        color[1] += (0.05 - color[1]) * t
        color[2] += (0.06 - color[2]) * t


@fast
def hatching(x, y, z, amount, color):
    """Graphite on paper: darker tones get more layers of slanted lines."""
    grey = 0.30 * color[0] + 0.59 * color[1] + 0.11 * color[2]
    dark = 1.0 - min(max(grey, 0.0), 1.0)
    wob = 5.0 * noise(x * 18, y * 18, z * 18)
    one = 0.5 + 0.5 * sin(400.0 * (x + 0.72 * y) + wob)
    two = 0.5 + 0.5 * sin(380.0 * (x - 0.80 * y) + wob)
    ink = step(1.05 - 1.2 * dark, 1.75 - 1.2 * dark, one) * (0.16 + 0.30 * dark)
    ink += step(1.35 - 1.2 * dark, 2.05 - 1.2 * dark, two) * 0.26 + 0.72 * dark * dark + 0.03
    paper = 1.0 - 0.09 * noise(x * 150, y * 150, z * 150)
    tone = paper * (1.0 - min(ink, 0.86))
    for c in range(3):
        color[c] += (tone * (1.0 - 0.012 * c) - color[c]) * amount
