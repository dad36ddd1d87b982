// The camera view: a DOM element that shows and moves the camera which a node's number widgets hold.
import { HOME, LIMITS, drag, press, tidy, turn, zoom } from "./camera_math.mjs";
import { dialKnob, drawCamera, layout, mapAngles, mapSpan, sliderFov } from "./camera_draw.mjs";
import { POSES, PRESETS, nearest, viewsOf } from "./camera_paths.mjs";
import { themeOf } from "./theme.mjs";
import { fitCanvas, host, localPoint, make } from "./view_style.mjs";

const ANGLES = ["yaw", "pitch", "roll", "fov"];
const PATH = ["path", "views", "yaw_range", "pitch_range", "columns", "rows"];
export const CAMERA_WIDGETS = [...ANGLES, ...PATH, "pose_init"];
const REACH = 12; // pixels about a handle that still take hold of it

export class CameraView {
  /** `bridge` reads and writes the widgets; `options()` gives `{speed, inverted, backdrop}` of the settings. */
  constructor(bridge, words, options) {
    Object.assign(this, { bridge, words, options, pictures: [], found: null, held: null, over: false, frame: 0 });
    this.canvas = make("canvas");
    this.stage = make("div", {
      className: "stage",
      tabIndex: 0,
      title: `${words.cameraLabel}. ${words.cameraHelp}`,
      attributes: { role: "slider", "aria-label": words.cameraLabel, "aria-description": words.cameraHelp },
    });
    this.stage.append(this.canvas);
    this.row = make("div", { className: "row", attributes: { role: "toolbar" } });
    this.element = host("itportrait-camera", this.stage, this.row);
    this.attach();
    this.sizes = new ResizeObserver(() => this.refresh());
    this.sizes.observe(this.stage);
  }

  /** Call once the node has all its widgets: offers the presets that it can follow. */
  begin() {
    const offered = this.bridge.has("path") ? Object.keys(PRESETS) : POSES;
    this.buttons = offered.map((name) => {
      const button = make("button", { type: "button", textContent: this.words[name], attributes: { "data-preset": name } });
      button.addEventListener("click", () => this.change({ ...PRESETS[name], pose_init: "user" }));
      return button;
    });
    this.row.replaceChildren(...this.buttons);
    this.refresh();
  }

  dispose() {
    this.sizes.disconnect();
    cancelAnimationFrame(this.frame);
    this.showPictures([]);
  }

  /** Put the last render behind the head: one picture, or one for each view of the path. */
  showPictures(urls) {
    this.pictures = urls.map((url) => {
      const picture = new Image();
      picture.onload = () => this.refresh();
      picture.src = url;
      return picture;
    });
    this.refresh();
  }

  /** Mark the pose `[yaw, pitch, roll]` that the node found, as a ring on the map. */
  showPose(pose) {
    const [yaw, pitch] = (Array.isArray(pose) ? pose : []).map(Number);
    this.found = Number.isFinite(yaw) && Number.isFinite(pitch) ? { yaw, pitch } : null;
    this.refresh();
  }

  get limits() {
    return Object.fromEntries(ANGLES.map((name) => [name, this.bridge.limits(name, LIMITS[name])]));
  }

  get state() {
    const values = this.bridge.read();
    const angles = Object.fromEntries(ANGLES.map((n) => [n, Number(values[n] ?? HOME[n])]));
    return tidy(angles, this.limits);
  }

  /** Write angles or other settings into the widgets, and draw. */
  change(values) {
    this.bridge.write(values);
    this.refresh();
  }

  /** Write angles. A node that can find the pose by itself is told that it is now set by hand. */
  moveTo(state) {
    const tenths = (name) => (name === "fov" ? state.fov : Math.round(state[name] * 10) / 10);
    const angles = Object.fromEntries(ANGLES.map((name) => [name, tenths(name)]));
    this.change({ ...angles, pose_init: "user" });
  }

  /** Notice widgets that were set without a word; cheap, so it may be called often. */
  look() {
    const read = JSON.stringify(this.bridge.read());
    if (read !== this.drawn) this.refresh();
    this.drawn = read;
  }

