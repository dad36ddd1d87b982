// Draws live heads with one WebGL2 context: uploads planes, marches rays, puts the picture on a canvas.
import { camera, dot, minus } from "../camera_math.mjs";
import { makeProgram, makeTarget, makeTexture } from "./gl.mjs";
import { mixed, parts } from "./mix.mjs";
import { CELLS, TILES, occupancyOf } from "./occupancy.mjs";
import { PRESENT } from "./present.mjs";
import { bordered, decoderBlock } from "./layout.mjs";
import { bakeSource, densitySource, quickSource } from "./grid.mjs";
import { marchSource } from "./shader.mjs";

export const MODES = ["picture", "depth", "normals"];

export class Renderer {
  constructor(gl) {
    this.gl = gl;
    this.programs = new Map();
    this.targets = new Map();
    this.scenes = new Map(); // key of a head's owner -> {planes, decoder, occupied, emptyDensity, mixture}
    this.present = makeProgram(gl, PRESENT);
    this.empty = gl.createVertexArray();
    gl.bindVertexArray(this.empty);
  }

  program(source) {
    if (!this.programs.has(source)) {
      const made = makeProgram(this.gl, source);
      const block = this.gl.getUniformBlockIndex(made.program, "Decoder");
      if (block !== this.gl.INVALID_INDEX) this.gl.uniformBlockBinding(made.program, block, 0);
      this.programs.set(source, made);
    }
    return this.programs.get(source);
  }

  target(name, side) {
    const known = this.targets.get(name);
    if (known?.side === side) return known;
    known?.free();
    this.targets.set(name, makeTarget(this.gl, side));
    return this.targets.get(name);
  }

  /** Bring a mixture of a head to the graphics card; nothing happens where it is there already. */
  load(owner, head, mix) {
    const mixture = parts(head, mix);
    const key = JSON.stringify(mixture);
    const known = this.scenes.get(owner);
    if (known?.key === key && known.head === head) return known;
    const { gl } = this;
    const { channels, hidden, side } = head.header;
    const { planes, decoder } = mixed(head, mixture);
    const layers = (3 * channels) / 4;
    this.drop(owner);
    const buffer = gl.createBuffer();
    gl.bindBuffer(gl.UNIFORM_BUFFER, buffer);
    gl.bufferData(gl.UNIFORM_BUFFER, decoderBlock(decoder, channels, hidden), gl.STATIC_DRAW);
    const texture = makeTexture(gl, {
      target: gl.TEXTURE_2D_ARRAY, internal: gl.RGBA16F, format: gl.RGBA, type: gl.FLOAT,
      size: [side + 2, side + 2, layers], data: bordered(planes, layers, side),
    });
    const scene = { key, head, planes: texture, decoder: buffer };
    this.scenes.set(owner, scene);
    this.scan(scene);
    return scene;
  }

