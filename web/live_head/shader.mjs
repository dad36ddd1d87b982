// The exact march as shader text. To be read beside itportrait_core/networks/volume_rendering.py and rays.py: the same
// steps under the same names, in the same order.
import { FIELD, HEAD, defines } from "./field.mjs";
import { RAY } from "./ray.mjs";

/** Coarse pass, importance samples, midpoint march. */
const MARCH = `
const float FAINTEST = 1e-4; // transmittance below which nothing more is added
const float UNKNOWN = 1e30;

float stratified_depth(int i) {
  float s = float(i) / float(DEPTH_RESOLUTION - 1);
#if DISPARITY
  return 1.0 / ((1.0 - s) / RAY_START + s / RAY_END);
#else
  return RAY_START + s * (RAY_END - RAY_START);
#endif
}

void main() {
  vec3 direction = ray_direction();

  // coarse pass
  vec4 coarse[DEPTH_RESOLUTION];
  float weights[DEPTH_RESOLUTION]; // of the interval behind each sample
  float passed = 1.0;
  for (int i = 0; i < DEPTH_RESOLUTION; i++) {
    weights[i] = 0.0;
    coarse[i] = vec4(UNKNOWN);
    if (passed < FAINTEST) continue;
    coarse[i] = sample_field(origin + stratified_depth(i) * direction);
    if (i == 0) continue;
    float stopped = alpha(coarse[i - 1].x, coarse[i].x, stratified_depth(i) - stratified_depth(i - 1));
    weights[i - 1] = stopped * passed;
    passed *= 1.0 - stopped + 1e-10;
  }

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
      here = coarse[next].x == UNKNOWN ? sample_field(origin + at * direction) : coarse[next];
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
  finish(rgb, depth, total, direction);
}`;

export const marchSource = (header) =>
  [HEAD, defines(header), FIELD, "vec4 sample_field(vec3 point) { return field(point); }", RAY, MARCH].join("\n");
