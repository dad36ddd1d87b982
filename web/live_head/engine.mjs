// One WebGL2 context for every live head of the page. Each head has a plain 2D canvas of its own, on which its last
// picture stays; planes of at most `MOST` heads lie on the graphics card, those that were drawn last. One head at a
// time is drawn finely: were they drawn in turn, each would take the planes of another from the card.
import { openContext } from "./gl.mjs";
import { Renderer } from "./renderer.mjs";

export const MOST = 4;

export class Engine {
  constructor(open = openContext, make = (gl) => new Renderer(gl)) {
    Object.assign(this, { open, make, owners: new Map(), renderer: null, gl: null, refused: "", busy: null });
  }

  /** Whether there is WebGL2, or why there is none. `wake` is called when everything must be drawn again. */
  join(owner, wake) {
    this.owners.set(owner, wake);
    if (!this.gl) this.start();
    return this.refused;
  }

  start() {
    try {
      this.gl = this.open();
      this.renderer = this.make(this.gl);
      this.refused = "";
    } catch (error) {
      this.refused = error.message;
      this.gl = null;
      return;
    }
    this.lost = (event) => {
      event.preventDefault(); // or it is never restored
      this.renderer = null;
    };
    this.restored = () => {
      this.renderer = this.make(this.gl);
      for (const wake of this.owners.values()) wake();
    };
    this.gl.canvas.addEventListener("webglcontextlost", this.lost);
    this.gl.canvas.addEventListener("webglcontextrestored", this.restored);
  }

  /** The scene of an owner's head and mixture, on the card; the one that was drawn longest ago makes room. */
  scene(owner, head, mix) {
    const { renderer } = this;
    if (!renderer || this.gl.isContextLost()) return null;
    const scene = renderer.load(owner, head, mix);
    renderer.scenes.delete(owner);
    renderer.scenes.set(owner, scene); // the last in order is the last drawn
    for (const other of [...renderer.scenes.keys()].slice(0, -MOST)) renderer.drop(other);
    return scene;
  }

  /** Whether an owner may draw finely now; the one that may keeps this until it rests, leaves or another is moved. */
  turn(owner) {
    if (!this.owners.has(this.busy)) this.busy = owner;
    return this.busy === owner;
  }

  /** An owner is moved: it comes before all others. */
  first(owner) {
    this.busy = owner;
  }

  /** An owner has nothing more to draw. */
  rest(owner) {
    if (this.busy === owner) this.busy = null;
  }

  /** An owner leaves, or is not to be seen for now: its planes are freed, and with the last one the context. */
  leave(owner) {
    this.owners.delete(owner);
    this.rest(owner);
    this.renderer?.drop(owner);
    this.renderer?.free(owner);
    if (this.owners.size === 0) this.close();
  }

  close() {
    if (!this.gl) return;
    this.gl.canvas.removeEventListener("webglcontextlost", this.lost);
    this.gl.canvas.removeEventListener("webglcontextrestored", this.restored);
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
    Object.assign(this, { gl: null, renderer: null });
  }

  /** `{contexts, heads}` that are alive. */
  get alive() {
    return { contexts: Number(this.gl !== null), heads: this.renderer?.scenes.size ?? 0 };
  }
}

/** The page's own. */
export const engine = new Engine();
