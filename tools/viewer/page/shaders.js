// What the graphics processor runs for the view in space.

export const VERTEX = `#version 300 es
in vec2 corner;
out vec2 place;
void main() { place = corner; gl_Position = vec4(corner, 0.0, 1.0); }`;

// Rays through a box with its middle at 0 and the half extents \`half_size\`. The texture holds values as places between the ends
// of the field's range, below -0.25 where there is none; \`window\` takes them to places along the colour map.
export const FRAGMENT = `#version 300 es
precision highp float;
precision highp sampler3D;
uniform sampler3D field;
uniform sampler2D colours;
uniform mat3 turn;
uniform vec3 half_size, voxel;
uniform vec2 screen;
uniform vec4 window;     // low and high in the texture's unit; 1 for a logarithm, and what is added for it
uniform float distance_to, steps, density, level, is_diverging, seed;
uniform int mode;        // 0 volume, 1 largest value, 2 surface
in vec2 place;
out vec4 colour;

float window_of(float v) {
  if (window.z > 0.5) {
    float low = log(max(window.x + window.w, 1e-9));
    return (log(max(v + window.w, 1e-9)) - low) / (log(max(window.y + window.w, 1e-9)) - low);
  }
  return (v - window.x) / (window.y - window.x);
}

float value(vec3 at) { return texture(field, at / (2.0 * half_size) + 0.5).r; }

vec3 map(float t) { return texture(colours, vec2(clamp(t, 0.0, 1.0) * (255.0 / 256.0) + 0.5 / 256.0, 0.5)).rgb; }

float noise(vec2 p) { return fract(sin(dot(p, vec2(12.9898, 78.233)) + seed) * 43758.5453); }

vec3 slope(vec3 at) {
  vec3 h = voxel * 1.2;
  return vec3(
    value(at + vec3(h.x, 0, 0)) - value(at - vec3(h.x, 0, 0)),
    value(at + vec3(0, h.y, 0)) - value(at - vec3(0, h.y, 0)),
    value(at + vec3(0, 0, h.z)) - value(at - vec3(0, 0, h.z))) / h;
}

vec3 lit(vec3 at, vec3 ray, vec3 base) {
  vec3 normal = slope(at);
  normal = dot(normal, normal) > 0.0 ? normalize(normal) : -ray;
  if (dot(normal, ray) > 0.0) normal = -normal;
  vec3 key = normalize(turn * vec3(-0.45, 0.6, 0.8));
  vec3 fill = normalize(turn * vec3(0.8, -0.1, 0.5));
  float diffuse = max(dot(normal, key), 0.0), soft = max(dot(normal, fill), 0.0);
  float shine = pow(max(dot(normal, normalize(key - ray)), 0.0), 42.0);
  float rim = pow(1.0 - max(dot(normal, -ray), 0.0), 3.0);
  return base * (0.34 + 0.8 * diffuse + 0.25 * soft) + 0.22 * shine + base * 0.22 * rim;
}

void main() {
  vec3 eye = turn * vec3(0.0, 0.0, distance_to);
  vec3 ray = normalize(turn * vec3(place * screen, -1.0));
  vec3 inverse = 1.0 / ray, a = (-half_size - eye) * inverse, b = (half_size - eye) * inverse;
  vec3 near = min(a, b), far = max(a, b);
  float from = max(max(near.x, near.y), max(near.z, 0.0)), to = min(far.x, min(far.y, far.z));
  colour = vec4(0.0);
  if (to <= from) return;
  float longest = 2.0 * length(half_size), step_length = longest / steps;
  float t = from + step_length * noise(gl_FragCoord.xy);
  float last = -1.0, best = -1.0;
  vec3 sum = vec3(0.0);
  float through = 1.0;
  for (int i = 0; i < 2000; i++) {
    if (t >= to || through < 0.01) break;
    float v = value(eye + ray * t);
    bool is_there = v > -0.25;
    if (mode == 2) {
      if (is_there && last > -0.25 && (v - level) * (last - level) <= 0.0) {
        float low = t - step_length, high = t;
        for (int k = 0; k < 5; k++) {
          float middle = 0.5 * (low + high);
          if ((value(eye + ray * middle) - level) * (last - level) > 0.0) low = middle; else high = middle;
        }
        vec3 at = eye + ray * high;
        colour = vec4(lit(at, ray, map(window_of(level))), 1.0);
        return;
      }
      last = is_there ? v : -1.0;
    } else if (is_there) {
      float w = window_of(v), weight = clamp(is_diverging > 0.5 ? abs(2.0 * w - 1.0) : w, 0.0, 1.0);
      if (mode == 1) {
        if (weight > best) { best = weight; sum = map(w); }
      } else {
        float opacity = 1.0 - exp(-density * weight * weight * weight * step_length / longest * 40.0);
        sum += through * opacity * map(w);
        through *= 1.0 - opacity;
      }
    }
    t += step_length;
  }
  if (mode == 1) colour = best < 0.0 ? vec4(0.0) : vec4(sum, 1.0) * smoothstep(0.0, 0.35, best);
  if (mode == 0) colour = vec4(sum, 1.0 - through);
}`;
