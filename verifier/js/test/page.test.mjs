// The page in Chromium, from a plain static server: what it shows, what it asks the network for, and how long a check takes.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';

const { SWORN_CHROMIUM: executablePath, SWORN_BROWSER_CASES: cases, SWORN_PAGE: folder } = process.env;
/** The receipt and the key of all tests: `RECEIPT|KEY`, or those of the digits. */
const [receipt, key] = (process.env.SWORN_RECEIPT_AND_KEY ?? `${join(cases, 'digits.json')}|${join(cases, 'digits.key')}`).split('|');
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };
const RUNS = 30;

let server, browser, origin;

before(async () => {
  server = createServer(async ({ url }, response) => {
    const name = url === '/' ? '/index.html' : url;
    const file = await readFile(join(folder, name)).catch(() => undefined);
    // Of no particular type, the module too: not every static host knows it.
    response.writeHead(file ? 200 : 404, { 'content-type': TYPES[extname(name)] ?? 'application/octet-stream' }).end(file);
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  origin = `http://127.0.0.1:${server.address().port}/`;
  // Chromium refuses its sandbox to root.
  browser = await chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] });
});

after(async () => {
  await browser?.close();
  server?.close();
});

/** A page of its own, and all that it complained of or asked others for. */
const open = async () => {
  const page = await browser.newPage();
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(origin) && !url.startsWith('data:')) complaints.push(url);
  });
  await page.goto(origin);
  return { page, complaints };
};

const verdict = (page, expected) => page.waitForSelector(`#verdict[data-verdict=${expected}]`, { timeout: 20_000 });
const file = (name, buffer) => ({ name, mimeType: 'application/octet-stream', buffer });

test('a good receipt is accepted with its values, once the development SRS is allowed', async () => {
  const { page, complaints } = await open();
  await verdict(page, 'waiting');
  await page.setInputFiles('#receipt', receipt);
  await page.setInputFiles('#key', key);
  assert.match(await (await verdict(page, 'rejected')).innerText(), /insecure development SRS/);
  assert.equal(await page.isVisible('#statement'), false);
  await page.check('#allow-insecure-srs');
  await verdict(page, 'accepted');
  const { outputs, verifying_key } = JSON.parse(await readFile(receipt, 'utf8'));
  const statement = await page.innerText('#statement');
  assert.ok(statement.includes(verifying_key));
  const shown = await page.$$eval('#statement tbody tr', (rows) => rows.map((row) => [...row.cells].map((cell) => Number(cell.textContent))));
  assert.deepEqual(shown, outputs[0].integers.map((integer, i) => [i, outputs[0].reals[i], integer]));
  assert.deepEqual(complaints, []);
  await page.close();
});

test('tampered receipts and foreign keys are not accepted', async () => {
  const { page, complaints } = await open();
  await page.check('#allow-insecure-srs');
  const text = await readFile(receipt, 'utf8');
  const [good, bytes] = [JSON.parse(text), await readFile(key)];
  const proof = good.proof.slice(0, -1) + (good.proof.endsWith('0') ? '1' : '0');
  const integers = good.outputs[0].integers.with(0, good.outputs[0].integers[0] + 1);
  await page.setInputFiles('#key', file('verifying.key', bytes));
  const attempts = [
    [{ ...good, proof }, /point .* of the proof is not on the curve/],
    [{ ...good, outputs: [{ ...good.outputs[0], integers }] }, /tensor `.*` does not agree/],
    [{ ...good, model: '<img src=x onerror=alert(1)>' }, /model does not agree/],
  ];
  for (const [changed, error] of attempts) {
    await page.setInputFiles('#receipt', file('receipt.json', Buffer.from(JSON.stringify(changed))));
    await page.waitForFunction(() => document.getElementById('verdict').dataset.verdict === 'rejected');
    assert.match(await page.innerText('#verdict'), error);
    assert.equal(await page.isVisible('#statement'), false);
    // Back to the good one, so that the next answer is not this one.
    await page.setInputFiles('#receipt', file('receipt.json', Buffer.from(text)));
    await verdict(page, 'accepted');
  }
  await page.setInputFiles('#key', file('verifying.key', Buffer.concat([bytes, Buffer.from([0])])));
  assert.match(await (await verdict(page, 'error')).innerText(), /bytes, expected/);
  assert.deepEqual(complaints, []);
  await page.close();
});

test('both files can be dropped at once', async () => {
  const { page, complaints } = await open();
  await page.check('#allow-insecure-srs');
  const [text, bytes] = [await readFile(receipt, 'utf8'), [...(await readFile(key))]];
  await page.evaluate(
    ([text, bytes]) => {
      const dropped = new DataTransfer();
      dropped.items.add(new File([new Uint8Array(bytes)], 'a'));
      dropped.items.add(new File([text], 'b'));
      document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: dropped, bubbles: true, cancelable: true }));
    },
    [text, bytes],
  );
  await verdict(page, 'accepted');
  assert.deepEqual(complaints, []);
  await page.close();
});

test('time of a check', async () => {
  const { page } = await open();
  await verdict(page, 'waiting');
  const [text, bytes] = [await readFile(receipt, 'utf8'), [...(await readFile(key))]];
  const times = await page.evaluate(
    async ([text, bytes, runs]) => {
      const { verify } = await import('./index.js');
      const [receipt, key] = [new TextEncoder().encode(text), new Uint8Array(bytes)];
      const times = [];
      for (let run = 0; run < runs; run++) {
        const start = performance.now();
        const { accepted } = await verify(receipt, key, { allowInsecureSrs: true });
        if (!accepted) throw new Error('not accepted');
        times.push(performance.now() - start);
      }
      return times;
    },
    [text, bytes, RUNS],
  );
  const [first, ...rest] = times;
  const median = rest.sort((a, b) => a - b)[rest.length >> 1];
  console.log(`verify in Chromium ${browser.version()}: first ${first.toFixed(1)} ms, then median ${median.toFixed(1)} ms of ${rest.length}`);
  await page.close();
});
