// From marched colours to what is seen, as shader text.
import { HEAD } from "./field.mjs";

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
