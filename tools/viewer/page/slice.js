// One plane of a field: picture, axes, cross hair, boxes of the octree.

import { colourTable } from './colour.js';
import { roundTicks, tickTexts } from './scale.js';

const NAMES = ['z', 'y', 'x'];
const MARGIN = { left: 58, right: 14, top: 30, bottom: 34 };

/** A canvas that has as many pixels as the screen. */
export function fit(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  const context = canvas.getContext('2d');
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

export const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** The view across `axis`; `state` is the page's, `act` what it does on the user's wishes. */
export class SliceView {
  constructor(canvas, axis, state, act) {
    this.canvas = canvas;
    this.axis = axis;
    this.state = state;
    this.act = act;
    [this.rows, this.columns] = [0, 1, 2].filter((other) => other !== axis);
    this.picture = document.createElement('canvas');
    this.pointers = new Map();
    this.rolled = 0;
    this.#listen();
  }

  /** From places to pixels: the whole domain, or around the cross hair what `zoom` leaves of it. */
  #frame(width, height) {
    const { low, high } = this.state.extent;
    const span = [this.columns, this.rows].map((axis) => high[axis] - low[axis]);
    const room = [width - MARGIN.left - MARGIN.right, height - MARGIN.top - MARGIN.bottom];
    const scale = Math.max(1e-300, Math.min(room[0] / span[0], room[1] / span[1]));
    const size = span.map((s) => s * scale);
    const left = MARGIN.left + (room[0] - size[0]) / 2;
    const top = MARGIN.top + (room[1] - size[1]) / 2;
    const { zoom, centre } = this.state;
    const shown = span.map((s) => s / zoom);
    const start = [this.columns, this.rows].map((axis, i) =>
      Math.min(Math.max(centre[axis] - shown[i] / 2, low[axis]), high[axis] - shown[i]));
    const per = size[0] / shown[0];
    return {
      left, top, width: size[0], height: size[1], start, shown,
      x: (place) => left + (place - start[0]) * per,
      y: (place) => top + size[1] - (place - start[1]) * per,
      column: (x) => start[0] + (x - left) / per,
      row: (y) => start[1] + (top + size[1] - y) / per,
    };
  }

  draw() {
    const { context, width, height } = fit(this.canvas);
    this.frame = null;
    if (width < 40 || !this.state.extent) return;
    const frame = (this.frame = this.#frame(width, height));
    context.fillStyle = style('--masked');
    context.fillRect(frame.left, frame.top, frame.width, frame.height);
    const slice = this.state.slice(this.axis);
    context.save();
    context.beginPath();
    context.rect(frame.left, frame.top, frame.width, frame.height);
    context.clip();
    if (slice) this.#drawValues(context, frame, slice);
    if (this.state.overlay !== 'none') this.#drawBoxes(context, frame);
    if (this.state.hasCrossHair) this.#drawCrossHair(context, frame);
    context.restore();
    this.#drawAxes(context, frame);
    this.#drawTitle(context, frame, slice);
  }

  #drawValues(context, frame, slice) {
    const { values, width, height, info } = slice;
    if (this.painted?.values !== values || this.painted.look !== this.state.look) this.#paint(slice);
    const { spacing, origin } = info;
    const [c, r] = [this.columns, this.rows];
    const left = frame.x(origin[c] - spacing[c] / 2);
    const right = frame.x(origin[c] + (width - 0.5) * spacing[c]);
    const bottom = frame.y(origin[r] - spacing[r] / 2);
    const top = frame.y(origin[r] + (height - 0.5) * spacing[r]);
    // Voxels are shown as such where they are large enough to be seen.
    context.imageSmoothingEnabled = (right - left) / width < 1;
    context.drawImage(this.picture, left, top, right - left, bottom - top);
  }

  #paint({ values, width, height }) {
    this.painted = { values, look: this.state.look };
    [this.picture.width, this.picture.height] = [width, height];
    const context = this.picture.getContext('2d');
    const image = context.createImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    const table = new Uint32Array(colourTable(this.state.map).slice().buffer);
    const { scale } = this.state;
    for (let row = 0; row < height; row++) {
      // Rows go up, as axes do; those of a picture go down.
      let to = (height - 1 - row) * width;
      for (let i = row * width; i < (row + 1) * width; i++, to++) {
        const place = scale.place(values[i]);
        // Where there is no value the ground is seen.
        if (place === place) pixels[to] = table[place <= 0 ? 0 : place >= 1 ? 255 : Math.round(place * 255)];
      }
    }
    context.putImageData(image, 0, 0);
  }

  #drawBoxes(context, frame) {
    const { details, overlay, position, fine } = this.state;
    const edge = (axis, voxel) => fine.origin[axis] + (voxel - 0.5) * fine.spacing[axis];
    const box = (start, size) => {
      const [c, r] = [this.columns, this.rows];
      const [x0, x1] = [frame.x(edge(c, start[c])), frame.x(edge(c, start[c] + size[c]))];
      const [y0, y1] = [frame.y(edge(r, start[r] + size[r])), frame.y(edge(r, start[r]))];
      // Dark below light, to be seen on any colour.
      const colour = context.strokeStyle;
      context.strokeStyle = 'rgba(0,0,0,.3)';
      context.lineWidth = 3;
      context.strokeRect(x0, y0, x1 - x0, y1 - y0);
      context.strokeStyle = colour;
      context.lineWidth = 1.2;
      context.strokeRect(x0, y0, x1 - x0, y1 - y0);
    };
    const at = fine.plane(this.axis, position[this.axis]);
    if (overlay === 'bricks' && details.brickEdge) {
      context.strokeStyle = style('--box-0');
      const e = details.brickEdge;
      const [c, r] = [this.columns, this.rows];
      for (let row = 0; row < fine.dims[r]; row += e) {
        for (let column = 0; column < fine.dims[c]; column += e) {
          const [start, size] = [[0, 0, 0], [1, 1, 1]];
          [start[r], size[r], start[c], size[c]] = [row, Math.min(e, fine.dims[r] - row), column, Math.min(e, fine.dims[c] - column)];
          box(start, size);
        }
      }
    }
    if (overlay !== 'octree') return;
    const { leaves } = details;
    const colours = [0, 1, 2, 3, 4].map((level) => style(`--box-${level}`));
    for (let i = 0; i < leaves.length; i += 7) {
      const [start, size, level] = [leaves.slice(i, i + 3), leaves.slice(i + 3, i + 6), leaves[i + 6]];
      if (at < start[this.axis] || at >= start[this.axis] + size[this.axis]) continue;
      context.strokeStyle = colours[Math.min(level, 4)];
      box(start, size);
    }
  }

  #drawCrossHair(context, frame) {
    const { position } = this.state;
    const [x, y] = [frame.x(position[this.columns]), frame.y(position[this.rows])];
    for (const [colour, width] of [['rgba(0,0,0,.45)', 3], ['rgba(255,255,255,.9)', 1]]) {
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.beginPath();
      // The voxel itself stays in sight.
      const gap = 7;
      context.moveTo(x, frame.top);
      context.lineTo(x, y - gap);
      context.moveTo(x, y + gap);
      context.lineTo(x, frame.top + frame.height);
      context.moveTo(frame.left, y);
      context.lineTo(x - gap, y);
      context.moveTo(x + gap, y);
      context.lineTo(frame.left + frame.width, y);
      context.stroke();
    }
  }

  #drawAxes(context, frame) {
    context.font = style('--canvas-font');
    context.fillStyle = style('--soft');
    context.strokeStyle = style('--line');
    context.lineWidth = 1;
    context.strokeRect(Math.round(frame.left) - 0.5, Math.round(frame.top) - 0.5, Math.round(frame.width) + 1, Math.round(frame.height) + 1);
    const unit = this.state.lengthUnit ? ` [${this.state.lengthUnit}]` : '';
    const across = roundTicks(frame.start[0], frame.start[0] + frame.shown[0], Math.max(2, Math.floor(frame.width / 58)));
    const texts = tickTexts(across);
    const below = frame.top + frame.height;
    const name = `${NAMES[this.columns]}${unit}`;
    const end = frame.left + frame.width;
    const nameFrom = end - context.measureText(name).width;
    context.textBaseline = 'top';
    context.textAlign = 'center';
    across.forEach((tick, i) => {
      const x = frame.x(tick);
      context.fillRect(Math.round(x) - 0.5, below + 1, 1, 4);
      const half = context.measureText(texts[i]).width / 2;
      if (x + half < nameFrom - 6) context.fillText(texts[i], x, below + 8);
    });
    context.textAlign = 'right';
    context.fillText(name, end, below + 8);
    const up = roundTicks(frame.start[1], frame.start[1] + frame.shown[1], Math.max(2, Math.floor(frame.height / 60)));
    const upTexts = tickTexts(up);
    context.textBaseline = 'middle';
    up.forEach((tick, i) => {
      const y = frame.y(tick);
      context.fillRect(frame.left - 5, Math.round(y) - 0.5, 4, 1);
      context.fillText(upTexts[i], frame.left - 8, y);
    });
    const widest = Math.max(0, ...upTexts.map((text) => context.measureText(text).width));
    context.fillText(NAMES[this.rows], frame.left - widest - 18, frame.top + frame.height / 2);
  }

  #drawTitle(context, frame, slice) {
    if (this.state.is2d) return;
    const name = NAMES[this.axis];
    const place = this.state.placeText(this.axis, this.state.position[this.axis]);
    context.textBaseline = 'alphabetic';
    context.textAlign = 'left';
    context.font = style('--canvas-strong');
    context.fillStyle = style(`--axis-${name}`);
    context.fillText(`${name} = ${place}`, frame.left, frame.top - 9);
    if (!slice) return;
    const start = frame.left + context.measureText(`${name} = ${place}`).width + 10;
    context.font = style('--canvas-font');
    context.fillStyle = style('--faint');
    const text = `plane ${slice.plane + 1} of ${slice.info.dims[this.axis]}${slice.level ? `, level ${slice.level}` : ''}`;
    if (start + context.measureText(text).width < frame.left + frame.width + 10) context.fillText(text, start, frame.top - 9);
  }

  /** The place under the pointer; null outside. */
  #under(event) {
    if (!this.frame) return null;
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const f = this.frame;
    const isInside = x >= f.left && x <= f.left + f.width && y >= f.top && y <= f.top + f.height;
    const place = [...this.state.position];
    [place[this.columns], place[this.rows]] = [f.column(x), f.row(y)];
    return { place, isInside };
  }

  #listen() {
    const { canvas, act } = this;
    canvas.addEventListener('pointerdown', (event) => {
      if (event.button !== 0 || !this.#under(event)?.isInside) return;
      canvas.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, event);
      act.focus(this.axis);
      if (this.pointers.size === 1) act.moveTo(this.#under(event).place);
      this.pinch = this.#distance();
    });
    canvas.addEventListener('pointermove', (event) => {
      const under = this.#under(event);
      if (!under) return;
      if (this.pointers.has(event.pointerId)) {
        this.pointers.set(event.pointerId, event);
        if (this.pointers.size === 1) act.moveTo(under.place);
        else if (this.pointers.size === 2) {
          act.zoomBy(this.#distance() / this.pinch);
          this.pinch = this.#distance();
        }
      }
      act.hover(under.isInside ? under.place : null);
    });
    for (const kind of ['pointerup', 'pointercancel']) {
      canvas.addEventListener(kind, (event) => this.pointers.delete(event.pointerId));
    }
    canvas.addEventListener('pointerleave', () => act.hover(null));
    canvas.addEventListener('wheel', (event) => {
      event.preventDefault();
      act.focus(this.axis);
      if (event.ctrlKey) act.zoomBy(Math.exp(-event.deltaY * 0.01));
      else this.#roll(event);
    }, { passive: false });
  }

  /** A plane for each notch of a wheel; a touch pad tells of many small turns. */
  #roll({ deltaY, deltaMode }) {
    this.rolled += deltaMode === 0 ? deltaY : deltaY * 33;
    const planes = Math.trunc(this.rolled / 100);
    this.rolled -= planes * 100;
    if (planes) this.act.step(this.axis, -planes);
  }

  #distance() {
    const [a, b] = [...this.pointers.values()];
    return b ? Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY) : 1;
  }
}
