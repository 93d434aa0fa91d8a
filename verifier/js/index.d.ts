/** A public tensor of a receipt. */
export interface Tensor {
  /** Its name in the model. */
  name: string;
  /** Its shape, row-major. */
  shape: number[];
  /** Real value of the integer 1; with features, the largest of theirs. */
  scale: number;
  /** The features of an input whose features have scales of their own. */
  features?: {
    /** Consecutive elements of one feature: element i is of feature ⌊i / run⌋ mod scales.length. */
    run: number;
    /** For each feature, the real value of the integer 1 beyond that of 0. */
    scales: number[];
    /** For each feature, the real value of the integer 0. */
    offsets: number[];
  };
  /** What the proof is about, row-major. */
  integers: number[];
  /** `integers · scale`, or `integers · scales[f] + offsets[f]` for the feature f of each. */
  reals: number[];
}

/** The receipt is accepted: what `sworn verify --json` prints. */
export interface Accepted {
  accepted: true;
  /** Name of the model. */
  model: string;
  /** Digest of the verifying key, 64 hexadecimal digits: the identity of the model. */
  verifying_key: string;
  /** Whether it rests on the development reference string, against which anyone can forge proofs. */
  insecure_dev: boolean;
  /** The inputs, if they are public. */
  inputs: Tensor[];
  /** The outputs. */
  outputs: Tensor[];
}

/** Why a receipt is rejected. */
export type ReceiptKind = 'json' | 'version' | 'verifying-key' | 'mismatch' | 'tensor' | 'insecure-srs' | 'proof';

/** Why the bytes of the verifying key are none. */
export type KeyKind = 'foreign-file' | 'file-version' | 'file-kind' | 'file-length' | 'file-digest' | 'file-contents';

/** The receipt is not accepted. `error` and `hint` are the words of `sworn verify`. */
export interface Refused {
  accepted: false;
  /** Exit status of `sworn verify`: 1 where the receipt is rejected, 2 where the verifying key cannot be read. */
  status: 1 | 2;
  kind: ReceiptKind | KeyKind;
  /** The rule that is broken. */
  error: string;
  /** What to do about it. */
  hint: string;
}

/** How to verify. */
export interface Options {
  /** Accept receipts of the development reference string, which anyone can forge: `--allow-insecure-srs`. False by default. */
  allowInsecureSrs?: boolean;
}

/**
 * Accepts a receipt, or says why not.
 *
 * @param receipt The bytes of the file that `sworn prove` writes.
 * @param key The bytes of `verifying.key`, which `sworn compile` writes; from whom you trust, not from the prover.
 * @throws TypeError if an argument is not bytes; Error if the module cannot be loaded, or its memory does not suffice.
 */
export function verify(receipt: BufferSource, key: BufferSource, options?: Options): Promise<Accepted | Refused>;

/**
 * Loads the module before it is needed, or from elsewhere than beside this file.
 *
 * @param source Where `sworn_verifier.wasm` is, its bytes, or the compiled module.
 */
export function load(source?: URL | BufferSource | WebAssembly.Module): Promise<void>;
