// What stands beside the views: from the state to the page, and from the user to `act`.

import { cssGradient, mapNames } from './colour.js';
import { bytesText, short } from './scale.js';

const element = (id) => document.getElementById(id);
const choices = ['mode', 'overlay', 'what'];

/** Fills what depends on nothing, and listens. */
export function connect(state, act) {
  element('maps').replaceChildren(...mapNames.map((name) => {
    const button = document.createElement('button');
    button.textContent = name;
    button.setAttribute('role', 'radio');
    button.dataset.value = name;
    button.style.setProperty('--ramp', cssGradient(name, 'to right'));
    button.addEventListener('click', () => act.setMap(name));
    return button;
  }));
  const set = { mode: act.setMode, overlay: act.setOverlay, what: act.setWhat };
  for (const id of choices) {
    for (const button of element(id).children) button.addEventListener('click', () => set[id](button.dataset.value));
  }
  element('file').addEventListener('change', (event) => act.openFile(Number(event.target.value)));
  element('field').addEventListener('change', (event) => act.openField(Number(event.target.value)));
  element('level').addEventListener('input', (event) => act.setLevel(state.levels - 1 - Number(event.target.value)));
  element('step').addEventListener('input', (event) => act.goTo(Number(event.target.value)));
  element('density').addEventListener('input', (event) => act.setDensity(10 ** Number(event.target.value)));
  element('surface').addEventListener('input', (event) => act.setSurface(Number(event.target.value)));
  element('log').addEventListener('change', (event) => act.setLog(event.target.checked));
  for (const id of ['low', 'high']) {
    element(id).addEventListener('change', () => {
      // Typed minus signs may be those that are shown.
      const [low, high] = ['low', 'high'].map((end) => Number(element(end).value.trim().replace('\u2212', '-') || NaN));
      act.setRange(low, high);
    });
  }
  const clicks = { auto: act.autoRange, full: act.fullRange, picture: act.picture, theme: act.theme, play: act.play, help: act.help };
  for (const [id, does] of Object.entries(clicks)) element(id).addEventListener('click', () => does());
  for (const tab of element('tabs').children) tab.addEventListener('click', () => act.show(Number(tab.dataset.view)));
}

export function fillFiles(files) {
  element('file').replaceChildren(...files.map((file, i) => new Option(file.error ? `${file.name} (cannot be read)` : file.name, i)));
}

export function fillFields({ file, dataset, field }) {
  element('file').value = file;
  const fields = dataset?.fields ?? [];
  element('field').replaceChildren(...fields.map((one, i) => new Option(one.name || 'unnamed', i)));
  element('field').value = field;
  element('field-pick').hidden = fields.length < 2;
}

/** Brings everything beside the views up to date. */
export function showState(state) {
  for (const id of choices) {
    for (const button of element(id).children) button.setAttribute('aria-pressed', button.dataset.value === state[id]);
  }
  for (const button of element('maps').children) button.setAttribute('aria-checked', button.dataset.value === state.map);
  element('unit').textContent = state.unit;
  for (const end of ['low', 'high']) if (document.activeElement !== element(end)) element(end).value = short(state.scale[end], 6);
  element('log').checked = state.scale.isLog;
  element('log').disabled = !(state.scale.high > 0);
  element('density-row').hidden = state.mode !== 'volume';
  element('surface-row').hidden = state.mode !== 'surface';
  element('surface').value = state.scale.place(state.surface);
  element('surface-text').textContent = `${short(state.surface)} ${state.unit}`;
  element('space-controls').hidden = state.is2d;
  showLevel(state);
  showBoxes(state);
  showTime(state);
  showFacts(state);
}

function showLevel({ levels, wanted, details, frame }) {
  element('level').max = Math.max(levels - 1, 0);
  element('level').disabled = levels < 2;
  element('level').value = levels - 1 - wanted;
  const info = details?.levels[wanted];
  const psnr = info && Number.isFinite(info.psnrDb) ? `, ${info.psnrDb.toFixed(1)} dB` : '';
  element('level-text').textContent = info ? `${wanted}${psnr}` : '';
  element('what').hidden = !frame?.hasOriginal;
}

