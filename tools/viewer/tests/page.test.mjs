// The page as a user meets it, in Chromium. Started by tools/viewer/run_tests.sh, which says what it needs.

import assert from 'node:assert/strict';
import { spawn, execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';

const { SRT_PROGRAM: program, SRT_SAMPLE: sample, SRT_CHROMIUM: executablePath, SRT_PICTURES: pictures } = process.env;
const { chromium } = createRequire(import.meta.url)(process.env.SRT_PLAYWRIGHT);

// Graphics in software: the same on machines without a graphics processor.
const args = ['--headless=new', '--no-sandbox', '--disable-gpu', '--use-angle=swiftshader', '--enable-unsafe-swiftshader'];
let browser;
let server;
let url;

/** A field of numbers as .npy. */
function writeField(path, shape, value) {
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(', ')}), }`;
  const header = `${text.padEnd(117)}\n`;
  const count = shape.reduce((a, b) => a * b, 1);
  const bytes = Buffer.alloc(10 + header.length + 4 * count);
  bytes.write('\x93NUMPY\x01\x00', 'latin1');
  bytes.writeUInt16LE(header.length, 8);
  bytes.write(header, 10, 'latin1');
  for (let i = 0; i < count; i++) bytes.writeFloatLE(value(i), 10 + header.length + 4 * i);
  writeFileSync(path, bytes);
}

const srt = (...words) => execFileSync(program, words, { stdio: ['ignore', 'pipe', 'inherit'] });

before(async () => {
  srt('encode', sample, 'turbulence.srt', '--psnr', '45', '--field', 'speed', '--unit', 'm/s', '--spacing', '0.1,0.1,0.1', '--length-unit', 'm', '-q');
  for (const step of [0, 1, 2]) {
    writeField(`u${step}.npy`, [16, 24, 40], (i) => Math.sin(i * 0.02 + step) + step);
    writeField(`p${step}.npy`, [16, 24, 40], (i) => Math.cos(i * 0.01) * 100);
  }
  srt('encode', 'u0.npy', 'u1.npy', 'u2.npy', 'series.srt', '--max-error', '1e-3', '--field', 'u', '--time', '0,0.5,1', '--time-unit', 's', '-q');
  srt('encode', 'series.srt', '--append', '--max-error', '0.1', '--field', 'p=p0.npy', '--field', 'p=p1.npy', '--field', 'p=p2.npy', '-q');
  writeField('flat.npy', [60, 90], (i) => ((i % 90) - 45) ** 2 + (Math.floor(i / 90) - 30) ** 2 < 200 ? -999 : Math.sin(i * 0.1));
  srt('encode', 'flat.npy', 'flat.srt', '--max-error', '1e-3', '--mask-value', '-999', '-q');
  // More voxels than a page on a narrow screen holds.
  writeField('large.npy', [144, 128, 128], (i) => Math.sin((i % 128) * 0.1) * Math.cos(Math.floor(i / 16384) * 0.05));
  srt('encode', 'large.npy', 'large.srt', '--max-error', '1e-2', '--effort', '1', '--plan', 'levels', '-q');
  const whole = readFileSync('turbulence.srt');
  writeFileSync('cut.srt', whole.subarray(0, whole.length / 2));
  const damaged = Buffer.from(whole);
  damaged[Math.floor(whole.length / 2)] ^= 1;
  writeFileSync('damaged.srt', damaged);
  copyFileSync(sample, 'original.npy');
  server = spawn(program, ['view', 'turbulence.srt', 'series.srt', 'flat.srt', 'cut.srt', 'damaged.srt', 'large.srt', '--original', 'original.npy', '--no-open'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  url = await new Promise((resolve) => server.stdout.once('data', (text) => resolve(String(text).trim())));
  browser = await chromium.launch({ executablePath, args });
});

after(async () => {
  await browser?.close();
  server?.kill();
});

/** Nothing more is on its way, and all is drawn. */
async function settled(page) {
  await page.waitForFunction(() => document.documentElement.dataset.state === 'idle');
  await page.waitForTimeout(350);
  await page.waitForFunction(() => document.documentElement.dataset.state === 'idle');
}

const FILES = { turbulence: '0', series: '1', flat: '2', cut: '3', damaged: '4', large: '5' };

/** Opens the page, does something with it, and sees that nothing was complained of in the console. */
async function visit(does, { file = 'turbulence', width = 1400, height = 900, fails = false } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, hasTouch: width < 500, colorScheme: 'dark' });
  const page = await context.newPage();
  const complaints = [];
  // What a software renderer says of its speed is no fault, nor is an answer that a test asks for.
  const isFault = (text) => !text.includes('GL Driver Message') && !(fails && text.includes('422'));
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && isFault(message.text()) && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => request.url().startsWith(url) || request.url().startsWith('blob:') || complaints.push(`asks ${request.url()}`));
  await page.goto(url);
  await settled(page);
  if (file !== 'turbulence') {
    await page.selectOption('#file', FILES[file]);
    await settled(page);
  }
  await does(page);
  assert.deepEqual(complaints, []);
  await context.close();
}

const text = (page, selector) => page.textContent(selector);

/** How many colours the picture of a view has. */
const colours = (page, view, nth = 0) =>
  page.evaluate(([view, nth]) => {
    const canvas = document.querySelectorAll(`figure[data-view="${view}"] canvas`)[nth];
    const flat = document.createElement('canvas');
    [flat.width, flat.height] = [canvas.width, canvas.height];
    const context = flat.getContext('2d');
    context.drawImage(canvas, 0, 0);
    return new Set(new Uint32Array(context.getImageData(0, 0, flat.width, flat.height).data.buffer)).size;
  }, [view, nth]);

/** The middle of a view, or a place in it by shares. */
async function point(page, view, across = 0.5, down = 0.5) {
  const box = await page.locator(`figure[data-view="${view}"]`).boundingBox();
  return [box.x + across * box.width, box.y + down * box.height];
}

test('opens with all views and the finest level', () => visit(async (page) => {
  assert.match(await text(page, '#status'), /level 0 of \d shown/);
  for (const view of [0, 1, 2]) assert.ok((await colours(page, view)) > 100);
  assert.ok((await colours(page, 3)) > 100, 'volume');
  assert.match(await text(page, '#facts'), /64 × 64 × 64/);
  assert.match(await text(page, '#facts'), /PSNR of 45 dB/);
}));

test('the cross hair moves in all planes, by pointer, wheel and keys', () => visit(async (page) => {
  assert.match(await text(page, '#readout'), /voxel 31, 31, 31/);
  await page.mouse.move(...(await point(page, 0, 0.42, 0.42)));
  await page.mouse.down();
  await page.mouse.up();
  const moved = await text(page, '#readout');
  assert.doesNotMatch(moved, /voxel 31, 31, 31/);
  assert.match(moved, /voxel 31, /);
  await page.mouse.wheel(0, -100);
  await page.mouse.move(5, 5);
  await settled(page);
  assert.match(await text(page, '#readout'), /voxel 32, /);
  await page.keyboard.press('[');
  await page.keyboard.press('Shift+ArrowRight');
  await settled(page);
  assert.match(await text(page, '#readout'), /voxel 31, .*speed|speed.*voxel 31, /);
}));

test('the value under the pointer is the file\'s', () => visit(async (page) => {
  srt('decode', 'turbulence.srt', 'back.npy', '-f', '-q');
  const values = new Float32Array(readFileSync('back.npy').buffer.slice(-4 * 64 ** 3));
  const shown = await text(page, '#readout');
  const value = Number(/speed ([\d.]+) m\/s/.exec(shown)[1]);
  assert.ok(Math.abs(value - values[(31 * 64 + 31) * 64 + 31]) < 1e-6, shown);
  assert.match(shown, /z 3.1 m/);
}));

test('levels, ranges, colour maps and boxes', () => visit(async (page) => {
  await page.keyboard.press('l');
  await settled(page);
  assert.match(await text(page, '#status'), /level 1 of/);
  assert.match(await text(page, '#level-text'), /^1, \d+\.\d dB/);
  await page.keyboard.press('Shift+L');
  await settled(page);
  assert.match(await text(page, '#status'), /level 0 of/);
  await page.fill('#low', '0.5');
  await page.fill('#high', '1.5');
  await page.press('#high', 'Enter');
  await page.click('#log');
  await page.click('#maps button:nth-child(2)');
  await page.click('#overlay button:nth-child(2)');
  await settled(page);
  assert.match(await text(page, '#box-key'), /detail from level/);
  assert.equal(await page.getAttribute('#maps button:nth-child(2)', 'aria-checked'), 'true');
  await page.click('#full');
  await page.click('#auto');
}));

test('surfaces and largest values in space, turned by the mouse', () => visit(async (page) => {
  const before = await colours(page, 3);
  for (const mode of [2, 3]) {
    await page.click(`#mode button:nth-child(${mode})`);
    await page.waitForTimeout(900);
    assert.ok((await colours(page, 3)) > 50, `mode ${mode}, volume ${before}`);
  }
  await page.mouse.move(...(await point(page, 3)));
  await page.mouse.down();
  await page.mouse.move(...(await point(page, 3, 0.7, 0.6)), { steps: 3 });
  await page.mouse.up();
  await settled(page);
}));

