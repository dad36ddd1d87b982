// One ray a fragment, as shader text: what the exact march (shader.mjs) and the quick one (grid.mjs) share.

export const RAY = `
uniform vec3 origin, right, down, forward; // cam2world
uniform float focal; // picture widths
uniform float resolution; // rays of a row
uniform bool normals; // find the surface's normal too

layout(location = 0) out vec4 colour; // red, green, blue, opacity; not yet over a background
layout(location = 1) out vec4 surface; // normal in world axes, depth

vec3 ray_direction() { // networks/rays.py
  vec2 local = (vec2(gl_FragCoord.x, resolution - gl_FragCoord.y) / resolution - 0.5) / focal;
  return normalize(right * local.x + down * local.y + forward);
}

float softplus(float x) {
  return max(x, 0.0) + log(1.0 + exp(-abs(x)));
}

// how much of the light is stopped between two samples: volume_rendering.py, march
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

void finish(vec3 rgb, float depth, float total, vec3 direction) {
  depth = total > 0.0 ? depth / total : RAY_END;
  colour = vec4(rgb, total);
  surface = vec4(0.0, 0.0, 0.0, depth);
  if (normals && total > 0.02) surface.xyz = field_normal(origin + depth * direction);
}`;
