// Presets and paths: which views Camera Orbit makes of its settings. Mirrors `camera_path` of nodes/cameras.py,
// so that the map in the widget shows what will come.
import { wrap } from "./camera_math.mjs";

const LEVEL = { yaw: 0, pitch: 0, roll: 0 };

/** What a preset writes into the widgets; a node takes those that it has. */
export const PRESETS = {
  front: { path: "single view", ...LEVEL },
  threeQuarter: { path: "single view", ...LEVEL, yaw: 35, pitch: 5 },
  profile: { path: "single view", ...LEVEL, yaw: 85 },
  turntable: { path: "turntable", ...LEVEL, views: 24 },
  grid: { path: "grid", ...LEVEL, yaw_range: 40, pitch_range: 20, columns: 5, rows: 3 },
  figureEight: { path: "figure-eight", ...LEVEL, views: 48, yaw_range: 30, pitch_range: 12 },
};
/** Presets that only set angles; a node without paths offers these. */
export const POSES = ["front", "threeQuarter", "profile"];

/** `count` evenly spaced angles from `middle - reach` to `middle + reach`. */
const around = (middle, reach, count) =>
  Array.from({ length: count }, (_, i) => middle + (count > 1 ? reach * ((2 * i) / (count - 1) - 1) : 0));
const turns = (count) => Array.from({ length: count }, (_, i) => (2 * Math.PI * i) / count);

const makers = {
  sweep: ({ yaw, pitch, views, yaw_range }) => around(yaw, yaw_range, views).map((y) => ({ yaw: y, pitch })),
  turntable: ({ pitch, views }) => turns(views).map((t) => ({ yaw: wrap((180 * t) / Math.PI), pitch })),
  grid: ({ yaw, pitch, yaw_range, pitch_range, columns, rows }) =>
    around(pitch, -pitch_range, rows).flatMap((p) =>
      around(yaw, yaw_range, columns).map((y) => ({ yaw: y, pitch: p }))),
  "figure-eight": ({ views, yaw_range, pitch_range }) =>
    turns(views).map((t) => ({ yaw: yaw_range * Math.sin(t), pitch: pitch_range * Math.sin(2 * t) })),
};

const DEFAULTS = { ...LEVEL, views: 1, yaw_range: 0, pitch_range: 0, columns: 1, rows: 1 };

/** The views `[{yaw, pitch}]` that a node renders for its settings; an unknown path is the single view. */
export function viewsOf(settings) {
  const known = { ...DEFAULTS, ...settings };
  if (Object.hasOwn(makers, known.path)) return makers[known.path](known);
  return [{ yaw: known.yaw, pitch: known.pitch }];
}

/** Index of the view that looks from nearest to the given angles; -1 for an empty list. */
export function nearest(views, { yaw, pitch }) {
  const distance = (view) => Math.hypot(wrap(view.yaw - yaw), view.pitch - pitch);
  return views.reduce((best, view, i) => (best < 0 || distance(view) < distance(views[best]) ? i : best), -1);
}
