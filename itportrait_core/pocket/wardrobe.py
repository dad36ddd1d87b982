"""Signed distances of what a head wears: eyes and lids, ears, hair, clothes, glasses, hats (needs numba)."""

from __future__ import annotations

from math import atan2, sin, sqrt

from .surfaces import (
    CLOTH,
    EYE,
    FRAME,
    HAIR,
    HAT,
    SKIN,
    capsule,
    ellipsoid,
    face,
    fast,
    smax,
    smin,
    sphere,
    step,
)


@fast
def eye_frame(x, y, h):
    """Coordinates across the eye in units of its radius, turned by its tilt. x is given as |x|."""
    u, v = (x - h.eye_x) / h.eye_r, (y - h.eye_y) / h.eye_r
    return u, v - h.eye_tilt * u


@fast
def lid_gap(u, v, h):
    """Below 0 inside the almond between the lids, in eye radii."""
    w = 1.0 - (u / 1.08) ** 2
    top = h.eye_open * h.eye_tall * 1.05 * w
    low = -h.eye_open * h.eye_tall * 0.78 * w
    return max(v - top, low - v)


@fast
def lids(x, y, z, h):
    u, v = eye_frame(x, y, h)
    r = h.eye_r * (1.09 + 0.05 * min(max(v, -1.0), 1.0))
    d = ellipsoid(x - h.eye_x, y - h.eye_y, z - h.eye_z, r, r * (0.5 + 0.5 * h.eye_tall), r)
    return smax(d, -lid_gap(u, v, h) * h.eye_r * 0.6, 0.003)


@fast
def ear(x, y, z, h):
    """x is given as |x|."""
    s = h.ear_size
    px, py, pz = x - h.ear_x - 0.013 * s, y - 0.020, z - 0.020
    px, pz = 0.83 * px + 0.56 * pz, 0.83 * pz - 0.56 * px
    d = ellipsoid(px, py - 0.2 * pz, pz, 0.0130 * s, 0.045 * s, 0.030 * s)
    return smax(
        d, -ellipsoid(px - 0.012 * s, py - 0.006 * s, pz - 0.004, 0.008 * s, 0.026 * s, 0.014 * s), 0.010
    )


@fast
def hair_line(x, y, z, h):
    """World y above which short hair grows at (x, z)."""
    swept = (x - h.parting) / 0.11
    top = h.hairline + 0.012 - 0.050 * min(abs(swept), 1.4) ** 1.5
    top += (h.brow_y + 0.022 + 0.004 * sin(190.0 * x) - top) * h.bangs
    if h.hair > 1.5:
        top = h.hairline - 0.9 * x * x / 0.15
    temple = step(0.125, 0.070, z)
    line = top + (0.000 - top) * temple
    line += 0.055 * step(0.045, 0.025, z) * step(-0.03, 0.0, z)
    return line + (-0.105 - line) * step(0.0, -0.05, z)


@fast
def strands(x, y, z, h):
    """Relief of combed hair, about -1..1, flowing from the crown."""
    a = atan2(x - h.parting * 0.8, z + 0.02) * 13.0
    w = 3.0 * sin(9.0 * y + h.seed) + 1.5 * sin(17.0 * y + 2.0 * x)
    return 0.6 * sin(a + w) + 0.4 * sin(2.3 * a + 1.3 * w + 1.0)


@fast
def curtain(x, y, z, h):
    """Long hair that falls around the face to the shoulders."""
    y0 = 0.085
    low = 0.085 - h.length - 0.085
    wave = 0.004 * sin(26.0 * y + h.seed)
    rx = h.cran_x + h.volume * 1.15 + 0.010 * step(0.05, -0.15, y) + wave
    rz = h.cran_z + h.volume + 0.006
    k = sqrt((x / rx) ** 2 + ((z - 0.032) / rz) ** 2)
    d = (k - 1.0) * min(rx, rz) * 0.9
    d = smax(d, max(y - y0, low - y + 0.01 * sin(40.0 * x)), 0.05)
    wide = 0.116 + 0.02 * step(-0.05, -0.25, y)
    window = (sqrt((x / wide) ** 2 + (max(y - 0.03, 0.0) / 0.12) ** 2) - 1.0) * 0.10
    window = smax(window, 0.012 - z, 0.02)
    return smax(d, -window, 0.025)


