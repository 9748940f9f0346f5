/**
 * Drives the built page in the system's Chromium.
 *
 * SITE is the folder of the built page, CASES that of make_cases.py, CHROMIUM the browser.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';

import { chromium } from 'playwright-core';

import { serve } from './serve.mjs';

const { SITE, CASES, CHROMIUM = '/usr/bin/chromium' } = process.env;
const cases = JSON.parse(readFileSync(join(CASES, 'cases.json'), 'utf8'));
const SECONDS = 1000;
const TOLERANCE = 0.5; // px, and mm
const USUAL_SCALE = 100; // mm per hand scale, where none is given

let server;
let browser;
let page;
let strangers;

before(async () => {
  server = await serve(SITE);
  const args = ['--no-sandbox', '--use-fake-device-for-media-stream', '--disable-dev-shm-usage'];
  browser = await chromium.launch({ executablePath: CHROMIUM, args });
});

after(async () => {
  await browser?.close();
  server?.close();
});

afterEach(async () => {
  assert.deepEqual(strangers, [], 'requests to other origins');
  await page.context().close();
});

/** Opens the page in a context of its own, whose requests to other origins fail and are noted. */
async function open(options = {}, prepare = async () => {}) {
  server.counts.clear();
  const context = await browser.newContext({ acceptDownloads: true, ...options });
  strangers = [];
  await context.route(
    (url) => url.origin !== server.origin && !['blob:', 'data:'].includes(url.protocol),
    (route) => {
      strangers.push(route.request().url());
      return route.abort();
    },
  );
  await prepare(context);
  page = await context.newPage();
  page.setDefaultTimeout(20 * SECONDS);
  await page.goto(server.origin);
}

/** Opens the page with its network. */
async function openReady(options) {
  await open(options);
  await ready();
}

const picture = (name) => page.setInputFiles('#file', join(CASES, name));
const upload = (input, name, buffer) => page.setInputFiles(input, { name, mimeType: '', buffer: Buffer.from(buffer) });
const ready = () => page.waitForFunction(() => document.getElementById('network').textContent.includes(' runs in '));
const said = (text) => page.waitForFunction((t) => document.getElementById('status').textContent.includes(t), text);

/** The error shown on the page. */
async function complaint() {
  await page.waitForSelector('#alert:not([hidden])');
  return page.textContent('#alert');
}

/** The record that the page downloads. */
async function record() {
  const waiting = page.waitForEvent('download');
  await page.click('#download');
  return JSON.parse(await readFile(await (await waiting).path(), 'utf8'));
}

/** Largest distance of a coordinate. */
const distance = (a, b) => Math.max(...a.flat().map((value, i) => Math.abs(value - b.flat()[i])));

/** Compares a record with Python's; returns the differences of the joints as a text. */
function check(found, wanted, name) {
  const [hand, other] = [found.hands[0], wanted.hands[0]];
  const pixels = distance(hand.keypoints, other.keypoints);
  const scale = other.unit === 'mm' ? 1 : USUAL_SCALE;
  const mm = distance(hand.keypoints_3d, other.keypoints_3d) * scale;
  const text = `${pixels.toFixed(4)} px and ${mm.toFixed(4)} mm from Python's`;
  assert.ok(pixels < TOLERANCE && mm < TOLERANCE, `${name}: ${text}`);
  assert.ok(distance(hand.box, other.box) < 1e-3, `${name}: box`);
  if (other.side_score !== null) assert.ok(Math.abs(hand.side_score - other.side_score) < 1e-3, `${name}: side_score`);
  // All that is left must be the same: no key more or less, in the same order.
  const numbers = { keypoints: 0, keypoints_3d: 0, box: 0, side_score: 0 };
  const rest = (record) => JSON.stringify({ ...record, file: '', hands: [{ ...record.hands[0], ...numbers }] });
  assert.equal(rest(found), rest(wanted), name);
  return text;
}

test('pictures give the joints that Python gives, and the network is loaded once', async (t) => {
  await openReady();
  let network = 'student';
  for (const { file, side = '', scale = '', marked = false, record: wanted, ...given } of cases) {
    if (given.network !== network) {
      network = given.network;
      await page.setInputFiles('#student', join(CASES, `${network}.onnx`));
      await said(`${network}.onnx is loaded.`);
    }
    await page.selectOption('#side', side);
    await page.fill('#scale', String(scale));
    await picture(file);
    await said(`${file}:`);
    if (marked) {
      await page.click('#choose-square');
      await page.waitForFunction(() => document.getElementById('facts').dataset.box === 'given');
    }
    const found = await record();
    assert.equal(found.file, file);
    t.diagnostic(`${file}: ${check(found, wanted, file)}`);
  }
  assert.equal(server.counts.get('/student.onnx'), 1);
});

