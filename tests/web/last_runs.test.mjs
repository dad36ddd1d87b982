// What runs gave to the views is found again, and damaged or missing storage harms nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { KEY, placeOf, recall, remember } from "../../web/last_runs.mjs";

function storage(text) {
  const kept = new Map(text === undefined ? [] : [[KEY, text]]);
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
}

const file = (name) => ({ filename: name, subfolder: "", type: "temp" });

test("the last run of each place is found again, and a found pose outlives the next render", () => {
  const kept = storage();
  const [here, there] = [placeOf({ id: 3, graph: { id: "a" } }), placeOf({ id: 3, graph: { id: "b" } })];
  remember(kept, here, { itp_render: [file("1.png")], itp_pose: [[1, 2, 3]] });
  remember(kept, there, { itp_render: [file("2.png")] });
  remember(kept, here, { itp_render: [file("3.png")] });
  assert.deepEqual(recall(kept, here), { itp_render: [file("3.png")], itp_pose: [[1, 2, 3]] });
  assert.deepEqual(recall(kept, there), { itp_render: [file("2.png")] });
  assert.equal(recall(kept, "elsewhere"), undefined);
});

test("the oldest are forgotten", () => {
  const kept = storage();
  for (let i = 0; i < 200; i += 1) remember(kept, `g/${i}`, { itp_pose: [[i]] });
  assert.equal(recall(kept, "g/0"), undefined);
  assert.deepEqual(recall(kept, "g/199"), { itp_pose: [[199]] });
  assert.ok(JSON.parse(kept.getItem(KEY)).length < 100);
});

test("damaged, foreign, full and forbidden storage is passed over", () => {
  for (const text of ["", "{", "7", "null", '{"a":1}', "[3]", '[[1,2],["x"]]']) {
    const kept = storage(text);
    assert.equal(recall(kept, "x"), undefined);
    remember(kept, "x", { itp_pose: [[1]] });
    assert.deepEqual(recall(kept, "x"), { itp_pose: [[1]] });
  }
  const forbidden = { getItem: () => { throw new Error("no"); }, setItem: () => { throw new Error("full"); } };
  remember(forbidden, "x", {});
  assert.equal(recall(forbidden, "x"), undefined);
});

test("names from the prototype are places like any other", () => {
  const kept = storage();
  remember(kept, "__proto__", { itp_pose: [[1]] });
  assert.deepEqual(recall(kept, "__proto__"), { itp_pose: [[1]] });
  assert.equal({}.itp_pose, undefined);
});
