// The live head's numbers: files, mixtures, motion, occupancy and state. No browser is needed.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { Engine, MOST } from "../../web/live_head/engine.mjs";
import { defines } from "../../web/live_head/field.mjs";
import { parse } from "../../web/live_head/format.mjs";
import { Follower } from "../../web/live_head/follower.mjs";
import { quickSource } from "../../web/live_head/grid.mjs";
import { bordered, decoderBlock } from "../../web/live_head/layout.mjs";
import { isExact, mixed, parts, styleWeights } from "../../web/live_head/mix.mjs";
import { SIDES, coast, nextRows, nextSide, release } from "../../web/live_head/motion.mjs";
import { CELLS, TILES, boxOf, occupancyOf, widened } from "../../web/live_head/occupancy.mjs";
import { marchSource } from "../../web/live_head/shader.mjs";
import { HOME, colourOf, complete, pinch, same } from "../../web/live_head/state.mjs";
import { nearest } from "../../web/live_head/strip.mjs";

const HEADER = {
  version: 1, channels: 4, hidden: 4, side: 4, raw_side: 8,
  plane_axes: [[0, 1], [0, 2], [2, 1]],
  rendering: { depth_resolution: 6, depth_resolution_importance: 6, ray_start: 2.25, ray_end: 3, box_warp: 1, white_back: true, disparity_space_sampling: false },
  camera: { yaw: 0, pitch: 0, roll: 0, fov: 13.37 },
};

/** A file of heads whose planes are filled with `values`, one for each generator. */
function file(values = [1.5], change = (header) => header) {
  const arrays = [];
  const pieces = [];
  const add = (type, shape, fill) => {
    const count = shape.reduce((a, b) => a * b, 1);
    const data = type === "f2" ? new Uint16Array(count).fill(fill) : type === "u1" ? new Uint8Array(count).fill(fill) : new Float32Array(count).fill(fill);
    arrays.push({ type, shape });
    pieces.push(new Uint8Array(data.buffer));
    return arrays.length - 1;
  };
  const half = (value) => ((Math.floor(Math.log2(value)) + 15) << 10) | Math.round((value / 2 ** Math.floor(Math.log2(value)) - 1) * 1024);
  const generators = values.map((value, i) => ({
    name: `style ${i}`, license: "terms",
    decoder: { w0: add("f4", [4, 4], i), b0: add("f4", [4], i), w1: add("f4", [4, 4], i), b1: add("f4", [4], i) },
    planes: [{ texels: add("f2", [3, 1, 4, 4, 4], half(value)) }],
  }));
  let at = 4096;
  for (const [i, piece] of pieces.entries()) {
    arrays[i].offset = at;
    at += Math.ceil(piece.length / 16) * 16;
  }
  const header = change({ ...structuredClone(HEADER), arrays, generators, people: [{ name: "somebody" }] });
  const bytes = new Uint8Array(at);
  bytes.set(new TextEncoder().encode("ITPLIVE1"));
  new DataView(bytes.buffer).setUint32(8, 4096 - 12, true);
  bytes.fill(32, 12, 4096);
  bytes.set(new TextEncoder().encode(JSON.stringify(header)), 12);
  pieces.forEach((piece, i) => bytes.set(piece, arrays[i].offset));
  return bytes.buffer;
}

test("a file is read as it was written, half precision included", () => {
  const head = parse(file([1.5, 3]));
  assert.equal(head.styles.length, 2);
  assert.deepEqual([...new Set(head.styles[0].planes[0])], [1.5]);
  assert.deepEqual([...new Set(head.styles[1].planes[0])], [3]);
  assert.equal(head.styles[1].decoder.b1[0], 1);
});

test("bytes with a step and an offset for each channel are read", () => {
  const head = parse(file([1.5], (header) => {
    const [texels] = [header.arrays[4]];
    texels.type = "u1"; // the first half of the same bytes
    header.arrays.push({ type: "f4", shape: [3, 4], offset: 4096 }, { type: "f4", shape: [3, 4], offset: 4096 });
    Object.assign(header.generators[0].planes[0], { step: 5, low: 6 });
    return header;
  }));
  assert.equal(head.styles[0].planes[0].length, 3 * 4 * 16);
});

