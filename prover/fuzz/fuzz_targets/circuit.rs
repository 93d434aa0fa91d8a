#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sworn_prover_fuzz::harmless::circuit(data));
