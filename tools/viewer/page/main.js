// The page: its state, what the user may do, and when what is drawn.

import { isDiverging, mapNames } from './colour.js';
import { connect, fillFields, fillFiles, showMessage, showReadout, showState, showStatus } from './controls.js';
import { listen } from './keys.js';
import { drawLegend } from './legend.js';
import { Grid, Loader } from './loader.js';
import { composePicture, savePicture } from './picture.js';
import { bytesText, Scale, short, survey } from './scale.js';
import { SliceView } from './slice.js';
import { ServerSource } from './source.js';
import { SpaceView } from './space.js';

const NAMES = ['z', 'y', 'x'];
const PLAY_MS = 160; // between steps, or what a first look takes

const state = {
  files: [], file: 0, dataset: null, fileInfo: null, field: 0, frames: [], frame: null, nth: 0,
  details: null, fine: null, extent: null, placed: null, extentText: '', levels: 0, wanted: 0, asked: 0, what: 'values',
  map: 'lagoon', scale: new Scale(0, 1, false), isManual: false, keepsRange: false, survey: null, look: {}, dataRange: [0, 1],
  position: [0, 0, 0], centre: [0, 0, 0], zoom: 1, overlay: 'none', hasCrossHair: true,
  mode: 'volume', density: 1, surface: 0, hasSurface: false, is2d: false, used: 0, shown: 0, alone: null,
  unit: '', lengthUnit: '', timeUnit: '', isPlaying: false,
  slice: (axis) => loader.slice(axis, state.position[axis]),
  grid: () => loader.finest(),
  placeText: (axis, place) => `${short(place)}${state.lengthUnit ? ` ${state.lengthUnit}` : ''}`,
};

const source = new ServerSource();
const loader = new Loader(source, loaded, failed);
let views = [];
let space = null;
let pending = false;
let hovered = null;

// What is drawn once for however much has changed.
function draw(isQuick = false) {
  draw.isQuick = pending ? draw.isQuick && isQuick : isQuick;
  if (pending) return;
  pending = true;
  requestAnimationFrame(() => {
    pending = false;
    for (const view of views) view.draw();
    space.draw(draw.isQuick);
    showState(state);
    drawLegend(state);
    readOut();
    report();
  });
}

function failed(error) {
  act.stop();
  draw();
  showMessage(error.message);
  report();
}

function report() {
  const grid = loader.finest();
  const [finest] = state.is2d || !loader.isByPlanes() ? [] : loader.planes.filter(Boolean);
  const level = finest?.level ?? grid?.level;
  const parts = level === undefined ? [] : [`level ${level} of ${state.levels} shown`];
  if (state.what === 'error') parts.unshift('decoded \u2212 original');
  if (state.fileInfo) parts.push(bytesText(state.fileInfo.bytes));
  showStatus(parts.join(' \u00b7 '), loader.busy > 0);
  document.documentElement.dataset.state = loader.busy > 0 ? 'busy' : 'idle';
}

/** More of a frame is here. */
function loaded() {
  const isNew = state.details !== loader.details;
  state.details = loader.details;
  state.wanted = loader.wanted;
  state.levels = state.details.levels.length;
  const info = state.details.levels[0];
  state.fine = new Grid(0, null, info);
  if (isNew) place(info);
  const grid = loader.finest();
  const values = grid?.values;
  if (values && (isNew || !state.isPlaying)) look(values);
  askPlanes();
  draw();
}

