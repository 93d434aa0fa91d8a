// What a program in TypeScript may and may not write: `tsc` is the test.

import { load, verify, type Accepted, type Refused } from 'sworn-verifier';

const bytes = new Uint8Array(3);
const answer: Accepted | Refused = await verify(bytes, bytes.buffer, { allowInsecureSrs: true });
if (answer.accepted) {
  const reals: number[] = answer.outputs.flatMap((tensor) => tensor.reals);
  console.log(answer.model, answer.verifying_key, answer.insecure_dev, reals);
  const kind: 'ceremony' | 'unknown' | 'insecure-dev' = answer.srs.kind;
  console.log(answer.id, answer.context, answer.bits + answer.relative_error + answer.samples, kind, answer.srs.name?.length, answer.visibility.input === 'public');
  // @ts-expect-error an accepted receipt has no hint
  console.log(answer.hint);
} else {
  const status: 1 | 2 = answer.status;
  console.log(status, answer.kind === 'insecure-srs', answer.error, answer.hint);
  // @ts-expect-error a receipt that is not accepted says nothing
  console.log(answer.outputs);
}
await load(new URL('https://example.org/sworn_verifier.wasm'));
await load(bytes);

// @ts-expect-error a path is not bytes
await verify('receipt.json', bytes);
// @ts-expect-error the key is missing
await verify(bytes);
await verify(bytes, bytes, { allowUnknownSrs: true, ceremony: '0x00', context: '01' });
// @ts-expect-error a context is text
await verify(bytes, bytes, { context: 1 });
// @ts-expect-error no such option
await verify(bytes, bytes, { allowInsecure: true });
