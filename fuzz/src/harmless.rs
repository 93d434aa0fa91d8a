//! What holds for inputs of any origin: they are refused, without a panic. The library's tests run the same function.

use std::io::{Cursor, Write};

use npyz::npz::NpzWriter;
use npyz::WriterBuilder;
use sworn::{Input, InputSpec};

/// An error, or as many finite values as each model takes.
pub fn input(data: &[u8]) {
    let spec = |name: &str, shape: &[usize]| InputSpec { name: name.into(), shape: shape.into() };
    for specs in [vec![spec("x", &[1, 2])], vec![spec("x", &[2]), spec("y", &[1, 3])]] {
        let input = Input::from_reader("-", Cursor::new(data.to_vec()));
        let fits = |values: &Vec<Vec<f32>>| {
            values.len() == specs.len()
                && values.iter().zip(&specs).all(|(v, s)| v.len() == s.shape.iter().product::<usize>() && v.iter().all(|v| v.is_finite()))
        };
        if let Ok(sample) = input.fit(&specs) {
            assert!(fits(&sample));
            assert_eq!(input.fit(&specs).expect("read before"), sample);
        }
        if let Ok(samples) = input.fit_samples(&specs) {
            assert!(!samples.is_empty() && samples.iter().all(fits));
        }
    }
}

/// Inputs to start from, all of which fit a model: names and bytes.
pub fn corpus() -> Vec<(&'static str, Vec<u8>)> {
    let (x, y) = (npy(&[1.0, -2.0], &[1, 2]), npy(&[0.5, 1.5, 2.5], &[3]));
    vec![
        ("one.json", br#"{"input_data": [[1, -2.5e0]], "input_shapes": [[2, 1]], "output_data": [[null, "a"]]}"#.to_vec()),
        ("two.json", br#"{"input_data": [[[true], [2]], [[[1, 2, 3]]]]}"#.to_vec()),
        ("one.npy", x.clone()),
        ("samples.npy", npy(&[1.0, 2.0, 3.0, 4.0], &[2, 2])),
        ("named.npz", npz(&[("y", &y), ("x", &x), ("z", b"of no use")])),
        ("numbered.npz", npz(&[("arr_0", &x), ("arr_1", &y)])),
    ]
}

fn npy(values: &[f32], shape: &[u64]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let options = npyz::WriteOptions::new().default_dtype().shape(shape);
    let mut writer = options.writer(&mut bytes).begin_nd().expect("a header");
    writer.extend(values.iter().copied()).and_then(|()| writer.finish()).expect("an array");
    bytes
}

fn npz(arrays: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = NpzWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in arrays {
        let zip = writer.zip_writer();
        zip.start_file(format!("{name}.npy"), Default::default()).expect("an entry");
        zip.write_all(bytes).expect("its contents");
    }
    writer.zip_writer().finish().expect("an archive").into_inner()
}
