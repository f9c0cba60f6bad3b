// The view in space: turning it, the box around the field, and when to draw finely.

import { isDiverging } from './colour.js';
import { fit, style } from './slice.js';
import { VolumeRenderer } from './volume.js';

const DISTANCE = 3.6; // of the eye from the middle, where the half diagonal is 1
const OPENING = 0.3; // half the height of the picture at distance 1

/** A rotation, columns one behind the other: about the vertical axis of the field, then tilted. */
function rotation(turned, tilted) {
  const [c, s, d, t] = [Math.cos(turned), Math.sin(turned), Math.cos(tilted), Math.sin(tilted)];
  // Columns: right, up, towards the eye, in x, y, z of the field; z is up.
  return [-s, c, 0, -c * t, -s * t, d, c * d, s * d, t];
}

export class SpaceView {
  constructor(canvas, lines, state, act) {
    Object.assign(this, { canvas, lines, state, act });
    this.turned = -0.95;
    this.tilted = 0.42;
    this.near = 1;
    this.pointers = new Map();
    try {
      this.renderer = new VolumeRenderer(canvas);
    } catch (error) {
      this.failure = error.message;
    }
    this.#listen();
  }

  /** `isQuick`: while something moves. */
  draw(isQuick = false) {
    const { context, width, height } = fit(this.lines);
    const { state } = this;
    if (width < 40 || !state.extent || state.is2d) {
      this.renderer?.clear();
      return;
    }
    if (this.failure) {
      this.#say(context, width, height, this.failure);
      return;
    }
    const grid = state.grid();
    const view = this.#view(width, height);
    if (grid && this.renderer.holds(grid)) {
      this.renderer.setField(grid, state.dataRange);
      this.renderer.setColours(state.map);
      const ratio = (window.devicePixelRatio || 1) * (isQuick ? 0.45 : 1);
      const most = Math.sqrt(900000 / (width * height));
      const sharp = Math.min(ratio, most);
      const steps = Math.min(Math.hypot(...grid.dims) * (isQuick ? 0.6 : 1.3), isQuick ? 160 : 420);
      this.renderer.draw(view, this.#look(steps), [Math.max(1, Math.round(width * sharp)), Math.max(1, Math.round(height * sharp))]);
    } else {
      this.renderer.clear();
    }
    this.#drawBox(context, view, width, height);
    clearTimeout(this.later);
    if (isQuick) this.later = setTimeout(() => this.draw(), 180);
  }

  #view(width, height) {
    const { low, high } = this.state.extent;
    const span = [2, 1, 0].map((axis) => high[axis] - low[axis]);
    const half = Math.hypot(...span) / 2;
    const reach = (OPENING / this.near) * Math.max(1, height / width);
    return {
      turn: rotation(this.turned, this.tilted),
      halfSize: span.map((s) => s / 2 / half),
      screen: [(reach * width) / height, reach],
      distance: DISTANCE,
    };
  }

  #look(steps) {
    const { state } = this;
    const [from, to] = state.dataRange;
    const place = (value) => (value - from) / (to - from || 1);
    const { low, high, isLog } = state.scale;
    return {
      steps,
      mode: state.mode,
      density: state.density,
      level: place(state.surface),
      isDiverging: isDiverging(state.map),
      window: [place(low), place(high), isLog ? 1 : 0, from / (to - from || 1)],
    };
  }

  #drawBox(context, view, width, height) {
    const project = (corner) => {
      const m = view.turn;
      const seen = [0, 1, 2].map((row) => m[3 * row] * corner[0] + m[3 * row + 1] * corner[1] + m[3 * row + 2] * corner[2]);
      const depth = view.distance - seen[2];
      return [(width / 2) * (1 + seen[0] / depth / view.screen[0]), (height / 2) * (1 - seen[1] / depth / view.screen[1]), depth];
    };
    const h = view.halfSize;
    const corner = (bits) => h.map((v, i) => (bits & (1 << i) ? v : -v));
    const depths = [...Array(8).keys()].map((bits) => project(corner(bits))[2]);
    const farthest = depths.indexOf(Math.max(...depths));
    context.lineWidth = 1;
    for (let bits = 0; bits < 8; bits++) {
      for (let axis = 0; axis < 3; axis++) {
        const other = bits | (1 << axis);
        if (other === bits) continue;
        // Edges behind the field are drawn softly: they would lie over it.
        context.strokeStyle = bits === farthest || other === farthest ? style('--line') : style('--edge');
        const [a, b] = [project(corner(bits)), project(corner(other))];
        context.beginPath();
        context.moveTo(a[0], a[1]);
        context.lineTo(b[0], b[1]);
        context.stroke();
      }
    }
    this.#drawNames(context, project, h);
  }

  #drawNames(context, project, half) {
    context.font = style('--canvas-strong');
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    ['x', 'y', 'z'].forEach((name, axis) => {
      // At the middle of the edge that is farthest to the outside.
      const [p, q] = [0, 1, 2].filter((other) => other !== axis);
      const middles = [[-1, -1], [-1, 1], [1, -1], [1, 1]].map(([s, t]) => {
        const at = [0, 0, 0];
        [at[p], at[q]] = [s * half[p], t * half[q]];
        const out = [...at];
        [out[p], out[q]] = [at[p] + s * 0.1, at[q] + t * 0.1];
        return project(out);
      });
      const outside = name === 'z' ? (a, b) => a[0] - b[0] : (a, b) => b[1] - a[1];
      const [x, y] = middles.sort(outside)[0];
      context.fillStyle = style(`--axis-${name}`);
      context.fillText(name, x, y);
    });
  }

  #say(context, width, height, text) {
    context.font = style('--canvas-font');
    context.fillStyle = style('--soft');
    context.textAlign = 'center';
    context.fillText(text, width / 2, height / 2);
  }

  #listen() {
    const canvas = this.lines;
    canvas.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, event);
      this.act.focus(3);
    });
    canvas.addEventListener('pointermove', (event) => {
      const before = this.pointers.get(event.pointerId);
      if (!before) return;
      if (this.pointers.size === 1) this.turnBy((event.clientX - before.clientX) * 0.008, (event.clientY - before.clientY) * 0.008);
      else {
        const [a, b] = [...this.pointers.values()];
        const was = Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
        this.pointers.set(event.pointerId, event);
        const [c, d] = [...this.pointers.values()];
        this.comeBy(Math.hypot(c.clientX - d.clientX, c.clientY - d.clientY) / was);
      }
      this.pointers.set(event.pointerId, event);
    });
    for (const kind of ['pointerup', 'pointercancel']) canvas.addEventListener(kind, (event) => this.pointers.delete(event.pointerId));
    canvas.addEventListener('wheel', (event) => {
      event.preventDefault();
      this.act.focus(3);
      this.comeBy(Math.exp(-event.deltaY * 0.0015));
    }, { passive: false });
  }

  turnBy(right, down) {
    this.turned -= right;
    this.tilted = Math.min(Math.max(this.tilted + down, -1.5), 1.5);
    this.draw(true);
  }

  comeBy(factor) {
    this.near = Math.min(Math.max(this.near * factor, 0.5), 6);
    this.draw(true);
  }

  reset() {
    [this.turned, this.tilted, this.near] = [-0.95, 0.42, 1];
    this.draw();
  }
}
