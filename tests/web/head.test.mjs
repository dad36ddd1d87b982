// The head glyph: a closed-looking bust that faces along +z and hides what is behind.
import assert from "node:assert/strict";
import { test } from "node:test";

import { camera, dot, minus, project } from "../../web/camera_math.mjs";
import { head, onFace, surface } from "../../web/head_shape.mjs";

test("the surface is smooth, mirrored, and its nose stands out in front", () => {
  const out = (x, y, z) => Math.hypot(...surface([x, y, z]));
  for (const [x, y, z] of [[0.5, 0.2, 0.8], [1, 0, 0], [0.2, -0.9, 0.3], [0.4, 0.6, -0.7]]) {
    assert.ok(Math.abs(out(x, y, z) - out(-x, y, z)) < 1e-9);
    assert.ok(Math.abs(out(x, y, z) - out(x + 0.001, y, z)) < 0.005);
    assert.ok(out(x, y, z) > 0.1 && out(x, y, z) < 0.35);
  }
  assert.ok(onFace(0, -0.045)[2] > onFace(0.08, -0.045)[2] + 0.03);
});

test("normals point outwards: about half of the faces look at any camera", () => {
  const { faces } = head();
  for (const yaw of [0, 90, 180, -60]) {
    const { position } = camera({ yaw, pitch: 10 });
    const seen = faces.filter((face) => dot(face.normal, minus(position, face.centre)) > 0).length;
    assert.ok(seen > faces.length * 0.3 && seen < faces.length * 0.7, `${seen} of ${faces.length} at ${yaw}`);
  }
});

test("eyes and mouth are seen from the front and not from behind", () => {
  const { features } = head();
  assert.ok(features.length >= 5);
  const looks = (state) => (f) => dot(f.normal, minus(camera(state).position, f.centre)) > 0;
  assert.ok(features.every(looks({ yaw: 0, pitch: 0 })));
  assert.ok(!features.some(looks({ yaw: 180, pitch: 0 })));
});

test("the frontal bust fills the picture without touching its upper edge", () => {
  const view = camera({ yaw: 0, pitch: 0 });
  const all = head().faces.flatMap((face) => face.corners.map((corner) => project(corner, view)));
  const top = Math.min(...all.map(([, y]) => y));
  assert.ok(top > 0.02 && top < 0.2, `the crown is at ${top}`);
  assert.ok(Math.max(...all.map(([, y]) => y)) > 1, "the shoulders reach the lower edge");
});
