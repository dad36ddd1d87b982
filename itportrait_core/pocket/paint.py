"""Colours of a head as functions of the 3D point: albedo, light and the marks of each art (needs numba).

All of it depends on the point and its normal alone, never on the viewer, so a radiance field can hold it
exactly.
"""

from __future__ import annotations

from math import atan2, exp, floor, sin, sqrt

from .surfaces import CLOTH, EYE, FRAME, HAIR, SKIN, beard_mask, fast, lip_height, step
from .wardrobe import eye_frame, lid_gap, strands

C_SKIN, C_LIP, C_IRIS, C_HAIR, C_BROW, C_CLOTH, C_TRIM, C_FRAME, C_HAT, C_SCLERA = range(10)
"""Rows of a palette [10, 3]."""


@fast
def hashed(i, j, k):
    """Pseudo-random number in 0..1 of three integers."""
    n = int(i) * 73856093 ^ int(j) * 19349663 ^ int(k) * 83492791
    n = (n ^ (n >> 13)) * 1274126177 & 0xFFFFFFF
    return ((n ^ (n >> 15)) & 0xFFFF) / 65536.0


@fast
def noise(x, y, z):
    """Smooth value noise in 0..1 with unit cells."""
    i, j, k = floor(x), floor(y), floor(z)
    u, v, w = x - i, y - j, z - k
    u, v, w = u * u * (3 - 2 * u), v * v * (3 - 2 * v), w * w * (3 - 2 * w)
    a = hashed(i, j, k) * (1 - u) + hashed(i + 1, j, k) * u
    b = hashed(i, j + 1, k) * (1 - u) + hashed(i + 1, j + 1, k) * u
    c = hashed(i, j, k + 1) * (1 - u) + hashed(i + 1, j, k + 1) * u
    d = hashed(i, j + 1, k + 1) * (1 - u) + hashed(i + 1, j + 1, k + 1) * u
    return (a * (1 - v) + b * v) * (1 - w) + (c * (1 - v) + d * v) * w


@fast
def blend(color, palette, row, t):
    """Move `color` towards a palette row by t in 0..1."""
    for c in range(3):
        color[c] += (palette[row, c] - color[c]) * t


@fast
def scale(color, r, g, b):
    color[0] *= r
    color[1] *= g
    color[2] *= b


@fast
def wrinkles(x, y, z, h):
    """How dark the lines of age are, 0..1. x is given as |x|."""
    old = step(0.42, 0.95, h.age)
    if old <= 0.0 or z < 0.06:
        return 0.0
    f = y - h.brow_y
    forehead = step(0.018, 0.03, f) * step(0.085, 0.06, f) * step(0.085, 0.05, x)
    lines = forehead * step(0.70, 1.0, sin(330.0 * (f - 1.2 * x * x) + 1.5)) * 0.7
    fold = abs(x - h.nose_wing - 0.016 - 0.50 * max(h.nose_y + 0.004 - y, 0.0))
    fold = step(0.006, 0.0, fold) * step(0.004, -0.008, y - h.nose_y) * step(h.mouth_y - 0.022, h.mouth_y, y)
    u, v = eye_frame(x, y, h)
    bag = step(0.28, 0.0, abs(v + h.eye_open * h.eye_tall * 0.9 + 0.42 - 0.25 * u * u)) * step(
        1.15, 0.7, abs(u)
    )
    crow = step(1.15, 1.4, u) * step(2.1, 1.6, u) * step(1.0, 0.6, abs(v))
    crow *= step(0.5, 1.0, sin(8.0 * v / max(u - 0.4, 0.2)))
    return old * min(lines + 0.8 * fold + 0.35 * bag + 0.7 * crow, 1.0)


@fast
def paint_lips(x, y, z, h, palette, color):
    m, line = lip_height(x, h)
    v = y - line
    if abs(m) > 1.2 or z < 0.06:
        return
    w = max(1.0 - m * m, 0.0)
    bow = 1.0 - 0.28 * exp(-((x / 0.008) ** 2))
    top = h.lip_up * bow * w**0.6 + 0.0008
    gap = h.opening * w
    low = -gap - h.lip_low * w**0.6 - 0.0008
    soft = 0.0022
    inside = step(top + soft, top - soft, v) * step(low - soft, low + soft, v) * step(1.08, 1.0, abs(m))
    blend(color, palette, C_LIP, 0.86 * inside)
    if gap > 0.001:
        hole = step(0.0012, -0.0006, v) * step(-gap - 0.001, -gap + 0.001, v) * step(1.0, 0.93, abs(m))
        teeth = step(-gap * 0.92 - 0.002, -gap * 0.80, v) * step(0.95, 0.80, abs(m))
        for c in range(3):
            color[c] += (0.16 * palette[C_LIP, c] - color[c]) * hole
            color[c] += (0.93 * palette[C_SCLERA, c] - color[c]) * hole * teeth
    else:
        dark = step(0.0030, 0.0, abs(v)) * step(1.12, 0.95, abs(m))
        scale(color, 1 - 0.62 * dark, 1 - 0.68 * dark, 1 - 0.66 * dark)


