// The bridge to the widgets, and what runs show: number widgets hold the truth, ids of sub-graphs are understood.
import assert from "node:assert/strict";
import { test } from "node:test";

import * as runs from "../../web/run_outputs.mjs";
import { WidgetBridge } from "../../web/widget_bridge.mjs";
import { brightness } from "../../web/theme.mjs";
import { wordsFor } from "../../web/words.mjs";

function node({ linked = [] } = {}) {
  const heard = [];
  const widget = (name, value, options = {}) => ({ name, value, options, callback: (v) => heard.push([name, v]) });
  const widgets = [widget("yaw", 0, { min: -90, max: 90 }), widget("pitch", 0), widget("path", "single view")];
  const inputs = widgets.map(({ name }) => ({ widget: { name } }));
  return { widgets, inputs, heard, isInputConnected: (slot) => linked.includes(widgets[slot].name) };
}

test("writing sets widgets within their ranges, tells their callbacks once, and skips unknown names", () => {
  const owner = node();
  new WidgetBridge(owner, ["yaw", "pitch"], () => {}).write({ yaw: 123.456, pitch: 0, fov: 12, path: "grid" });
  assert.deepEqual(owner.heard, [["yaw", 90], ["path", "grid"]]);
});

test("a widget fed by a cable is left alone", () => {
  const owner = node({ linked: ["yaw"] });
  const bridge = new WidgetBridge(owner, ["yaw", "pitch"], () => {});
  bridge.write({ yaw: 5, pitch: 1.239 });
  assert.deepEqual(bridge.read(), { yaw: 0, pitch: 1.24 });
  assert.ok(bridge.linked("yaw") && !bridge.linked("pitch") && !bridge.linked("nothing"));
});

test("edits by others are noticed, its own are not, and earlier callbacks keep running", () => {
  const owner = node();
  let noticed = 0;
  const bridge = new WidgetBridge(owner, ["yaw"], () => (noticed += 1));
  let configured = 0;
  owner.onConfigure = () => (configured += 1);
  bridge.watch();
  bridge.write({ yaw: 5 });
  assert.equal(noticed, 0);
  owner.widgets[0].callback(7);
  owner.onConfigure({});
  assert.deepEqual([noticed, configured, owner.heard.length], [2, 1, 2]);
});

test("execution ids lead into sub-graphs; unknown ones lead nowhere", () => {
  const inner = { id: 7 };
  const outer = { id: 12, subgraph: { getNodeById: (id) => (id === 7 ? inner : null) } };
  const root = { getNodeById: (id) => (id === 12 ? outer : null) };
  assert.equal(runs.nodeByExecutionId(root, "12:7"), inner);
  assert.equal(runs.nodeByExecutionId(root, "12"), outer);
  assert.ok(!runs.nodeByExecutionId(root, "3:7"));
});

test("nodes downstream are found nearest first, each once", () => {
  const make = (name, next = []) => ({ name, outputs: [{}], getOutputNodes: () => next });
  const end = make("end");
  const left = make("left", [end]);
  const right = make("right", [end, left]);
  const found = runs.downstream(make("start", [left, right]));
  assert.deepEqual(found.map((n) => n.name), ["left", "right", "end"]);
});

test("addresses of pictures are quoted, and only still pictures are taken", () => {
  const api = { apiURL: (path) => `/base${path}` };
  const hostile = { filename: "a&type=input#<b>.png", subfolder: "../x y", type: "temp" };
  const [url] = runs.pictureUrls(api, { images: [hostile, { filename: "film.mp4" }, null] });
  const query = new URL(url, "http://host").searchParams;
  assert.equal(query.get("filename"), hostile.filename);
  assert.equal(query.get("subfolder"), hostile.subfolder);
  assert.equal(query.get("type"), "temp");
  assert.deepEqual(runs.pictureUrls(api, { images: "no list" }), []);
  assert.deepEqual(runs.pictureUrls(api, undefined), []);
});

test("a loader's picture is known before any run", () => {
  const api = { apiURL: (path) => path };
  const loader = (value) => ({ widgets: [{ name: "image", value }] });
  const query = (value) => new URL(runs.loadedPicture(api, loader(value)), "http://host").searchParams;
  assert.deepEqual([...query("faces/a.png").entries()],
    [["filename", "a.png"], ["subfolder", "faces"], ["type", "input"]]);
  assert.equal(query("b.jpg [output]").get("type"), "output");
  assert.equal(runs.loadedPicture(api, loader(3)), undefined);
  assert.equal(runs.loadedPicture(api, undefined), undefined);
});

test("themes: text brighter than its page is a dark theme; every language has every word", () => {
  assert.ok(brightness("rgb(240, 240, 240)") > 0.9 && brightness("rgba(20, 20, 30, 0.5)") < 0.1);
  assert.ok(brightness("color(srgb 0.9 0.9 0.9)") > 0.8);
  const english = wordsFor("en");
  for (const locale of ["zh", "ja"]) assert.deepEqual(Object.keys(wordsFor(locale)), Object.keys(english));
  assert.equal(wordsFor("fr"), english);
  assert.equal(wordsFor("zh-TW"), wordsFor("zh"));
  assert.equal(wordsFor("constructor"), english);
});
