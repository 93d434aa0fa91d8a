// The module against `sworn verify`: each case of a folder that `tests/browser_cases.rs` wrote, with what the command answered.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { load, verify } from 'sworn-verifier';

const folder = process.env.SWORN_BROWSER_CASES;
const read = (name) => readFile(join(folder, name));
/** The most bytes of the module, compressed. */
const MAX_GZIP_BYTES = 350_000;

/** What the cases must meet, each at least once: nothing is tested by an empty list. */
const KINDS = [
  'accepted', 'json', 'version', 'verifying-key', 'mismatch', 'tensor', 'insecure-srs', 'unknown-srs', 'ceremony', 'context', 'proof',
  'foreign-file', 'file-version', 'file-kind', 'file-length', 'file-digest', 'file-contents',
];

/** The bytes with `remove` of them from `at` on replaced by `insert`. */
const spliced = (bytes, { at, remove, insert }) =>
  Buffer.concat([bytes.subarray(0, at), Buffer.from(insert, 'hex'), bytes.subarray(at + remove)]);

/** The command's words in those of the module: the command knows the name of the key's file. */
const words = (error) => error.replace(/^rejected: /, '').replace(/^`verifying\.key` /, "the verifying key's file ");

test('every case is answered as by the command', async () => {
  const lines = (await read('cases.jsonl')).toString().trim().split('\n');
  const files = new Map();
  const file = async (name) => files.get(name) ?? files.set(name, await read(name)).get(name);
  const seen = new Map();
  const start = performance.now();
  for (const line of lines) {
    const { name, receipt, key, receipt_edit, key_edit, options, status, answer } = JSON.parse(line);
    const [receiptBytes, keyBytes] = [spliced(await file(receipt), receipt_edit), spliced(await file(key), key_edit)];
    const { kind, ...actual } = await verify(receiptBytes, keyBytes, options);
    const expected = status === 0 ? answer : { ...answer, accepted: false, error: words(answer.error) };
    assert.deepEqual(actual, expected, name);
    assert.equal(actual.accepted, status === 0, name);
    seen.set(kind ?? 'accepted', (seen.get(kind ?? 'accepted') ?? 0) + 1);
  }
  const seconds = (performance.now() - start) / 1000;
  console.log(`${lines.length} cases in ${seconds.toFixed(1)} s: ${[...seen].map(([kind, n]) => `${kind} ${n}`).join(', ')}`);
  assert.deepEqual([...seen.keys()].sort(), [...KINDS].sort());
});

test('arguments that are not bytes are a TypeError, views and buffers are bytes', async () => {
  const [receipt, key] = [await read('digits.json'), await read('digits.key')];
  for (const wrong of ['digits.json', undefined, null, 7, [1, 2], {}]) {
    await assert.rejects(verify(wrong, key), { name: 'TypeError', message: /receipt must be the bytes/ });
    await assert.rejects(verify(receipt, wrong), { name: 'TypeError', message: /verifying key must be the bytes/ });
  }
  const padded = new Uint8Array([0, 0, 0, ...receipt, 0]);
  const view = new DataView(padded.buffer, 3, receipt.length);
  const buffer = new Uint8Array(key).buffer;
  assert.equal((await verify(view, buffer, { allowInsecureSrs: true })).accepted, true);
  // Nothing but `true` allows it.
  for (const allowInsecureSrs of [1, 'true', {}, undefined, false]) {
    assert.equal((await verify(view, buffer, { allowInsecureSrs })).kind, 'insecure-srs');
  }
});

test('options that cannot be read are an error, and what is demanded is never dropped', async () => {
  const [receipt, key] = [await read('digits.json'), await read('digits.key')];
  const allowInsecureSrs = true;
  for (const wrong of ['', '0x', 'zz', '1', '00'.repeat(33)]) {
    assert.deepEqual([(await verify(receipt, key, { allowInsecureSrs, context: wrong })).kind, wrong], ['options', wrong]);
    assert.equal((await verify(receipt, key, { allowInsecureSrs, ceremony: wrong })).kind, 'options');
  }
  for (const wrong of [null, 7, {}, ['00']]) {
    await assert.rejects(verify(receipt, key, { allowInsecureSrs, context: wrong }), TypeError);
    await assert.rejects(verify(receipt, key, { allowInsecureSrs, ceremony: wrong }), TypeError);
  }
  const { context, srs } = await verify(receipt, key, { allowInsecureSrs });
  assert.equal((await verify(receipt, key, { allowInsecureSrs, context, ceremony: srs.identity })).accepted, true);
  assert.equal((await verify(receipt, key, { allowInsecureSrs, context: '01' })).kind, 'context');
  assert.equal((await verify(receipt, key, { allowInsecureSrs, ceremony: '11'.repeat(32) })).kind, 'ceremony');
});

test('a module that is none is an error, and the next call loads the right one', async () => {
  await assert.rejects(load(new Uint8Array([1, 2, 3])), WebAssembly.CompileError);
  await assert.rejects(load(new URL('./missing.wasm', import.meta.url)), { code: 'ENOENT' });
  const [receipt, key] = [await read('digits.json'), await read('digits.key')];
  assert.equal((await verify(receipt, key, { allowInsecureSrs: true })).accepted, true);
});

test('a module that stops is an error, never an answer', async () => {
  const stops = [
    '0061736d01000000', // magic, version
    '01100260017f017f60067f7f7f7f7f7f017f', // types (i32) -> i32 and six i32 -> i32
    '03030200010503010001', // a function of each, a memory of one page
    '071e03066d656d6f7279020008616c6c6f636174650000067665726966790001', // memory, allocate, verify
    '0a09020300000b0300000b', // unreachable, unreachable
  ].join('');
  await load(Buffer.from(stops, 'hex'));
  await assert.rejects(verify(new Uint8Array(1), new Uint8Array(1)), /stopped without an answer/);
  await load(new URL('../sworn_verifier.wasm', import.meta.url));
});

test('the module is small', async () => {
  const bytes = await readFile(new URL('../sworn_verifier.wasm', import.meta.url));
  const compressed = gzipSync(bytes, { level: 9 }).length;
  console.log(`sworn_verifier.wasm: ${bytes.length} bytes, ${compressed} with gzip -9`);
  assert.ok(compressed <= MAX_GZIP_BYTES);
});