@fast
def paint_skin(px, y, z, ny, h, palette, look, color):
    x = abs(px)
    blend(color, palette, C_SKIN, 1.0)
    rosy = exp(-(((x - 0.082) / 0.030) ** 2) - ((y + 0.026) / 0.026) ** 2) * step(0.02, 0.10, z)
    nose_tip = exp(-((x / 0.02) ** 2) - ((y - h.nose_y) / 0.02) ** 2) * step(0.15, 0.22, z)
    blend(color, palette, C_LIP, look.blush * min(rosy * (0.22 + 0.16 * h.freckles) + 0.12 * nose_tip, 0.6))
    if look.grain > 0.0:
        n = noise(px * 60 + 3.0, y * 60 + h.seed, z * 60)
        tone = 1.0 + look.grain * 0.07 * (n - 0.5)
        spot = step(0.70, 0.80, noise(px * 210, y * 210, z * 210)) * h.freckles
        spot *= exp(-((x / 0.10) ** 2) - ((y + 0.005) / 0.035) ** 2) * look.grain * step(0.08, 0.12, z)
        scale(color, tone * (1 - 0.22 * spot), tone * (1 - 0.36 * spot), tone * (1 - 0.42 * spot))
    if z > 0.05:
        u, v = eye_frame(x, y, h)
        hollow = exp(-(u * u + (v / max(h.eye_tall, 0.6)) ** 2) / 2.6) * look.dark
        scale(color, 1 - 0.80 * hollow, 1 - 0.88 * hollow, 1 - 0.84 * hollow)
        paint_lids(x, y, z, u, v, h, palette, color)
        size = h.nose_r / 0.0195
        nostril = 0.45 * exp(
            -(((x - 0.60 * h.nose_wing - 0.002) / 0.0038) ** 2)
            - ((y - h.nose_y + 0.0150 * size) / 0.0034) ** 2
        )
        nostril *= step(0.2, -0.3, ny) * step(h.nose_z - 0.034, h.nose_z - 0.022, z)
        scale(color, 1 - 0.65 * nostril, 1 - 0.72 * nostril, 1 - 0.72 * nostril)
        line = wrinkles(x, y, z, h)
        line *= look.lines
        scale(color, 1 - 0.24 * line, 1 - 0.32 * line, 1 - 0.34 * line)
        t, w = (x - h.eye_x) / h.brow_wide, y - h.brow_y
        w -= 0.010 * (1.0 - t * t) - 0.006 + h.brow_tilt * (x - h.eye_x)
        thick = h.brow_thick * (1.0 - 0.45 * max(t, 0.0) ** 2)
        brow = step(1.25, 1.0, abs(t)) * step(1.0, 0.55, abs(w) / thick)
        brow *= 1.0 - 0.35 * look.grain * step(0.3, 1.0, sin(520.0 * x + 240.0 * y))
        blend(color, palette, C_BROW, 0.92 * brow)
    paint_lips(px, y, z, h, palette, color)
    if h.beard > 0.5:
        mask = beard_mask(x, y, z, h)
        rough = noise(px * 260, y * 130, z * 260)
        if h.beard < 1.5:
            blend(color, palette, C_BROW, mask * (0.30 + 0.30 * rough))
        else:
            blend(color, palette, C_BROW, step(0.15, 0.5, mask))
            shade = 0.78 + 0.44 * rough * look.grain + 0.22 * (1 - look.grain)
            if mask > 0.3:
                scale(color, shade, shade, shade)


@fast
def paint_lids(x, y, z, u, v, h, palette, color):
    if abs(u) > 1.6 or abs(v) > 2.2 or z < h.eye_z:
        return
    gap = lid_gap(u, v, h)
    top = h.eye_open * h.eye_tall * 1.05 * (1.0 - (u / 1.08) ** 2)
    upper = step(-0.30, 0.05, v) * step(1.25, 1.1, abs(u))
    lash = step(0.20 + 0.10 * h.lash, 0.06, gap) * upper
    crease = step(0.13, 0.0, abs(v - top - 0.40)) * step(1.2, 0.6, abs(u)) * step(0.0, 0.3, v)
    lower = step(0.16, 0.0, gap) * (1 - upper)
    dark = 0.35 + 0.5 * h.lash
    scale(color, 1 - 0.30 * crease, 1 - 0.38 * crease, 1 - 0.38 * crease)
    scale(color, 1 - 0.18 * lower, 1 - 0.30 * lower, 1 - 0.30 * lower)
    scale(color, 1 - dark * lash, 1 - (dark + 0.05) * lash, 1 - (dark + 0.05) * lash)


