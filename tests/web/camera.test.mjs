// The camera maths of the widget: it must agree with the core's cameras, and drags must do what hands expect.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import * as math from "../../web/camera_math.mjs";
import { POSES, PRESETS, nearest, viewsOf } from "../../web/camera_paths.mjs";
import { layout, mapAngles, mapPoint, mapSpan, sliderFov, sliderY } from "../../web/camera_draw.mjs";

const golden = JSON.parse(readFileSync(new URL("../data/golden_geometry.json", import.meta.url)));
const near = (a, b, tolerance = 1e-6) => assert.ok(Math.abs(a - b) <= tolerance, `${a} is not ${b}`);

test("axes and position agree with the golden cameras of EG3D's sampler", () => {
  const cases = golden["lookat_radius2.7_pivot_0_0_0.2"];
  assert.ok(cases.length >= 3);
  for (const { cam2world, true_elevation_deg: pitch, true_azimuth_deg: yaw } of cases) {
    const view = math.camera({ yaw, pitch });
    for (const row of [0, 1, 2]) {
      near(view.right[row], cam2world[4 * row], 1e-5);
      near(view.down[row], cam2world[4 * row + 1], 1e-5);
      near(view.forward[row], cam2world[4 * row + 2], 1e-5);
      near(view.position[row], cam2world[4 * row + 3], 1e-5);
    }
  }
});

test("field of view and focal length are each other's inverse, and EG3D's is 4.2647 widths", () => {
  near(math.focalOfFov(math.FOV), 4.2647, 1e-3);
  for (const fov of [5, 13.37, 60]) near(math.fovOfFocal(math.focalOfFov(fov)), fov, 1e-9);
});

test("the pivot falls in the middle of every picture", () => {
  for (const state of [{ yaw: 0, pitch: 0 }, { yaw: 120, pitch: -40, roll: 33, fov: 30 }]) {
    const [x, y] = math.project(math.PIVOT, math.camera(state));
    near(x, 0.5);
    near(y, 0.5);
  }
});

test("a camera to the right comes nearer to the head's left ear", () => {
  const leftEar = [0.19, 0, 0]; // the person's own left is at +x
  const far = (yaw) => math.project(leftEar, math.camera({ yaw, pitch: 0 }))[2];
  assert.ok(far(50) < far(0) && far(0) < far(-50));
});

test("roll turns the camera clockwise, so the picture turns the other way", () => {
  const above = [0, 0.2, 0.2];
  const [x, y] = math.project(above, math.camera({ yaw: 0, pitch: 0, roll: 20 }));
  assert.ok(x < 0.5 && y < 0.5);
});

test("the head follows the pointer, also in a rolled picture", () => {
  const nose = [0, -0.03, 0.25];
  for (const roll of [0, 90, -40]) {
    const state = { ...math.HOME, roll };
    const before = math.project(nose, math.camera(state));
    for (const [dx, dy] of [[0.05, 0], [0, 0.05], [-0.04, -0.03]]) {
      const after = math.project(nose, math.camera(math.drag(state, dx, dy)));
      const along = (after[0] - before[0]) * dx + (after[1] - before[1]) * dy;
      assert.ok(along > 0, `roll ${roll}: the nose went against (${dx}, ${dy})`);
    }
  }
});

test("a fine drag moves a fifth as far, and drags add up", () => {
  const coarse = math.drag(math.HOME, -0.1, 0);
  near(math.drag(math.HOME, -0.1, 0, { fine: true }).yaw, coarse.yaw / 5);
  const twice = math.drag(math.drag(math.HOME, -0.05, 0), -0.05, 0);
  near(twice.yaw, coarse.yaw, 1e-9);
});

test("angles stay in their ranges: yaw wraps round, pitch stops, nonsense becomes the front", () => {
  near(math.drag({ ...math.HOME, yaw: 170 }, -0.2, 0).yaw, 170 + 0.2 * math.DRAG_GAIN - 360, 1e-9);
  assert.equal(math.drag({ ...math.HOME, pitch: 80 }, 0, 5).pitch, 85);
  assert.equal(math.tidy({ yaw: 10, pitch: 10, roll: 0, fov: 13 }, { ...math.LIMITS, yaw: [-5, 5] }).yaw, 5);
  assert.deepEqual(math.tidy({ yaw: NaN, pitch: undefined, roll: Infinity, fov: "x" }), { ...math.HOME });
  for (const angle of [-540, -180, 0, 180, 359, 1e6]) assert.ok(Math.abs(math.wrap(angle)) <= 180);
});

