// The renderer as shader text. To be read beside itportrait_core/networks/volume_rendering.py, rays.py and
// triplane.py: the same steps under the same names, in the same order. One fragment is one ray.

const AXES = "xyz";
const float = (value) => (Number.isInteger(value) ? `${value}.0` : String(value));

export const VERTEX = `#version 300 es
void main() { // one triangle over the whole target
  gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0, 0.0, 1.0);
}`;

/** What a head's header fixes, as lines of text; the same header gives the same program. */
export function defines(header) {
  const { rendering, plane_axes: axes } = header;
  const swizzle = axes.map(([u, v]) => AXES[u] + AXES[v]);
  return `
#define CHANNELS ${header.channels / 4} // vec4s
#define HIDDEN ${header.hidden / 4} // vec4s
#define DEPTH_RESOLUTION ${rendering.depth_resolution}
#define DEPTH_RESOLUTION_IMPORTANCE ${rendering.depth_resolution_importance}
#define DISPARITY ${rendering.disparity_space_sampling ? 1 : 0}
const float RAY_START = ${float(rendering.ray_start)};
const float RAY_END = ${float(rendering.ray_end)};
const float BOX_WARP = ${float(rendering.box_warp)};
const float SIDE = ${float(header.side)}; // texels of a plane
#define PLANE_0 p.${swizzle[0]}
#define PLANE_1 p.${swizzle[1]}
#define PLANE_2 p.${swizzle[2]}`;
}

const HEAD = `#version 300 es
precision highp float;
precision highp sampler2DArray;
precision highp sampler3D;`;

/** Planes and decoder: networks/triplane.py. */
const FIELD = `
uniform sampler2DArray planes; // a layer holds four channels of a plane, with a border of zeros
layout(std140) uniform Decoder {
  mat4 w0[HIDDEN * CHANNELS]; // four channels to four hidden units
  vec4 b0[HIDDEN];
  mat4 w1[HIDDEN]; // four hidden units to density, red, green, blue
  vec4 b1;
};

// grid_sample, bilinear, zeros outside: beyond its border of zeros the texture repeats them
vec4 sample_plane(vec2 place, int layer) {
  return texture(planes, vec3(((place + 1.0) * (0.5 * SIDE) + 1.0) / (SIDE + 2.0), float(layer)));
}

vec4 softplus(vec4 x) {
  return max(x, 0.0) + log(1.0 + exp(-abs(x)));
}
float softplus(float x) {
  return max(x, 0.0) + log(1.0 + exp(-abs(x)));
}

// raw density in x, colours in yzw
vec4 field(vec3 point) {
  vec3 p = point * (2.0 / BOX_WARP);
  vec4 features[CHANNELS];
  for (int c = 0; c < CHANNELS; c++)
    features[c] = (sample_plane(PLANE_0, c) + sample_plane(PLANE_1, CHANNELS + c)
      + sample_plane(PLANE_2, 2 * CHANNELS + c)) / 3.0;
  vec4 x = b1;
  for (int h = 0; h < HIDDEN; h++) {
    vec4 hidden = b0[h];
    for (int c = 0; c < CHANNELS; c++) hidden += w0[h * CHANNELS + c] * features[c];
    x += w1[h] * softplus(hidden);
  }
  return vec4(x.x, (1.0 / (1.0 + exp(-x.yzw))) * (1.0 + 2.0 * 0.001) - 0.001);
}`;