const sizeText = (dims) => (dims[0] === 1 ? dims.slice(1) : dims).join(' \u00d7 ');

function showBoxes({ details, overlay }) {
  const [, octree, bricks] = element('overlay').children;
  octree.disabled = !details?.leaves.length;
  bricks.disabled = !details?.brickEdge;
  const key = element('box-key');
  key.hidden = overlay !== 'octree' || octree.disabled;
  if (key.hidden) return;
  const levels = new Set(details.leaves.filter((_, i) => i % 7 === 6));
  key.replaceChildren(...[...levels].sort((a, b) => a - b).map((level) => {
    const entry = document.createElement('span');
    const sample = document.createElement('i');
    sample.style.borderColor = `var(--box-${Math.min(level, 4)})`;
    entry.append(sample, `detail from level ${level}`);
    return entry;
  }));
}

function showTime({ frames, nth, isPlaying, timeUnit }) {
  element('time').hidden = frames.length < 2;
  element('step').max = Math.max(frames.length - 1, 0);
  element('step').value = nth;
  element('play').textContent = isPlaying ? '\u2759\u2759' : '\u25b6';
  const frame = frames[nth];
  if (!frame) return;
  const time = frame.time === null ? '' : `, t = ${short(frame.time)}${timeUnit ? ` ${timeUnit}` : ''}`;
  element('step-text').textContent = `step ${frame.step}${time} (${nth + 1} of ${frames.length})`;
}

const BOUNDS = {
  psnr: (v) => `PSNR of ${v} dB`,
  ssim: (v) => `SSIM of ${v}`,
  max_error: (v) => `error of ${short(v)}`,
  rel_error: (v) => `${short(v)} of the range`,
  ratio: (v) => `ratio of ${v}`,
};

function showFacts({ wanted, details, dataset, fileInfo, field, extentText }) {
  const facts = [];
  if (details && dataset) {
    const { dtype } = dataset.fields[field];
    facts.push(['grid', sizeText(details.levels[0].dims)]);
    if (wanted > 0) facts.push([`at level ${wanted}`, sizeText(details.levels[wanted].dims)]);
    facts.push(['type', dtype]);
    if (extentText) facts.push(['extent', extentText]);
    facts.push(['values', `${short(details.range[0])} to ${short(details.range[1])}`]);
    facts.push(['bound', BOUNDS[details.bound.kind](details.bound.value)]);
    facts.push(['largest error', short(details.maxError)]);
    if (details.psnrDb !== null) facts.push(['PSNR', `${details.psnrDb.toFixed(2)} dB`]);
    facts.push(['form', details.form], ['file', bytesText(fileInfo.bytes)]);
    const voxels = dataset.shape.reduce((a, b) => a * b, 1) * dataset.frames.length;
    const bits = (fileInfo.bytes * 8) / voxels;
    facts.push(['bits per voxel', short(bits, 3)]);
  }
  element('facts').replaceChildren(...facts.flatMap(([name, value]) => {
    const [term, text] = [document.createElement('dt'), document.createElement('dd')];
    [term.textContent, text.textContent] = [name, value];
    return [term, text];
  }));
}

/** A line on what is under the pointer, or at the cross hair. */
export function showReadout(parts) {
  element('readout').replaceChildren(...parts.map(([name, text]) => {
    const part = document.createElement('span');
    const value = document.createElement('b');
    value.textContent = text;
    part.append(`${name} `, value);
    return part;
  }));
}

export function showStatus(text, isBusy) {
  element('status').textContent = text;
  element('status').classList.toggle('busy', isBusy);
}

export function showMessage(text) {
  element('message').textContent = text ?? '';
  element('message').hidden = !text;
}