/** Where the domain lies. The cross hair stays where it was, if it is inside. */
function place(info) {
  const low = info.origin.map((origin, axis) => origin - info.spacing[axis] / 2);
  const high = low.map((start, axis) => start + info.dims[axis] * info.spacing[axis]);
  const before = state.placed;
  const isSame = before && [0, 1, 2].every((axis) => before.low[axis] === low[axis] && before.high[axis] === high[axis]);
  state.extent = state.placed = { low, high };
  state.is2d = state.dataset.shape.length === 2 || info.dims[0] === 1;
  if (!isSame) {
    state.position = info.dims.map((n, axis) => info.origin[axis] + Math.floor((n - 1) / 2) * info.spacing[axis]);
    state.centre = [...state.position];
    state.zoom = 1;
  }
  const axes = state.is2d ? [1, 2] : [0, 1, 2];
  const sizes = axes.map((axis) => short(info.dims[axis] * info.spacing[axis]));
  state.extentText = state.dataset.isPlaced ? `${sizes.join(' \u00d7 ')} ${state.lengthUnit}` : '';
  arrange();
}

/** What values there are, and with them the range of the colours, unless the user has set it. */
function look(values) {
  const found = survey(values);
  if (!found) return;
  state.survey = found;
  const [min, max] = state.what === 'error' ? [found.min, found.max] : state.details.range.map(Number);
  const isKnown = Number.isFinite(min) && Number.isFinite(max) && max > min;
  // Rounded outwards: decoded values may lie beyond what was encoded by what the error is.
  state.dataRange = isKnown ? [Math.min(min, found.min), Math.max(max, found.max)] : [found.min, found.max];
  if (!state.isManual && !state.keepsRange) setAuto();
}

function setAuto() {
  let { low, high } = state.survey;
  if (!state.hasMap) {
    const isSigned = low < 0 && high > 0 && Math.min(-low, high) > 0.25 * Math.max(-low, high);
    state.map = isSigned ? 'tide' : 'lagoon';
  }
  // A map around a middle has it at 0.
  if (isDiverging(state.map) && low < 0 && high > 0) [low, high] = [-Math.max(-low, high), Math.max(-low, high)];
  setScale(low, high, state.scale.isLog);
}

function setScale(low, high, isLog) {
  const place = state.scale.place(state.surface);
  state.scale = new Scale(low, high, isLog);
  state.surface = state.scale.value(state.hasSurface && place >= 0 && place <= 1 ? place : isDiverging(state.map) ? 0.72 : 0.6);
  state.look = {};
}

function askPlanes() {
  for (const axis of state.is2d ? [0] : [0, 1, 2]) loader.plane(axis, state.position[axis]);
}

function readOut() {
  const at = hovered ?? state.position;
  if (!state.fine) return;
  const voxel = [0, 1, 2].map((axis) => state.fine.plane(axis, at[axis]));
  const axes = state.is2d ? [1, 2] : [0, 1, 2];
  const parts = axes.map((axis) => [NAMES[axis], state.placeText(axis, state.fine.origin[axis] + voxel[axis] * state.fine.spacing[axis])]);
  parts.push(['voxel', axes.map((axis) => voxel[axis]).join(', ')]);
  const found = valueAt(at);
  if (found) {
    const text = Number.isNaN(found.value) ? 'masked' : `${short(found.value, 7)} ${state.unit}`;
    parts.unshift([state.what === 'error' ? 'error' : state.dataset.fields[state.field].name || 'value', text]);
    if (found.level > 0) parts.push(['level', found.level]);
  }
  showReadout(parts);
}

/** The finest value that is here of a place. */
function valueAt(at) {
  for (const axis of [0, 1, 2]) {
    const slice = loader.planes[axis];
    if (!slice || !loader.isByPlanes()) continue;
    const shape = new Grid(slice.level, null, slice.info);
    if (shape.plane(axis, at[axis]) !== slice.plane) continue;
    const [rows, columns] = [0, 1, 2].filter((other) => other !== axis);
    return { value: slice.values[shape.plane(rows, at[rows]) * slice.width + shape.plane(columns, at[columns])], level: slice.level };
  }
  const grid = loader.finest();
  return grid && { value: grid.value([0, 1, 2].map((axis) => grid.plane(axis, at[axis]))), level: grid.level };
}