test("damaged and hostile files are refused in words, before anything large is made", () => {
  const bad = [
    (h) => ({ ...h, version: 2 }),
    (h) => ({ ...h, side: 1e9 }),
    (h) => ({ ...h, channels: 5 }),
    (h) => ({ ...h, plane_axes: [["x", "y"], [0, 1], [0, 1]] }),
    (h) => ({ ...h, rendering: { ...h.rendering, ray_start: "2.25; } void main() {" } }),
    (h) => ({ ...h, rendering: { ...h.rendering, depth_resolution: 1e6 } }),
    (h) => ({ ...h, camera: null }),
    (h) => ({ ...h, generators: [] }),
    (h) => ({ ...h, people: [{ name: 1 }, { name: 2 }] }),
    (h) => ({ ...h, arrays: h.arrays.map((entry) => ({ ...entry, offset: 1 << 30 })) }),
    (h) => ({ ...h, arrays: h.arrays.map((entry) => ({ ...entry, type: "constructor" })) }),
    (h) => ({ ...h, arrays: h.arrays.map((entry) => ({ ...entry, offset: entry.offset + 1 })) }),
  ];
  for (const change of bad) assert.throws(() => parse(file([1], change)), /live head/);
  for (const size of [0, 11, 300, 4200]) assert.throws(() => parse(file().slice(0, size)), /live head/);
});

test("names stay plain text of a bounded length", () => {
  const long = "<img onerror=alert(1)>".repeat(60);
  const head = parse(file([1], (h) => ({ ...h, people: [{ name: { evil: 1 } }], generators: h.generators.map((g) => ({ ...g, name: long })) })));
  assert.equal(head.styles[0].name.length, 120);
  assert.equal(typeof head.people[0].name, "string");
});

test("ends of a cross-fade are the single styles; weights are the server's", () => {
  assert.deepEqual(styleWeights(4, 2, 1), [0, 0, 1, 0]);
  assert.deepEqual(styleWeights(4, 2, 0), [1, 0, 0, 0]);
  assert.deepEqual(styleWeights(3, 1.5, 0.5), [0.5, 0.25, 0.25]);
  const head = parse(file([1.5, 3]));
  const end = mixed(head, parts(head, { fade: 1, strength: 1 }));
  assert.equal(end.planes, head.styles[1].planes[0]); // the very array
  assert.equal(end.decoder.w0, head.styles[1].decoder.w0);
  assert.ok(isExact(parts(head, { fade: 1 })) && isExact(parts(head, {})) && !isExact(parts(head, { fade: 0.5 })));
  const half = mixed(head, parts(head, { fade: 0.5 }));
  assert.equal(half.planes[0], 2.25);
  assert.equal(half.decoder.b1[0], 0.5);
});

test("two people are mixed, and their decoder is counted once", () => {
  const head = parse(file([1.5]));
  head.people.push({ name: "other" });
  head.styles[0].planes.push(new Float32Array(192).fill(2.5));
  const between = mixed(head, parts(head, { person: 0.25 }));
  assert.equal(between.planes[0], 1.75);
  assert.equal(between.decoder.w0, head.styles[0].decoder.w0);
});

test("planes get a border of zeros", () => {
  const out = bordered(new Float32Array(3 * 16 * 4).fill(7), 3, 4);
  assert.equal(out.length, 3 * 36 * 4);
  assert.equal(out.filter((value) => value === 7).length, 3 * 16 * 4);
  assert.equal(out[0], 0);
  assert.equal(out[(6 + 1) * 4], 7);
});

test("a decoder's block is in columns of four inputs", () => {
  const w0 = Float32Array.from({ length: 32 }, (_, i) => i); // [4 hidden, 8 channels]
  const w1 = Float32Array.from({ length: 16 }, (_, i) => 100 + i); // [4 outputs, 4 hidden]
  const block = decoderBlock({ w0, b0: new Float32Array(4).fill(-1), w1, b1: new Float32Array(4).fill(-2) }, 8, 4);
  assert.deepEqual([...block.slice(0, 4)], [0, 8, 16, 24]); // the first input's weights to the four units
  assert.deepEqual([...block.slice(16, 20)], [4, 12, 20, 28]);
  assert.deepEqual([...block.slice(36, 40)], [100, 104, 108, 112]);
  assert.equal(block.length, 32 + 4 + 16 + 4);
});