  /** Draw at the next frame. */
  refresh() {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.draw());
  }

  draw() {
    const fitted = fitCanvas(this.canvas, this.stage);
    if (!fitted) return;
    const settings = this.bridge.read();
    const [state, limits] = [this.state, this.limits];
    const views = viewsOf({ ...settings, ...state });
    const chosen = nearest(views, state);
    const span = this.held?.span ?? mapSpan([state, ...views]); // the map keeps its scale while it is dragged
    this.place = layout(fitted.width, fitted.height, span);
    drawCamera(fitted.context, {
      place: this.place,
      theme: themeOf(this.element),
      words: this.words,
      linked: ANGLES.filter((name) => this.bridge.linked(name)),
      hasFov: this.bridge.has("fov"),
      picture: this.options().backdrop ? this.backdrop(views, chosen) : null,
      emphasis: this.held ? 2 : Number(this.over),
      active: this.held?.part,
      found: this.found,
      state, limits, views, chosen,
    });
    this.describe(state, limits.yaw, settings);
  }

  /** The render of the nearest view where there is one for each, else the first. */
  backdrop(views, chosen) {
    const picture = this.pictures.length === views.length ? this.pictures[chosen] : this.pictures[0];
    return picture?.complete && picture.naturalWidth > 0 ? picture : null;
  }

  describe(state, [low, high], settings) {
    const spoken = ANGLES.filter((n) => this.bridge.has(n)).map((n) => `${this.words[n]} ${Math.round(state[n])}°`);
    const facts = { valuenow: Math.round(state.yaw), valuemin: low, valuemax: high, valuetext: spoken.join(", ") };
    for (const [name, value] of Object.entries(facts)) this.stage.setAttribute(`aria-${name}`, value);
    for (const button of this.buttons ?? []) {
      const wanted = Object.entries(PRESETS[button.dataset.preset]).filter(([name]) => name in settings);
      button.setAttribute("aria-pressed", String(wanted.every(([name, value]) => settings[name] === value)));
    }
  }

  /** Which part of the view lies under a point: `roll`, `fov`, `map` or `head`. */
  partAt([x, y], shift = false) {
    const { map, frame, slider } = this.place;
    const near = ([px, py]) => Math.hypot(px - x, py - y) <= REACH;
    if (y >= map.y) return "map";
    if (this.bridge.has("fov") && Math.abs(x - slider.x) < 2 * REACH && x > frame.x + frame.side) return "fov";
    if (near(dialKnob(this.place, this.state.roll))) return "roll";
    return shift ? "roll" : "head";
  }

  attach() {
    const on = (name, handler, options) => this.stage.addEventListener(name, handler, options);
    on("pointerdown", (event) => this.grab(event));
    on("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) on(end, () => this.release());
    on("pointerenter", () => this.hover(true));
    on("pointerleave", () => this.hover(false));
    on("dblclick", (event) => this.take(event, () => this.moveTo(HOME)));
    on("wheel", (event) => this.wheel(event), { passive: false });
    on("keydown", (event) => {
      const next = press(this.state, event.key, { shift: event.shiftKey, limits: this.limits });
      if (next && !event.ctrlKey && !event.metaKey) this.take(event, () => this.moveTo(next));
    });
    this.row.addEventListener("pointerdown", (event) => event.stopPropagation());
  }

  /** Handle an event here and nowhere else. */
  take(event, action) {
    event.preventDefault();
    event.stopPropagation();
    action();
  }

  hover(over) {
    this.over = over;
    this.refresh();
  }

  grab(event) {
    if (event.button !== 0 || !this.place) return;
    event.stopPropagation(); // or the node moves with it; the default stays, for focus and undo
    this.stage.focus({ preventScroll: true });
    this.stage.setPointerCapture(event.pointerId);
    this.stage.classList.add("held");
    const point = localPoint(event, this.stage);
    const part = this.partAt(point, event.shiftKey);
    this.held = { part, point, state: this.state, span: this.place.span };
    this.move(event);
  }

  move(event) {
    const point = this.place && localPoint(event, this.stage);
    if (!this.held) {
      if (point) this.stage.classList.toggle("over-handle", this.partAt(point) !== "head");
      return;
    }
    event.stopPropagation();
    const state = this.moved(this.held, point, event.ctrlKey || event.altKey);
    Object.assign(this.held, { point, state }); // unrounded, so that slow drags add up
    this.moveTo(state);
  }

  /** The state after the pointer went from where it was to `point`. */
  moved({ part, point: from, state }, point, fine) {
    const { frame } = this.place;
    const { limits } = this;
    const inFrame = ([x, y]) => [(x - frame.x) / frame.side, (y - frame.y) / frame.side];
    if (part === "roll") return turn(state, inFrame(from), inFrame(point), limits);
    if (part === "fov") return tidy({ ...state, fov: sliderFov(this.place, point[1], limits.fov) }, limits);
    if (part === "map") return tidy({ ...state, ...clampMap(mapAngles(this.place, ...point), limits) }, limits);
    const { speed, inverted } = this.options();
    const gain = (speed * (inverted ? -1 : 1)) / frame.side;
    return drag(state, (point[0] - from[0]) * gain, (point[1] - from[1]) * gain, { fine, limits });
  }

  release() {
    this.held = null;
    this.stage.classList.remove("held");
    this.refresh();
  }

  /** Only a view that was clicked takes the wheel, so that scrolling over it still moves the graph. */
  wheel(event) {
    if (this.element.shadowRoot.activeElement !== this.stage) return;
    if (!this.bridge.has("fov")) return;
    this.take(event, () => this.moveTo(zoom(this.state, -Math.sign(event.deltaY), this.limits)));
  }
}

const clampMap = ({ yaw, pitch }, limits) => ({
  yaw: Math.min(limits.yaw[1], Math.max(limits.yaw[0], yaw)),
  pitch,
});
