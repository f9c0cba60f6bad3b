// The views as one picture, to be saved.

import { colourTable } from './colour.js';
import { tickTexts } from './scale.js';
import { style } from './slice.js';

const LEGEND = 64;
const HEAD = 44;

/** A canvas with all views that are shown, a title and the colour bar. */
export function composePicture(state, title) {
  const figures = [...document.querySelectorAll('#views figure')].filter((figure) => figure.clientWidth > 0);
  const all = document.getElementById('views').getBoundingClientRect();
  const ratio = window.devicePixelRatio || 1;
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [all.width * ratio, (all.height + HEAD + LEGEND) * ratio];
  const context = canvas.getContext('2d');
  context.scale(ratio, ratio);
  context.fillStyle = style('--panel');
  context.fillRect(0, 0, all.width, all.height + HEAD + LEGEND);
  context.fillStyle = style('--text');
  context.font = style('--canvas-strong');
  context.fillText(title, 16, 28, all.width - 32);
  for (const figure of figures) {
    const box = figure.getBoundingClientRect();
    for (const view of figure.querySelectorAll('canvas')) {
      context.drawImage(view, box.left - all.left, box.top - all.top + HEAD, box.width, box.height);
    }
  }
  drawBar(context, state, all.width, all.height + HEAD);
  return canvas;
}

function drawBar(context, { scale, map, unit }, width, top) {
  const [left, across] = [Math.max(16, width / 2 - 260), Math.min(520, width - 32)];
  const table = colourTable(map);
  for (let i = 0; i < 256; i++) {
    context.fillStyle = `rgb(${table[4 * i]},${table[4 * i + 1]},${table[4 * i + 2]})`;
    context.fillRect(left + (i * across) / 256, top + 12, across / 256 + 0.5, 14);
  }
  const ticks = scale.ticks(5);
  const texts = tickTexts(ticks);
  context.font = style('--canvas-font');
  context.fillStyle = style('--soft');
  context.textAlign = 'center';
  ticks.forEach((tick, i) => {
    const x = left + scale.place(tick) * across;
    context.fillRect(x - 0.5, top + 26, 1, 4);
    context.fillText(i === ticks.length - 1 && unit ? `${texts[i]} ${unit}` : texts[i], x, top + 44);
  });
}

/** Hands a canvas to the user as a PNG file. */
export function savePicture(canvas, name) {
  canvas.toBlob((blob) => {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });
}
