// The live head as a DOM element: a picture that turns under the hand, and controls below it. What it shows is held
// by a store, in ComfyUI the node's widgets: `{read(), write(values), limits(name, otherwise), has(name)}`.
import { LIMITS } from "../camera_math.mjs";
import { host, make } from "../view_style.mjs";
import { Controls, EXTRA_STYLE } from "./controls.mjs";
import { engine } from "./engine.mjs";
import { parse } from "./format.mjs";
import { Hands } from "./hands.mjs";
import { Painter } from "./painter.mjs";
import { ANGLES, NAMES, complete, lookOf, same } from "./state.mjs";
import { Strip } from "./strip.mjs";

const MOST_PIXELS = 512;

export class LiveHeadView {
  /** `options()` gives `{speed, inverted, finished}`; `actions` may hold `{keep(moment)}`. */
  constructor(store, words, options, actions = {}) {
    Object.assign(this, { store, words, options, actions, head: null, finishedAt: null });
    Object.assign(this, { visible: false, onScreen: false, waiting: 0, loading: 0, ended: false });
    this.canvas = make("canvas");
    this.picture = make("img", { className: "finished", alt: "" });
    this.note = make("div", { className: "over", attributes: { role: "status" } });
    this.stage = make("div", {
      className: "stage",
      tabIndex: 0,
      attributes: { role: "slider", "aria-label": words.liveLabel, "aria-description": words.liveHelp },
    });
    this.stage.title = `${words.liveLabel}. ${words.liveHelp}`;
    this.stage.append(this.canvas, this.picture, this.note);
    this.controls = new Controls(this);
    this.element = host("itportrait-live", make("style", { textContent: EXTRA_STYLE }), this.stage, this.controls.element);
    this.painter = new Painter(this.canvas, engine, () => this.wake());
    this.strip = new Strip(this);
    this.hands = new Hands(this);
    this.sizes = new ResizeObserver(() => this.fit());
    this.sizes.observe(this.stage);
    this.sight = new IntersectionObserver((entries) => {
      this.onScreen = entries.at(-1).isIntersecting;
      this.appear();
    });
    this.sight.observe(this.stage);
    this.tab = () => this.appear();
    document.addEventListener("visibilitychange", this.tab);
    this.say(words.liveEmpty);
  }

  // ---- what is shown

  /** Load the file of a head; the newest call wins. It ends when the head was drawn, where anything is drawn. */
  async load(url) {
    const turn = (this.loading += 1);
    try {
      const answer = await fetch(url);
      if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
      const head = parse(await answer.arrayBuffer());
      if (turn !== this.loading || this.ended) return;
      this.show(head);
      for (const _ of [1, 2]) await new Promise(requestAnimationFrame); // asked for, and drawn
    } catch (error) {
      if (turn === this.loading) this.say(`${this.words.liveFailed}: ${error.message}`);
    }
  }

  show(head) {
    const first = this.head === null && this.store.begin;
    this.head = head;
    if (first) this.store.begin(complete({ ...head.header.camera, ...head.header.facts?.state, ...this.start }));
    this.controls.offer(head);
    this.painter.show(head);
    this.refresh();
  }

  /** The server's finished picture, and the state that it shows. */
  showFinished(url, state) {
    this.finishedAt = state ? complete(state) : null;
    this.picture.src = url;
    this.refresh();
  }

  get state() {
    return complete({ ...this.store.read(), ...this.hands.held }, this.limits);
  }

  get limits() {
    return Object.fromEntries(ANGLES.map((name) => [name, this.store.limits(name, LIMITS[name])]));
  }

  change(values) {
    this.store.write(values);
    this.refresh();
  }

  /** Angles to a tenth of a degree, as the widgets hold them. */
  moveTo(state) {
    const tidy = ANGLES.map((name) => [name, Math.round(state[name] * (name === "fov" ? 100 : 10)) / (name === "fov" ? 100 : 10)]);
    this.change(Object.fromEntries(tidy));
  }

  // ---- frames

  /** Notice values that were set without a word; cheap. */
  look() {
    const read = JSON.stringify(this.store.read());
    if (read !== this.seen) this.refresh();
    this.seen = read;
  }

  refresh() {
    const { state } = this;
    this.painter.aim(lookOf(state));
    this.controls.update(state);
    this.strip.update(state);
    this.comment();
    this.fade();
    this.describe(state);
    this.wake();
  }

  wake() {
    if (this.waiting || !this.visible || this.ended) return;
    this.waiting = requestAnimationFrame((time) => {
      this.waiting = 0;
      this.frame(time / 1000);
    });
  }

  frame(now) {
    this.hands.glide(now);
    this.painter.frame(now);
    if (this.painter.resting) this.fade();
  }

  /** The finished picture over the live one, when it shows the same and nothing moves. */
  fade() {
    const wanted = this.options().finished && this.finishedAt && same(this.state, this.finishedAt) && !this.hands.holding;
    this.picture.classList.toggle("seen", Boolean(wanted && (this.painter.resting || this.refused)));
  }

  describe(state) {
    const spoken = ANGLES.filter((name) => this.store.has(name)).map((name) => `${this.words[name]} ${Math.round(state[name])}°`);
    const facts = { valuenow: Math.round(state.yaw), valuemin: -180, valuemax: 180, valuetext: spoken.join(", ") };
    for (const [name, value] of Object.entries(facts)) this.stage.setAttribute(`aria-${name}`, value);
  }

  /** What there is to know about the picture: that it is a preview, or that it is not drawn here. */
  comment() {
    if (!this.head) return;
    if (this.refused) this.strip.explain();
    else this.say(this.painter.exact ? "" : this.words.mixPreview);
  }

  say(text) {
    this.note.textContent = text;
    this.note.hidden = text === "";
  }

  // ---- being there

  fit() {
    const density = Math.min(2, window.devicePixelRatio || 1);
    const side = Math.min(MOST_PIXELS, Math.round(Math.min(this.stage.offsetWidth, this.stage.offsetHeight) * density));
    if (side <= 0 || side === this.canvas.width) return;
    const before = this.canvas.width > 0 ? make("canvas", { width: this.canvas.width, height: this.canvas.height }) : null;
    before?.getContext("2d").drawImage(this.canvas, 0, 0);
    [this.canvas.width, this.canvas.height] = [side, side]; // which clears it
    if (before) this.canvas.getContext("2d").drawImage(before, 0, 0, side, side);
    this.painter.stir();
  }

  /** On the screen or not: planes and context are held only while there is something to see. */
  appear() {
    const visible = this.onScreen && !document.hidden;
    if (visible === this.visible || this.ended) return;
    this.visible = visible;
    if (!visible) {
      cancelAnimationFrame(this.waiting); // or it would be drawn, and held, once more
      this.waiting = 0;
      return this.painter.dispose();
    }
    this.refused = engine.join(this.painter, () => this.painter.stir());
    if (this.refused) this.strip.begin(this.refused);
    this.fit();
    this.painter.stir();
    this.refresh();
  }

  dispose() {
    this.ended = true;
    this.sizes.disconnect();
    this.sight.disconnect();
    document.removeEventListener("visibilitychange", this.tab);
    cancelAnimationFrame(this.waiting);
    this.painter.dispose();
    this.picture.removeAttribute("src");
  }
}

export const LIVE_WIDGETS = [...NAMES, "strip"];
