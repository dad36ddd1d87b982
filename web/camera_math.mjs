// The camera of the widget as pure functions: angles in real degrees, no DOM, no ComfyUI.
// Same conventions as itportrait_core/rendering/cameras.py: world y up, the face looks along +z, yaw > 0 moves
// the camera to +x, pitch > 0 lifts it, roll > 0 turns it clockwise (the picture turns the other way).

export const RADIUS = 2.7;
export const PIVOT = [0, 0, 0.2];
/** Vertical field of view of EG3D's own cameras: focal length 4.2647 picture widths. */
export const FOV = 13.3736;
export const LIMITS = { yaw: [-180, 180], pitch: [-85, 85], roll: [-180, 180], fov: [5, 60] };
export const HOME = Object.freeze({ yaw: 0, pitch: 0, roll: 0, fov: FOV });

const RAD = Math.PI / 180;

export const clamp = (value, [low, high]) => Math.min(high, Math.max(low, value));

/** The same direction in (-180, 180]. */
export function wrap(degrees) {
  const turn = ((degrees % 360) + 360) % 360;
  return turn > 180 ? turn - 360 : turn;
}

/** A state whose angles lie in their limits; whatever is not a number takes the value of `HOME`. */
export function tidy(state, limits = LIMITS) {
  const number = (key) => (Number.isFinite(state[key]) ? state[key] : HOME[key]);
  const turned = (key) => clamp(wrap(number(key)), limits[key]);
  return {
    ...state,
    yaw: turned("yaw"),
    pitch: clamp(number("pitch"), limits.pitch),
    roll: turned("roll"),
    fov: clamp(number("fov"), limits.fov),
  };
}

export const focalOfFov = (fov) => 0.5 / Math.tan((fov * RAD) / 2);
export const fovOfFocal = (focal) => (2 * Math.atan(0.5 / focal)) / RAD;

export const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
export const minus = (a, b) => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
export const cross = (a, b) => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];
export function unit(a) {
  const length = Math.hypot(...a) || 1;
  return [a[0] / length, a[1] / length, a[2] / length];
}

/** Where the camera stands, and its axes (right, down, forward) in the world. */
export function camera({ yaw, pitch, roll = 0, fov = FOV }) {
  const [y, p, r] = [yaw * RAD, pitch * RAD, roll * RAD];
  const position = [
    RADIUS * Math.sin(y) * Math.cos(p),
    RADIUS * Math.sin(p),
    RADIUS * Math.cos(y) * Math.cos(p),
  ];
  const forward = unit(minus(PIVOT, position));
  const level = unit(cross(forward, [0, 1, 0]));
  const plumb = cross(forward, level);
  const mix = (a, b, ca, cb) => [0, 1, 2].map((i) => ca * a[i] + cb * b[i]);
  return {
    position,
    forward,
    right: mix(level, plumb, Math.cos(r), Math.sin(r)),
    down: mix(level, plumb, -Math.sin(r), Math.cos(r)),
    focal: focalOfFov(fov),
  };
}

/** A point of the world in the picture: x and y in [0, 1] inside it, y down, and its depth. */
export function project(point, view) {
  const offset = minus(point, view.position);
  const depth = Math.max(dot(offset, view.forward), 1e-6);
  return [
    0.5 + (view.focal * dot(offset, view.right)) / depth,
    0.5 + (view.focal * dot(offset, view.down)) / depth,
    depth,
  ];
}

/** Degrees per picture side that a drag turns: the front of the head then follows the pointer. */
export const DRAG_GAIN = 165;

/** Turn by a drag of (dx, dy) picture sides; `fine` moves a fifth as far. The head follows the pointer. */
export function drag(state, dx, dy, { fine = false, limits = LIMITS } = {}) {
  const gain = DRAG_GAIN * (fine ? 0.2 : 1);
  const angle = state.roll * RAD; // the pointer moves in the picture, which is rolled
  const [across, along] = [
    dx * Math.cos(angle) - dy * Math.sin(angle),
    dx * Math.sin(angle) + dy * Math.cos(angle),
  ];
  return tidy({ ...state, yaw: state.yaw - across * gain, pitch: state.pitch + along * gain }, limits);
}

/** Angle in degrees of a point about the middle of the picture, 0 at the top, clockwise. */
export const dialAngle = (x, y) => Math.atan2(x - 0.5, 0.5 - y) / RAD;

/** Roll by moving from one point of the picture to another about its middle; the picture follows the pointer. */
export function turn(state, from, to, limits = LIMITS) {
  const angle = wrap(dialAngle(...to) - dialAngle(...from));
  return tidy({ ...state, roll: state.roll - angle }, limits);
}

/** Zoom by steps: above 0 comes closer (smaller field of view). */
export const zoom = (state, steps, limits = LIMITS) =>
  tidy({ ...state, fov: state.fov * 1.08 ** -steps }, limits);

const KEYS = {
  ArrowLeft: ["yaw", -1],
  ArrowRight: ["yaw", 1],
  ArrowUp: ["pitch", 1],
  ArrowDown: ["pitch", -1],
  "[": ["roll", -1],
  "]": ["roll", 1],
};

/** The state after a key, or null for a key without meaning. Five degrees a press, one with shift. */
export function press(state, key, { shift = false, limits = LIMITS } = {}) {
  if (key === "Home") return tidy({ ...state, ...HOME }, limits);
  if (key === "+" || key === "=") return zoom(state, 1, limits);
  if (key === "-" || key === "_") return zoom(state, -1, limits);
  const known = KEYS[key];
  if (!known) return null;
  const [name, sign] = known;
  return tidy({ ...state, [name]: state[name] + sign * (shift ? 1 : 5) }, limits);
}
