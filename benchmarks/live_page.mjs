// What benchmarks/live_page.py asks the page to do with the pack's own modules.
import { HOME } from "/web/live_head/state.mjs";
import { LiveHeadView } from "/web/live_head/head_view.mjs";
import { engine } from "/web/live_head/engine.mjs";
import { openContext } from "/web/live_head/gl.mjs";
import { parse } from "/web/live_head/format.mjs";
import { Renderer } from "/web/live_head/renderer.mjs";
import { camera } from "/web/camera_math.mjs";
import { wordsFor } from "/web/words.mjs";

const text = (floats) => {
  const bytes = new Uint8Array(floats.buffer);
  let out = "";
  for (let i = 0; i < bytes.length; i += 32768) out += String.fromCharCode(...bytes.subarray(i, i + 32768));
  return btoa(out);
};
let renderer, scene, head;
const frame = () => new Promise(requestAnimationFrame);

/** What is opened and closed, by name: benchmarks/live_leaks.py. */
const OPENED = {
  async nothing() {
    for (let i = 0; i < 4; i += 1) await frame();
  },
  async canvas() {
    const gl = openContext();
    document.getElementById("box").append(gl.canvas);
    gl.clear(gl.COLOR_BUFFER_BIT);
    await frame();
    gl.getExtension("WEBGL_lose_context").loseContext();
    gl.canvas.remove();
  },
  file: async (url) => parse(await (await fetch(url)).arrayBuffer()),
  async head(url) {
    const view = window.driver.open(url);
    await view.done;
    while (view.painter.drawn === 0) await frame();
    view.dispose();
    view.element.remove();
  },
};
window.driver = {
  engine, camera,
  async load(url) {
    head = parse(await (await fetch(url)).arrayBuffer());
    renderer ??= new Renderer(openContext());
  },
  raw(view, side, mix, baked) {
    scene = renderer.load("bench", head, mix);
    if (baked && !scene.grid) renderer.bake(scene, 128);
    const target = renderer[baked ? "quick" : "march"](scene, "bench", side, view);
    return [text(renderer.read(target)), text(renderer.read(target, 1))];
  },
  frames(views, side) { // as while dragging: march the grid, show it, bring it to a 2D canvas
    scene = renderer.load("bench", head, {});
    if (!scene.grid) renderer.bake(scene, 128);
    const context = Object.assign(document.createElement("canvas"), { width: 340, height: 340 }).getContext("2d");
    const draw = (view) => {
      renderer.show(renderer.quick(scene, "bench", side, view), side, view);
      context.drawImage(renderer.gl.canvas, 0, 0, 340, 340);
      context.getImageData(0, 0, 1, 1); // wait for it
    };
    draw(views[0]);
    return views.map((view) => { const start = performance.now(); draw(view); return performance.now() - start; });
  },
  card: () => {
    const gl = openContext();
    const name = gl.getParameter(gl.getExtension("WEBGL_debug_renderer_info").UNMASKED_RENDERER_WEBGL);
    gl.getExtension("WEBGL_lose_context").loseContext();
    return name;
  },
  async opens(what, url, count) {
    for (let i = 0; i < count; i += 1) await OPENED[what](url);
    performance.clearResourceTimings(); // the browser's own list of fetches
    return [engine.alive.contexts, engine.alive.heads, engine.owners.size];
  },
  open(url, state = {}) {
    const values = { ...HOME, ...state };
    const store = { values, read: () => ({ ...values }), write: (changed) => Object.assign(values, changed),
      limits: (name, otherwise) => otherwise, has: () => true };
    const view = new LiveHeadView(store, wordsFor("en"), () => ({ speed: 1, inverted: false, finished: true }));
    document.getElementById("box").append(view.element);
    const done = view.load(url);
    return Object.assign(view, { values, done });
  },
};
