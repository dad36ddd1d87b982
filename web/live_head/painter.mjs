// One head on one canvas: quick pictures from a coarse grid while anything moves, then the field is read into a finer
// one, then the full picture in strips, so that the page never waits long for one frame.
import { isExact, parts } from "./mix.mjs";
import { nextRows, nextSide } from "./motion.mjs";

const REST = [128, 256]; // sides of the pictures at rest, one after the other
const PATIENCE = 0.8; // seconds for one of them, after which the machine is spared the next
const STILL = 0.12; // seconds without a change after which it rests
const GRID = { first: 64, fine: 128, sparing: 96 }; // points a side of the grid that is marched while anything moves

export class Painter {
  /** `canvas` is a 2D canvas; `ask()` asks for another call of `frame`. */
  constructor(canvas, engine, ask) {
    Object.assign(this, { canvas, engine, ask, head: null, look: null, dirty: false, rest: 0, side: 96, rows: 16 });
    Object.assign(this, { slices: 4, strip: 0, issued: null, changed: 0, last: 0, pace: 0.03, drawn: 0 });
    this.sparing = false;
  }

  /** Show another head. */
  show(head) {
    this.head = head;
    this.stir();
  }

  /** Draw from another camera, mixture, mode or over another background: `{view, mix, mode, background}`. */
  aim(look) {
    const text = JSON.stringify(look);
    if (text === this.text) return;
    Object.assign(this, { look, text });
    this.stir();
  }

  /** Draw anew. */
  stir() {
    Object.assign(this, { dirty: true, rest: 0, strip: 0, issued: null });
    this.ask();
  }

  /** Whether the machine has other work, so that quick pictures are all there is. */
  spare(wanted) {
    if (wanted === this.sparing) return;
    this.sparing = wanted;
    this.stir();
  }

  get resting() {
    return !this.dirty && this.rest === REST.length;
  }

  /** Do what the next frame is for; `now` in seconds. Asks for another one until the picture at rest is complete. */
  frame(now) {
    const { head, look, engine } = this;
    if (!head || !look || this.canvas.width === 0) return;
    if (this.sparing && !this.dirty) this.rest = REST.length;
    if (this.resting) return engine.rest(this);
    if (!this.dirty && (now - this.changed < STILL || this.busy(now) || !engine.turn(this))) return this.ask();
    const scene = engine.scene(this, head, look.mix);
    if (!scene) return; // the context is lost; `stir` comes when it is back
    if (!scene.grid) engine.renderer.bake(scene, this.sparing ? GRID.sparing : GRID.first);
    if (this.dirty) this.quick(scene, now);
    else if (scene.grid.points < GRID.fine) this.bake(scene, now);
    else this.refine(scene, now);
  }

  quick(scene, now) {
    const gap = now - this.last;
    if (gap < 0.25) {
      this.pace += 0.25 * (gap - this.pace);
      this.side = nextSide(this.side, this.pace, Math.min(256, this.canvas.width));
    }
    this.put(this.engine.renderer.quick(scene, "quick", this.side, this.look.view, this.options), this.side);
    Object.assign(this, { dirty: false, changed: now, last: now });
    this.engine.first(this);
    this.ask();
  }

  get options() {
    return { normals: this.look.mode === "normals" };
  }

  /** Whether the graphics card is still at the last strip; notes how long it took. */
  busy(now) {
    if (!this.issued) return false;
    const { gl } = this.engine;
    if (gl.clientWaitSync(this.issued.fence, 0, 0) === gl.TIMEOUT_EXPIRED) return true;
    gl.deleteSync(this.issued.fence);
    const took = now - this.issued.time;
    if (this.issued.kind === "slices") this.slices = nextRows(this.slices, took);
    else this.rows = nextRows(this.rows, took);
    this.issued = null;
    return false;
  }

  issue(kind, now) {
    const { gl } = this.engine;
    this.issued = { kind, time: now, fence: gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0) };
    gl.flush();
    this.ask();
  }

  bake(scene, now) {
    this.engine.renderer.bake(scene, GRID.fine, this.slices);
    this.issue("slices", now);
  }

  refine(scene, now) {
    const side = REST[this.rest];
    if (this.strip === 0) this.began = now;
    const to = Math.min(side, this.strip + this.rows);
    const target = this.engine.renderer.march(scene, this, side, this.look.view, { ...this.options, from: this.strip, to });
    this.strip = to;
    if (to === side) {
      this.put(target, Math.max(side, Math.min(512, this.canvas.width)));
      const enough = now - this.began > PATIENCE;
      Object.assign(this, { rest: enough ? REST.length : this.rest + 1, strip: 0 });
    }
    this.issue("rows", now);
  }

  /** Bring a marched picture to the canvas. */
  put(target, pixels) {
    const { engine, look, canvas } = this;
    const { mode, background, view } = look;
    const scene = engine.renderer.scenes.get(this);
    const own = this.head.header.rendering.white_back ? [1, 1, 1] : [0, 0, 0];
    const options = { mode, background: background ?? own, range: engine.renderer.depths(scene, view) };
    engine.renderer.show(target, pixels, view, options);
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(engine.gl.canvas, 0, 0, canvas.width, canvas.height);
    this.drawn += 1;
  }

  /** Whether the mixture is one generator and one person, so that the picture is what the server would draw. */
  get exact() {
    return Boolean(this.head && this.look && isExact(parts(this.head, this.look.mix)));
  }

  dispose() {
    this.issued = null; // another context may be the next, which would not know the fence
    this.engine.leave(this);
  }
}
