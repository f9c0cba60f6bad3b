// Values to places along the colour map, and numbers as text.

/** From values to 0..1; NaN stays NaN. */
export class Scale {
  constructor(low, high, isLog) {
    this.isLog = isLog && high > 0;
    // A logarithm has no zero: six decades are shown.
    this.low = this.isLog && low <= 0 ? high * 1e-6 : low;
    this.high = high > this.low ? high : this.low + (Math.abs(this.low) * 1e-6 || 1);
    this.from = this.isLog ? Math.log(this.low) : this.low;
    this.factor = 1 / ((this.isLog ? Math.log(this.high) : this.high) - this.from);
  }

  place(value) {
    if (this.isLog) return value > 0 ? (Math.log(value) - this.from) * this.factor : value === value ? -1 : NaN;
    return (value - this.from) * this.factor;
  }

  value(place) {
    const value = this.from + place / this.factor;
    return this.isLog ? Math.exp(value) : value;
  }

  /** Round values within the range, about `count` of them. */
  ticks(count) {
    if (this.isLog && this.high / this.low > 30) {
      const [first, last] = [Math.ceil(Math.log10(this.low) - 1e-9), Math.floor(Math.log10(this.high) + 1e-9)];
      const every = Math.ceil((last - first + 1) / count);
      const ticks = [];
      for (let e = first; e <= last; e += every) ticks.push(10 ** e);
      if (ticks.length > 1) return ticks;
    }
    return roundTicks(this.low, this.high, count);
  }
}

/** Multiples of 1, 2 or 5 times a power of ten within a range. */
export function roundTicks(low, high, count) {
  const rough = (high - low) / Math.max(count, 1);
  if (!(rough > 0) || !Number.isFinite(rough)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((s) => s * power >= rough) * power;
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) ticks.push(k * step);
  return ticks;
}

const minus = (text) => text.replace(/-/g, '\u2212');

/** A number in few characters. */
export function short(value, digits = 4) {
  if (!Number.isFinite(value)) return value === value ? (value > 0 ? '\u221e' : '\u2212\u221e') : 'no value';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) {
    const [digit, exponent] = value.toExponential(Math.max(digits - 2, 0)).split('e');
    return minus(`${Number(digit)}e${Number(exponent)}`);
  }
  return minus(String(Number(value.toPrecision(digits))));
}

/** Ticks as text: with the same number of decimals, or as powers. */
export function tickTexts(ticks) {
  const largest = Math.max(...ticks.map(Math.abs));
  const step = ticks.length > 1 ? Math.min(...ticks.slice(1).map((t, i) => t - ticks[i])) : largest;
  if (largest >= 1e5 || (largest > 0 && largest < 1e-2)) return ticks.map((t) => short(t, 3));
  const decimals = Math.min(Math.max(0, -Math.floor(Math.log10(step || 1) + 1e-9)), 8);
  return ticks.map((t) => minus(Math.abs(t) < step * 1e-6 ? '0' : t.toFixed(decimals)));
}

export function bytesText(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let nth = -1;
  do {
    bytes /= 1000;
    nth++;
  } while (bytes >= 1000 && nth < units.length - 1);
  return `${bytes.toPrecision(3)} ${units[nth]}`;
}

/** Counts of values and what they span: [{low, high, counts, min, max}], over a sample of at most 2^18 values. */
export function survey(values, bins = 96) {
  const every = Math.max(1, Math.floor(values.length / (1 << 18)));
  const sample = [];
  for (let i = 0; i < values.length; i += every) if (Number.isFinite(values[i])) sample.push(values[i]);
  if (sample.length === 0) return null;
  const sorted = Float64Array.from(sample).sort();
  const at = (share) => sorted[Math.round(share * (sorted.length - 1))];
  const [min, max] = [sorted[0], sorted.at(-1)];
  const counts = new Uint32Array(bins);
  for (const value of sorted) counts[Math.min(bins - 1, Math.floor(((value - min) / (max - min || 1)) * bins))]++;
  return { min, max, low: at(0.005), high: at(0.995), counts };
}
