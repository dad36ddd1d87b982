// The field as shader text: planes and decoder of one head, with the names and the order of networks/triplane.py.

const AXES = "xyz";
const float = (value) => (Number.isInteger(value) ? `${value}.0` : String(value));

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

export const HEAD = `#version 300 es
precision highp float;
precision highp sampler2DArray;
precision highp sampler3D;`;

/** Planes and decoder: networks/triplane.py. */
export const FIELD = `
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