test('a broken or huge picture gives a message, and the page goes on', async () => {
  await openReady();
  const huge = Buffer.concat([readFileSync(join(CASES, 'tall.png'))]);
  huge.writeUInt32BE(30000, 16);
  huge.writeUInt32BE(30000, 20);
  for (const [name, buffer, expected] of [
    ['notes.jpg', readFileSync(join(CASES, 'notes.jpg')), /^notes\.jpg: damaged, or no picture/],
    ['cut_off.jpg', readFileSync(join(CASES, 'cut_off.jpg')), /^cut_off\.jpg: the picture is cut off/],
    ['huge.png', huge, /^huge\.png: 30000 x 30000 px are too many/],
    ['empty.png', '', /^empty\.png: the file is empty/],
  ]) {
    await upload('#file', name, buffer);
    await page.waitForFunction((text) => document.getElementById('alert').textContent.startsWith(text), name);
    assert.match(await complaint(), expected);
  }
  await picture('wide.jpg');
  await said('wide.jpg: ');
  assert.ok(await page.isHidden('#alert'));
});

test('a network that is missing, of another program or of a newer handkd gives a message', async () => {
  await open({}, (context) => context.route('**/student.onnx', (route) => route.fulfill({ status: 404 })));
  assert.match(await complaint(), /student\.onnx: can't be loaded \(404\)/);
  await picture('wide.jpg');
  await page.waitForFunction(() => document.getElementById('alert').textContent.includes('no network yet'));
  const file = readFileSync(join(CASES, 'student.onnx'));
  await upload('#student', 'half.onnx', file.subarray(0, file.length / 2));
  await page.waitForFunction(() => document.getElementById('alert').textContent.startsWith('half.onnx'));
  assert.match(await complaint(), /not a complete ONNX file/);
  await upload('#student', 'other.onnx', [8, 8, 18, 2, 104, 105]); // the IR version and the producer only
  await page.waitForFunction(() => document.getElementById('alert').textContent.startsWith('other.onnx'));
  assert.match(await complaint(), /not exported by handkd/);
  const newer = Buffer.from(file.toString('latin1').replace('"format": 1', '"format": 9'), 'latin1');
  await upload('#student', 'newer.onnx', newer);
  await page.waitForFunction(() => document.getElementById('alert').textContent.startsWith('newer.onnx'));
  assert.match(await complaint(), /made by a newer handkd \(format 9/);
  await upload('#student', 'own.onnx', file);
  await ready();
});

test('the browser itself forbids other origins', async () => {
  await open();
  const blocked = await page.evaluate(async () => {
    const violation = new Promise((done) =>
      addEventListener('securitypolicyviolation', (event) => done(event.blockedURI)),
    );
    await fetch('http://127.0.0.1:9/').catch(() => null);
    return Promise.race([violation, new Promise((done) => setTimeout(done, 2000, 'nothing'))]);
  });
  assert.match(blocked, /127\.0\.0\.1:9/);
});

test('everything works by keyboard', async () => {
  await openReady();
  const reach = async (selector) => {
    for (let i = 0; i < 40; i++) {
      if (await page.evaluate((s) => document.activeElement?.matches(s), selector)) return;
      await page.keyboard.press('Tab');
    }
    assert.fail(`Tab does not reach ${selector}`);
  };
  await reach('#examples button:first-child');
  await page.keyboard.press('Enter');
  await said('hand_1.jpg: ');
  await page.evaluate(() => document.activeElement.blur());
  await reach('#choose-square');
  await page.keyboard.press('Enter');
  await reach('#square');
  const outline = await page.evaluate(() => getComputedStyle(document.getElementById('square')).outlineStyle);
  assert.equal(outline, 'solid');
  const before = (await record()).hands[0].box;
  await page.focus('#square');
  for (const key of ['ArrowRight', 'Shift+ArrowDown', '-']) await page.keyboard.press(key);
  await page.waitForTimeout(300);
  const moved = (await record()).hands[0].box;
  assert.ok(moved[2] < before[2]);
  assert.ok(moved[0] + moved[2] / 2 > before[0] + before[2] / 2);
  await page.focus('#square');
  await page.keyboard.press('Escape');
  assert.ok(await page.isHidden('#square'));
  await reach('#download');
  const waiting = page.waitForEvent('download');
  await page.keyboard.press('Enter');
  const download = await waiting;
  assert.equal(download.suggestedFilename(), 'hand_1.json');
  assert.equal(JSON.parse(await readFile(await download.path(), 'utf8')).version, 1);
});

test('the page fits a phone', async () => {
  await openReady({ viewport: { width: 360, height: 740 } });
  await picture('wide.jpg');
  await said('wide.jpg: ');
  await page.click('#choose-square');
  assert.ok((await page.evaluate(() => document.scrollingElement.scrollWidth)) <= 360);
});

test('the camera: frames while it is on, a message without permission', async () => {
  await openReady();
  await page.click('#camera');
  assert.match(await complaint(), /No permission for the camera/);
  await page.context().grantPermissions(['camera']);
  await page.click('#camera');
  await said('The camera is on.');
  assert.equal((await record()).file, 'camera');
  await page.click('#camera');
  await page.waitForFunction(() => document.getElementById('camera').textContent === 'Camera on');
});
