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

/** A reference string. */
export interface Srs {
  /** Keccak-256 of its point s·G2. */
  identity: string;
  /** Whether it is of a known ceremony; of unknown origin; or the development one, against which anyone can forge proofs. */
  kind: 'ceremony' | 'unknown' | 'insecure-dev';
  /** Name of the ceremony, if it is of one. */
  name?: string;
}

/** The receipt is accepted: what `sworn verify --json` prints. */
export interface Accepted {
  accepted: true;
  /** What identifies the receipt: Keccak-256 of its proof, `0x` and 64 hexadecimal digits as all digests here. */
  id: string;
  /** Name of the model. */
  model: string;
  /** Digest of the verifying key: the identity of the model. */
  verifying_key: string;
  /** Digest of the ONNX graph that the model was made from. */
  source: string;
  /** Bits of an activation. */
  bits: number;
  /** Samples that the ranges were calibrated with; 0 if they were declared. */
  samples: number;
  /** The largest error of an output over the samples, as a fraction of the largest output. */
  relative_error: number;
  /** The reference string that the proof rests on. */
  srs: Srs;
  /** Who sees inputs and outputs. */
  visibility: { input: 'public' | 'private'; output: 'public' | 'private' };
  /** What the proof is bound to, 32 bytes; zeros if it is bound to nothing. */
  context: string;
  /** Whether it rests on the development reference string, against which anyone can forge proofs. */
  insecure_dev: boolean;
  /** The inputs, if they are public. */
  inputs: Tensor[];
  /** The outputs. */
  outputs: Tensor[];
}

/** Why a receipt is rejected. */
export type ReceiptKind =
  | 'json'
  | 'version'
  | 'verifying-key'
  | 'mismatch'
  | 'tensor'
  | 'insecure-srs'
  | 'unknown-srs'
  | 'ceremony'
  | 'context'
  | 'proof';

/** Why the bytes of the verifying key are none. */
export type KeyKind = 'foreign-file' | 'file-version' | 'file-kind' | 'file-length' | 'file-digest' | 'file-contents';

/** The receipt is not accepted. `error` and `hint` are the words of `sworn verify`. */
export interface Refused {
  accepted: false;
  /** Exit status of `sworn verify`: 1 where the receipt is rejected, 2 where the verifying key or the options cannot be read. */
  status: 1 | 2;
  kind: ReceiptKind | KeyKind | 'options';
  /** The rule that is broken. */
  error: string;
  /** What to do about it. */
  hint: string;
}

/** How to verify. */
export interface Options {
  /** Accept receipts of the development reference string, which anyone can forge: `--allow-insecure-srs`. False by default. */
  allowInsecureSrs?: boolean;
  /** Accept receipts of a reference string of unknown origin, which its makers may be able to forge: `--allow-unknown-srs`. False by default. */
  allowUnknownSrs?: boolean;
  /** Accept receipts of this reference string alone, by its identity of 64 hexadecimal digits: `--ceremony`. */
  ceremony?: string;
  /** Accept receipts alone whose proof is bound to this context, up to 32 bytes in hexadecimal digits: `--context`. */
  context?: string;
}

/**
 * Accepts a receipt, or says why not.
 *
 * @param receipt The bytes of the file that `sworn prove` writes.
 * @param key The bytes of `verifying.key`, which `sworn compile` writes; from whom you trust, not from the prover.
 * @throws TypeError if a file is not bytes, or `ceremony` or `context` no string; Error if the module cannot be loaded, or its memory does not suffice.
 */
export function verify(receipt: BufferSource, key: BufferSource, options?: Options): Promise<Accepted | Refused>;

/**
 * Loads the module before it is needed, or from elsewhere than beside this file.
 *
 * @param source Where `sworn_verifier.wasm` is, its bytes, or the compiled module.
 */
export function load(source?: URL | BufferSource | WebAssembly.Module): Promise<void>;