test("what a header fixes becomes the shader's constants", () => {
  const text = defines(HEADER);
  assert.match(text, /RAY_END = 3\.0/);
  assert.match(text, /PLANE_2 p\.zy/);
  for (const source of [marchSource, quickSource]) assert.ok(source(HEADER).includes(text));
});

test("the shader has the steps of volume_rendering.py in their order", () => {
  const text = marchSource(HEADER);
  const steps = ["sample_plane", "softplus", "vec4 field(", "stratified_depth(int", "// coarse pass", "importance_depths", "invert_cdf", "rgb +="];
  const at = steps.map((step) => text.indexOf(step));
  assert.ok(at.every((place, i) => place > (at[i - 1] ?? -1)), String(at));
  const rendering = readFileSync(new URL("../../itportrait_core/networks/volume_rendering.py", import.meta.url), "utf8");
  for (const name of ["stratified_depths", "importance_depths", "march"]) assert.ok(rendering.includes(name));
});

test("a drag goes on with its speed and comes to rest", () => {
  const speeds = release([[0, 0, 0], [0.95, 50, 0], [1, 55, 1]], 1);
  assert.ok(Math.abs(speeds[0] - 100) < 1e-9 && Math.abs(speeds[1] - 20) < 1e-9);
  assert.deepEqual(release([[0, 0, 0], [0.1, 9, 0]], 1), [0, 0]); // held still before it was let go
  assert.ok(Math.abs(release([[0, 179, 0], [0.05, -179, 0]], 0.05)[0] - 40) < 1e-9); // the short way round
  let [moved, left] = [0, [100, 0]];
  for (let i = 0; i < 200 && left[0]; i += 1) {
    const step = coast(left, 1 / 60);
    moved += step.yaw;
    left = step.speeds;
  }
  assert.deepEqual(left, [0, 0]);
  assert.ok(moved > 20 && moved < 100 * 0.28 + 1e-9);
});

test("pictures get smaller on slow machines and larger on quick ones, within bounds", () => {
  let side = 96;
  for (let i = 0; i < 20; i += 1) side = nextSide(side, 0.2);
  assert.equal(side, SIDES[0]);
  for (let i = 0; i < 20; i += 1) side = nextSide(side, 0.005, 160);
  assert.equal(side, 160);
  assert.equal(nextSide(96, 0.03), 96);
  assert.equal(nextRows(16, 1), 4);
  assert.equal(nextRows(128, 0.001), 128);
  assert.equal(nextRows(2, 5), 2);
});

test("occupied cells, their neighbours and the box around them", () => {
  const densities = new Uint8Array(CELLS ** 3 * 4).fill(80); // raw density -12
  const [x, y, z] = [10, 20, 30];
  densities[((Math.floor(z / TILES) * CELLS + y) * CELLS * TILES + (z % TILES) * CELLS + x) * 4] = 255;
  const { cells, emptyDensity, box } = occupancyOf(densities);
  assert.ok(Math.abs(emptyDensity + 12) < 0.2);
  assert.equal(cells.filter(Boolean).length, 27);
  assert.equal(cells[(z * CELLS + y) * CELLS + x], 255);
  assert.deepEqual(box[0], [10 / CELLS - 0.5, 20 / CELLS - 0.5, 30 / CELLS - 0.5]);
  assert.equal(widened(new Uint8Array(CELLS ** 3)).filter(Boolean).length, 0);
  assert.deepEqual(boxOf(new Uint8Array(CELLS ** 3))[0], [-0.5, -0.5, -0.5]);
});

test("colours, odd values and equality of states", () => {
  assert.deepEqual(colourOf(" #ff0080 "), [1, 0, 128 / 255]);
  assert.equal(colourOf("red"), null);
  assert.equal(colourOf(undefined), null);
  const state = complete({ yaw: "x", pitch: 300, fov: 20, fade: NaN, shading: "<b>" });
  assert.deepEqual([state.yaw, state.pitch, state.fov, state.fade, state.shading], [0, 85, 20, 0, "picture"]);
  assert.ok(same(HOME, { ...HOME, yaw: 0.04 }) && !same(HOME, { ...HOME, yaw: 2 }) && !same(HOME, null));
});

test("pinching zooms and two fingers turn", () => {
  const apart = pinch(HOME, [[0.4, 0.5], [0.6, 0.5]], [[0.3, 0.5], [0.7, 0.5]]);
  assert.ok(Math.abs(apart.fov - HOME.fov / 2) < 1e-9 && apart.yaw === 0);
  assert.ok(pinch(HOME, [[0.4, 0.5], [0.6, 0.5]], [[0.5, 0.5], [0.7, 0.5]]).yaw < 0);
});

