//! The conformance suite of backends on the emulated device: the kernels, built for the host.

mod emulated;

sworn_prover::backend_tests!(crate::emulated::device(None));
