// The five-point maths: the same square as the core cuts, and a text that survives a round trip.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import * as points from "../../web/five_points_math.mjs";

const golden = JSON.parse(readFileSync(new URL("../data/golden_geometry.json", import.meta.url)));
const near = (a, b, tolerance) => assert.ok(Math.abs(a - b) <= tolerance, `${a} is not ${b}`);

test("FFHQ's square agrees with the golden quads when eyes are the means of their contours", () => {
  for (const { image_size: size, landmarks68_xy_down: marks, ffhq_quad_ul_ll_lr_ur: quad } of golden.alignment) {
    const mean = (from, to) => [0, 1].map((i) =>
      marks.slice(from, to).reduce((sum, mark) => sum + mark[i], 0) / (to - from));
    const five = [mean(36, 42), mean(42, 48), marks[30], marks[48], marks[54]];
    const found = points.ffhqQuad(five.map(([x, y]) => [x / size, y / size]), size, size);
    found.flat().forEach((value, i) => near(value, quad.flat()[i], 1e-6));
  }
});

test("without detection the points are a face in the middle, and its square is upright and inside", () => {
  for (const [width, height] of [[512, 512], [400, 900], [1024, 300]]) {
    const face = points.guess(width, height);
    assert.ok(face.flat().every((v) => v > 0 && v < 1));
    const [ul, ll, lr, ur] = points.ffhqQuad(face, width, height);
    near(ul[1], ur[1], 1e-6);
    near(ul[0], ll[0], 1e-6);
    near(lr[0] - ll[0], Math.min(width, height) * 0.8, Math.min(width, height) * 0.02);
  }
});

test("the cut is the golden EG3D square, and turns with the head only when it is to be level", () => {
  for (const { image_size: size, five_points_up: five, eg3d_box_xyxy: box } of golden.alignment) {
    const face = five.map(([x, y]) => [x / size, (size - 1 - y) / size]);
    const [ul, , lr] = points.portraitQuad(face, size, size, false);
    [...ul, ...lr].forEach((value, i) => near(value, box[i], 0.02));
    const [a, , , d] = points.portraitQuad(face, size, size);
    const [e, , , h] = points.ffhqQuad(face, size, size);
    near(Math.atan2(d[1] - a[1], d[0] - a[0]), Math.atan2(h[1] - e[1], h[0] - e[0]), 1e-9);
  }
});

test("the text of the points survives a round trip; anything else is no points", () => {
  const face = points.guess(512, 512);
  points.parse(points.format(face)).flat().forEach((value, i) => near(value, face.flat()[i], 1e-4));
  for (const text of ["", null, undefined, "1,2 3,4", "a,b c,d e,f g,h i,j", "1,2 3,4 5,6 7,8 9,10 11,12"]) {
    assert.equal(points.parse(text), null);
  }
});

test("moving a point keeps the others and stays in the picture; a hit is the nearest within reach", () => {
  const face = points.guess(512, 512);
  const after = points.moved(face, 2, [1.4, -3]);
  assert.deepEqual(after[2], [1, 0]);
  assert.deepEqual(after[0], face[0]);
  assert.equal(points.hit([[0, 0], [10, 0], [99, 9], [50, 50], [60, 50]], [9, 1], 5), 1);
  assert.equal(points.hit([[0, 0], [10, 0], [99, 9], [50, 50], [60, 50]], [30, 30], 5), -1);
});

test("a picture of any shape is shown whole and centred", () => {
  assert.deepEqual(points.contain(200, 100, 100, 100), { x: 0, y: 25, width: 100, height: 50 });
});
