// Reads the file of a live head; itportrait_core/live/container.py and pack.py write it and say what stands in it.
// Nothing in it is trusted: sizes are checked before anything is read, and names are only ever shown as text.

const MAGIC = "ITPLIVE1";
const VERSION = 1;
const LARGEST_HEADER = 1 << 20;
const MOST = { arrays: 256, channels: 64, hidden: 128, side: 512, samples: 96, generators: 4, people: 2 };
const WIDTH = { f2: 2, f4: 4, u1: 1 };

/** Half precision to number, one entry for each of the 65536 patterns; made when first needed. */
let halves = null;
function halfTable() {
  if (halves) return halves;
  halves = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits += 1) {
    const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
    const size = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
    halves[bits] = sign * (exponent === 31 ? 65504 : size);
  }
  return halves;
}

const fail = (why) => {
  throw new Error(`This is no live head, or a damaged one: ${why}.`);
};
const whole = (value, low, high, what) =>
  Number.isInteger(value) && value >= low && value <= high ? value : fail(`${what} is ${String(value).slice(0, 20)}`);
const finite = (value, what) => (Number.isFinite(value) ? value : fail(`${what} is not a number`));

/**
 * `{header, styles: [{name, license, decoder, planes: [Float32Array]}], people: [{name}]}` of a file's bytes.
 * Planes are texels `[3, C/4, side, side, 4]`; a decoder is `{w0 [hidden, C], b0, w1 [4, hidden], b1 [4]}`.
 */
export function parse(buffer) {
  const header = readHeader(buffer);
  const { channels, hidden, side } = sizes(header);
  const generators = list(header.generators, MOST.generators, "generators");
  const people = list(header.people, MOST.people, "people").map(({ name }) => ({ name: label(name) }));
  const read = (index, shape, what) => readArray(buffer, header.arrays, index, shape, what);
  const styles = generators.map((entry) => ({
    name: label(entry.name),
    license: label(entry.license, 2000),
    decoder: {
      w0: read(entry.decoder?.w0, [hidden, channels], "w0"),
      b0: read(entry.decoder?.b0, [hidden], "b0"),
      w1: read(entry.decoder?.w1, [4, hidden], "w1"),
      b1: read(entry.decoder?.b1, [4], "b1"),
    },
    planes: list(entry.planes, people.length, "planes").map((one) => readPlanes(read, one, channels, side)),
  }));
  if (styles.some(({ planes }) => planes.length !== people.length)) fail("planes are missing");
  return { header, styles, people };
}

const label = (value, most = 120) => String(value ?? "").slice(0, most);
const list = (value, most, what) =>
  Array.isArray(value) && value.length > 0 && value.length <= most ? value : fail(`it holds no list of ${what}`);

function readHeader(buffer) {
  const bytes = new Uint8Array(buffer);
  if (bytes.length < 12 || String.fromCharCode(...bytes.subarray(0, 8)) !== MAGIC) fail("it does not begin as one");
  const size = new DataView(buffer).getUint32(8, true);
  if (size > LARGEST_HEADER || 12 + size > bytes.length) fail(`its header claims ${size} bytes`);
  let header;
  try {
    header = JSON.parse(new TextDecoder().decode(bytes.subarray(12, 12 + size)));
  } catch {
    fail("its header is no JSON");
  }
  if (header?.version !== VERSION) fail(`its version is ${label(header?.version, 20)}, not ${VERSION}`);
  list(header.arrays, MOST.arrays, "arrays");
  return header;
}

/** Checks everything that becomes a size, a loop or a number of the shader. */
function sizes(header) {
  const { rendering, plane_axes: axes, camera } = header;
  whole(rendering?.depth_resolution, 4, MOST.samples, "depth_resolution");
  whole(rendering.depth_resolution_importance, 0, MOST.samples, "depth_resolution_importance");
  for (const name of ["ray_start", "ray_end", "box_warp"]) finite(rendering[name], name);
  for (const name of ["yaw", "pitch", "roll", "fov"]) finite(camera?.[name], name);
  whole(header.raw_side, 8, 1024, "raw_side");
  if (!Array.isArray(axes) || axes.length !== 3) fail("plane_axes are no three pairs");
  for (const pair of axes) for (const axis of [0, 1]) whole(pair?.[axis], 0, 2, "an axis");
  const channels = whole(header.channels, 4, MOST.channels, "channels");
  const hidden = whole(header.hidden, 4, MOST.hidden, "hidden");
  if (channels % 4 || hidden % 4) fail("channels and hidden are no multiples of 4");
  return { channels, hidden, side: whole(header.side, 4, MOST.side, "side") };
}

function readArray(buffer, arrays, index, shape, what) {
  const entry = arrays[whole(index, 0, arrays.length - 1, what)];
  const count = shape.reduce((product, side) => product * side, 1);
  const fits = Array.isArray(entry?.shape) && entry.shape.join() === shape.join() && Object.hasOwn(WIDTH, entry.type);
  if (!fits) fail(`${what} has another shape`);
  const offset = whole(entry.offset, 0, buffer.byteLength - count * WIDTH[entry.type], `the offset of ${what}`);
  if (offset % 16) fail(`${what} is not aligned`);
  if (entry.type === "f4") return new Float32Array(buffer, offset, count);
  if (entry.type === "u1") return new Uint8Array(buffer, offset, count);
  const table = halfTable();
  return Float32Array.from(new Uint16Array(buffer, offset, count), (bits) => table[bits]);
}

function readPlanes(read, entry, channels, side) {
  const texels = read(entry?.texels, [3, channels / 4, side, side, 4], "planes");
  if (entry.step === undefined) return texels;
  const [step, low] = ["step", "low"].map((name) => read(entry[name], [3, channels], name));
  const [out, area] = [new Float32Array(texels.length), side * side * 4];
  for (let i = 0; i < out.length; i += 1) {
    const channel = Math.floor(i / area) * 4 + (i % 4);
    out[i] = texels[i] * step[channel] + low[channel];
  }
  return out;
}
