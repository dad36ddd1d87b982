// Hostile strings meet the pure functions: each gives a plain value or none, and nothing global changes.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { viewsOf } from "../../web/camera_paths.mjs";
import { tidy } from "../../web/camera_math.mjs";
import { format, parse } from "../../web/five_points_math.mjs";
import { loadedPicture, nodeByExecutionId, pictureUrls, viewUrl } from "../../web/run_outputs.mjs";
import { wordsFor } from "../../web/words.mjs";

const hostile = JSON.parse(readFileSync(new URL("hostile.json", import.meta.url)));
const api = { apiURL: (path) => path };

test("there are at least fifty of them", () => assert.ok(new Set(hostile).size >= 50));

test("each stays one value of a query", () => {
  for (const text of hostile) {
    const query = new URL(viewUrl(api, { filename: text, subfolder: text, type: text }), "http://host");
    assert.equal(query.pathname, "/view");
    assert.equal(query.hash, "");
    assert.deepEqual([...query.searchParams.keys()], ["filename", "subfolder", "type"]);
    for (const url of pictureUrls(api, { images: [{ filename: `${text}.png` }] })) assert.ok(url.startsWith("/view?"));
    const loaded = loadedPicture(api, { widgets: [{ name: "image", value: text }] });
    assert.ok(loaded === undefined || loaded.startsWith("/view?"));
  }
});

test("each is five points or none, and points are plain numbers", () => {
  for (const text of hostile) {
    const points = parse(text);
    assert.ok(points === null || (points.length === 5 && points.flat().every((v) => typeof v === "number")));
    if (points) assert.match(format(points), /^[-\d.,eE+ Infity]+$/);
  }
});

test("as a path, a locale, an angle or an id each means the usual thing", () => {
  for (const text of hostile) {
    assert.equal(viewsOf({ path: text, yaw: 1, pitch: 2 }).length, 1);
    assert.equal(wordsFor(text).front, "Front");
    assert.equal(tidy({ yaw: text, pitch: text, roll: text, fov: text }).yaw, 0);
    assert.ok(!nodeByExecutionId({ getNodeById: () => null }, text));
  }
  assert.equal({}.hacked, undefined);
});
