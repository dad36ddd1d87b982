// Hands on a live head: drags, two fingers, wheel and keys turn it, and a drag goes on for a while.
import { localPoint } from "../view_style.mjs";
import { coast, release } from "./motion.mjs";
import { HOME, drag, pinch, press, zoom } from "./state.mjs";

export class Hands {
  constructor(view) {
    Object.assign(this, { view, stage: view.stage, pointers: new Map(), track: [], speeds: [0, 0], held: undefined });
    this.attach();
  }

  get holding() {
    return this.pointers.size > 0;
  }

  get gliding() {
    return this.speeds.some((speed) => speed !== 0);
  }

  /** Go on turning after a drag; the widgets are written at the end. */
  glide(now) {
    if (!this.gliding) return;
    const { state, limits } = this.view;
    const moved = coast(this.speeds, Math.min(0.1, now - this.glided));
    this.glided = now;
    const pitch = Math.min(limits.pitch[1], Math.max(limits.pitch[0], state.pitch + moved.pitch));
    this.held = { yaw: state.yaw + moved.yaw, pitch }; // what the widgets do not say yet
    this.speeds = moved.speeds;
    if (this.gliding) this.view.refresh();
    else this.settle();
  }

  settle() {
    const { state } = this.view;
    Object.assign(this, { held: undefined, speeds: [0, 0] });
    this.view.moveTo(state);
  }

  attach() {
    const on = (name, handler, options) => this.stage.addEventListener(name, handler, options);
    on("pointerdown", (event) => this.grab(event));
    on("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) on(end, (event) => this.drop(event));
    on("dblclick", (event) => this.take(event, () => this.view.moveTo(HOME)));
    on("wheel", (event) => this.wheel(event), { passive: false });
    on("keydown", (event) => {
      const next = press(this.view.state, event.key, { shift: event.shiftKey, limits: this.view.limits });
      if (next && !event.ctrlKey && !event.metaKey) this.take(event, () => this.view.moveTo(next));
    });
    this.view.controls.element.addEventListener("pointerdown", (event) => event.stopPropagation());
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
    if (this.gliding) this.settle();
    this.pointers.set(event.pointerId, this.inStage(event));
    this.track = [];
    this.free = this.view.state; // unrounded, so that slow drags add up
    this.view.fade();
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    event.stopPropagation();
    const after = this.inStage(event);
    const points = [...this.pointers.values()];
    this.pointers.set(event.pointerId, after);
    const { speed, inverted } = this.view.options();
    const gain = speed * (inverted ? -1 : 1);
    const fine = event.ctrlKey || event.altKey;
    this.free = points.length > 1
      ? pinch(this.free, points, [...this.pointers.values()], this.view.limits)
      : drag(this.free, (after[0] - before[0]) * gain, (after[1] - before[1]) * gain, { fine, limits: this.view.limits });
    this.track = [...this.track.slice(-20), [performance.now() / 1000, this.free.yaw, this.free.pitch]];
    this.view.moveTo(this.free);
  }

  drop(event) {
    if (!this.pointers.delete(event.pointerId) || this.pointers.size > 0) return;
    this.stage.classList.remove("held");
    const now = performance.now() / 1000;
    const calm = window.matchMedia?.("(prefers-reduced-motion: reduce)").matches;
    this.speeds = calm || event.type === "pointercancel" ? [0, 0] : release(this.track, now);
    this.glided = now;
    this.held = this.gliding ? { yaw: this.free.yaw, pitch: this.free.pitch } : undefined;
    this.view.refresh();
  }

  /** Only a head that was clicked takes the wheel, so that scrolling over it still moves the graph. */
  wheel(event) {
    if (this.view.element.shadowRoot.activeElement !== this.stage) return;
    this.take(event, () => this.view.moveTo(zoom(this.view.state, -Math.sign(event.deltaY), this.view.limits)));
  }
}