/** Which views are seen. */
function arrange() {
  const only = state.is2d ? 0 : state.alone;
  const shown = only ?? state.shown;
  document.getElementById('views').classList.toggle('one', only !== null);
  document.getElementById('tabs').hidden = state.is2d;
  for (const figure of document.querySelectorAll('#views figure')) {
    figure.classList.toggle('shown', Number(figure.dataset.view) === shown);
    figure.classList.toggle('used', !state.is2d && Number(figure.dataset.view) === state.used);
  }
  for (const tab of document.getElementById('tabs').children) tab.setAttribute('aria-pressed', Number(tab.dataset.view) === shown);
}

function openFrame(isQuick = false) {
  state.frame = state.frames[state.nth];
  if (!state.frame) {
    showMessage('This file has no frames of that field.');
    return Promise.resolve();
  }
  if (state.what === 'error' && !state.frame.hasOriginal) state.what = 'values';
  showMessage(null);
  const done = loader.open({ file: state.file, frame: state.frame.index }, { level: state.asked, what: state.what, isQuick });
  report();
  return done.finally(report);
}

const act = {
  openFile(file) {
    act.stop();
    state.file = file;
    state.fileInfo = state.files[file];
    state.dataset = state.fileInfo.dataset ?? null;
    state.field = 0;
    loader.clear();
    Object.assign(state, { details: null, extent: null, fine: null, frames: [], survey: null, levels: 0 });
    fillFields(state);
    if (!state.dataset) {
      failed(new Error(state.fileInfo.error));
      return;
    }
    state.lengthUnit = state.dataset.lengthUnit;
    state.timeUnit = state.dataset.timeUnit;
    act.openField(0);
  },
  openField(field) {
    const time = state.frame?.step;
    state.field = field;
    state.unit = state.dataset.fields[field]?.unit ?? '';
    const numbered = state.dataset.frames.map((frame, index) => ({ ...frame, index }));
    state.frames = numbered.filter((frame) => frame.field === field).sort((a, b) => a.step - b.step);
    state.nth = Math.max(0, state.frames.findIndex((frame) => frame.step === time));
    Object.assign(state, { isManual: false, keepsRange: false, hasSurface: false });
    fillFields(state);
    openFrame();
  },
  goTo(nth) {
    act.stop();
    // Colours that mean the same at all steps.
    state.keepsRange = true;
    state.nth = Math.min(Math.max(nth, 0), state.frames.length - 1);
    openFrame();
  },
  async play() {
    if (state.isPlaying || state.frames.length < 2) {
      act.stop();
      openFrame();
      return;
    }
    state.isPlaying = true;
    state.keepsRange = true;
    while (state.isPlaying) {
      state.nth = (state.nth + 1) % state.frames.length;
      await Promise.all([openFrame(true), new Promise((resolve) => setTimeout(resolve, PLAY_MS))]);
    }
  },
  stop() {
    state.isPlaying = false;
  },
  setLevel(level) {
    const within = Math.min(Math.max(level, 0), Math.max(state.levels - 1, 0));
    if (within === state.asked || state.what === 'error') return;
    state.asked = within;
    openFrame();
  },
  setWhat(what) {
    if (what === state.what || !state.frame?.hasOriginal) return;
    Object.assign(state, { what, isManual: false, keepsRange: false, hasMap: false, hasSurface: false });
    openFrame();
  },
  setMap(map) {
    Object.assign(state, { map, hasMap: true });
    if (!state.isManual && state.survey) setAuto();
    state.look = {};
    draw();
  },
  nextMap: () => act.setMap(mapNames[(mapNames.indexOf(state.map) + 1) % mapNames.length]),
  setRange(low, high) {
    if (Number.isFinite(low) && Number.isFinite(high) && high > low) {
      state.isManual = true;
      setScale(low, high, state.scale.isLog);
    }
    draw();
  },
  autoRange() {
    state.isManual = false;
    if (state.survey) setAuto();
    draw();
  },
  fullRange: () => act.setRange(...state.dataRange),
  setLog(isLog) {
    setScale(state.scale.low, state.scale.high, isLog);
    if (!state.isManual && state.survey) setAuto();
    draw();
  },
  setMode(mode) {
    state.mode = mode;
    draw();
  },
  nextMode: () => act.setMode({ volume: 'surface', surface: 'largest', largest: 'volume' }[state.mode]),
  setOverlay(overlay) {
    state.overlay = overlay;
    draw();
  },
  nextOverlay: () => act.setOverlay({ none: 'octree', octree: 'bricks', bricks: 'none' }[state.overlay]),
  setDensity(density) {
    state.density = density;
    draw(true);
  },
  setSurface(place) {
    state.surface = state.scale.value(place);
    state.hasSurface = true;
    draw(true);
  },
  moveTo(place) {
    if (!state.extent) return;
    const { low, high } = state.extent;
    // On voxels: what is shown is what was asked for.
    state.position = place.map((at, axis) => {
      const inside = Math.min(Math.max(at, low[axis]), high[axis]);
      return state.fine.origin[axis] + state.fine.plane(axis, inside) * state.fine.spacing[axis];
    });
    if (state.zoom === 1) state.centre = [...state.position];
    askPlanes();
    draw(true);
  },
  step(axis, by) {
    if (!state.extent) return;
    const place = [...state.position];
    // By a voxel of the level that is shown.
    const shown = loader.isByPlanes() ? state.details.levels[state.wanted] : loader.finest() ?? state.fine;
    place[axis] += by * shown.spacing[axis];
    act.moveTo(place);
  },
  hover(place) {
    hovered = place;
    readOut();
  },
  focus(view) {
    state.used = view;
    arrange();
  },
  zoomBy(factor) {
    if (state.used === 3) {
      space.comeBy(factor);
      return;
    }
    state.centre = [...state.position];
    state.zoom = Math.min(Math.max(state.zoom * factor, 1), 64);
    draw();
  },
  resetZoom() {
    if (state.used === 3) space.reset();
    state.zoom = 1;
    draw();
  },
  turnBy: (right, down) => space.turnBy(right, down),
  show(view) {
    Object.assign(state, { shown: view, used: view });
    arrange();
    draw();
  },
  showAlone(view) {
    state.alone = state.alone === view ? null : view;
    act.show(view);
  },
  toggleCrossHair() {
    state.hasCrossHair = !state.hasCrossHair;
    draw();
  },
  theme() {
    const root = document.documentElement;
    root.dataset.theme = root.dataset.theme === 'light' ? 'dark' : 'light';
    document.getElementById('theme').textContent = root.dataset.theme === 'light' ? 'Dark' : 'Light';
    draw();
  },
  picture() {
    const field = state.dataset?.fields[state.field].name ?? '';
    const text = [state.fileInfo.name, field, document.getElementById('step-text').textContent].filter(Boolean).join(', ');
    const name = `${state.fileInfo.name.replace(/\.srt$/, '')}${field ? `_${field}` : ''}.png`;
    savePicture(composePicture(state, text), name.replace(/[^\w.-]+/g, '_'));
  },
  help: () => document.getElementById('keys').showModal(),
};

async function start() {
  if (matchMedia('(prefers-color-scheme: light)').matches) act.theme();
  views = [0, 1, 2].map((axis) => new SliceView(document.querySelector(`figure[data-view="${axis}"] canvas`), axis, state, act));
  const [canvas, lines] = document.querySelectorAll('#space canvas');
  space = new SpaceView(canvas, lines, state, act);
  connect(state, act);
  listen(state, act);
  arrange();
  new ResizeObserver(() => draw()).observe(document.getElementById('views'));
  try {
    state.files = await source.files();
    fillFiles(state.files);
    act.openFile(Math.max(0, state.files.findIndex((file) => !file.error)));
  } catch (error) {
    failed(error);
  }
}

start();
