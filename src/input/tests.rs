use std::io::Write;

use npyz::WriterBuilder;
use proptest::prelude::*;

use super::*;

fn spec(name: &str, shape: &[usize]) -> InputSpec {
    InputSpec { name: name.into(), shape: shape.into() }
}

fn tensor(shape: &[usize]) -> Tensor {
    let values = (0..shape.iter().product()).map(|i: usize| i as f32).collect();
    Tensor { name: None, shape: shape.into(), values }
}

/// The samples of a file, for inputs of these names and shapes.
fn read(name: &str, bytes: &[u8], specs: &[InputSpec]) -> Result<Vec<Vec<Vec<f32>>>, InputError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    Input::read(&path)?.fit_samples(specs)
}

#[test]
fn shapes_that_fit() {
    let specs = [spec("x", &[1, 2, 3])];
    for shape in [&[6][..], &[1, 6], &[2, 3], &[1, 2, 3], &[1, 1, 2, 3]] {
        assert_eq!(Input::from(vec![tensor(shape)]).fit(&specs).unwrap(), [[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]]);
    }
    for shape in [&[4, 6][..], &[24], &[4, 2, 3], &[4, 1, 2, 3]] {
        let samples = Input::from(vec![tensor(shape)]).fit_samples(&specs).unwrap();
        assert_eq!((samples.len(), samples[3][0][0]), (4, 18.0));
    }
}

#[test]
fn tensors_that_do_not_fit_are_refused() {
    let specs = [spec("x", &[1, 2, 3])];
    let fit = |tensors: Vec<Tensor>| Input::from(tensors).fit(&specs).expect_err("it fits");
    assert!(matches!(fit(vec![tensor(&[3, 2])]), InputError::Shape { .. }));
    assert!(matches!(fit(vec![tensor(&[5])]), InputError::Length { expected: 6, actual: 5, .. }));
    assert!(matches!(fit(vec![tensor(&[0])]), InputError::Length { expected: 6, actual: 0, .. }));
    assert!(matches!(fit(vec![tensor(&[2, 6])]), InputError::SampleCount { expected: 1, actual: 2, .. }));
    assert!(matches!(fit(vec![]), InputError::TensorCount { expected: 1, actual: 0, .. }));
    assert!(matches!(fit(vec![tensor(&[6]); 2]), InputError::TensorCount { expected: 1, actual: 2, .. }));
    let mut bad = tensor(&[6]);
    bad.values[4] = f32::NAN;
    assert!(matches!(fit(vec![bad]), InputError::NonFinite { index: 4, .. }));
}

/// A name that is wrong is told, and never passed by for the place.
#[test]
fn names_go_before_places() {
    let specs = [spec("a", &[1]), spec("b", &[2])];
    let named = |name: &str, shape: &[usize]| Tensor { name: Some(name.into()), ..tensor(shape) };
    let fit = |tensors: &[Tensor]| Input::from(tensors.to_vec()).fit(&specs);
    let right = [vec![0.0], vec![0.0, 1.0]];
    assert_eq!(fit(&[named("b", &[2]), named("labels", &[9]), named("a", &[1])]).unwrap(), right);
    assert_eq!(fit(&[tensor(&[1]), tensor(&[2])]).unwrap(), right);
    assert_eq!(fit(&[named("arr_10", &[2]), named("arr_9", &[1])]).unwrap(), right);
    for wrong in [["x", "y"], ["a", "y"], ["a", "arr_1"], ["A", "b"]] {
        let error = fit(&[named(wrong[0], &[1]), named(wrong[1], &[2])]).expect_err("it fits");
        let InputError::Missing { tensor, available, .. } = &error else { panic!("{error}") };
        assert!(!wrong.contains(&tensor.as_str()) && available == &wrong, "{error}");
    }
    let error = fit(&[named("\u{1b}[31m", &[1]), named("b", &[2])]).expect_err("it fits").to_string();
    assert!(error.contains("no array is named `a`") && error.contains(r"`\u{1b}[31m`, `b`"), "{error}");
}