test("the dial turns the picture with the pointer", () => {
  assert.equal(Math.round(math.dialAngle(1, 0.5)), 90);
  const quarter = math.turn(math.HOME, [0.5, 0], [1, 0.5]);
  near(quarter.roll, -90, 1e-9);
});

test("zoom in and out by the same steps ends where it began, and stops at the limits", () => {
  near(math.zoom(math.zoom(math.HOME, 3), -3).fov, math.FOV, 1e-9);
  assert.equal(math.zoom(math.HOME, 100).fov, 5);
  assert.equal(math.zoom(math.HOME, -100).fov, 60);
});

test("keys: arrows turn, brackets roll, shift is finer, Home resets, others are left to ComfyUI", () => {
  assert.equal(math.press(math.HOME, "ArrowRight").yaw, 5);
  assert.equal(math.press(math.HOME, "ArrowUp", { shift: true }).pitch, 1);
  assert.equal(math.press(math.HOME, "[").roll, -5);
  assert.ok(math.press(math.HOME, "+").fov < math.FOV);
  assert.deepEqual(math.press({ yaw: 50, pitch: 9, roll: 3, fov: 30 }, "Home"), { ...math.HOME });
  for (const key of ["Delete", "a", "Enter", "Tab"]) assert.equal(math.press(math.HOME, key), null);
});

test("paths hold the views that Camera Orbit makes", () => {
  const round = viewsOf({ path: "turntable", yaw: 5, pitch: 7, views: 4 });
  assert.deepEqual(round.map((v) => [Math.round(v.yaw), v.pitch]), [[0, 7], [90, 7], [180, 7], [-90, 7]]);
  const rows = viewsOf({ path: "grid", yaw: 10, pitch: 0, yaw_range: 40, pitch_range: 20, columns: 3, rows: 2 });
  assert.deepEqual(rows.map((v) => [v.yaw, v.pitch]),
    [[-30, 20], [10, 20], [50, 20], [-30, -20], [10, -20], [50, -20]]);
  const eight = viewsOf({ path: "figure-eight", views: 8, yaw_range: 30, pitch_range: 12 });
  near(Math.max(...eight.map((v) => v.yaw)), 30);
  near(eight.reduce((sum, v) => sum + v.yaw, 0), 0, 1e-9);
  const sweep = viewsOf({ path: "sweep", yaw: 0, pitch: 3, yaw_range: 50, views: 3 });
  assert.deepEqual(sweep.map((v) => v.yaw), [-50, 0, 50]);
  assert.equal(viewsOf({ path: "sweep", views: 1, yaw: 8, yaw_range: 50 })[0].yaw, 8);
  assert.deepEqual(viewsOf({ path: "something new", yaw: 3, pitch: 4 }), [{ yaw: 3, pitch: 4 }]);
});

test("presets keep the field of view, and poses are presets without a path", () => {
  for (const preset of Object.values(PRESETS)) assert.ok(!("fov" in preset));
  for (const name of POSES) assert.equal(PRESETS[name].path, "single view");
});

test("the nearest view is found across the seam behind the head", () => {
  const views = viewsOf({ path: "turntable", views: 8 });
  assert.equal(views[nearest(views, { yaw: -178, pitch: 0 })].yaw, 180);
  assert.equal(nearest([], { yaw: 0, pitch: 0 }), -1);
});

test("map and slider: what is drawn can be taken hold of where it is drawn", () => {
  for (const [yaw, pitch] of [[0, 0], [-80, 30], [179, -45]]) {
    const place = layout(320, 260, mapSpan([{ yaw }]));
    const [x] = mapPoint(place, { yaw, pitch });
    assert.ok(x >= place.map.x && x <= place.map.x + place.map.width);
    const angles = mapAngles(place, ...mapPoint(place, { yaw, pitch }));
    near(angles.yaw, yaw, 1e-9);
    near(angles.pitch, pitch, 1e-9);
  }
  const place = layout(320, 260);
  for (const fov of [5, 13.37, 60]) near(sliderFov(place, sliderY(place, fov, [5, 60]), [5, 60]), fov, 1e-9);
});

test("every layout keeps its parts inside, apart and of positive size", () => {
  for (const [width, height] of [[200, 150], [320, 260], [900, 500], [260, 700]]) {
    const { frame, map, slider } = layout(width, height);
    assert.ok(frame.side > 0 && map.width > 0);
    assert.ok(frame.x >= 0 && frame.x + frame.side <= width);
    assert.ok(slider.x > frame.x + frame.side && slider.x < width);
    assert.ok(map.y + map.height <= height);
  }
});
