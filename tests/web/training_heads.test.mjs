// A training inside a sub-graph is followed by the head outside, until any node is done.
import assert from "node:assert/strict";
import { test } from "node:test";
import { TrainingHeads } from "../../web/training_heads.mjs";

const rest = () => new Promise((done) => setTimeout(done, 5));
const file = (step) => ({ filename: `${step}.itplive`, subfolder: "itportrait/runs", type: "temp" });

function page(known = "3:5") {
  const listeners = new Map();
  const view = { loaded: [], spared: [], finishedAt: { yaw: 0 }, painter: {} };
  view.painter.spare = (on) => view.spared.push(on);
  view.load = async (url) => view.loaded.push(new URL(url, "http://here").searchParams.get("filename"));
  const api = {
    apiURL: (path) => path,
    addEventListener: (name, action) => listeners.set(name, [...(listeners.get(name) ?? []), action]),
  };
  const say = (name, detail) => (listeners.get(name) ?? []).forEach((action) => action({ detail }));
  return { view, say, api, viewOf: (id) => (id === known ? view : undefined) };
}

test("the head follows the training and leaves time to it", async () => {
  const one = page();
  new TrainingHeads(one, () => "processor").attach();
  one.say("itportrait.live", { node: "3:5", file: file(4) });
  await rest();
  assert.deepEqual(one.view.loaded, ["4.itplive"]);
  assert.deepEqual(one.view.spared, [true]);
  assert.equal(one.view.finishedAt, null);
});

test("what the training has shown does not come after the result", async () => {
  const one = page();
  new TrainingHeads(one, () => "card").attach();
  let done;
  one.view.load = (url) => new Promise((ready) => ((done = ready), one.view.loaded.push(url)));
  one.say("itportrait.live", { node: "3:5", file: file(4) });
  one.say("itportrait.live", { node: "3:5", file: file(8) }); // waits for the first
  one.say("executed", { node: "3:7" });
  done();
  await rest();
  assert.equal(one.view.loaded.length, 1);
  assert.equal(one.view.spared.at(-1), false);
});

test("trainings elsewhere, other files and browsers that cannot draw change nothing", async () => {
  for (const [drawer, detail] of [
    ["card", { node: "8", file: file(1) }],
    ["card", { node: "3:5", file: { filename: "picture.png" } }],
    ["card", undefined],
    ["nobody", { node: "3:5", file: file(1) }],
  ]) {
    const one = page();
    new TrainingHeads(one, () => drawer).attach();
    one.say("itportrait.live", detail);
    await rest();
    assert.deepEqual([one.view.loaded, one.view.spared], [[], []]);
    assert.notEqual(one.view.finishedAt, null);
  }
});
