// The head glyph: a clay bust as a small mesh in world units, and the outlines of its features.
// Pure maths; its proportions are those of the embedded portraits, so that it lies over their renders.
import { cross, dot, minus, unit } from "./camera_math.mjs";

const ELLIPSOIDS = [
  { centre: [0, 0.05, -0.02], radii: [0.18, 0.215, 0.205] }, // skull
  { centre: [0, -0.105, 0.045], radii: [0.128, 0.13, 0.135] }, // jaw
  { centre: [0, -0.045, 0.186], radii: [0.03, 0.034, 0.05] }, // tip of the nose
  { centre: [0, 0.005, 0.178], radii: [0.022, 0.066, 0.03] }, // its bridge
];
const SOFTNESS = 110; // of the union of ellipsoids, 1 / world units
const COLUMNS = 60;
const ROWS = 46;
const HAIR_ROWS = 20; // of these, from the crown to the hairline
const POLE = 0.02; // radians from the poles at which the grid begins and ends

/** Distance from the origin to the far side of an ellipsoid along a unit direction, 0 where it is missed. */
function reach({ centre, radii }, direction) {
  const d = direction.map((x, i) => x / radii[i]);
  const c = centre.map((x, i) => x / radii[i]);
  const [a, b] = [dot(d, d), dot(d, c)];
  const inside = b * b - a * (dot(c, c) - 1);
  return inside <= 0 ? 0 : Math.max((b + Math.sqrt(inside)) / a, 0);
}

const smooth = (t) => Math.min(1, Math.max(0, t)) ** 2 * (3 - 2 * Math.min(1, Math.max(0, t)));

/** Share of hair in a direction: a cap with a fringe, longer towards the back of the head. */
export function hair(direction) {
  const [x, y, z] = unit(direction);
  const line = 0.5 + 0.1 * Math.cos(9 * x) * Math.max(z, 0) - 0.95 * smooth((0.34 - z) / 0.75);
  return smooth((y - line) / 0.1 + 0.5);
}

/** A point of the head in a direction from its middle. */
export function surface(direction) {
  const d = unit(direction);
  const reaches = ELLIPSOIDS.map((e) => reach(e, d));
  const top = Math.max(...reaches);
  const sum = reaches.reduce((s, r) => s + Math.exp(SOFTNESS * (r - top)), 0);
  const radius = (top + Math.log(sum) / SOFTNESS) * (1 + 0.085 * hair(d));
  return d.map((x) => x * radius);
}

/** Quads of a grid of points whose rows close to rings. */
function rings(rows) {
  return rows.slice(1).flatMap((lower, i) =>
    lower.map((_, j) => {
      const next = (j + 1) % lower.length;
      return [rows[i][j], lower[j], lower[next], rows[i][next]];
    }),
  );
}

/** Longitudes are closer together at the front, where the features are. */
const longitude = (t) => 2 * Math.PI * t - 0.62 * Math.sin(2 * Math.PI * t);

const row = (count, place) => Array.from({ length: count }, (_, j) => place(longitude(j / count)));

const direction = (polar, a) => [Math.sin(polar) * Math.sin(a), Math.cos(polar), Math.sin(polar) * Math.cos(a)];

/** Angle from the crown at which the hair ends at a longitude. */
function hairline(a) {
  let [above, below] = [POLE, Math.PI - POLE];
  for (let i = 0; i < 24; i += 1) {
    const polar = (above + below) / 2;
    if (hair(direction(polar, a)) > 0.5) above = polar;
    else below = polar;
  }
  return above;
}

/** Quads of hair and of skin; one row of the grid runs along the hairline, so that its edge is smooth. */
function headQuads() {
  const lines = new Map();
  const polar = (i, a) => {
    if (!lines.has(a)) lines.set(a, hairline(a));
    const line = lines.get(a);
    if (i <= HAIR_ROWS) return POLE + (line - POLE) * (i / HAIR_ROWS);
    return line + (Math.PI - POLE - line) * ((i - HAIR_ROWS) / (ROWS - HAIR_ROWS));
  };
  const rows = Array.from({ length: ROWS + 1 }, (_, i) => row(COLUMNS, (a) => surface(direction(polar(i, a), a))));
  return { hair: rings(rows.slice(0, HAIR_ROWS + 1)), skin: rings(rows.slice(HAIR_ROWS)) };
}