@fast
def hair(x, y, z, h):
    d = ellipsoid(x, y - 0.088, z - 0.040, h.cran_x + h.volume, h.cran_y + h.volume, h.cran_z + h.volume)
    d += h.taper * h.volume * step(0.15, 0.01, y)
    if d > 0.25:
        return min(d - 0.05, curtain(x, y, z, h)) if 0.5 < h.hair < 1.5 else d - 0.05
    if h.hair < 0.5 and h.hat < 0.5:
        d = smin(
            d, ellipsoid(x + 0.5 * h.parting, y - 0.195, z - 0.105, 0.095, 0.038 + h.volume, 0.075), 0.05
        )
    line = hair_line(x, y, z, h)
    if 0.5 < h.hair < 1.5:
        line -= 0.10 * step(0.11, 0.05, z)
    d = smax(d, (line - y) * 0.62, 0.016)
    if 0.5 < h.hair < 1.5:
        d = smin(d, curtain(x, y, z, h), 0.035)
    if h.hair > 1.5:
        d = smin(d, sphere(x, y - h.bun_y, (z - h.bun_z) * 0.95, h.bun_r), 0.018)
    if abs(d) < 0.014:
        d -= 0.0030 * strands(x, y, z, h)
    return d


@fast
def clothes(x, y, z, h):
    """x is given as |x|."""
    d = capsule(x, y, z * 0.92, 0.0, -0.335, 0.005, h.shoulder, -0.380, -0.012, 0.094, 0.076)
    d = smin(d, ellipsoid(x, y + 0.43, z - 0.01, 0.24, 0.16, 0.15), 0.06)
    q = sqrt(x * x + (z - 0.022) ** 2) - h.neck_r - 0.014
    collar = sqrt(q * q + (y + 0.268 + 0.22 * (z - 0.022)) ** 2) - 0.016
    d = smin(d, collar, 0.022)
    return smax(d, -0.465 - y, 0.02)


@fast
def glasses(x, y, z, h):
    """Rims, bridge and temples. x is given as |x|."""
    zc = z - h.glasses_z + 0.9 * x * x
    qx, qy = x - h.eye_x - 0.002, y - h.eye_y + 0.003
    if h.glasses < 1.5:
        rim = sqrt(qx * qx + qy * qy) - h.lens
    else:
        bx, by = max(abs(qx) - h.lens + 0.012, 0.0), max(abs(qy) - h.lens * 0.76 + 0.012, 0.0)
        inside = max(abs(qx) - h.lens + 0.012, abs(qy) - h.lens * 0.76 + 0.012)
        rim = sqrt(bx * bx + by * by) - 0.012 + min(inside, 0.0)
    d = sqrt(rim * rim + zc * zc) - 0.0056
    gap = max(x - h.eye_x + h.lens, 0.0)
    arch = y - h.eye_y - 0.008 + 8.0 * x * x
    d = min(d, sqrt(gap * gap + arch * arch + zc * zc) - 0.0052)
    hinge = h.eye_x + h.lens
    tip = h.ear_x + 0.008
    zh = h.glasses_z - 0.9 * hinge * hinge
    return min(d, capsule(x, y, z, hinge, h.eye_y + 0.008, zh, tip, h.eye_y + 0.006, 0.03, 0.0050, 0.0050))