  /** Find out where the head is. */
  scan(scene) {
    const { gl } = this;
    const [width, height] = [CELLS * TILES, (CELLS * CELLS) / TILES];
    const picture = makeTexture(gl, { target: gl.TEXTURE_2D, internal: gl.RGBA8, format: gl.RGBA, type: gl.UNSIGNED_BYTE, size: [width, height] });
    const framebuffer = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, picture, 0);
    const { at } = this.use(this.program(densitySource(scene.head.header)), scene);
    gl.uniform1f(at.cells, CELLS);
    gl.uniform1f(at.tiles, TILES);
    this.fill(width, height);
    const densities = new Uint8Array(width * height * 4);
    gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, densities);
    gl.deleteFramebuffer(framebuffer);
    gl.deleteTexture(picture);
    const { cells, emptyDensity, box } = occupancyOf(densities);
    Object.assign(scene, { emptyDensity, box });
    scene.occupied = makeTexture(gl, {
      target: gl.TEXTURE_3D, internal: gl.R8, format: gl.RED, type: gl.UNSIGNED_BYTE, size: [CELLS, CELLS, CELLS], data: cells, filter: gl.NEAREST,
    });
  }

  /** Read the field at `points` a side of a grid, `slices` more of them; true once all are read. */
  bake(scene, points, slices = points) {
    const { gl } = this;
    if (scene.coming?.points !== points) {
      gl.deleteTexture(scene.coming?.texture ?? null);
      const size = [points, points, points];
      const texture = makeTexture(gl, { target: gl.TEXTURE_3D, internal: gl.RGBA16F, format: gl.RGBA, type: gl.HALF_FLOAT, size });
      scene.coming = { texture, points, baked: 0 };
    }
    const { coming } = scene;
    const framebuffer = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
    const { at } = this.use(this.program(bakeSource(scene.head.header)), scene);
    this.texture3d(1, scene.occupied, at.occupied);
    gl.uniform1f(at.empty_density, scene.emptyDensity);
    gl.uniform1f(at.points, points);
    for (const end = Math.min(points, coming.baked + slices); coming.baked < end; coming.baked += 1) {
      gl.framebufferTextureLayer(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, coming.texture, 0, coming.baked);
      gl.uniform1f(at.slice, coming.baked);
      this.fill(points, points);
    }
    gl.deleteFramebuffer(framebuffer);
    if (coming.baked < points) return false;
    gl.deleteTexture(scene.grid?.texture ?? null);
    Object.assign(scene, { grid: coming, coming: null });
    return true;
  }

  texture3d(unit, texture, place) {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(gl.TEXTURE_3D, texture);
    gl.uniform1i(place, unit);
  }

  use(made, scene) {
    const { gl } = this;
    gl.useProgram(made.program);
    gl.bindBufferBase(gl.UNIFORM_BUFFER, 0, scene.decoder);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, scene.planes);
    gl.uniform1i(made.at.planes, 0);
    return made;
  }

  fill(width, height) {
    this.gl.viewport(0, 0, width, height);
    this.gl.drawArrays(this.gl.TRIANGLES, 0, 3);
  }

  /** March rays through the field into the target `name` of `side` x `side`; rows `[from, to)` only, from the bottom. */
  march(scene, name, side, view, { normals = false, from = 0, to = side } = {}) {
    return this.rays(scene, marchSource, name, side, view, normals, [from, to]);
  }

  /** March through the grid of `bake` in place of planes and decoder. */
  quick(scene, name, side, view, { normals = false } = {}) {
    return this.rays(scene, quickSource, name, side, view, normals, [0, side]);
  }

  rays(scene, source, name, side, view, normals, [from, to]) {
    const { gl } = this;
    const target = this.target(name, side);
    gl.bindFramebuffer(gl.FRAMEBUFFER, target.framebuffer);
    const { header } = scene.head;
    const { at } = this.use(this.program(source(header)), scene);
    const { position, right, down, forward, focal } = camera(view);
    for (const [place, value] of [[at.origin, position], [at.right, right], [at.down, down], [at.forward, forward]]) gl.uniform3fv(place, value);
    gl.uniform1f(at.focal, focal);
    gl.uniform1f(at.resolution, side);
    gl.uniform1i(at.normals, Number(normals));
    if (at.volume) {
      this.texture3d(1, scene.grid.texture, at.volume);
      const [low, high] = scene.box.map((corner) => corner.map((v) => v * header.rendering.box_warp));
      gl.uniform3fv(at.low, low);
      gl.uniform3fv(at.high, high);
    }
    gl.enable(gl.SCISSOR_TEST);
    gl.scissor(0, from, side, to - from);
    this.fill(side, side);
    gl.disable(gl.SCISSOR_TEST);
    return target;
  }

  /** Put a marched target on the context's canvas, which takes the size `pixels`. */
  show(target, pixels, view, { mode = "picture", background = [1, 1, 1], range = [2.25, 3.3] } = {}) {
    const { gl } = this;
    if (gl.canvas.width !== pixels || gl.canvas.height !== pixels) [gl.canvas.width, gl.canvas.height] = [pixels, pixels];
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    const { program, at } = this.present;
    gl.useProgram(program);
    target.textures.forEach((texture, i) => {
      gl.activeTexture(gl.TEXTURE2 + i);
      gl.bindTexture(gl.TEXTURE_2D, texture);
    });
    gl.uniform1i(at.colours, 2);
    gl.uniform1i(at.surfaces, 3);
    const { right, down, forward } = camera(view);
    gl.uniform2f(at.target, pixels, pixels);
    gl.uniform3fv(at.background, background);
    gl.uniform3fv(at.right, right);
    gl.uniform3fv(at.up, down.map((v) => -v));
    gl.uniform3fv(at.back, forward.map((v) => -v));
    gl.uniform2fv(at.range, range);
    gl.uniform1i(at.mode, MODES.indexOf(mode));
    this.fill(pixels, pixels);
  }

  /** Nearest and farthest depth of the box around a head, from a camera. */
  depths({ box, head }, view) {
    const { position, forward } = camera(view);
    const corners = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => [0, 1, 2].map((axis) => box[(i >> axis) & 1][axis]));
    const along = corners.map((corner) => dot(minus(corner.map((v) => v * head.header.rendering.box_warp), position), forward));
    return [Math.min(...along), Math.max(...along)];
  }

  /** Marched colours and opacity `[side, side, 4]` as floats, the top row first. For measurements. */
  read(target, attachment = 0) {
    const { gl } = this;
    const { side } = target;
    gl.bindFramebuffer(gl.FRAMEBUFFER, target.framebuffer);
    gl.readBuffer(gl.COLOR_ATTACHMENT0 + attachment);
    const values = new Float32Array(side * side * 4);
    gl.readPixels(0, 0, side, side, gl.RGBA, gl.FLOAT, values);
    const out = new Float32Array(values.length);
    for (let y = 0; y < side; y += 1) out.set(values.subarray((side - 1 - y) * side * 4, (side - y) * side * 4), y * side * 4);
    return out;
  }

  /** Give back a target. */
  free(name) {
    this.targets.get(name)?.free();
    this.targets.delete(name);
  }

  /** Give back what a head holds on the graphics card. */
  drop(owner) {
    const scene = this.scenes.get(owner);
    if (!scene) return;
    for (const texture of [scene.planes, scene.occupied, scene.grid?.texture, scene.coming?.texture]) this.gl.deleteTexture(texture ?? null);
    this.gl.deleteBuffer(scene.decoder);
    this.scenes.delete(owner);
  }
}
