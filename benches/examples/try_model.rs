//! Times the stages of a model in one process.
#![allow(missing_docs, clippy::all, clippy::unwrap_used, clippy::allow_attributes)]
use std::time::Instant;
use std::ops::ControlFlow;
use sworn_circuits::layout::{Layout, Visibility};
fn main() {
    let dir = std::env::args().nth(1).unwrap();
    let bits = std::env::args().nth(2).and_then(|b| b.parse().ok());
    let v: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(format!("{dir}/input.json")).unwrap()).unwrap();
    let input: Vec<f32> = v["input_data"][0].as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect();
    let t = Instant::now();
    let graph = sworn_onnx::load(format!("{dir}/network.onnx"), &Default::default()).unwrap();
    println!("load {:?}", t.elapsed());
    let t = Instant::now();
    let samples = vec![vec![input.clone()]];
    let c = sworn_onnx::compile::compile(graph, &samples, &sworn_onnx::compile::Options { bits, ..Default::default() }).unwrap();
    println!("compile {:?} bits {} rel err {:.5}", t.elapsed(), c.graph.bits, c.report.relative());
    let t = Instant::now();
    let vis = Visibility::default();
    let layout = Layout::new(&c.graph, vis).unwrap();
    println!("layout {:?} {:?} {:?}", t.elapsed(), layout.estimate, layout.shape.jumps);
    let t = Instant::now();
    let srs = sworn_prover::Srs::dev(layout.log_rows).unwrap();
    println!("srs {:?}", t.elapsed());
    let t = Instant::now();
    let key = sworn_prover::setup(c.graph.clone(), vis, layout, &srs).unwrap();
    println!("setup {:?}", t.elapsed());
    let bytes = key.to_bytes();
    let t = Instant::now();
    let key = sworn_prover::ProvingKey::from_bytes(&bytes, &srs).unwrap();
    println!("load key {:?} {} bytes", t.elapsed(), bytes.len());
    let x = sworn_onnx::quantize::quantize_input(&c.graph, 0, &input).unwrap();
    let t = Instant::now();
    let mut last = Instant::now();
    let proof = sworn_prover::prove(&key, &srs, &[x], rand::rngs::OsRng, &mut |s, f| { println!("  {s:?} {f} {:?}", last.elapsed()); last = Instant::now(); ControlFlow::Continue(()) }).unwrap();
    println!("prove {:?} proof {} bytes", t.elapsed(), proof.bytes.len());
    let vkb = key.verifying_key().to_bytes();
    let vk = sworn_verifier::VerifyingKey::from_bytes(&vkb).unwrap();
    let t = Instant::now();
    sworn_verifier::verify(&vk, &proof.instance, &proof.bytes).unwrap();
    println!("verify {:?} vk {} bytes", t.elapsed(), vkb.len());
    let mut bad = proof.bytes.clone();
    bad[100] ^= 1;
    println!("bad {:?}", sworn_verifier::verify(&vk, &proof.instance, &bad));
    println!("{}", std::fs::read_to_string("/proc/self/status").unwrap().lines().find(|l| l.starts_with("VmHWM")).unwrap());
}
