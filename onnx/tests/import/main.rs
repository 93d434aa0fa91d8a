//! Import and float evaluation against onnxruntime, the ONNX backend node tests, and files that must be refused.

mod bad_input;
mod message;
mod node_tests;
mod schemas;
mod strict;
mod vector;
mod vectors;
