// Levels of a frame from coarse to fine, and planes of level 0 where that is too large to be held as a whole.

const FIRST = 1 << 18; // a first look has about so many voxels
const RISE = 30; // levels between the first and the last have so many times the voxels of the one before
const MOST = matchMedia('(max-width: 760px)').matches ? 1 << 21 : 1 << 24;
const KEPT = 6; // frames whose first looks are kept, for going back and forth in time

const voxels = (dims) => dims[0] * dims[1] * dims[2];

/** A level of a frame in memory. */
export class Grid {
  constructor(level, values, info) {
    this.level = level;
    this.values = values;
    this.dims = info.dims;
    this.spacing = info.spacing;
    this.origin = info.origin;
  }

  /** Number of the plane that is nearest to a place along an axis. */
  plane(axis, place) {
    const plane = Math.round((place - this.origin[axis]) / this.spacing[axis]);
    return Math.min(Math.max(plane, 0), this.dims[axis] - 1);
  }

  /** A plane as {values, width, height}; rows along the slower of the two axes that are left. */
  slice(axis, plane) {
    const [nz, ny, nx] = this.dims;
    const [rows, columns] = [0, 1, 2].filter((other) => other !== axis);
    const strides = [ny * nx, nx, 1];
    const [height, width] = [this.dims[rows], this.dims[columns]];
    const start = plane * strides[axis];
    if (axis === 0) return { values: this.values.subarray(start, start + ny * nx), width, height };
    const values = new this.values.constructor(width * height);
    for (let row = 0, at = 0; row < height; row++) {
      let from = start + row * strides[rows];
      for (let column = 0; column < width; column++, at++, from += strides[columns]) values[at] = this.values[from];
    }
    return { values, width, height };
  }

  value(voxel) {
    return this.values[(voxel[0] * this.dims[1] + voxel[1]) * this.dims[2] + voxel[2]];
  }
}

/** Loads frames. `onChange` is told whenever there is more to show, `onError` why there is not. */
export class Loader {
  constructor(source, onChange, onError) {
    this.source = source;
    this.onChange = onChange;
    this.onError = onError;
    this.details = null;
    this.grids = [];
    this.planes = [null, null, null];
    this.busy = 0;
    this.kept = new Map();
    this.control = new AbortController();
    this.planeControl = [null, null, null];
  }

  /** Forgets what is shown. */
  clear() {
    this.control.abort();
    this.#forgetPlanes();
    Object.assign(this, { details: null, grids: [] });
  }