/** Neck and shoulders: ellipses [y, half width, half depth, shift in z]. */
const BUST = [
  [-0.16, 0.088, 0.088, -0.045],
  [-0.235, 0.088, 0.088, -0.045],
  [-0.285, 0.1, 0.096, -0.045],
  [-0.315, 0.15, 0.115, -0.05],
  [-0.345, 0.22, 0.135, -0.05],
  [-0.385, 0.275, 0.155, -0.05],
  [-0.46, 0.31, 0.17, -0.05],
];

const bustQuads = () =>
  rings(BUST.map(([y, w, d, z]) => row(28, (a) => [w * Math.sin(a), y, z + d * Math.cos(a)])));

function earQuads(side) {
  const place = (polar, a) => [
    side * (0.19 + 0.02 * Math.sin(polar) * Math.sin(a)),
    0.0 + 0.052 * Math.cos(polar),
    -0.025 + 0.034 * Math.sin(polar) * Math.cos(a) * side,
  ];
  return rings(
    Array.from({ length: 7 }, (_, i) => Array.from({ length: 9 }, (_, j) =>
      place((Math.PI * i) / 6, (2 * Math.PI * j) / 9))),
  );
}

const middle = (points) => [0, 1, 2].map((i) => points.reduce((s, p) => s + p[i], 0) / points.length);

/** A quad whose normal points away from `inside`. */
function faceOf(corners, part, inside) {
  const centre = middle(corners);
  const normal = unit(cross(minus(corners[2], corners[0]), minus(corners[3], corners[1])));
  const sign = dot(normal, minus(centre, inside)) < 0 ? -1 : 1;
  return { corners, normal: normal.map((x) => sign * x), centre, part };
}

/** A closed outline on the face: `shape(t)` gives x and y offsets about a point of the face seen from the front. */
const outline = (x, y, shape, count = 18) =>
  Array.from({ length: count }, (_, i) => {
    const [dx, dy] = shape((2 * Math.PI * i) / count);
    return onFace(x + dx, y + dy);
  });

/** The point of the face behind (x, y) of the frontal view, a hair in front of the surface. */
export function onFace(x, y) {
  let z = 0.2;
  for (let i = 0; i < 6; i += 1) {
    const at = surface([x, y, z]);
    z *= Math.hypot(...at) / Math.hypot(x, y, z);
  }
  return [x, y, z + 0.002];
}

const ellipse = (w, h, tilt = 0) => (t) => [w * Math.cos(t), h * Math.sin(t) + tilt * Math.cos(t)];

function features() {
  const both = (make) => [-1, 1].flatMap((side) => make(side));
  return [
    ...both((s) => [
      { part: "eye", points: outline(s * 0.073, 0.022, ellipse(0.029, 0.02)) },
      { part: "iris", points: outline(s * 0.071, 0.021, ellipse(0.0165, 0.0175)) },
      { part: "pupil", points: outline(s * 0.071, 0.021, ellipse(0.0085, 0.009), 10) },
      { part: "glint", points: outline(s * 0.071 - 0.006, 0.028, ellipse(0.0045, 0.0045), 8) },
      { part: "brow", points: outline(s * 0.078, 0.07, (t) => [0.037 * Math.cos(t),
        0.0065 * Math.sin(t) - 0.007 * Math.cos(t) ** 2]) },
    ]),
    { part: "mouth", points: outline(0, -0.13, (t) => [0.045 * Math.cos(t),
      0.0075 * Math.sin(t) + 0.011 * Math.cos(t) ** 2]) },
  ].map((f) => ({ ...f, ...facing(f.points) }));
}

/** How an outline of the face looks outwards. */
function facing(points) {
  const third = Math.floor(points.length / 3);
  const [a, b, c] = [points[0], points[third], points[2 * third]];
  const normal = unit(cross(minus(b, a), minus(c, a)));
  return { normal: normal[2] < 0 ? normal.map((x) => -x) : normal, centre: middle(points) };
}

function build() {
  const { hair: cap, skin } = headQuads();
  return {
    faces: [
      ...cap.map((q) => faceOf(q, "hair", [0, 0, 0])),
      ...skin.map((q) => faceOf(q, "skin", [0, 0, 0])),
      ...bustQuads().map((q) => faceOf(q, "bust", [0, q[0][1] - 0.05, -0.05])),
      ...[-1, 1].flatMap((side) => earQuads(side).map((q) => faceOf(q, "skin", [side * 0.19, 0, -0.025]))),
    ],
    features: features(),
  };
}

let built;

/** `{faces, features}`: quads with outward normals, and outlines with the way they face. Built once. */
export function head() {
  built ??= build();
  return built;
}