/** Rays, coarse pass, importance samples, midpoint march: networks/rays.py and volume_rendering.py. */
const RENDER = `
#if BAKED // reading the field is cheap: keep the densities of the coarse pass alone
uniform sampler3D volume; // the field itself at the points of a grid
#define KEPT float
#define KEEP(seen) seen.x
#define DENSITY(kept) kept
#else
#define KEPT vec4
#define KEEP(seen) seen
#define DENSITY(kept) kept.x
#endif
uniform vec3 origin, right, down, forward; // cam2world
uniform float focal; // picture widths
uniform float resolution; // rays of a row
uniform bool normals; // find the surface's normal too

const float FAINTEST = 1e-4; // transmittance below which nothing more is added
const float UNKNOWN = 1e30;

layout(location = 0) out vec4 colour; // red, green, blue, opacity; not yet over a background
layout(location = 1) out vec4 surface; // normal in world axes, depth

vec4 sample_field(vec3 point) {
#if BAKED
  return texture(volume, point / BOX_WARP + 0.5);
#else
  return field(point);
#endif
}

float stratified_depth(int i) {
  float s = float(i) / float(DEPTH_RESOLUTION - 1);
#if DISPARITY
  return 1.0 / ((1.0 - s) / RAY_START + s / RAY_END);
#else
  return RAY_START + s * (RAY_END - RAY_START);
#endif
}

// how much of the light is stopped between two samples
float alpha(float sigma_near, float sigma_far, float interval) {
  float density = softplus((sigma_near + sigma_far) / 2.0 - 1.0);
  return 1.0 - exp(-density * interval);
}

vec3 field_normal(vec3 point) { // rendering/views.py
  vec2 texel = vec2(BOX_WARP / SIDE, 0.0);
  vec3 slope;
  for (int axis = 0; axis < 3; axis++) {
    vec3 step = axis == 0 ? texel.xyy : axis == 1 ? texel.yxy : texel.yyx;
    slope[axis] = sample_field(point + step).x - sample_field(point - step).x;
  }
  return -normalize(slope + vec3(0.0, 0.0, 1e-9));
}

void main() {
  vec2 local = (vec2(gl_FragCoord.x, resolution - gl_FragCoord.y) / resolution - 0.5) / focal;
  vec3 direction = normalize(right * local.x + down * local.y + forward);

  // coarse pass
  KEPT coarse[DEPTH_RESOLUTION];
  float weights[DEPTH_RESOLUTION]; // of the interval behind each sample
  float passed = 1.0;
  for (int i = 0; i < DEPTH_RESOLUTION; i++) {
    weights[i] = 0.0;
    coarse[i] = KEPT(UNKNOWN);
    if (passed < FAINTEST) continue;
    coarse[i] = KEEP(sample_field(origin + stratified_depth(i) * direction));
    if (i == 0) continue;
    float stopped = alpha(DENSITY(coarse[i - 1]), DENSITY(coarse[i]), stratified_depth(i) - stratified_depth(i - 1));
    weights[i - 1] = stopped * passed;
    passed *= 1.0 - stopped + 1e-10;
  }

#if BAKED // nothing on this ray
  if (passed > 0.99999) {
    colour = vec4(0.0);
    surface = vec4(0.0, 0.0, 0.0, RAY_END);
    return;
  }
#endif

#if DEPTH_RESOLUTION_IMPORTANCE > 0
  // importance_depths: smoothed weights of the inner intervals, and the sum of them
  const int BINS = DEPTH_RESOLUTION - 3;
  float pdf[BINS];
  float sum = 0.0;
  for (int i = 0; i < BINS; i++) {
    pdf[i] = (max(weights[i], weights[i + 1]) + max(weights[i + 1], weights[i + 2])) / 2.0 + 0.01 + 1e-5;
    sum += pdf[i];
  }
  int bin = 0, fine = 0;
  float cdf = 0.0, fine_depth = 0.0;
  bool wanted = true; // the next fine depth is to be found
#endif

  // the march: coarse and fine samples in the order of their depths
  vec4 last = vec4(0.0);
  float last_depth = 0.0, total = 0.0, depth = 0.0;
  vec3 rgb = vec3(0.0);
  int next = 0;
  passed = 1.0;
  for (int s = 0; s < DEPTH_RESOLUTION + DEPTH_RESOLUTION_IMPORTANCE; s++) {
    if (passed < FAINTEST) break;
    float at = next < DEPTH_RESOLUTION ? stratified_depth(next) : UNKNOWN;
    bool is_fine = false;
#if DEPTH_RESOLUTION_IMPORTANCE > 0
    if (wanted && fine < DEPTH_RESOLUTION_IMPORTANCE) { // invert_cdf
      float u = float(fine) / float(max(DEPTH_RESOLUTION_IMPORTANCE - 1, 1));
      while (bin < BINS && cdf + pdf[bin] / sum <= u) cdf += pdf[bin++] / sum;
      float low = (stratified_depth(bin) + stratified_depth(bin + 1)) / 2.0;
      float high = (stratified_depth(bin + 1) + stratified_depth(min(bin + 2, DEPTH_RESOLUTION - 1))) / 2.0;
      fine_depth = bin < BINS ? low + (u - cdf) / (pdf[bin] / sum) * (high - low) : low;
      wanted = false;
    }
    is_fine = fine < DEPTH_RESOLUTION_IMPORTANCE && fine_depth < at;
#endif
    vec4 here;
    if (is_fine) {
#if DEPTH_RESOLUTION_IMPORTANCE > 0
      at = fine_depth;
      fine++;
      wanted = true;
#endif
      here = sample_field(origin + at * direction);
    } else {
#if BAKED
      here = sample_field(origin + at * direction);
#else
      here = coarse[next].x == UNKNOWN ? sample_field(origin + at * direction) : coarse[next];
#endif
      next++;
    }
    if (s > 0) {
      float stopped = alpha(last.x, here.x, at - last_depth);
      float weight = stopped * passed;
      rgb += weight * (last.yzw + here.yzw) / 2.0; // half of an interval to each end
      depth += weight * (last_depth + at) / 2.0;
      total += weight;
      passed *= 1.0 - stopped + 1e-10;
    }
    last = here;
    last_depth = at;
  }
  depth = total > 0.0 ? depth / total : RAY_END;
  colour = vec4(rgb, total);
  surface = vec4(0.0, 0.0, 0.0, depth);
  if (normals && total > 0.02) surface.xyz = field_normal(origin + depth * direction);
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

export const marchSource = (header, baked) => [HEAD, defines(header), `#define BAKED ${Number(baked)}`, FIELD, RENDER].join("\n");
export const bakeSource = (header) => [HEAD, defines(header), FIELD, BAKE].join("\n");
export const densitySource = (header) => [HEAD, defines(header), FIELD, DENSITY].join("\n");

