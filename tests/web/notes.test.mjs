// What nodes say in words: a found person, and prompts that were refused.
import assert from "node:assert/strict";
import { test } from "node:test";
import { InnerPreviews } from "../../web/inner_previews.mjs";
import { inWords, isOurs, NodeNotes, refusals, takeAway } from "../../web/node_notes.mjs";
import { wordsFor } from "../../web/words.mjs";

const FOUND = { kind: "found", yaw: 10.8, pitch: 6.4, lpips: 0.057, id: 0.81, warnings: ["Look twice."] };

test("a found person is told in words, its warnings in lines of their own, in every language", () => {
  const [first, ...others] = inWords(FOUND, wordsFor("en")).split("\n");
  for (const part of ["11°", "6°", "very near", "0.06", "81 %"]) assert.ok(first.includes(part), part);
  assert.deepEqual(others, ["⚠ Look twice."]);
  assert.ok(inWords({ ...FOUND, lpips: 0.5 }, wordsFor("en")).includes("far off"));
  for (const language of ["zh", "ja"]) assert.ok(!/undefined|NaN/.test(inWords(FOUND, wordsFor(language))));
  assert.equal(inWords({ kind: "else" }, wordsFor("en")), "");
  assert.equal(inWords(undefined, wordsFor("en")), "");
});

test("refused prompts give our own sentences, without the name of the input twice", () => {
  const errors = {
    "3:7": { class_type: "ITportrait_Fuse", errors: [{ message: "Custom validation failed for node", details: "text - Say something.", extra_info: { input_name: "text" } }] },
    4: { class_type: "KSampler", errors: [{ message: "no", details: "seed" }] },
    5: { class_type: "ITportrait_Align", errors: [{ message: "Required input is missing", details: "image", extra_info: { input_name: "image" } }] },
  };
  assert.deepEqual(refusals(errors).sort(), [["3:7", "Say something."], ["5", "Required input is missing: image"]].sort());
  assert.deepEqual(refusals(null), []);
  assert.ok(isOurs("ITportrait_Fuse") && !isOurs("KSampler") && !isOurs(undefined));
});

test("a failure inside a sub-graph stands on its node and on the one about it, and in the corner", () => {
  const said = [];
  const node = (title) => ({ title, size: [300, 200] });
  const known = { 3: node("One click"), "3:7": node("Fine") };
  const notes = new NodeNotes({ nodeOf: (id) => known[id], tell: (...words) => said.push(words) });
  notes.say = (where, text) => said.push([where.title, text]);
  notes.fail("3:7", " No face. ");
  notes.fail("9", "nobody");
  assert.deepEqual(said, [["One click", "No face."], ["Fine", "No face."], ["error", "Fine", "No face."]]);
});

test("previews of our nodes inside a sub-graph reach the node about it, others none", () => {
  const [outer, older] = [{ title: "One click" }, { imgs: [1] }];
  const known = { 3: outer, "3:7": { comfyClass: "ITportrait_Fuse" }, 4: older, "4:7": { comfyClass: "ITportrait_Fuse" }, "3:8": { comfyClass: "KSampler" } };
  const previews = new InnerPreviews({ nodeOf: (id) => known[id] });
  previews.add = (node) => previews.shown.set(node, { picture: {} }).get(node);
  for (const displayNodeId of ["3:7", "3:8", "4:7", "3", undefined]) previews.show({ blob: new Blob(["x"]), displayNodeId });
  previews.show();
  assert.deepEqual([...previews.shown.keys()], [outer]);
  assert.ok(previews.shown.get(outer).picture.src.startsWith("blob:"));
});

test("a widget leaves its node, also one that hands out copies of its list", () => {
  const [plain, own] = [{ widgets: [1, 2, 3].map((name) => ({ name })) }, [{ name: 4 }]];
  takeAway(plain, plain.widgets[1]);
  assert.deepEqual(plain.widgets.map(({ name }) => name), [1, 3]);
  const copying = { get widgets() { return [...own]; }, ensureWidgetRemoved: (widget) => own.splice(own.indexOf(widget), 1) };
  takeAway(copying, own[0]);
  assert.equal(copying.widgets.length, 0);
});
