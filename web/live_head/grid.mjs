// What is drawn while a head moves, as shader text: the field at the points of a grid, and a quick march through it.
import { FIELD, HEAD, defines } from "./field.mjs";
import { RAY } from "./ray.mjs";

/** One cell of the occupancy grid a fragment, slices as tiles, `tiles` in a row: raw density at its middle. */
const DENSITY = `
uniform float cells, tiles;
out vec4 colour;
void main() {
  vec2 at = floor(gl_FragCoord.xy);
  vec2 tile = floor(at / cells);
  vec3 cell = vec3(mod(at, cells), tile.y * tiles + tile.x);
  float sigma = field(((cell + 0.5) / cells - 0.5) * BOX_WARP).x;
  colour = vec4(clamp((sigma + 32.0) / 64.0, 0.0, 1.0), 0.0, 0.0, 1.0);
}`;

/** The field at a grid's points, one slice at a time; far from everything it is empty. */
const BAKE = `
uniform sampler3D occupied; // where anything is, a cell's neighbours included
uniform float empty_density; // raw density where nothing is
uniform float points, slice;
out vec4 colour;
void main() {
  vec3 place = vec3(gl_FragCoord.xy, slice + 0.5) / points;
  colour = vec4(empty_density, 0.0, 0.0, 0.0);
  if (texture(occupied, place).r > 0.0) colour = field((place - 0.5) * BOX_WARP);
}`;

/** Large steps until something stops light, then back and on in small ones. */
const QUICK = `
uniform vec3 low, high; // corners of the box around the head, world units

const float SMALL = BOX_WARP / 72.0, LARGE = 2.5 * SMALL;
const int MOST = 128; // steps

void main() {
  vec3 direction = ray_direction();
  vec3 one = (low - origin) / direction, other = (high - origin) / direction;
  vec3 enter = min(one, other), leave = max(one, other);
  float at = max(max(enter.x, enter.y), max(enter.z, RAY_START));
  float end = min(min(leave.x, leave.y), min(leave.z, RAY_END));
  vec4 last = vec4(0.0);
  float before = at, careful = at, passed = 1.0, depth = 0.0;
  vec3 rgb = vec3(0.0);
  for (int s = 0; s < MOST; s++) {
    if (at > end || passed < 0.01) break;
    vec4 here = sample_field(origin + at * direction);
    float interval = at - before, stopped = alpha(last.x, here.x, interval);
    if (stopped > 0.004 && interval > 1.5 * SMALL) {
      careful = at;
      at = before + SMALL;
      continue;
    }
    float weight = stopped * passed;
    rgb += weight * (last.yzw + here.yzw) / 2.0;
    depth += weight * (before + at) / 2.0;
    passed *= 1.0 - stopped;
    last = here;
    before = at;
    at += at < careful || stopped > 0.001 ? SMALL : LARGE;
  }
  float total = 1.0 - passed;
  finish(rgb, depth, total, direction);
}`;
const GRID = `
uniform sampler3D volume; // raw density and colours at the points of a grid
vec4 sample_field(vec3 point) {
  return texture(volume, point / BOX_WARP + 0.5);
}`;

export const densitySource = (header) => [HEAD, defines(header), FIELD, DENSITY].join("\n");
export const bakeSource = (header) => [HEAD, defines(header), FIELD, BAKE].join("\n");
export const quickSource = (header) => [HEAD, defines(header), GRID, RAY, QUICK].join("\n");