/** From the marched picture to the canvas: background, shading, and a smooth enlargement (Catmull-Rom). */
export const PRESENT = `${HEAD}
uniform sampler2D colours, surfaces;
uniform vec2 target; // pixels of the canvas
uniform vec3 background, right, up, back; // camera axes
uniform vec2 range; // nearest and farthest depth
uniform int mode; // 0 picture, 1 depth, 2 normals
out vec4 result;

vec4 smooth_read(sampler2D image, vec2 place) {
  vec2 size = vec2(textureSize(image, 0));
  vec2 at = place * size, middle = floor(at - 0.5) + 0.5, f = at - middle;
  vec2 w0 = f * (-0.5 + f * (1.0 - 0.5 * f)), w1 = 1.0 + f * f * (-2.5 + 1.5 * f);
  vec2 w2 = f * (0.5 + f * (2.0 - 1.5 * f)), w3 = f * f * (-0.5 + 0.5 * f);
  vec2 w12 = w1 + w2, low = (middle - 1.0) / size, mid = (middle + w2 / w12) / size, high = (middle + 2.0) / size;
  return (texture(image, vec2(low.x, low.y)) * w0.x + texture(image, vec2(mid.x, low.y)) * w12.x
      + texture(image, vec2(high.x, low.y)) * w3.x) * w0.y
    + (texture(image, vec2(low.x, mid.y)) * w0.x + texture(image, vec2(mid.x, mid.y)) * w12.x
      + texture(image, vec2(high.x, mid.y)) * w3.x) * w12.y
    + (texture(image, vec2(low.x, high.y)) * w0.x + texture(image, vec2(mid.x, high.y)) * w12.x
      + texture(image, vec2(high.x, high.y)) * w3.x) * w3.y;
}

void main() {
  vec2 place = gl_FragCoord.xy / target;
  vec4 seen = clamp(smooth_read(colours, place), 0.0, 1.0);
  vec3 shown = seen.rgb + (1.0 - seen.a) * background;
  if (mode == 1) {
    float depth = texture(surfaces, place).w;
    shown = mix(vec3(0.0), vec3(clamp((range.y - depth) / (range.y - range.x), 0.0, 1.0)), seen.a);
  }
  if (mode == 2) {
    vec3 world = texture(surfaces, place).xyz;
    vec3 normal = vec3(dot(world, right), dot(world, up), dot(world, back));
    shown = mix(vec3(0.5), normalize(normal + vec3(0.0, 0.0, 1e-6)) * 0.5 + 0.5, seen.a);
  }
  result = vec4(shown, 1.0);
}`;