test('errors beside the original', () => visit(async (page) => {
  await page.click('#what button:nth-child(2)');
  await settled(page);
  assert.match(await text(page, '#status'), /decoded − original/);
  const [, error] = /error (−?[\d.e−]+)/.exec(await text(page, '#readout'));
  const largest = /largest error([\d.]+)/.exec(await text(page, '#facts'))[1];
  assert.ok(Math.abs(Number(error.replaceAll('−', '-'))) <= Number(largest) * 1.001);
}));

test('fields and time steps, played', () => visit(async (page) => {
  assert.match(await text(page, '#step-text'), /step 0, t = 0 s \(1 of 3\)/);
  const [first] = /u (\S+)/.exec(await text(page, '#readout'));
  await page.keyboard.press('.');
  await settled(page);
  assert.match(await text(page, '#step-text'), /step 1, t = 0.5 s/);
  assert.ok(!(await text(page, '#readout')).includes(first));
  const low = await page.inputValue('#low');
  await page.click('#play');
  await page.waitForFunction(() => document.querySelector('#step-text').textContent.includes('3 of 3'));
  await page.click('#play');
  await settled(page);
  assert.equal(await page.inputValue('#low'), low);
  await page.selectOption('#field', '1');
  await settled(page);
  assert.match(await text(page, '#readout'), /^p /);
}, { file: 'series' }));

