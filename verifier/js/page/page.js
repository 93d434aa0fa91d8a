// Two files, two checkboxes, the answer. Names and texts come from files of strangers: they are only ever set as text.

import { load, verify } from './index.js';

/** The most values of a tensor that are shown. */
const SHOWN = 1000;
/** How a file of a verifying key begins. */
const KEY_MAGIC = [0x89, 0x53, 0x57, 0x4f, 0x52, 0x4e];

const at = (id) => document.getElementById(id);
const files = { receipt: undefined, key: undefined };
/** Counts questions: the answer to an older one is not shown. */
let asked = 0;

const element = (name, text, ...children) => {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  made.append(...children);
  return made;
};

const show = (verdict, title, ...lines) => {
  at('verdict').replaceChildren(element('strong', title), ...lines.map((line) => element('div', line)));
  at('verdict').dataset.verdict = verdict;
  at('statement').hidden = true;
};

const tensor = ({ name, shape, scale, features, integers, reals }, role) => {
  const rows = integers.slice(0, SHOWN).map((integer, i) => element('tr', undefined, element('td', i), element('td', reals[i]), element('td', integer)));
  const head = element('tr', undefined, element('th', '#'), element('th', 'value'), element('th', 'integer'));
  const values = element('div', undefined, element('table', undefined, element('thead', undefined, head), element('tbody', undefined, ...rows)));
  values.className = 'values';
  const more = integers.length > SHOWN ? [element('p', `${integers.length - SHOWN} more values are in the receipt`)] : [];
  return [element('h2', `${role} ${escaped(name)} [${shape.join(', ')}]`), element('p', features ? 'value = integer · scale + offset, by feature' : `value = integer · ${scale}`), values, ...more];
};

/** Controls, marks without width and marks that turn the direction of text, as \\u{…}: a name cannot look like another. */
const escaped = (name) => name.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (c) => `\\u{${c.codePointAt(0).toString(16)}}`);

const WARNINGS = {
  ceremony: [],
  unknown: ['It rests on an SRS of unknown origin: whoever made that may be able to forge such a receipt.'],
  'insecure-dev': ['It rests on the insecure development SRS: anyone can forge such a receipt.'],
};

const accepted = (answer, milliseconds) => {
  show('accepted', 'accepted', `Checked in ${milliseconds.toFixed(0)} ms.`, ...WARNINGS[answer.srs.kind]);
  const samples = answer.samples === 0 ? 'declared ranges' : answer.samples === 1 ? '1 sample' : `${answer.samples} samples`;
  const error = answer.relative_error <= 10 ? `${(100 * answer.relative_error).toFixed(3)} %` : 'more than 1000 %';
  const rows = [
    ['model', escaped(answer.model)],
    ['receipt', answer.id],
    ['verifying key', answer.verifying_key],
    ['ONNX graph', answer.source],
    ['SRS', [answer.srs.kind, answer.srs.name, answer.srs.identity].filter((part) => part !== undefined).join(', ')],
    ['context', /^0x0*$/.test(answer.context) ? 'none' : answer.context],
    ['quantised', `to ${answer.bits} bits, off by up to ${error} of the largest output over ${samples}`],
  ];
  const facts = element('dl', undefined, ...rows.flatMap(([name, value]) => [element('dt', name), element('dd', value)]));
  const tensors = [...answer.inputs.flatMap((t) => tensor(t, 'input')), ...answer.outputs.flatMap((t) => tensor(t, 'output'))];
  const inputs = answer.inputs.length === 0 ? [element('p', 'The input is private.')] : [];
  at('statement').replaceChildren(facts, ...inputs, ...tensors);
  at('statement').hidden = false;
};

const check = async () => {
  const question = ++asked;
  if (!files.receipt || !files.key) {
    const missing = files.key ? 'a receipt' : files.receipt ? 'the verifying key' : 'a receipt and the verifying key';
    return show('waiting', `waiting for ${missing}`);
  }
  show('checking', 'checking');
  try {
    const [receipt, key] = await Promise.all([files.receipt.arrayBuffer(), files.key.arrayBuffer()]);
    const start = performance.now();
    const answer = await verify(receipt, key, { allowInsecureSrs: at('allow-insecure-srs').checked, allowUnknownSrs: at('allow-unknown-srs').checked });
    const milliseconds = performance.now() - start;
    if (question !== asked) return;
    if (answer.accepted) accepted(answer, milliseconds);
    else if (answer.kind === 'insecure-srs') show('rejected', 'rejected', answer.error, 'For a test, tick the box above.');
    else if (answer.kind === 'unknown-srs') show('rejected', 'rejected', answer.error, 'If you know where it comes from, tick the box above.');
    else show(answer.status === 1 ? 'rejected' : 'error', answer.status === 1 ? 'rejected' : 'no verifying key', answer.error, answer.hint);
  } catch (error) {
    if (question === asked) show('error', 'not checked', error.message);
  }
};

const isKey = async (file) => {
  const start = new Uint8Array(await file.slice(0, KEY_MAGIC.length).arrayBuffer());
  return KEY_MAGIC.every((byte, i) => start[i] === byte);
};

for (const name of ['receipt', 'key']) {
  at(name).addEventListener('change', () => {
    files[name] = at(name).files[0];
    check();
  });
}
for (const box of ['allow-insecure-srs', 'allow-unknown-srs']) at(box).addEventListener('change', check);
addEventListener('dragover', (event) => {
  event.preventDefault();
  document.body.classList.add('dropping');
});
addEventListener('dragleave', () => document.body.classList.remove('dropping'));
addEventListener('drop', async (event) => {
  event.preventDefault();
  document.body.classList.remove('dropping');
  for (const file of [...event.dataTransfer.files]) {
    const name = (await isKey(file)) ? 'key' : 'receipt';
    files[name] = file;
    const list = new DataTransfer();
    list.items.add(file);
    at(name).files = list.files;
  }
  check();
});

load().then(check, (error) => show('error', 'the verifier cannot be loaded', error.message));
