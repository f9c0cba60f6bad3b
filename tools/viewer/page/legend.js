// The colour bar with its ticks, and how often values are found.

import { colourTable, cssGradient } from './colour.js';
import { tickTexts } from './scale.js';
import { fit, style } from './slice.js';

const element = (id) => document.getElementById(id);

export function drawLegend(state) {
  const { scale, map } = state;
  element('bar').style.background = cssGradient(map, 'to right');
  const ticks = scale.ticks(5);
  const texts = tickTexts(ticks);
  element('ticks').replaceChildren(...ticks.map((tick, i) => {
    const text = document.createElement('span');
    const place = Math.min(Math.max(scale.place(tick), 0), 1);
    text.textContent = texts[i];
    text.style.left = `${100 * place}%`;
    // At the ends a text stays within the panel.
    if (place < 0.06) Object.assign(text.style, { left: '0', transform: 'none' });
    if (place > 0.94) Object.assign(text.style, { left: 'auto', right: '0', transform: 'none' });
    text.classList.toggle('at-end', place < 0.06 || place > 0.94);
    return text;
  }));
  drawHistogram(state);
}

/** Bars over the same range as the colours below them. */
function drawHistogram({ scale, map, survey }) {
  const { context, width, height } = fit(element('histogram'));
  if (!survey) return;
  const table = colourTable(map);
  const bins = survey.counts.length;
  // By their roots: rare values are to be seen beside common ones.
  const heights = Array.from(survey.counts, Math.sqrt);
  const most = Math.max(...heights);
  const value = (bin) => survey.min + (bin / bins) * (survey.max - survey.min);
  for (let bin = 0; bin < bins; bin++) {
    const [from, to] = [scale.place(value(bin)), scale.place(value(bin + 1))].map((place) => Math.min(Math.max(place, 0), 1));
    if (!(to > from)) continue;
    const colour = 4 * Math.round(((from + to) / 2) * 255);
    context.fillStyle = `rgb(${table[colour]},${table[colour + 1]},${table[colour + 2]})`;
    const tall = (heights[bin] / most) * (height - 4);
    context.fillRect(from * width, height - tall, Math.max((to - from) * width, 1) + 0.3, tall);
  }
  context.fillStyle = style('--line');
  context.fillRect(0, height - 1, width, 1);
}
