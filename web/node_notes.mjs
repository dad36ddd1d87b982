// What a node has to say, on the node itself: why it failed, and in words what a run found.
import { host, make } from "./view_style.mjs";

const OURS = "ITportrait_";
const LETTER = 6.2; // pixels of a letter, about
const LINE = 17;
const WAIT = 200; // milliseconds between two looks for a refused prompt
const LOOKS = 50;

/** Whether a node of this kind is ours. */
export const isOurs = (type) => String(type ?? "").startsWith(OURS);

/**
 * Take a widget out of its node; that of a sub-graph hands out copies of its list, and has a way of its own.
 * Nodes 2.0 of frontend 1.32.9 goes on showing the element of a widget that has gone.
 */
export function takeAway(node, widget) {
  widget.onRemove?.();
  widget.element?.remove();
  const place = node.widgets?.indexOf(widget) ?? -1;
  if (place >= 0) node.widgets.splice(place, 1);
  if (node.widgets?.includes(widget)) node.ensureWidgetRemoved?.(widget);
}

/** The words for a note `{kind, ...}` as the server sends it; empty where the kind is not known. */
export function inWords(note, words) {
  if (note?.kind === "whole") return words.keptWhole;
  if (note?.kind !== "found") return "";
  const near = [0.08, 0.15, 0.3].findIndex((most) => note.lpips <= most);
  const facts = [
    `${words.turned} ${Math.round(note.yaw)}°, ${words.fromAbove} ${Math.round(note.pitch)}°`,
    `${words.picture}: ${words.nearness.at(near)} (LPIPS ${Number(note.lpips).toFixed(2)})`,
    `${words.identity} ${Math.round(100 * note.id)} %`,
  ];
  return [`${facts.join(" · ")}.`, ...(note.warnings ?? []).map((text) => `⚠ ${text}`)].join("\n");
}

/** Sentences of a refused prompt `{id: {class_type, errors: [{details, extra_info}]}}`: `[[id, sentence]]`. */
export const refusals = (errors) =>
  Object.entries(errors ?? {})
    .filter(([, { class_type }]) => isOurs(class_type))
    .map(([id, { errors: list }]) => [id, [...new Set(list.map((one) => sentenceOf(one)))].join("\n")]);

function sentenceOf({ message, details = "", extra_info }) {
  const name = extra_info?.input_name;
  const said = name && details.startsWith(`${name} - `) ? details.slice(name.length + 3) : details;
  return message?.startsWith("Custom validation") ? said : [message, said].filter(Boolean).join(": ");
}

export class NodeNotes {
  /** `page` is `{app, api, words(), nodeOf(executionId), tell(severity, summary, detail)}`. */
  constructor(page) {
    Object.assign(this, { page, shown: new Map() });
  }

  /** Put a text into a node, in place of the one before; an empty one takes it away. */
  say(node, text, failed = false) {
    this.clear(node);
    if (!text) return;
    const note = make("div", { textContent: text, className: failed ? "said failed" : "said", attributes: { role: failed ? "alert" : "status" } });
    const element = host("itportrait-note", note);
    const height = () => text.split("\n").reduce((sum, line) => sum + Math.ceil((line.length * LETTER) / Math.max(node.size[0] - 40, 120)), 0) * LINE + 12;
    const options = { serialize: false, hideOnZoom: false, getMinHeight: height, getValue: () => "", setValue: () => {} };
    const widget = node.addDOMWidget("note", "ITP_NOTE", element, options);
    widget.serialize = false;
    this.shown.set(node, { widget, failed });
    this.fit(node, height());
  }

  clear(node) {
    const known = this.shown.get(node);
    if (!known) return;
    takeAway(node, known.widget);
    this.shown.delete(node);
  }

  /** Room for a note, never less than the node has. */
  fit(node, more) {
    const [, height] = node.computeSize?.() ?? node.size;
    node.setSize?.([node.size[0], Math.max(height, node.size[1] + (height > node.size[1] ? more : 0))]);
    node.graph?.setDirtyCanvas?.(true, true);
  }

  /** Listen to runs: what fails, and prompts that are refused before they run. */
  attach() {
    const { api } = this.page;
    const forget = () => [...this.shown].forEach(([node, { failed }]) => failed && this.clear(node));
    api.addEventListener("execution_start", forget);
    api.addEventListener("execution_error", ({ detail }) => isOurs(detail?.node_type) && this.fail(detail.node_id, detail.exception_message));
    api.addEventListener("promptQueueing", () => {
      forget();
      setTimeout(() => this.watch(LOOKS), WAIT); // errors of the prompt before are gone by then
    });
  }

  /** Show why a node failed: on the node, and on those of sub-graphs about it, and for a while in the corner. */
  fail(id, sentence) {
    const parts = String(id).split(":");
    const nodes = parts.map((_, i) => this.page.nodeOf(parts.slice(0, i + 1).join(":"))).filter(Boolean);
    const text = String(sentence ?? "").trim();
    if (nodes.length === 0 || !text) return;
    for (const node of nodes) this.say(node, text, true);
    this.page.tell("error", nodes.at(-1).title, text);
  }

  /** A refused prompt has no event of its own: look for its errors until it is queued. */
  watch(looks) {
    const found = refusals(this.page.app.lastNodeErrors);
    if (found.length > 0) for (const [id, text] of found) this.fail(id, text);
    else if (looks > 0) setTimeout(() => this.watch(looks - 1), WAIT);
  }

  /** Put into words what a run found. */
  heard(node, output) {
    const [note] = output?.itp_note ?? [];
    if (note) this.say(node, inWords(note, this.page.words()));
  }
}
