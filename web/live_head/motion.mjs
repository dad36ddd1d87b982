// How a head goes on turning after a drag, and how pictures adapt to the machine. Pure numbers, no DOM.

const MEMORY = 0.08; // seconds of a drag that its speed is taken from
const FADE = 0.28; // seconds in which the speed falls to a third
const SLOWEST = 2; // degrees a second at which it stops

/** Speeds `[yaw, pitch]` in degrees a second at the end of a drag: `track` is `[[seconds, yaw, pitch], ...]`. */
export function release(track, now) {
  const recent = track.filter(([time]) => now - time <= MEMORY);
  if (recent.length < 2) return [0, 0];
  const [first, last] = [recent[0], recent[recent.length - 1]];
  const time = last[0] - first[0];
  if (time <= 0) return [0, 0];
  const around = ((((last[1] - first[1]) % 360) + 540) % 360) - 180; // the short way
  return [around / time, (last[2] - first[2]) / time];
}

/** Turn and speeds left after `seconds`; speeds are 0 when it has come to rest. */
export function coast([yaw, pitch], seconds) {
  const left = Math.exp(-seconds / FADE);
  const moved = FADE * (1 - left);
  const speeds = [yaw * left, pitch * left];
  return { yaw: yaw * moved, pitch: pitch * moved, speeds: Math.hypot(...speeds) < SLOWEST ? [0, 0] : speeds };
}

export const SIDES = [48, 64, 96, 128, 160, 192, 256];
const SLOW = 1 / 20; // seconds for a frame, above which pictures get smaller
const QUICK = 1 / 45;

/** The side of the next moving picture, from this one's and the mean seconds of a frame; at most `most`. */
export function nextSide(side, seconds, most = 256) {
  const at = SIDES.indexOf(side);
  if (seconds > SLOW) return SIDES[Math.max(0, at - 1)];
  if (seconds < QUICK && SIDES[at + 1] <= most) return SIDES[at + 1];
  return side;
}

/** Rows of the next strip, so that one takes about `wanted` seconds. */
export const nextRows = (rows, seconds, wanted = 0.03) =>
  Math.round(Math.min(128, Math.max(2, rows * Math.min(2, Math.max(0.25, wanted / Math.max(seconds, 1e-3))))));
