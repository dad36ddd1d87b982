// The five points of a face and the square that alignment cuts around them, as pure functions.
// Points are fractions of the picture, x to the right and y down, in the order: eye on the picture's left, eye on
// its right, tip of the nose, mouth corner on the left, on the right.

/** The mean frontal face in the unit square that FFHQ cuts (docs/alignment.md#ffhq-square). */
const MEAN_FACE = [
  [0.375, 0.473],
  [0.625, 0.473],
  [0.502, 0.609],
  [0.4, 0.742],
  [0.6, 0.742],
];

/** Points of a face that fills a picture of `width` x `height`: where to start without detection. */
export function guess(width, height) {
  const side = Math.min(width, height) * 0.8;
  const [left, top] = [(width - side) / 2, (height - side) / 2];
  return MEAN_FACE.map(([x, y]) => [(left + x * side) / width, (top + y * side) / height]);
}

/** The points in a text `x,y x,y x,y x,y x,y`; null unless it holds five pairs of numbers. */
export function parse(text) {
  const numbers = String(text ?? "").match(/-?\d+(\.\d+)?(e-?\d+)?/gi) ?? [];
  if (numbers.length !== 10) return null;
  return [0, 1, 2, 3, 4].map((i) => [Number(numbers[2 * i]), Number(numbers[2 * i + 1])]);
}

export const format = (points) => points.map(([x, y]) => `${x.toFixed(4)},${y.toFixed(4)}`).join(" ");

/** Corners (upper left, lower left, lower right, upper right) of FFHQ's square, in pixels. */
export function ffhqQuad(points, width, height) {
  const [a, b, , c, d] = points.map(([x, y]) => [x * width, y * height]);
  const eyes = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
  const down = [(c[0] + d[0]) / 2 - eyes[0], (c[1] + d[1]) / 2 - eyes[1]];
  const across = [b[0] - a[0], b[1] - a[1]];
  const axis = [across[0] + down[1], across[1] - down[0]];
  const length = Math.max(2 * Math.hypot(...across), 1.8 * Math.hypot(...down));
  const scale = length / (Math.hypot(...axis) || 1);
  const x = [axis[0] * scale, axis[1] * scale];
  const y = [-x[1], x[0]];
  const middle = [eyes[0] + 0.1 * down[0], eyes[1] + 0.1 * down[1]];
  const corner = (sx, sy) => [middle[0] + sx * x[0] + sy * y[0], middle[1] + sx * x[1] + sy * y[1]];
  return [corner(-1, -1), corner(-1, 1), corner(1, 1), corner(1, -1)];
}

/**
 * Least squares on the standard face of Deep3DFaceRecon (docs/alignment.md): the pseudo-inverse of its five
 * points `[x, y, z, 1]`. A row times the points' coordinates is one number of the affine camera.
 */
const FIT = [
  [-0.9776563, 0.9740524, 0.0089510, -0.7890219, 0.7836747],
  [0.6583620, 0.6515940, 0.3597312, -0.8327382, -0.8369490],
  [-0.6547357, -0.6786257, 2.6710322, -0.6591060, -0.6785648],
  [0.3952720, 0.4018381, -0.4590085, 0.3282490, 0.3336495],
];
/** Side of the generator's square over the fitted scale. */
const PORTRAIT_SIDE = 700 / 300;

const rotate = ([x, y], angle) => [
  x * Math.cos(angle) - y * Math.sin(angle),
  x * Math.sin(angle) + y * Math.cos(angle),
];

/** Corners (upper left, lower left, lower right, upper right) of the square that Align Portrait cuts, in pixels. */
export function portraitQuad(points, width, height, level = true) {
  const [ul, , , ur] = ffhqQuad(points, width, height);
  const roll = level ? Math.atan2(ur[1] - ul[1], ur[0] - ul[0]) : 0;
  const upright = points.map(([x, y]) => rotate([x * width, y * height], -roll));
  const camera = [0, 1].map((axis) => FIT.map((row) => row.reduce((sum, v, i) => sum + v * upright[i][axis], 0)));
  const scale = camera.reduce((sum, [x, y, z]) => sum + Math.hypot(x, y, z), 0) / 2;
  const half = (PORTRAIT_SIDE * scale) / 2;
  const [x, y] = camera.map((row) => row[3]);
  const corners = [[-1, -1], [-1, 1], [1, 1], [1, -1]];
  return corners.map(([sx, sy]) => rotate([x + sx * half, y + sy * half], roll));
}

/** The points with one of them moved, kept inside the picture. */
export const moved = (points, index, [x, y]) =>
  points.map((p, i) => (i === index ? [x, y].map((v) => Math.min(1, Math.max(0, v))) : p));

/** Index of the point nearest to (x, y) within `reach`, else -1; all in the same pixels. */
export function hit(points, [x, y], reach) {
  const far = points.map(([px, py]) => Math.hypot(px - x, py - y));
  const best = far.indexOf(Math.min(...far));
  return far[best] <= reach ? best : -1;
}

/** The largest box of a picture's shape inside `width` x `height`, centred: `{x, y, width, height}`. */
export function contain(pictureWidth, pictureHeight, width, height) {
  const scale = Math.min(width / pictureWidth, height / pictureHeight);
  const [w, h] = [pictureWidth * scale, pictureHeight * scale];
  return { x: (width - w) / 2, y: (height - h) / 2, width: w, height: h };
}