@fast
def paint_eye(px, y, z, h, palette, look, color):
    x = abs(px)
    blend(color, palette, C_SCLERA, 1.0)
    u, v = (x - h.eye_x) / h.eye_r, (y - h.eye_y) / h.eye_r
    r = sqrt(u * u + (v / (0.35 + 0.65 * h.eye_tall)) ** 2) / h.iris_r
    visible = (1.0 - look.blank) * step(0.0, 0.004, z - h.eye_z)
    iris = step(1.04, 0.94, r) * visible
    blend(color, palette, C_IRIS, iris)
    ray = 0.82 + 0.30 * step(0.2, 0.8, r) * (0.5 + 0.5 * sin(13.0 * atan2(v, u)))
    deep = ray * (1.0 - 0.55 * step(0.78, 1.0, r)) * (1.0 - 0.30 * step(0.0, 0.9, v / h.iris_r))
    f = 1.0 + (deep - 1.0) * iris
    pupil = 1.0 - 0.93 * step(0.50, 0.42, r / look.pupil) * iris
    scale(color, f * pupil, f * pupil, f * pupil)
    su = (px - (h.eye_x if px > 0 else -h.eye_x)) / h.eye_r
    gu, gv = su - (0.42 * h.light_x - 0.10) * h.iris_r, v - 0.42 * h.iris_r * h.eye_tall
    glint = step(0.36, 0.22, sqrt(gu * gu + gv * gv) / h.iris_r) * visible * look.gloss
    gu, gv = su + (0.42 * h.light_x - 0.05) * h.iris_r, v + 0.45 * h.iris_r * h.eye_tall
    glint = max(glint, 0.5 * look.gloss * visible * step(0.24, 0.14, sqrt(gu * gu + gv * gv) / h.iris_r))
    for c in range(3):
        color[c] += (1.0 - color[c]) * glint
    lidded = step(-0.34, 0.0, lid_gap(*eye_frame(x, y, h), h)) * (1.0 if v > 0 else 0.45)
    scale(color, 1 - 0.55 * lidded, 1 - 0.55 * lidded, 1 - 0.50 * lidded)


@fast
def paint_hair(px, y, z, h, palette, look, color):
    blend(color, palette, C_HAIR, 1.0)
    a = atan2(px - h.parting * 0.8, z + 0.02)
    fine = noise(a * 30.0 + 40.0, y * 9.0 + h.seed, 0.5) * 0.6 + noise(a * 75.0, y * 14.0, 3.5) * 0.4
    tone = 1.0 + look.grain * (0.62 * (fine - 0.5) + 0.16 * strands(px, y, z, h))
    roots = step(0.010, 0.0, abs(px - h.parting * 0.8)) * step(0.12, 0.2, y) * (1.0 - h.bangs)
    if h.hair > 1.5:
        roots = 0.0
    tone *= 1.0 - 0.30 * roots * look.grain
    scale(color, tone, tone, tone)


@fast
def albedo(x, y, z, ny, material, h, palette, look, color):
    """Colour of the material at a point, before light; written into `color` [3]."""
    if material == SKIN:
        paint_skin(x, y, z, ny, h, palette, look, color)
    elif material == EYE:
        paint_eye(x, y, z, h, palette, look, color)
    elif material == HAIR:
        paint_hair(x, y, z, h, palette, look, color)
    elif material == CLOTH:
        blend(color, palette, C_CLOTH, 1.0)
        q = sqrt(x * x + (z - 0.022) ** 2) - h.neck_r - 0.014
        blend(color, palette, C_TRIM, step(0.022, 0.016, abs(q)) * step(-0.32, -0.30, y))
        f = 1.0 + look.grain * 0.10 * (noise(x * 150, y * 150, z * 150) - 0.5)
        scale(color, f, f, f)
    elif material == FRAME:
        blend(color, palette, C_FRAME, 1.0)
    else:
        blend(color, palette, C_HAT, 1.0)
        tilt = y - 0.16 * (z - 0.05)
        band = step(0.148, 0.150, tilt) * step(0.182, 0.180, tilt) * (1.0 if 1.5 < h.hat < 2.5 else 0.0)
        if h.hat < 1.5:
            band = 0.55 * step(0.158, 0.154, tilt)
        scale(color, 1 - 0.60 * band, 1 - 0.60 * band, 1 - 0.60 * band)
