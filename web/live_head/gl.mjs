// Small WebGL2 helpers: programs, targets, textures. They throw with the driver's own words.

/** A context on a new canvas, or an error that says why there is none. */
export function openContext() {
  const canvas = document.createElement("canvas");
  let why = "";
  const listen = (event) => (why = event.statusMessage ?? "");
  canvas.addEventListener("webglcontextcreationerror", listen);
  const gl = canvas.getContext("webgl2", { alpha: false, antialias: false, depth: false, powerPreference: "high-performance" });
  if (!gl) throw new Error(why || "this browser gives no WebGL2 context");
  gl.getExtension("EXT_color_buffer_float") ?? gl.getExtension("EXT_color_buffer_half_float");
  return gl;
}

let drawer;

/** Who draws WebGL2 here: "card", "processor", which a training needs for itself, or "nobody". */
export function whoDraws() {
  if (drawer === undefined) {
    const gl = document.createElement("canvas").getContext("webgl2");
    const named = gl?.getExtension("WEBGL_debug_renderer_info");
    const name = gl ? String(gl.getParameter(named ? named.UNMASKED_RENDERER_WEBGL : gl.RENDERER)) : "";
    drawer = !gl ? "nobody" : /swiftshader|llvmpipe|software|basic render/i.test(name) ? "processor" : "card";
    gl?.getExtension("WEBGL_lose_context")?.loseContext();
  }
  return drawer;
}

const VERTEX = `#version 300 es
void main() { // one triangle over the whole target
  gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0, 0.0, 1.0);
}`;

/** A program that runs a fragment shader on every pixel of its target, and where its uniforms lie. */
export function makeProgram(gl, fragment) {
  const program = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS) && !gl.isContextLost()) throw new Error(gl.getShaderInfoLog(shader));
    gl.deleteShader(shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) throw new Error(gl.getProgramInfoLog(program));
  const at = {};
  const count = gl.getProgramParameter(program, gl.ACTIVE_UNIFORMS) ?? 0;
  for (let i = 0; i < count; i += 1) {
    const { name } = gl.getActiveUniform(program, i);
    at[name] = gl.getUniformLocation(program, name);
  }
  return { program, at };
}

/** A texture; `options` are `{target, format, type, internal, size: [w, h, depth?], data, filter}`. */
export function makeTexture(gl, { target, internal, format, type, size, data = null, filter = gl.LINEAR }) {
  const texture = gl.createTexture();
  gl.bindTexture(target, texture);
  for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(target, name, filter);
  for (const name of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T, gl.TEXTURE_WRAP_R]) gl.texParameteri(target, name, gl.CLAMP_TO_EDGE);
  gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
  if (size.length === 3) gl.texImage3D(target, 0, internal, ...size, 0, format, type, data);
  else gl.texImage2D(target, 0, internal, ...size, 0, format, type, data);
  return texture;
}

/** A framebuffer with two float pictures of `side` x `side`, or byte pictures where floats cannot be drawn to. */
export function makeTarget(gl, side) {
  for (const [internal, type] of [[gl.RGBA16F, gl.HALF_FLOAT], [gl.RGBA8, gl.UNSIGNED_BYTE]]) {
    const target = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, target);
    const textures = [0, 1].map((i) => {
      const options = { target: gl.TEXTURE_2D, internal, format: gl.RGBA, type, size: [side, side] };
      const texture = makeTexture(gl, options);
      gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0 + i, gl.TEXTURE_2D, texture, 0);
      return texture;
    });
    gl.drawBuffers([gl.COLOR_ATTACHMENT0, gl.COLOR_ATTACHMENT1]);
    const free = () => (textures.forEach((texture) => gl.deleteTexture(texture)), gl.deleteFramebuffer(target));
    if (gl.checkFramebufferStatus(gl.FRAMEBUFFER) === gl.FRAMEBUFFER_COMPLETE || internal === gl.RGBA8)
      return { framebuffer: target, textures, side, free };
    free();
  }
  return null;
}