@fast
def hat(x, y, z, h):
    v = h.volume + 0.010
    tilt = y - 0.16 * (z - 0.05)
    if h.hat < 1.5:  # beanie with a folded edge
        d = ellipsoid(x, y - 0.098, z - 0.040, h.cran_x + v + 0.006, h.cran_y + v, h.cran_z + v + 0.006)
        d = smax(d, 0.128 - tilt, 0.012)
        k = sqrt((x / (h.cran_x + v + 0.008)) ** 2 + ((z - 0.042) / (h.cran_z + v + 0.010)) ** 2)
        ring = (k - 1.0) * (h.cran_x + v)
        fold = sqrt(ring * ring + (max(abs(tilt - 0.137) - 0.016, 0.0)) ** 2) - 0.010
        return smin(d, fold, 0.010) - 0.0012 * sin(46.0 * atan2(x, z - 0.04))
    if h.hat < 2.5:  # crown, band and brim
        k = sqrt((x / (h.cran_x + v)) ** 2 + ((z - 0.040) / (h.cran_z + v)) ** 2)
        taper = 0.92 + 0.08 * step(0.30, 0.14, y)
        crown = (k / taper - 1.0) * h.cran_x * 0.9
        top = y - 0.282 + 0.020 * step(0.07, 0.0, abs(x))
        crown = smax(crown, max(top, 0.125 - tilt), 0.028)
        brim = max((k - 1.30) * h.cran_x * 0.7, abs(tilt - 0.142 - 0.16 * x * x / 0.15) - 0.004) - 0.004
        return smin(crown, brim, 0.012)
    d = ellipsoid(x, y - 0.098, z - 0.040, h.cran_x + v, h.cran_y + v - 0.004, h.cran_z + v)
    d = smax(d, 0.130 - y + 0.02 * step(0.0, -0.1, z), 0.008)
    visor = ellipsoid(x, 0.0, z - 0.185, 0.125, 1.0, 0.150)
    slab = abs(y - 0.136 + 0.32 * (z - 0.20) + 1.5 * x * x) * 0.9 - 0.0055
    return smin(d, max(max(visor * 0.8, slab), 0.12 - z), 0.008)


@fast
def scene(px, y, z, h):
    """(signed distance, material) of the nearest surface at a point."""
    x = abs(px)
    d = face(x, y, z, h)
    near = max(abs(x - h.ear_x - 0.02) - 0.06, 0.0)
    if near < d and abs(y - 0.018) < 0.1:
        d = smin(d, ear(x, y, z, h), 0.014)
    neck = capsule(x, y, z, 0.0, -0.10, 0.025, 0.0, -0.40, 0.008, h.neck_r, h.neck_r * 1.06)
    d = smin(d, neck, 0.040)
    material = SKIN
    if z > 0.05:
        e = sphere(x - h.eye_x, y - h.eye_y, z - h.eye_z, h.eye_r * 1.5)
        if e < 0.02:
            d = smin(d, lids(x, y, z, h), 0.010)
            tall = 0.5 + 0.5 * h.eye_tall
            e = ellipsoid(x - h.eye_x, y - h.eye_y, z - h.eye_z, h.eye_r, h.eye_r * tall, h.eye_r)
            if e < d:
                d, material = e, EYE
    if y < -0.15 + d:
        c = clothes(x, y, z, h)
        if c < d:
            d, material = c, CLOTH
    if h.hair < 2.5:
        c = hair(px, y, z, h)
        if c < d:
            d, material = c, HAIR
    if h.glasses > 0.5 and z > -0.05 and abs(y - h.eye_y) - 0.07 < d:
        c = glasses(x, y, z, h)
        if c < d:
            d, material = c, FRAME
    if h.hat > 0.5 and 0.065 - y < d:
        c = hat(px, y, z, h)
        if c < d:
            d, material = c, HAT
    return d, material


@fast
def gradient(x, y, z, h):
    """Unit normal by a tetrahedron of four evaluations."""
    e = 0.0011
    a, _ = scene(x + e, y - e, z - e, h)
    b, _ = scene(x - e, y - e, z + e, h)
    c, _ = scene(x - e, y + e, z - e, h)
    d, _ = scene(x + e, y + e, z + e, h)
    nx, ny, nz = a - b - c + d, -a - b + c + d, -a + b - c + d
    s = 1.0 / (sqrt(nx * nx + ny * ny + nz * nz) + 1e-12)
    return nx * s, ny * s, nz * s
