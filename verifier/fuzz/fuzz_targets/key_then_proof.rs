#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sworn_verifier_fuzz::harmless::key_then_proof(data));