#[test]
fn json_files() {
    let specs = [spec("x", &[1, 2, 2])];
    let good = [
        r#"{"input_data": [[1, 2.5, -3e0, 4]]}"#,
        r#"{"input_data": [[[1, 2.5], [-3, 4]]], "output_data": [[7]]}"#,
        r#"{"input_data": [[1, 2.5, -3, 4]], "input_shapes": [[2, 2]]}"#,
        r#"{"input_shapes": null, "other": {"a": ["b"]}, "input_data": [[1, 2.5, -3, 4]]}"#,
    ];
    for text in good {
        assert_eq!(read("i.json", text.as_bytes(), &specs).unwrap(), [[[1.0, 2.5, -3.0, 4.0]]]);
    }
    assert_eq!(read("i.json", br#"{"input_data": [[true, false]]}"#, &[spec("x", &[2])]).unwrap(), [[[1.0, 0.0]]]);

    let bad = |text: &str| read("i.json", text.as_bytes(), &[spec("x", &[1])]).expect_err("it was read");
    let deep = format!(r#"{{"input_data": {}1{}}}"#, "[".repeat(1000), "]".repeat(1000));
    for text in ["{", "{}", r#"{"input_data": 1}"#, r#"{"input_data": [[1]]} 2"#, r#"{"input_data": [], "input_data": [[1]]}"#, &deep] {
        assert!(matches!(bad(text), InputError::Json { .. }), "{text}");
    }
    for (element, name) in [(r#""a""#, "a string"), ("null", "null"), (r#"{"a": 1}"#, "an object")] {
        let error = bad(&format!(r#"{{"input_data": [[1], [1, {element}]]}}"#));
        assert!(matches!(error, InputError::ElementType { tensor: 1, actual, .. } if actual == name), "{element}");
    }
    assert!(matches!(bad(r#"{"input_data": [[[1, 2], [3]]]}"#), InputError::Ragged { tensor: 0, .. }));
    assert!(matches!(bad(r#"{"input_data": [[NaN]]}"#), InputError::JsonNonFinite { .. }));
    assert!(matches!(bad(r#"{"input_data": [[-Infinity]]}"#), InputError::JsonNonFinite { .. }));
    assert!(matches!(bad(r#"{"input_data": [[1]], "input_shapes": [[2]]}"#), InputError::Length { expected: 2, actual: 1, .. }));
    assert!(matches!(bad(r#"{"input_data": [[1]], "input_shapes": []}"#), InputError::TensorCount { .. }));
    assert!(matches!(bad(r#"{"input_data": [[1e39]]}"#), InputError::NonFinite { index: 0, .. }));
    assert!(matches!(bad(r#"{"input_data": [[1], [2]]}"#), InputError::TensorCount { expected: 1, actual: 2, .. }));
}

fn npy<T: npyz::AutoSerialize + Copy>(values: &[T], shape: &[u64], order: npyz::Order) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = npyz::WriteOptions::new().default_dtype().shape(shape).order(order).writer(&mut bytes).begin_nd().unwrap();
    writer.extend(values.iter().copied()).unwrap();
    writer.finish().unwrap();
    bytes
}

/// An archive of arrays, each with the bytes of its file.
fn npz(arrays: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = npyz::npz::NpzWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in arrays {
        let zip = writer.zip_writer();
        zip.start_file(format!("{name}.npy"), Default::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    writer.zip_writer().finish().unwrap().into_inner()
}

#[test]
fn npy_files() {
    let specs = [spec("x", &[2, 3])];
    let row_major = read("i.npy", &npy(&[1f64, 2.0, 3.0, 4.0, 5.0, 6.0], &[2, 3], npyz::Order::C), &specs).unwrap();
    let column_major = read("i.npy", &npy(&[1u8, 4, 2, 5, 3, 6], &[2, 3], npyz::Order::Fortran), &specs).unwrap();
    assert_eq!(row_major, [[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]]]);
    assert_eq!(row_major, column_major);

    let specs = [spec("x", &[2])];
    let good = npy(&[1f32, 2.0], &[2], npyz::Order::C);
    let bad = |name: &str, bytes: &[u8]| read(name, bytes, &specs).expect_err("it was read");
    for bytes in [&good[..good.len() - 1], &[&good[..], &[0]].concat(), b"not numpy", b""] {
        assert!(matches!(bad("i.npy", bytes), InputError::Npy { .. }));
    }
    assert!(matches!(bad("i.npz", &good), InputError::Npy { .. }));
    assert!(matches!(bad("i.txt", &good), InputError::Format { .. }));
    let complex = String::from_utf8_lossy(&good).replace("<f4", "<c8").into_bytes();
    assert!(matches!(bad("i.npy", &complex), InputError::Npy { .. }));
}

#[test]
fn npz_files() {
    let (one, two) = (npy(&[1f32], &[1], npyz::Order::C), npy(&[2f32, 3.0], &[2], npyz::Order::C));
    let specs = [spec("x/1", &[1]), spec("y", &[2])];
    let right = [[vec![1.0], vec![2.0, 3.0]]];
    let by_name = npz(&[("y", &two), ("more", b"no array"), ("x/1", &one)]);
    assert_eq!(read("i.npz", &by_name, &specs).unwrap(), right);
    assert_eq!(read("i.npz", &npz(&[("arr_1", &two), ("arr_0", &one)]), &specs).unwrap(), right);
    assert_eq!(Input::from_reader("-", std::io::Cursor::new(by_name)).fit(&specs).unwrap(), right[0]);
    // Not the shorter name first.
    let wrong = read("i.npz", &npz(&[("qq", &one), ("p", &two)]), &specs);
    assert!(matches!(wrong, Err(InputError::Missing { tensor, .. }) if tensor == "x/1"));
    let numbered = npz(&[("arr_0", &one), ("arr_1", &two), ("arr_2", &two)]);
    assert!(matches!(read("i.npz", &numbered, &specs), Err(InputError::TensorCount { expected: 2, actual: 3, .. })));
    assert!(matches!(read("i.npz", &npz(&[]), &specs), Err(InputError::TensorCount { expected: 2, actual: 0, .. })));
}

/// The header of an array of this shape.
fn header(shape: &str) -> Vec<u8> {
    let text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
    let length = u16::try_from(text.len() + 1).unwrap();
    [b"\x93NUMPY\x01\x00", &length.to_le_bytes()[..], text.as_bytes(), b"\n"].concat()
}

/// Headers that call for more than there is, or than is wanted, and contents that go on. None of this is allocated or decompressed.
#[test]
fn bombs_do_not_go_off() {
    let specs = [spec("x", &[2])];
    let good = npy(&[1f32, 2.0], &[2], npyz::Order::C);
    let with = |name: &str, bytes: &[u8]| read("i.npz", &npz(&[("x", &good), (name, bytes)]), &specs);
    assert_eq!(read("i.npy", &[header("(2,)"), good[good.len() - 8..].to_vec()].concat(), &specs).unwrap(), [[[1.0, 2.0]]]);
    // Not one that is asked for.
    assert_eq!(with("y", &[&header("(1073741824,)")[..], &vec![0; 1 << 26]].concat()).unwrap(), [[[1.0, 2.0]]]);
    for shape in ["(2000000000,)", "(9999999999, 9)"] {
        let error = read("i.npy", &header(shape), &specs).expect_err("it was read");
        assert!(
            matches!(error, InputError::TooManySamples { .. } | InputError::SampleCount { .. } | InputError::Length { .. }),
            "{shape}: {error}"
        );
    }
    let long = [&good[..8], &[0xff; 4], &good[10..]].concat();
    let version = |major: u8| [&long[..6], &[major], &long[7..]].concat();
    let deep = [&good[..8], &9000u16.to_le_bytes(), &[b'('; 9000][..]].concat();
    for bytes in [version(1), version(2), version(3), deep] {
        assert!(matches!(read("i.npy", &bytes, &specs), Err(InputError::Npy { .. })));
    }
    // The array that is asked for goes on behind its end.
    let endless = [&good[..], &vec![0; 1 << 26]].concat();
    assert!(matches!(read("i.npz", &npz(&[("x", &endless)]), &specs), Err(InputError::Npy { .. })));
}

#[test]
fn streams_are_read_once_and_not_for_ever() {
    let specs = [spec("x", &[2])];
    let text = br#"{"input_data": [[1, 2]]}"#;
    let input = Input::from_reader("-", &text[..]);
    assert_eq!(input.fit(&specs).unwrap(), input.clone().fit(&specs).unwrap());
    assert!(matches!(Input::from_reader("-", std::io::repeat(b' ')).fit(&specs), Err(InputError::TooLong { .. })));
}

/// Values beyond those that are wanted are counted and not kept.
#[test]
fn long_lists_are_counted() {
    let text = format!(r#"{{"input_data": [[{}1], [[], []]]}}"#, "1,".repeat(99_999));
    let arrays = json::read(Path::new("i.json"), text.as_bytes(), &[3]).unwrap();
    assert_eq!((arrays[0].count, arrays[0].values.len(), &arrays[0].shape[..]), (100_000, 3, &[100_000][..]));
    assert_eq!((arrays[1].count, &arrays[1].shape[..]), (0, &[2, 0][..]));
}

#[test]
fn folders_of_samples() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(Input::read_samples(dir.path()), Err(InputError::EmptyFolder { .. })));
    std::fs::write(dir.path().join("b.json"), r#"{"input_data": [[2]]}"#).unwrap();
    std::fs::write(dir.path().join("a.npy"), npy(&[1f32], &[1], npyz::Order::C)).unwrap();
    std::fs::write(dir.path().join("README"), "").unwrap();
    let samples = Input::read_samples(dir.path()).unwrap();
    assert_eq!(samples.iter().map(|s| s.fit(&[spec("x", &[1])]).unwrap()[0][0]).collect::<Vec<_>>(), [1.0, 2.0]);
    assert!(matches!(Input::read_samples("/nowhere"), Err(InputError::Read { .. })));
}

proptest! {
    #[test]
    fn damaged_npy_files_do_not_panic(at in 0usize..128, byte in any::<u8>(), cut in 0usize..144) {
        let mut bytes = npy(&[1f32, 2.0, 3.0, 4.0], &[2, 2], npyz::Order::C);
        bytes[at] = byte;
        bytes.truncate(cut.max(1));
        let _ = read("i.npy", &bytes, &[spec("x", &[2, 2])]);
    }

    #[test]
    fn damaged_npz_files_do_not_panic(at in 0usize..600, byte in any::<u8>(), cut in 0usize..600) {
        let array = npy(&[1f32, 2.0, 3.0, 4.0], &[2, 2], npyz::Order::C);
        let mut bytes = npz(&[("y", &array), ("x", &array)]);
        let length = bytes.len();
        bytes[at % length] = byte;
        bytes.truncate(length.min(length / 2 + cut));
        let _ = read("i.npz", &bytes, &[spec("x", &[2, 2])]);
    }
}
