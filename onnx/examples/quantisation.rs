//! Measures quantisation: `cargo run --example quantisation -- MODEL.onnx SAMPLES.json [UNSEEN.json] [MARGIN...]`
//!
//! Calibrates on the samples and prints, for each bit width, the relative error of the output on them and on unseen inputs
//! (random ones between the smallest and the largest value of the first sample, if there is no file), how many of those
//! leave the ranges, and their top-1 agreement. A file holds `{"input_data": [..]}`, one sample, or `{"samples": [..]}`.

use std::error::Error;

use sworn_onnx::calibrate::calibrate;
use sworn_onnx::quantize::quantize;
use sworn_onnx::report::compare;
use sworn_onnx::simplify::simplify;
use sworn_onnx::{load, LoadOptions};

/// Random inputs measured.
const UNSEEN: u64 = 100;

type Samples = Vec<Vec<Vec<f32>>>;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [model, input, rest @ ..] = &args[..] else {
        return Err("usage: quantisation MODEL.onnx SAMPLES.json [UNSEEN.json] [MARGIN...]".into());
    };
    let graph = simplify(load(model, &LoadOptions::default())?);
    let samples = read(input)?;
    let (files, margins): (Vec<&String>, Vec<&String>) = rest.iter().partition(|a| a.ends_with(".json"));
    let unseen: Samples = match &files[..] {
        [file, ..] => read(file)?,
        [] => (0..UNSEEN).map(|seed| samples[0].iter().map(|x| random_like(x, seed)).collect()).collect(),
    };
    let margins = if margins.is_empty() { vec![None] } else { margins.iter().map(|m| m.parse().map(Some)).collect::<Result<_, _>>()? };
    println!("margin bits  calibration   top-1   unseen mean   unseen max   top-1   out of range");
    for margin in margins {
        let ranges = calibrate(&graph, &samples, margin)?;
        for bits in 8..=14 {
            let quantised = quantize(&graph, &ranges, bits)?;
            let own = compare(&graph, &quantised, &samples);
            let reports: Vec<_> = unseen.iter().filter_map(|x| compare(&graph, &quantised, std::slice::from_ref(x)).ok()).collect();
            let count = reports.len().max(1) as f64;
            let (own, own_top) = own.map_or((f64::NAN, f64::NAN), |r| (r.relative(), r.top1));
            let mean = reports.iter().map(|r| r.relative()).sum::<f64>() / count;
            let max = reports.iter().map(|r| r.relative()).fold(0.0, f64::max);
            let top = reports.iter().map(|r| r.top1).sum::<f64>() / count;
            let [own, mean, max] = [own, mean, max].map(|e| format!("{:.4} %", 100.0 * e));
            let margin = margin.map_or("auto".to_string(), |m| format!("{m:.2}"));
            println!(
                "{margin:>6} {bits:4} {own:>12} {own_top:7.2} {mean:>13} {max:>12} {top:7.3} {:>9} of {}",
                unseen.len() - reports.len(),
                unseen.len()
            );
        }
    }
    Ok(())
}

fn read(path: &str) -> Result<Samples, Box<dyn Error>> {
    let json: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    Ok(match json.get("samples") {
        Some(samples) => serde_json::from_value(samples.clone())?,
        None => vec![serde_json::from_value(json["input_data"].clone())?],
    })
}

/// Uniform between the smallest and the largest value of `x`.
fn random_like(x: &[f32], seed: u64) -> Vec<f32> {
    let (low, high) = x.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &v| (low.min(v), high.max(v)));
    let mut state = seed.wrapping_mul(0x2545_f491_4f6c_dd1d) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 24) as f32
    };
    x.iter().map(|_| low + (high - low) * next()).collect()
}
