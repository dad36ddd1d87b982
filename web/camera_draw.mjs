// Drawing of the camera view: from a state and a layout to 2D canvas calls. Knows no DOM beside the context.
import { camera, dot, minus, project, unit, wrap } from "./camera_math.mjs";
import { head } from "./head_shape.mjs";

const TAU = 2 * Math.PI;
const MAP_PITCH = 60; // degrees from the middle of the map to its edges
const MAP_INSET = 8; // pixels that keep dots off its ends

/** Degrees of yaw from the middle of the map to its ends: the whole circle only when it is needed. */
export const mapSpan = (views) => (views.some(({ yaw }) => Math.abs(wrap(yaw)) > 90) ? 180 : 100);

/** Where things are in a stage of `width` x `height` CSS pixels, with a map that reaches to `span` degrees. */
export function layout(width, height, span = 180) {
  const map = { x: 10, height: 44, width: width - 20, y: height - 52 };
  const side = Math.max(60, Math.min(width - 128, map.y - 18));
  const frame = { x: (width - side) / 2, y: (map.y - side) / 2, side };
  const slider = { x: frame.x + side + (width - frame.x - side) / 2, y: frame.y + 14, height: side - 44 };
  const figures = { x: frame.x / 2, y: frame.y + side / 2 };
  return { width, height, map, span, frame, slider, figures, dial: side * 0.485 };
}

export const mapPoint = ({ map, span }, { yaw, pitch }) => [
  map.x + map.width / 2 + (map.width / 2 - MAP_INSET) * (wrap(yaw) / span),
  map.y + map.height * (0.5 - Math.max(-1, Math.min(1, pitch / MAP_PITCH)) * 0.42),
];

export const mapAngles = ({ map, span }, x, y) => ({
  yaw: (span * (x - map.x - map.width / 2)) / (map.width / 2 - MAP_INSET),
  pitch: (MAP_PITCH * (0.5 - (y - map.y) / map.height)) / 0.42,
});

const share = (fov, [low, high]) => Math.log(fov / low) / Math.log(high / low);

export const sliderY = ({ slider }, fov, limits) => slider.y + slider.height * share(fov, limits);

export function sliderFov({ slider }, y, [low, high]) {
  const t = Math.max(0, Math.min(1, (y - slider.y) / slider.height));
  return low * (high / low) ** t;
}

/** The knob of the roll dial: the way up in the picture. */
export function dialKnob({ frame, dial }, roll) {
  const angle = (-roll * Math.PI) / 180;
  const middle = [frame.x + frame.side / 2, frame.y + frame.side / 2];
  return [middle[0] + dial * Math.sin(angle), middle[1] - dial * Math.cos(angle)];
}

function rounded(ctx, x, y, w, h, r) {
  ctx.beginPath();
  ctx.roundRect(x, y, w, h, r);
}

/** Everything, in an order that lets the head lie over the last render and the handles over both. */
export function drawCamera(ctx, scene) {
  const { place, theme } = scene;
  ctx.clearRect(0, 0, place.width, place.height);
  drawFrame(ctx, scene);
  if (place.frame.side >= 90) drawDial(ctx, scene);
  drawSlider(ctx, scene);
  drawFigures(ctx, scene);
  drawMap(ctx, scene);
}

function drawFrame(ctx, { place, theme, state, picture, emphasis }) {
  const { x, y, side } = place.frame;
  ctx.save();
  rounded(ctx, x, y, side, side, 10);
  ctx.clip();
  const ground = ctx.createRadialGradient(x + side / 2, y + side * 0.4, side * 0.1, x + side / 2, y + side / 2, side * 0.75);
  theme.ground.forEach((colour, i) => ground.addColorStop(i, colour));
  ctx.fillStyle = ground;
  ctx.fillRect(x, y, side, side);
  if (picture) drawPicture(ctx, picture, x, y, side);
  ctx.globalAlpha = picture ? [0.0, 0.35, 0.8][emphasis] : 1;
  if (ctx.globalAlpha > 0) drawHead(ctx, state, theme, x, y, side);
  ctx.restore();
  rounded(ctx, x + 0.5, y + 0.5, side - 1, side - 1, 10);
  ctx.strokeStyle = theme.line;
  ctx.lineWidth = 1;
  ctx.stroke();
}

/** The middle square of the picture. */
function drawPicture(ctx, picture, x, y, side) {
  const { naturalWidth: w, naturalHeight: h } = picture;
  const cut = Math.min(w, h);
  ctx.drawImage(picture, (w - cut) / 2, (h - cut) / 2, cut, cut, x, y, side, side);
}

const blend = (a, b, t) => a.map((v, i) => Math.round(v + (b[i] - v) * t));
const css = (rgb) => `rgb(${rgb.join(" ")})`;

/** Light from over the viewer's left shoulder, with a cool rim where the surface turns away. */
function shade(face, view, theme) {
  const [dark, mid, bright] = theme.clay[face.part];
  const seen = unit(minus(view.position, face.centre));
  const lamp = unit([0, 1, 2].map((i) => -0.55 * view.right[i] - 0.75 * view.down[i] - 0.75 * view.forward[i]));
  const light = Math.max(0, dot(face.normal, lamp));
  const rim = Math.max(0, 1 - dot(face.normal, seen)) ** 3 * 0.35;
  const tone = light < 0.5 ? blend(dark, mid, light * 2) : blend(mid, bright, light * 2 - 1);
  return css(blend(tone, theme.rim, rim));
}

