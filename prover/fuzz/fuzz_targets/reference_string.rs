#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sworn_prover_fuzz::strings::reference_string(data));
