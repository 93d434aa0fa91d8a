#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sworn_prover_fuzz::harmless::proving_key(data));
