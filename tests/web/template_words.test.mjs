// Template texts in other languages: all of them are there, and a user's own are left alone.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { LANGUAGES, templateWords, translate } from "../../web/template_words.mjs";

const here = (path) => new URL(`../../${path}`, import.meta.url);
const json = (url) => JSON.parse(readFileSync(url, "utf-8"));
const templates = readdirSync(here("example_workflows/")).filter((name) => name.endsWith(".json"));
const graphsOf = (name) => {
  const workflow = json(here(`example_workflows/${encodeURIComponent(name)}`));
  return [workflow, ...(workflow.definitions?.subgraphs ?? [])];
};
const graphs = templates.flatMap(graphsOf);

test("every title and note of every template has its words, and none is left over", () => {
  const said = new Set();
  for (const { nodes, groups } of graphs) {
    for (const { title } of groups) said.add(title);
    for (const { title, type, widgets_values: [text] = [] } of nodes) {
      if (title) said.add(title);
      if (/Note$/.test(type)) said.add(text);
    }
  }
  for (const language of LANGUAGES) {
    const words = json(here(`web/template_words/${language}.json`));
    assert.deepEqual(Object.keys(words).sort(), [...said].sort(), language);
    for (const [english, text] of Object.entries(words)) assert.ok(text.trim() && text !== english, english);
  }
});

test("a template is translated, what somebody wrote is not", async () => {
  const words = await templateWords("zh-TW", async (url) => json(url));
  const note = { type: "MarkdownNote", title: "Start here", widgets: [{ value: "my own words" }] };
  const graph = { groups: [{ title: "3  Turn the head" }, { title: "mine" }], nodes: [note, { type: "toString", title: "constructor" }] };
  translate([graph], words);
  assert.equal(note.title, "从这里开始");
  assert.equal(note.widgets[0].value, "my own words");
  assert.deepEqual(graph.groups.map(({ title }) => title), ["3  转动头部", "mine"]);
  assert.equal(graph.nodes[1].title, "constructor");
  assert.deepEqual(await templateWords("en", () => assert.fail()), {});
  assert.deepEqual(await templateWords("ja", async () => { throw new Error("no"); }), {});
});
