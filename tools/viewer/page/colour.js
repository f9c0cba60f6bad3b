// Colour maps: curves through a few points of OKLCh, along which lightness rises evenly, so that equal differences of values
// look equally large. B. Ottosson, "A perceptual color space for image processing" (2020), has the matrices.

const LENGTH = 256;

// name, kind, points [place, chroma, hue in degrees]; lightness goes from `light[0]` to `light[1]`, for maps around a middle
// from there to `light[1]` at both ends.
const MAPS = {
  lagoon: { kind: 'sequential', light: [0.16, 0.96], points: [[0, 0.07, 300], [0.3, 0.12, 265], [0.55, 0.11, 200], [0.8, 0.14, 150], [1, 0.12, 105]] },
  ember: { kind: 'sequential', light: [0.1, 0.97], points: [[0, 0.03, 290], [0.25, 0.13, 320], [0.5, 0.19, 15], [0.75, 0.16, 55], [1, 0.06, 100]] },
  ice: { kind: 'sequential', light: [0.97, 0.22], points: [[0, 0.01, 230], [0.4, 0.08, 225], [0.75, 0.13, 255], [1, 0.1, 285]] },
  grey: { kind: 'sequential', light: [0.06, 0.98], points: [[0, 0, 0], [1, 0, 0]] },
  tide: { kind: 'diverging', light: [0.97, 0.34], points: [[0, 0.13, 262], [0.25, 0.12, 240], [0.5, 0, 150], [0.75, 0.15, 40], [1, 0.15, 22]] },
  dusk: { kind: 'diverging', light: [0.14, 0.86], points: [[0, 0.12, 210], [0.25, 0.14, 250], [0.5, 0, 300], [0.75, 0.17, 30], [1, 0.13, 75]] },
};

export const mapNames = Object.keys(MAPS);
export const isDiverging = (name) => MAPS[name].kind === 'diverging';

const mix = (a, b, t) => a + (b - a) * t;

function linear([light, chroma, hue]) {
  const a = chroma * Math.cos((hue * Math.PI) / 180);
  const b = chroma * Math.sin((hue * Math.PI) / 180);
  const l = (light + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (light - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (light - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
}

const isShown = (rgb) => rgb.every((v) => v > -1e-3 && v < 1.001);

/** The colour of the same lightness and hue with as much of the chroma as a screen has. */
function toScreen([light, chroma, hue]) {
  let [low, high] = [0, 1];
  if (!isShown(linear([light, chroma, hue]))) {
    for (let i = 0; i < 12; i++) {
      const middle = (low + high) / 2;
      if (isShown(linear([light, chroma * middle, hue]))) low = middle;
      else high = middle;
    }
    chroma *= low;
  }
  const gamma = (v) => (v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055);
  return linear([light, chroma, hue]).map((v) => Math.round(255 * Math.min(Math.max(gamma(Math.max(v, 0)), 0), 1)));
}

function colourAt(map, t) {
  const right = Math.max(1, map.points.findIndex(([place]) => place >= t));
  const [a, b] = [map.points[right - 1], map.points[right]];
  const share = (t - a[0]) / (b[0] - a[0]);
  // Hue goes the short way round; a point without chroma has none of its own.
  const turn = ((((b[2] - a[2]) % 360) + 540) % 360) - 180;
  const hue = a[1] === 0 ? b[2] : b[1] === 0 ? a[2] : a[2] + turn * share;
  const along = map.kind === 'diverging' ? Math.abs(2 * t - 1) : t;
  return toScreen([mix(map.light[0], map.light[1], along), mix(a[1], b[1], share), hue]);
}

const tables = new Map();

/** 256 colours, four bytes each. */
export function colourTable(name) {
  if (!tables.has(name)) {
    const table = new Uint8ClampedArray(4 * LENGTH);
    for (let i = 0; i < LENGTH; i++) table.set([...colourAt(MAPS[name], i / (LENGTH - 1)), 255], 4 * i);
    tables.set(name, table);
  }
  return tables.get(name);
}

/** As CSS has it: from the low end to the high one. */
export function cssGradient(name, direction) {
  const table = colourTable(name);
  const stops = [];
  for (let i = 0; i < LENGTH; i += 15) stops.push(`rgb(${table[4 * i]},${table[4 * i + 1]},${table[4 * i + 2]})`);
  return `linear-gradient(${direction},${stops.join(',')})`;
}
