// The order of the templates: all are in it, ours alone are moved, a server that gives no list is left alone.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { inOrder, ORDER, orderTemplates, packOf } from "../../web/template_order.mjs";

const files = readdirSync(new URL("../../example_workflows/", import.meta.url));
const names = files.filter((name) => name.endsWith(".json")).map((name) => name.slice(0, -5));

test("every template has its place, and the coupled portrait comes first", () => {
  assert.deepEqual([...ORDER].sort(), [...names].sort());
  assert.deepEqual(inOrder([...names].reverse()), ORDER);
  assert.equal(ORDER[0], "Start here");
});

test("what is not known comes last, by name", () => {
  assert.deepEqual(inOrder(["zebra", "Start here", "apple"]), ["Start here", "apple", "zebra"]);
});

test("only the list of this pack is sorted", async () => {
  const given = { "my pack": [...ORDER].reverse(), other: ["b", "a"] };
  const api = { getWorkflowTemplates: async () => given };
  orderTemplates(api, "my pack");
  const found = await api.getWorkflowTemplates();
  assert.deepEqual(found, { "my pack": ORDER, other: ["b", "a"] });
});

test("an answer without our list passes through, and so does an editor without the call", async () => {
  for (const answer of [{}, null, { mine: "no list" }]) {
    const api = { getWorkflowTemplates: async () => answer };
    orderTemplates(api, "mine");
    assert.equal(await api.getWorkflowTemplates(), answer);
  }
  const bare = {};
  orderTemplates(bare, "mine");
  assert.deepEqual(bare, {});
});

test("a renamed folder is found by the address", () => {
  assert.equal(packOf("http://127.0.0.1:8188/extensions/My%20heads/template_order.mjs?v=1"), "My heads");
});