test("the nearest picture of a strip, across the seam too", () => {
  const views = [{ yaw: -170, pitch: 0 }, { yaw: 0, pitch: 0 }, { yaw: 0, pitch: 20 }];
  assert.equal(nearest(views, { yaw: 175, pitch: 0 }), 0);
  assert.equal(nearest(views, { yaw: 5, pitch: 15 }), 2);
  assert.equal(nearest([], { yaw: 0, pitch: 0 }), -1);
});

/** A context and a renderer that only count. */
function counting(fail = false) {
  const canvas = new EventTarget();
  const gl = { canvas, lost: 0, isContextLost: () => false, getExtension: () => ({ loseContext: () => (gl.lost += 1) }) };
  const renderer = () => ({
    scenes: new Map(),
    load(owner) { if (!this.scenes.has(owner)) this.scenes.set(owner, {}); return this.scenes.get(owner); },
    drop(owner) { this.scenes.delete(owner); },
    free() {},
  });
  const open = () => { if (fail) throw new Error("no WebGL2 here"); return gl; };
  return { gl, engine: new Engine(open, renderer) };
}

test("heads share one context; those drawn longest ago make room, and the last to leave closes it", () => {
  const { gl, engine } = counting();
  for (let i = 0; i < 7; i += 1) engine.join(i, () => {});
  for (let i = 0; i < 7; i += 1) engine.scene(i, {}, {});
  assert.deepEqual(engine.alive, { contexts: 1, heads: MOST });
  engine.scene(3, {}, {});
  engine.scene(0, {}, {});
  assert.deepEqual([...engine.renderer.scenes.keys()], [5, 6, 3, 0]);
  for (let i = 0; i < 7; i += 1) engine.leave(i);
  assert.deepEqual([engine.alive, gl.lost], [{ contexts: 0, heads: 0 }, 1]);
});

test("one head at a time is drawn finely, a moved one before all others", () => {
  const { engine } = counting();
  for (const name of ["a", "b", "c"]) engine.join(name, () => {});
  assert.deepEqual(["a", "b", "c"].map((name) => engine.turn(name)), [true, false, false]);
  engine.first("c");
  assert.deepEqual([engine.turn("a"), engine.turn("c")], [false, true]);
  engine.rest("a"); // which has no turn to give back
  assert.equal(engine.turn("b"), false);
  engine.rest("c");
  assert.equal(engine.turn("b"), true);
  engine.leave("b");
  assert.equal(engine.turn("a"), true);
});

test("a lost context is waited for, and everything is drawn anew when it is back", () => {
  const { gl, engine } = counting();
  let woken = 0;
  engine.join("a", () => (woken += 1));
  engine.scene("a", {}, {});
  const lost = new Event("webglcontextlost", { cancelable: true });
  gl.canvas.dispatchEvent(lost);
  assert.ok(lost.defaultPrevented && engine.scene("a", {}, {}) === null);
  gl.canvas.dispatchEvent(new Event("webglcontextrestored"));
  assert.equal(woken, 1);
  assert.ok(engine.scene("a", {}, {}));
});

test("where there is no WebGL2 it says why", () => {
  assert.equal(counting(true).engine.join("a", () => {}), "no WebGL2 here");
});

test("a training is followed with a tenth of the time, and only its newest head", async () => {
  const [loaded, waits] = [[], []];
  let clock = 0;
  const follower = new Follower(async (url) => (loaded.push(url), (clock += 200)), () => clock, async (ms) => (waits.push(ms), (clock += ms)));
  const done = follower.offer("first");
  for (const url of ["second", "third"]) follower.offer(url);
  await done;
  assert.deepEqual(loaded, ["first", "third"]);
  assert.deepEqual(waits, [1800, 1800]);
  const again = follower.offer("fourth");
  follower.offer("fifth");
  follower.end();
  await again;
  assert.deepEqual(loaded.slice(2), ["fourth"]);
  const slow = new Follower(async () => (clock += 60_000), () => clock, async (ms) => waits.push(ms));
  await slow.offer("late");
  assert.equal(waits.at(-1), 20_000); // not nine minutes
});