function tracePath(ctx, points, view, x, y, side) {
  ctx.beginPath();
  for (const point of points) {
    const [u, v] = project(point, view);
    ctx.lineTo(x + u * side, y + v * side);
  }
  ctx.closePath();
}

function drawHead(ctx, state, theme, x, y, side) {
  const view = camera(state);
  const { faces, features } = head();
  const depth = (f) => project(f.centre, view)[2];
  const towards = (f) => dot(f.normal, minus(view.position, f.centre)) > 0;
  ctx.lineJoin = "round";
  ctx.lineWidth = 0.7;
  const seen = faces.filter(towards).map((f) => [depth(f), f]).sort((a, b) => b[0] - a[0]);
  for (const [, face] of seen) {
    tracePath(ctx, face.corners, view, x, y, side);
    ctx.fillStyle = ctx.strokeStyle = shade(face, view, theme);
    ctx.fill();
    ctx.stroke();
  }
  const turned = (f) => dot(f.normal, unit(minus(view.position, f.centre)));
  for (const feature of features.filter((f) => turned(f) > 0.12)) {
    tracePath(ctx, feature.points, view, x, y, side);
    ctx.fillStyle = css(theme.features[feature.part]);
    ctx.fill();
  }
}

function drawDial(ctx, { place, theme, state, active }) {
  const { frame, dial } = place;
  const [mx, my] = [frame.x + frame.side / 2, frame.y + frame.side / 2];
  ctx.lineWidth = 1;
  ctx.strokeStyle = theme.dial;
  ctx.beginPath();
  ctx.arc(mx, my, dial, 0, TAU);
  ctx.stroke();
  for (let angle = 0; angle < 360; angle += 15) {
    const [s, c] = [Math.sin((angle * TAU) / 360), Math.cos((angle * TAU) / 360)];
    const inner = dial - (angle % 90 === 0 ? 7 : 3.5);
    ctx.beginPath();
    ctx.moveTo(mx + dial * s, my - dial * c);
    ctx.lineTo(mx + inner * s, my - inner * c);
    ctx.stroke();
  }
  knob(ctx, ...dialKnob(place, state.roll), active === "roll" ? 6.5 : 5, theme);
}

function knob(ctx, x, y, radius, theme) {
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, TAU);
  ctx.fillStyle = theme.accent;
  ctx.fill();
  ctx.lineWidth = 1.5;
  ctx.strokeStyle = theme.knobEdge;
  ctx.stroke();
}

function drawSlider(ctx, { place, theme, state, limits, active, words, hasFov }) {
  if (!hasFov) return;
  const { x, y, height } = place.slider;
  ctx.lineCap = "round";
  ctx.lineWidth = 4;
  ctx.strokeStyle = theme.track;
  ctx.beginPath();
  ctx.moveTo(x, y);
  ctx.lineTo(x, y + height);
  ctx.stroke();
  knob(ctx, x, sliderY(place, state.fov, limits.fov), active === "fov" ? 7 : 5.5, theme);
  label(ctx, theme, words.fov, `${state.fov.toFixed(1)}°`, x, y + height + 22);
}

function label(ctx, theme, name, value, x, y) {
  ctx.textAlign = "center";
  ctx.textBaseline = "alphabetic";
  ctx.fillStyle = theme.dim;
  ctx.font = `10px ${theme.font}`;
  ctx.fillText(name, x, y);
  ctx.fillStyle = theme.text;
  ctx.font = `600 13px ${theme.font}`;
  ctx.fillText(value, x, y + 15);
}

function drawFigures(ctx, { place, theme, state, words, linked }) {
  const { x, y } = place.figures;
  ["yaw", "pitch", "roll"].forEach((key, i) => {
    const value = linked.includes(key) ? "→" : `${Math.round(state[key] * 10) / 10}°`;
    label(ctx, theme, words[key], value, x, y - 46 + i * 42);
  });
}

function drawMap(ctx, scene) {
  const { place, theme, state, views, chosen } = scene;
  const { x, y, width, height } = place.map;
  rounded(ctx, x, y, width, height, 8);
  ctx.fillStyle = theme.well;
  ctx.fill();
  ctx.strokeStyle = theme.dial;
  ctx.lineWidth = 1;
  for (const yaw of place.span > 100 ? [-90, 0, 90] : [-90, -45, 0, 45, 90]) {
    const [px] = mapPoint(place, { yaw, pitch: 0 });
    ctx.beginPath();
    ctx.moveTo(px, y + 5);
    ctx.lineTo(px, y + height - 13);
    ctx.stroke();
    ctx.fillStyle = theme.dim;
    ctx.font = `9px ${theme.font}`;
    ctx.textAlign = "center";
    ctx.fillText(`${yaw}°`, px, y + height - 3);
  }
  views.forEach((view, i) => {
    ctx.beginPath();
    ctx.arc(...mapPoint(place, view), i === chosen ? 3.4 : 2.4, 0, TAU);
    ctx.fillStyle = i === chosen ? theme.accent : theme.dot;
    ctx.fill();
  });
  if (scene.found) {
    ctx.beginPath();
    ctx.arc(...mapPoint(place, scene.found), 6.5, 0, TAU);
    ctx.lineWidth = 1.5;
    ctx.strokeStyle = theme.text;
    ctx.stroke();
  }
  if (views.length < 2) knob(ctx, ...mapPoint(place, state), 4.5, theme);
}
