//! Accuracy of the digits example over its whole test split, float and quantised, calibrated as its README says.
//!
//! `cargo test --test digits -- --nocapture` prints the figures of `examples/digits/README.md`.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use npyz::npz::NpzArchive;
use npyz::NpyFile;
use sworn_onnx::compile::{compile, Options};
use sworn_onnx::evaluate::evaluate;
use sworn_onnx::report::evaluate_quantised;
use sworn_onnx::{load, LoadOptions};

const PIXELS: usize = 64;

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/digits").join(name)
}

fn values<R: Read, T: npyz::Deserialize>(file: NpyFile<R>) -> Vec<T> {
    file.into_vec().expect("an array of the example")
}

/// Index of the largest value.
fn top<T: PartialOrd>(values: &[T]) -> usize {
    values.iter().enumerate().fold(0, |best, (i, v)| if *v > values[best] { i } else { best })
}

#[test]
fn quantised_accuracy_is_that_of_the_float_model() {
    let open = |name| BufReader::new(File::open(example(name)).expect("a file of the example"));
    let calibration: Vec<f32> = values(NpyFile::new(open("calibration.npy")).expect("calibration.npy"));
    let samples: Vec<Vec<Vec<f32>>> = calibration.chunks(PIXELS).map(|image| vec![image.to_vec()]).collect();
    let mut test = NpzArchive::new(open("test.npz")).expect("test.npz");
    let x: Vec<u8> = values(test.by_name("x").expect("readable").expect("x"));
    let y: Vec<u8> = values(test.by_name("y").expect("readable").expect("y"));

    let graph = load(example("digits.onnx"), &LoadOptions::default()).expect("digits.onnx is imported");
    let compiled = compile(graph, &samples, &Options::default()).expect("digits.onnx is compiled");
    let (mut float_right, mut right, mut same, mut refused) = (0, 0, 0, 0);
    for (image, &label) in x.chunks(PIXELS).zip(&y) {
        let input = [image.iter().map(|&p| f32::from(p)).collect()];
        let float = evaluate(&compiled.float, &input).expect("float evaluation");
        let float = top(&float[compiled.float.outputs[0].node.0]);
        float_right += usize::from(float == usize::from(label));
        match evaluate_quantised(&compiled.graph, &input) {
            Ok(tensors) => {
                let answer = top(&tensors[compiled.graph.outputs[0].node.0]);
                right += usize::from(answer == usize::from(label));
                same += usize::from(answer == float);
            }
            Err(_) => refused += 1,
        }
    }
    let percent = |count: usize| 100.0 * count as f64 / y.len() as f64;
    println!("{} test images, {} bits", y.len(), compiled.graph.bits);
    println!("float: {float_right} right, {:.2} %", percent(float_right));
    println!("quantised: {right} right, {:.2} %; {same} answers as float; {refused} outside the calibrated range", percent(right));
    assert!(percent(float_right) >= 97.0);
    assert!(right + 2 >= float_right, "quantisation loses more than two images");
    assert!(same + 4 >= y.len(), "quantisation changes more than four answers");
}
