// The live head as a DOM element: a picture that turns under the hand, and controls below it. What it shows is held
// by a store, in ComfyUI the node's widgets: `{read(), write(values), limits(name, otherwise), has(name)}`.
import { LIMITS } from "../camera_math.mjs";
import { host, localPoint, make } from "../view_style.mjs";
import { Controls, EXTRA_STYLE } from "./controls.mjs";
import { engine } from "./engine.mjs";
import { parse } from "./format.mjs";
import { coast, release } from "./motion.mjs";
import { Painter } from "./painter.mjs";
import { ANGLES, HOME, NAMES, complete, drag, lookOf, pinch, press, same, zoom } from "./state.mjs";
import { Strip } from "./strip.mjs";

const MOST_PIXELS = 512;

export class LiveHeadView {
  /** `options()` gives `{speed, inverted, finished}`; `actions` may hold `{keep(moment)}`. */
  constructor(store, words, options, actions = {}) {
    Object.assign(this, { store, words, options, actions, pointers: new Map(), track: [], speeds: [0, 0], visible: false });
    Object.assign(this, { head: null, moments: [], finishedAt: null, waiting: 0, loading: 0, ended: false });
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
    this.attach();
    this.sizes = new ResizeObserver(() => this.fit());
    this.sizes.observe(this.stage);
    this.sight = new IntersectionObserver((entries) => this.appear(entries.at(-1).isIntersecting));
    this.sight.observe(this.stage);
    this.say(words.liveEmpty);
  }

  // ---- what is shown

  /** Load the file of a head; the newest call wins. `moments` are `{step, urls}` of a training, `at` one of them. */
  async load(url) {
    const turn = (this.loading += 1);
    try {
      const answer = await fetch(url);
      if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
      const head = parse(await answer.arrayBuffer());
      if (turn === this.loading && !this.ended) this.show(head);
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
    return complete({ ...this.store.read(), ...this.held }, this.limits);
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
    if (this.speeds.some((speed) => speed !== 0)) this.glide(now);
    this.painter.frame(now);
    if (this.painter.resting) this.fade();
  }

  /** Go on turning after a drag; the widgets are written at the end. */
  glide(now) {
    const moved = coast(this.speeds, Math.min(0.1, now - this.glided));
    this.glided = now;
    const { state, limits } = this;
    const pitch = Math.min(limits.pitch[1], Math.max(limits.pitch[0], state.pitch + moved.pitch));
    this.held = { ...this.held, yaw: state.yaw + moved.yaw, pitch };
    this.speeds = moved.speeds;
    if (moved.speeds.every((speed) => speed === 0)) this.settle();
    else this.refresh();
  }

  settle() {
    const { state } = this;
    Object.assign(this, { held: undefined, speeds: [0, 0] });
    this.moveTo(state);
  }

  /** The finished picture over the live one, when it shows the same and nothing moves. */
  fade() {
    const wanted = this.options().finished && this.finishedAt && same(this.state, this.finishedAt) && !this.pointers.size;
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
    [this.canvas.width, this.canvas.height] = [side, side];
    this.painter.stir();
  }

  /** On the screen or not: planes and context are held only while there is something to see. */
  appear(visible) {
    if (visible === this.visible || this.ended) return;
    this.visible = visible;
    if (!visible) return this.painter.dispose();
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
    cancelAnimationFrame(this.waiting);
    this.painter.dispose();
    this.picture.removeAttribute("src");
  }

  // ---- hands

  attach() {
    const on = (name, handler, options) => this.stage.addEventListener(name, handler, options);
    on("pointerdown", (event) => this.grab(event));
    on("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) on(end, (event) => this.drop(event));
    on("dblclick", (event) => this.take(event, () => this.moveTo(HOME)));
    on("wheel", (event) => this.wheel(event), { passive: false });
    on("keydown", (event) => {
      const next = press(this.state, event.key, { shift: event.shiftKey, limits: this.limits });
      if (next && !event.ctrlKey && !event.metaKey) this.take(event, () => this.moveTo(next));
    });
    this.controls.element.addEventListener("pointerdown", (event) => event.stopPropagation());
  }

  take(event, action) {
    event.preventDefault();
    event.stopPropagation();
    action();
  }

  inStage(event) {
    const [x, y] = localPoint(event, this.stage);
    const side = Math.min(this.stage.offsetWidth, this.stage.offsetHeight) || 1;
    return [x / side, y / side];
  }

  grab(event) {
    if (event.button !== 0) return;
    event.stopPropagation(); // or the node moves with it
    this.stage.focus({ preventScroll: true });
    this.stage.setPointerCapture(event.pointerId);
    this.stage.classList.add("held");
    if (this.speeds.some((speed) => speed !== 0)) this.settle();
    this.pointers.set(event.pointerId, this.inStage(event));
    this.painter.touched = true;
    this.track = [];
    this.free = this.state; // unrounded, so that slow drags add up
    this.fade();
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    event.stopPropagation();
    const after = this.inStage(event);
    const points = [...this.pointers.values()];
    this.pointers.set(event.pointerId, after);
    const { speed, inverted } = this.options();
    const gain = speed * (inverted ? -1 : 1);
    const fine = event.ctrlKey || event.altKey;
    this.free = points.length > 1
      ? pinch(this.free, points, [...this.pointers.values()], this.limits)
      : drag(this.free, (after[0] - before[0]) * gain, (after[1] - before[1]) * gain, { fine, limits: this.limits });
    this.track = [...this.track.slice(-20), [performance.now() / 1000, this.free.yaw, this.free.pitch]];
    this.moveTo(this.free);
  }

  drop(event) {
    if (!this.pointers.delete(event.pointerId) || this.pointers.size > 0) return;
    this.stage.classList.remove("held");
    const now = performance.now() / 1000;
    const calm = window.matchMedia?.("(prefers-reduced-motion: reduce)").matches;
    this.speeds = calm || event.type === "pointercancel" ? [0, 0] : release(this.track, now);
    this.glided = now;
    this.held = this.speeds.some((speed) => speed !== 0) ? { yaw: this.free.yaw, pitch: this.free.pitch } : undefined;
    this.refresh();
  }

  /** Only a head that was clicked takes the wheel, so that scrolling over it still moves the graph. */
  wheel(event) {
    if (this.element.shadowRoot.activeElement !== this.stage) return;
    this.take(event, () => this.moveTo(zoom(this.state, -Math.sign(event.deltaY), this.limits)));
  }
}

export const LIVE_WIDGETS = [...NAMES, "strip"];
