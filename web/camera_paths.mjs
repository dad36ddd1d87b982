// Presets and paths: which views Camera Orbit makes of its settings. Mirrors `orbit_path` of nodes/render.py,
// so that the map in the widget shows what will come.
import { wrap } from "./camera_math.mjs";

/** What a preset writes into the number widgets; a node takes those that it has. */
export const PRESETS = {
  front: { path: "single", yaw: 0, pitch: 0, roll: 0 },
  threeQuarter: { path: "single", yaw: 35, pitch: 5, roll: 0 },
  profile: { path: "single", yaw: 85, pitch: 0, roll: 0 },
  turntable: { path: "turntable", yaw: 0, pitch: 0, roll: 0, views: 24 },
  grid: { path: "grid", yaw: 0, pitch: 0, roll: 0, views: 5, yaw_range: 40, pitch_range: 20 },
  figureEight: { path: "figure eight", yaw: 0, pitch: 0, roll: 0, views: 48, yaw_range: 30, pitch_range: 12 },
};
/** Presets that only set angles; a node without paths offers these. */
export const POSES = ["front", "threeQuarter", "profile"];

const spread = (count) => Array.from({ length: count }, (_, i) => (count > 1 ? (2 * i) / (count - 1) - 1 : 0));
const turns = (count) => Array.from({ length: count }, (_, i) => i / count);

const makers = {
  sweep: ({ yaw, pitch, views, yaw_range, pitch_range }) =>
    spread(views).map((t) => ({ yaw: yaw + yaw_range * t, pitch: pitch + pitch_range * t })),
  turntable: ({ pitch, views }) => turns(views).map((t) => ({ yaw: wrap(360 * t), pitch })),
  "figure eight": ({ views, yaw_range, pitch_range }) =>
    turns(views).map((t) => ({
      yaw: yaw_range * Math.sin(2 * Math.PI * t),
      pitch: pitch_range * Math.sin(4 * Math.PI * t),
    })),
  grid({ yaw, pitch, views, yaw_range, pitch_range }) {
    const rows = pitch_range > 0 ? [pitch + pitch_range, pitch, pitch - pitch_range] : [pitch];
    return rows.flatMap((up) => spread(views).map((t) => ({ yaw: yaw + yaw_range * t, pitch: up })));
  },
};

const DEFAULTS = { path: "single", yaw: 0, pitch: 0, views: 1, yaw_range: 0, pitch_range: 0 };

/** The views `[{yaw, pitch}]` that a node renders for its settings; an unknown path is the single view. */
export function viewsOf(settings) {
  const known = { ...DEFAULTS, ...settings };
  const make = makers[known.path];
  return make ? make(known) : [{ yaw: known.yaw, pitch: known.pitch }];
}

/** Index of the view that looks from nearest to the given angles; -1 for an empty list. */
export function nearest(views, { yaw, pitch }) {
  const distance = (view) => Math.hypot(wrap(view.yaw - yaw), view.pitch - pitch);
  return views.reduce((best, view, i) => (best < 0 || distance(view) < distance(views[best]) ? i : best), -1);
}
