// What a live head shows as plain values, and how input changes them. Pure, no DOM.
import { LIMITS, drag, press, tidy, zoom } from "../camera_math.mjs";

export const ANGLES = ["yaw", "pitch", "roll", "fov"];
export const SLIDERS = ["fade", "strength", "person"];
export const NAMES = [...ANGLES, ...SLIDERS, "shading", "background"];
export const SHADINGS = ["picture", "depth", "normals"];
export const HOME = { yaw: 0, pitch: 0, roll: 0, fov: 13.37, fade: 0, strength: 1, person: 0, shading: "picture", background: "" };
export const PRESETS = {
  front: { yaw: 0, pitch: 0, roll: 0 },
  threeQuarter: { yaw: 35, pitch: 5, roll: 0 },
  profile: { yaw: 85, pitch: 0, roll: 0 },
  above: { yaw: 0, pitch: 25, roll: 0 },
  below: { yaw: 0, pitch: -20, roll: 0 },
};

/** `[r, g, b]` in [0, 1] of `#rrggbb`; null for anything else, which stands for the generator's own background. */
export function colourOf(text) {
  const found = String(text ?? "").trim().match(/^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i);
  return found ? found.slice(1).map((pair) => parseInt(pair, 16) / 255) : null;
}

/** Values that are all there, of the right kind and in their ranges. */
export function complete(values, limits = LIMITS) {
  const known = { ...HOME, ...Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) };
  const angles = tidy(Object.fromEntries(ANGLES.map((name) => [name, Number(known[name])])), limits);
  const numbers = Object.fromEntries(SLIDERS.map((name) => [name, Number.isFinite(+known[name]) ? +known[name] : HOME[name]]));
  return { ...known, ...angles, ...numbers, shading: SHADINGS.includes(known.shading) ? known.shading : "picture" };
}

/** Holds values where no widgets do; those of the first head that is shown, once it is there. */
export function ownStore() {
  const values = {};
  return {
    read: () => ({ ...values }),
    write: (changed) => Object.assign(values, changed),
    begin: (state) => Object.assign(values, state),
    limits: (name, otherwise) => otherwise,
    has: (name) => NAMES.includes(name),
  };
}

/** What the painter needs of them. */
export const lookOf = ({ yaw, pitch, roll, fov, fade, strength, person, shading, background }) => ({
  view: { yaw, pitch, roll, fov },
  mix: { fade, strength, person },
  mode: shading,
  background: colourOf(background),
});

/** Whether two states show the same picture; numbers may differ by what a widget rounds away. */
export const same = (a, b) =>
  NAMES.every((name) => (typeof a[name] === "number" ? Math.abs(a[name] - Number(b?.[name])) < 0.051 : a[name] === b?.[name]));

/** Two fingers: `before` and `after` are `[[x, y], [x, y]]` in stage sides. Pinching zooms, moving both turns. */
export function pinch(state, before, after, limits = LIMITS) {
  const spread = ([a, b]) => Math.max(Math.hypot(a[0] - b[0], a[1] - b[1]), 0.01);
  const middle = ([a, b]) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
  const [from, to] = [middle(before), middle(after)];
  const turned = drag(state, to[0] - from[0], to[1] - from[1], { limits });
  return tidy({ ...turned, fov: (state.fov * spread(before)) / spread(after) }, limits);
}

export { drag, press, zoom };