test('fields of two dimensions, and voxels that are masked', () => visit(async (page) => {
  assert.match(await text(page, '#readout'), /masked/);
  assert.equal(await page.locator('#space').isVisible(), false);
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('+');
  await settled(page);
  assert.ok((await colours(page, 0)) > 50);
}, { file: 'flat' }));

test('a file that is cut is named with what is wrong', () => visit(async (page) => {
  assert.match(await text(page, '#message'), /cut\.srt.*(end|truncated|bytes)/i);
  await page.selectOption('#file', '0');
  await settled(page);
  assert.equal(await page.locator('#message').isVisible(), false);
  assert.match(await text(page, '#status'), /level 0/);
}, { file: 'cut' }));

test('damage inside a file is said', () => visit(async (page) => {
  assert.match(await text(page, '#message'), /crc/i);
  // Nothing of the file before it is left, and what needs a field does nothing.
  assert.doesNotMatch(await text(page, '#facts'), /64 × 64/);
  assert.ok((await colours(page, 0)) < 5);
  await page.mouse.move(...(await point(page, 0)));
  await page.mouse.down();
  await page.mouse.up();
  await page.mouse.wheel(0, 100);
  await page.keyboard.press('o');
  await page.keyboard.press('.');
  await page.selectOption('#file', '0');
  await settled(page);
  assert.ok((await colours(page, 0)) > 100);
}, { file: 'damaged', fails: true }));

test('a picture is saved, keys are listed, light and dark', () => visit(async (page) => {
  const [saved] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('s')]);
  assert.equal(saved.suggestedFilename(), 'turbulence_speed.png');
  const bytes = readFileSync(await saved.path());
  assert.ok(bytes.length > 20000 && bytes.subarray(1, 4).toString() === 'PNG');
  await page.keyboard.press('?');
  assert.ok(await page.locator('#keys').isVisible());
  await page.keyboard.press('Escape');
  await page.keyboard.press('d');
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'light');
}));

test('a phone has one view at a time and nothing beside the screen', () => visit(async (page) => {
  const wide = () => page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok((await wide()) <= 390);
  for (const view of [1, 2, 3, 0]) {
    await page.tap(`#tabs button:nth-child(${view + 1})`);
    await settled(page);
    assert.equal(await page.locator('#views figure:visible').count(), 1);
    assert.ok((await colours(page, view)) > 50);
  }
  await page.touchscreen.tap(...(await point(page, 0, 0.4, 0.4)));
  assert.doesNotMatch(await text(page, '#readout'), /voxel 31, 31, 31/);
}, { width: 390, height: 844 }));

test('of a field that is too large the planes at the cross hair are fetched', () => visit(async (page) => {
  assert.match(await text(page, '#status'), /level 0 of/);
  const asked = await page.evaluate(() => performance.getEntriesByType('resource').map((entry) => entry.name).filter((name) => name.includes('file=5')));
  const isWhole = (name) => name.includes('level=0') && !name.includes('box=');
  assert.ok(asked.some((name) => name.includes('box=71,0,0,1,128,128')) && !asked.some(isWhole), asked.join(' '));
  const value = /value (\S+)/.exec(await text(page, '#readout'))[1].replace('\u2212', '-');
  assert.ok(Math.abs(Number(value) - Math.sin(6.3) * Math.cos(71 * 0.05)) <= 1e-2, value);
  await page.keyboard.press(']');
  await settled(page);
  assert.match(await text(page, '#readout'), /voxel 72, 63, 63/);
}, { file: 'large', width: 390, height: 844 }));

test('pictures for the documentation', { skip: pictures ? false : 'SRT_PICTURES is not set' }, async () => {
  await visit(async (page) => {
    await page.waitForTimeout(1500);
    await page.screenshot({ path: `${pictures}/desk.png` });
  });
  await visit(async (page) => {
    await page.tap('#tabs button:nth-child(4)');
    await page.click('#mode button:nth-child(2)');
    await page.evaluate(() => scrollTo(0, 0));
    await page.waitForTimeout(1500);
    await page.screenshot({ path: `${pictures}/phone.png` });
  }, { width: 390, height: 844 });
});