  #forgetPlanes() {
    this.planeControl.forEach((one) => one?.abort());
    this.planeControl = [null, null, null];
    this.planes = [null, null, null];
  }

  /** The finest level that is here and may be shown. */
  finest() {
    return this.grids.at(-1) ?? null;
  }

  /** Whether the level wanted is shown plane by plane, because it is too large. */
  isByPlanes() {
    const info = this.details?.levels[this.wanted];
    return Boolean(info) && voxels(info.dims) > MOST;
  }

  /** Starts on a frame. `level`: the finest one wanted; `isQuick`: no more than a first look, while steps are played. */
  async open(place, { level = 0, what = 'values', isQuick = false } = {}) {
    this.control.abort();
    const control = (this.control = new AbortController());
    this.#forgetPlanes();
    this.place = place;
    this.what = what;
    try {
      const details = await this.#frame(place);
      if (control.signal.aborted) return;
      this.details = details;
      this.wanted = Math.min(level, details.levels.length - 1);
      const levels = this.#ladder(isQuick);
      const grids = [];
      for (const one of levels) {
        const grid = await this.#grid(place, one, control.signal);
        if (control.signal.aborted) return;
        grids.push(grid);
        this.grids = grids.slice();
        this.onChange();
      }
      if (!levels.length) {
        this.grids = [];
        this.onChange();
      }
    } catch (error) {
      if (error.name === 'AbortError' || control.signal.aborted) return;
      this.grids = [];
      this.onError(error);
    }
  }

  /** Levels to load in turn. */
  #ladder(isQuick) {
    const { levels, coarsestStored } = this.details;
    if (this.what === 'error') return voxels(levels[0].dims) > MOST ? [] : [0];
    // Above what is stored a level takes as much work as level 0.
    const top = Math.max(this.wanted, Math.min(coarsestStored, levels.length - 1));
    const fits = (level, most) => voxels(levels[level].dims) <= most;
    let first = this.wanted;
    while (first < top && !fits(first, FIRST)) first++;
    const ladder = [];
    for (let level = first; level >= this.wanted; level--) {
      if (!fits(level, MOST)) break;
      const isLast = level === this.wanted || !fits(level - 1, MOST);
      const isWorthIt = !ladder.length || voxels(levels[level].dims) >= RISE * voxels(levels[ladder.at(-1)].dims);
      if (isLast || isWorthIt) ladder.push(level);
    }
    if (ladder.length === 0) {
      // Not one stored level is small enough: a coarser one, whatever it takes.
      const small = levels.findIndex((_, level) => fits(level, MOST));
      if (small >= 0) ladder.push(small);
    }
    return isQuick ? ladder.slice(0, 1) : ladder;
  }

  async #frame(place) {
    const key = `${place.file}/${place.frame}`;
    const known = this.kept.get(key) ?? {};
    known.details ??= await this.#during(this.source.frame(place));
    this.#keep(key, known);
    return known.details;
  }

  async #grid(place, level, signal) {
    const key = `${place.file}/${place.frame}`;
    const known = this.kept.get(key) ?? {};
    const name = `${this.what}/${level}`;
    if (known[name]) return known[name];
    const values = await this.#during(this.source.values({ ...place, level, box: null, what: this.what }, signal));
    const grid = new Grid(level, values, known.details.levels[level]);
    if (voxels(grid.dims) <= FIRST) {
      known[name] = grid;
      this.#keep(key, known);
    }
    return grid;
  }

  #keep(key, known) {
    this.kept.delete(key);
    this.kept.set(key, known);
    while (this.kept.size > KEPT * 10) this.kept.delete(this.kept.keys().next().value);
  }

  async #during(work) {
    this.busy++;
    try {
      return await work;
    } finally {
      this.busy--;
    }
  }

  /** Asks for the plane of the wanted level at a place along an axis, where that level is not held as a whole. */
  async plane(axis, place) {
    const info = this.details?.levels[this.wanted];
    if (!info || !this.isByPlanes()) return;
    const shape = new Grid(this.wanted, null, info);
    const plane = shape.plane(axis, place);
    // Here already, or on its way.
    if (this.planeControl[axis]?.plane === plane) return;
    this.planeControl[axis]?.abort();
    const control = (this.planeControl[axis] = new AbortController());
    control.plane = plane;
    const start = [0, 0, 0];
    const size = [...info.dims];
    [start[axis], size[axis]] = [plane, 1];
    try {
      const request = { ...this.place, level: this.wanted, box: [...start, ...size], what: this.what };
      const values = await this.#during(this.#atRest(request, control.signal));
      if (control.signal.aborted) return;
      const [height, width] = info.dims.filter((_, other) => other !== axis);
      this.planes[axis] = { plane, level: this.wanted, values, width, height, info };
      this.onChange();
    } catch (error) {
      if (error.name === 'AbortError' || control.signal.aborted) return;
      this.planeControl[axis] = null;
      this.onError(error);
    }
  }

  /** Values, where nothing else has been asked for meanwhile: the pointer came to rest. */
  async #atRest(request, signal) {
    await new Promise((resolve) => setTimeout(resolve, 120));
    return signal.aborted ? null : this.source.values(request, signal);
  }

  /** The finest plane there is at a place along an axis. */
  slice(axis, place) {
    const info = this.details?.levels[this.wanted];
    const held = this.planes[axis];
    if (held && info && this.isByPlanes() && new Grid(0, null, info).plane(axis, place) === held.plane) return held;
    const grid = this.finest();
    if (!grid) return null;
    const plane = grid.plane(axis, place);
    return { ...grid.slice(axis, plane), plane, level: grid.level, info: grid };
  }
}
