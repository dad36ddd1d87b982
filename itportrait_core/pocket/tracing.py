"""Sphere tracing of heads into pictures, and their fields at 3D points: the outer loops (needs numba)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import sqrt
from pathlib import Path

import numba
import numpy as np

from .heads import FORWARD
from .light import shade
from .surfaces import fast
from .wardrobe import scene

KERNELS = ("surfaces", "wardrobe", "paint", "light", "tracing")
BLOCK = 8


def revision() -> int:
    """A number that changes with the kernels' source, so that compiled code on disk is never stale."""
    import zlib

    return zlib.crc32(b"".join(Path(__file__).with_name(f"{name}.py").read_bytes() for name in KERNELS))


@fast
def ray(camera, u, v, d):
    """Unit direction in the world of the picture position (u, v in 0..1), written into d [3]."""
    a = (u - camera[18] - camera[17] * (v - camera[21]) / camera[20]) / camera[16]
    b = (v - camera[21]) / camera[20]
    s = 1.0 / sqrt(a * a + b * b + 1.0)
    for k in range(3):
        d[k] = s * (camera[4 * k] * a + camera[4 * k + 1] * b + camera[4 * k + 2])


@fast
def march(camera, d, t, stop, widen, limit, h):
    """(distance, material) along a ray from t; stops `stop + widen * t` before a surface; -1 is a miss."""
    ox, oy, oz = camera[3], camera[7], camera[11] - FORWARD
    for _ in range(96):
        s, material = scene(ox + t * d[0], oy + t * d[1], oz + t * d[2], h)
        if s < stop + widen * t:
            return t, material
        t += 0.88 * s - 0.8 * widen * t
        if t > limit:
            break
    return t, -1


@lru_cache(maxsize=2)
def renderer(parallel: bool) -> Callable:
    """The compiled picture loop; `parallel` uses all numba threads."""
    fresh = revision()  # being part of the closure, it is part of the key of the compiled code

    @numba.njit(fastmath=True, nogil=True, cache=True, parallel=parallel, error_model="numpy")
    def trace(heads, palettes, looks, cameras, size, image, depth, materials):
        tiles = (size + BLOCK - 1) // BLOCK
        for job in numba.prange(len(heads) * tiles * (fresh > 0)):
            i, row = job // tiles, job % tiles
            h, camera, d, color = heads[i], cameras[i], np.zeros(3), np.zeros(3)
            far = sqrt(camera[3] ** 2 + camera[7] ** 2 + camera[11] ** 2)
            cone = 0.75 * BLOCK / (size * camera[16])
            for col in range(tiles):
                ray(camera, (col + 0.5) * BLOCK / size, (row + 0.5) * BLOCK / size, d)
                start, hit = march(camera, d, far - 0.85, 0.004, cone, far + 0.75, h)
                if hit < 0:
                    continue
                for y in range(row * BLOCK, min((row + 1) * BLOCK, size)):
                    for x in range(col * BLOCK, min((col + 1) * BLOCK, size)):
                        ray(camera, (x + 0.5) / size, (y + 0.5) / size, d)
                        t, material = march(camera, d, start, 0.0009, 0.0, far + 0.75, h)
                        if material < 0:
                            continue
                        px, py, pz = (
                            camera[3] + t * d[0],
                            camera[7] + t * d[1],
                            camera[11] - FORWARD + t * d[2],
                        )
                        shade(px, py, pz, material, h, palettes[i], looks[i], color)
                        depth[i, y, x], materials[i, y, x] = t, material
                        for c in range(3):
                            image[i, y, x, c] = color[c]

    return trace


@lru_cache(maxsize=2)
def sampler(parallel: bool) -> Callable:
    """The compiled loop over 3D points."""
    fresh = revision()  # being part of the closure, it is part of the key of the compiled code

    @numba.njit(fastmath=True, nogil=True, cache=True, parallel=parallel, error_model="numpy")
    def sample(heads, palettes, looks, points, within, distances, colors):
        count = points.shape[1]
        chunk = 256
        jobs = (count + chunk - 1) // chunk
        for job in numba.prange(len(heads) * jobs * (fresh > 0)):
            i, first = job // jobs, (job % jobs) * chunk
            h, color = heads[i], np.zeros(3)
            for n in range(first, min(first + chunk, count)):
                x, y, z = points[i, n, 0], points[i, n, 1], points[i, n, 2] - FORWARD
                s, material = scene(x, y, z, h)
                distances[i, n] = s
                if abs(s) <= within:
                    shade(x, y, z, material, h, palettes[i], looks[i], color)
                    for c in range(3):
                        colors[i, n, c] = color[c]

    return sample
