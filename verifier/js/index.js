// The verifier: receipts and verifying keys, as bytes, to the module and its answer back. The module's interface is in
// verifier/wasm/src/abi.rs, the types and their meaning in index.d.ts.
// @ts-check

const MODULE = new URL('./sworn_verifier.wasm', import.meta.url);

/** @type {Promise<WebAssembly.Module> | undefined} */
let loaded;

/**
 * @param {URL | BufferSource | WebAssembly.Module} [source]
 * @returns {Promise<WebAssembly.Module>}
 */
const module = (source) => {
  if (source === undefined && loaded !== undefined) return loaded;
  const loading = compile(source ?? MODULE);
  loaded = loading;
  // A failure is not kept: the next call tries again.
  loading.catch(() => (loaded = loaded === loading ? undefined : loaded));
  return loading;
};

/** @type {typeof import('./index.d.ts').load} */
export const load = async (source) => {
  await module(source);
};

/** @type {typeof import('./index.d.ts').verify} */
export const verify = async (receipt, key, options = {}) => {
  const files = [bytes('receipt', receipt), bytes('verifying key', key), new TextEncoder().encode(JSON.stringify(wanted(options)))];
  // Of its own for each call: nothing is left from one to the next.
  const { exports } = await WebAssembly.instantiate(await module(), {});
  const { memory, allocate, verify } = /** @type {any} */ (exports);
  let text;
  try {
    const places = files.flatMap((file) => {
      const at = allocate(file.length) >>> 0;
      // Memory that grows has a new buffer.
      new Uint8Array(memory.buffer, at, file.length).set(file);
      return [at, file.length];
    });
    const at = verify(...places) >>> 0;
    const length = new DataView(memory.buffer).getUint32(at, true);
    text = new TextDecoder().decode(new Uint8Array(memory.buffer, at + 4, length));
  } catch (cause) {
    throw new Error('the verifier stopped without an answer: its memory does not suffice for these files', { cause });
  }
  return JSON.parse(text);
};

/**
 * @param {URL | BufferSource | WebAssembly.Module} source
 * @returns {Promise<WebAssembly.Module>}
 */
const compile = async (source) => {
  if (source instanceof WebAssembly.Module) return source;
  if (!(source instanceof URL)) return WebAssembly.compile(source);
  if (source.protocol === 'file:') {
    const { readFile } = await import(/* webpackIgnore: true */ /* @vite-ignore */ /** @type {string} */ ('node:fs/promises'));
    return WebAssembly.compile(await readFile(source));
  }
  const response = await fetch(source);
  if (!response.ok) throw new Error(`cannot fetch the verifier from ${source}: status ${response.status}`);
  // Not by streaming, which wants a type that not every static host sends.
  return WebAssembly.compile(await response.arrayBuffer());
};

/**
 * What the module reads of the options: nothing but `true` allows anything, and what is demanded is never dropped.
 *
 * @param {import('./index.d.ts').Options} options
 */
const wanted = ({ allowInsecureSrs, allowUnknownSrs, ceremony, context }) => {
  for (const [name, text] of Object.entries({ ceremony, context })) {
    if (text !== undefined && typeof text !== 'string') throw new TypeError(`${name} must be a string of hexadecimal digits`);
  }
  return { allowInsecureSrs: allowInsecureSrs === true, allowUnknownSrs: allowUnknownSrs === true, ceremony, context };
};

/**
 * @param {string} what
 * @param {unknown} file
 * @returns {Uint8Array}
 */
const bytes = (what, file) => {
  if (file instanceof ArrayBuffer) return new Uint8Array(file);
  if (ArrayBuffer.isView(file)) return new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
  throw new TypeError(`the ${what} must be the bytes of its file, as an ArrayBuffer or a view of one`);
};
