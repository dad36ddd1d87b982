// Where an editor does not show a new widget, its element is put into the node.
import assert from "node:assert/strict";
import test from "node:test";
import { showLate } from "../../web/late_widgets.mjs";

const frame = async () => {};

/** A page on which the node 7 has a list of widgets, and what came into it. */
function page() {
  const list = [];
  globalThis.document = { querySelector: (where) => (where.includes('"7"') ? { append: (one) => list.push(one) } : null) };
  return list;
}

test("an element that nobody has shown is put at the end of its node, with its height", async () => {
  const [list, element] = [page(), { isConnected: false, style: {} }];
  await showLate({ id: 7 }, element, 400, frame);
  assert.deepEqual([list, element.style.minHeight], [[element], "400px"]);
});

test("what is shown already stays where it is, and the classic renderer has no such list", async () => {
  const list = page();
  await showLate({ id: 7 }, { isConnected: true, style: {} }, 400, frame);
  await showLate({ id: 8 }, { isConnected: false, style: {} }, 400, frame);
  assert.deepEqual(list, []);
});
