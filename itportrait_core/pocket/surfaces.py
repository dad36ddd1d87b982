"""Signed distances of a head: compiled scalar kernels over the records of `heads.py` (needs numba).

Materials: SKIN (with lips, brows and beard painted and embossed on it), EYE, HAIR, CLOTH, FRAME (glasses),
HAT.
"""

from __future__ import annotations

from math import exp, sin, sqrt

import numba

SKIN, EYE, HAIR, CLOTH, FRAME, HAT = range(6)

fast = numba.njit(fastmath=True, nogil=True, inline="never", error_model="numpy")


@fast
def smin(a, b, k):
    """Smooth minimum with blending width k."""
    t = max(k - abs(a - b), 0.0) / k
    return min(a, b) - t * t * k * 0.25


@fast
def smax(a, b, k):
    t = max(k - abs(a - b), 0.0) / k
    return max(a, b) + t * t * k * 0.25


@fast
def step(a, b, x):
    """Smooth step from 0 at a to 1 at b."""
    t = min(max((x - a) / (b - a), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


@fast
def ellipsoid(x, y, z, rx, ry, rz):
    """Bounded approximation of the distance to an ellipsoid about the origin."""
    ax, ay, az = x / rx, y / ry, z / rz
    k0 = sqrt(ax * ax + ay * ay + az * az)
    bx, by, bz = ax / rx, ay / ry, az / rz
    return k0 * (k0 - 1.0) / (sqrt(bx * bx + by * by + bz * bz) + 1e-9)


@fast
def sphere(x, y, z, r):
    return sqrt(x * x + y * y + z * z) - r


@fast
def capsule(x, y, z, ax, ay, az, bx, by, bz, ra, rb):
    """Distance to a segment a-b whose radius goes from ra to rb."""
    dx, dy, dz = bx - ax, by - ay, bz - az
    t = ((x - ax) * dx + (y - ay) * dy + (z - az) * dz) / (dx * dx + dy * dy + dz * dz + 1e-12)
    t = min(max(t, 0.0), 1.0)
    return sphere(x - ax - t * dx, y - ay - t * dy, z - az - t * dz, ra + t * (rb - ra))


@fast
def skull(x, y, z, h):
    """Cranium, jaw, chin and cheeks: the mass that features sit on. x is given as |x|."""
    d = ellipsoid(x, y - 0.085, z - 0.045, h.cran_x, h.cran_y, h.cran_z)
    d = smin(d, ellipsoid(x, y - h.jaw_up, z - h.jaw_front, h.jaw_x, h.jaw_y, h.jaw_z), 0.075)
    d = smin(d, sphere(x, y - h.chin_y, z - h.chin_z, h.chin_r), 0.055)
    return smin(d, sphere(x - h.cheek_x, y - h.cheek_y, z - h.cheek_z, h.cheek_r), 0.055)


@fast
def front(x, y, h):
    """z of the skull's front at (x, y), by bisection."""
    low, high = 0.0, 0.4
    for _ in range(24):
        mid = 0.5 * (low + high)
        if skull(abs(x), y, mid, h) < 0.0:
            low = mid
        else:
            high = mid
    return 0.5 * (low + high)


@fast
def side(y, z, h):
    """x of the skull's side at (y, z), by bisection."""
    low, high = 0.0, 0.4
    for _ in range(24):
        mid = 0.5 * (low + high)
        if skull(mid, y, z, h) < 0.0:
            low = mid
        else:
            high = mid
    return 0.5 * (low + high)


@numba.njit
def settle(heads, sunken):
    """Put the features of measured heads onto their skulls."""
    for i in range(len(heads)):
        h = heads[i]
        h.eye_z = front(h.eye_x, h.eye_y, h) - h.eye_r * 0.62 - sunken
        h.brow_z = front(h.eye_x, h.brow_y, h)
        h.mouth_z = front(0.0, h.mouth_y, h)
        h.nose_z = front(0.0, h.nose_y, h) + h.nose_z - h.nose_r * 0.5
        h.bridge_z = front(0.0, h.eye_y, h)
        h.ear_x = side(0.015, 0.035, h)
        h.glasses_z = max(h.eye_z + h.eye_r * 1.15, h.bridge_z + 0.004) + 0.006


@fast
def lip_height(x, h):
    """(position across the mouth in -1..1 and beyond, height of the mouth line there)."""
    m = x / h.mouth_w
    return m, h.mouth_y + h.curve * (m * m - 0.35)


@fast
def beard_mask(x, y, z, h):
    """1 where a beard grows, 0 elsewhere. x is given as |x|."""
    top = h.mouth_y + 0.025 - 0.008 * step(0.0, 0.02, x) - 0.020 * step(0.03, 0.06, x)
    top += 0.050 * step(0.070, 0.105, x) + 0.055 * step(0.075, 0.030, z)
    floor = h.chin_y - 0.048 + 0.55 * max(h.chin_z - z, 0.0)
    m = step(0.012, -0.010, y - top) * step(0.030, 0.055, z) * step(floor - 0.012, floor + 0.010, y)
    lx, ly = x / (h.mouth_w * 0.95), (y - h.mouth_y + 0.003 - h.curve * 0.2) / 0.0175
    return m * step(0.75, 1.15, sqrt(lx * lx + ly * ly))


@fast
def nose(x, y, z, h):
    d = capsule(x, y, z, 0.0, h.eye_y + 0.004, h.bridge_z - 0.012, 0.0, h.nose_y + 0.008, h.nose_z - 0.006,
                0.0115, h.nose_r * 0.78)  # fmt: skip
    d = smin(d, sphere(x, y - h.nose_y, z - h.nose_z, h.nose_r * 0.92), 0.018)
    wing = ellipsoid(
        x - h.nose_wing, y - h.nose_y + 0.006, z - h.nose_z + h.nose_r * 0.95, 0.0115, 0.0110, 0.0150
    )
    return smin(d, wing, 0.012)


@fast
def face(x, y, z, h):
    """Skin in front: brow ridge, sockets, nose, lips, beard, on the given skull. x is given as |x|."""
    d = skull(x, y, z, h)
    if z > 0.06 and d > 0.15:
        return d - 0.11  # a long nose may reach this far
    if z > 0.06:
        d = smin(d, ellipsoid(x - 0.045, y - h.brow_y + 0.003, z - h.brow_z + 0.012,
                              0.042, 0.013, 0.010 + 0.006 * h.ridge), 0.030)  # fmt: skip
        d = smax(d, -ellipsoid(x - h.eye_x, y - h.eye_y, z - h.eye_z - h.eye_r, h.eye_r * 1.25,
                               h.eye_r * h.eye_tall, h.socket * 1.3), 0.030)  # fmt: skip
        d = smin(d, nose(x, y, z, h), 0.022)
        m, line = lip_height(x, h)
        v = y - line
        if m < 1.3 and abs(v) < 0.05:
            body = step(1.05, 0.55, m)
            up = exp(-(((v - 0.45 * h.lip_up) / (0.75 * h.lip_up)) ** 2))
            low = exp(-(((v + h.opening + 0.5 * h.lip_low) / (0.75 * h.lip_low)) ** 2))
            d -= body * (0.0050 * up + 0.0065 * low)
            d += 0.004 * body * exp(-(((v + 0.5 * h.opening) / (0.002 + 0.5 * h.opening)) ** 2))
            d += 0.004 * exp(-(((m - 1.02) / 0.14) ** 2) - (v / 0.008) ** 2)
        if h.beard > 1.5:
            d -= 0.014 * beard_mask(x, y, z, h) * (1.0 + 0.09 * sin(310.0 * x + 2.0 * sin(70.0 * y)))
        t, v = (x - h.eye_x) / h.brow_wide, y - h.brow_y
        v -= 0.010 * (1.0 - t * t) - 0.006 + h.brow_tilt * (x - h.eye_x)
        if abs(t) < 1.3 and abs(v) < 0.03:
            d -= 0.0035 * step(1.15, 0.8, abs(t)) * exp(-((v / h.brow_thick) ** 2))
    return d
