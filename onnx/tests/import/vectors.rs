//! The vectors that `tests/make_vectors.py` made with onnxruntime.

use std::path::Path;

use sworn_onnx::{load_bytes, LoadOptions};

use crate::vector::{check, list, read, Outcome};

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors");

#[test]
fn float_evaluation_agrees_with_onnxruntime() {
    // A folder of other vectors of the same form, for models that are too large to keep here.
    let folder = std::env::var("SWORN_VECTORS").unwrap_or_else(|_| VECTORS.into());
    let mut wrong = Vec::new();
    let paths = list(Path::new(&folder));
    assert!(!paths.is_empty(), "no vectors in {folder}");
    for path in &paths {
        let vector = read(path);
        let problem = match check(path, &vector) {
            Outcome::Agrees => continue,
            Outcome::Differs(why) => why,
            Outcome::Refused(error) => error.to_string(),
            Outcome::NotFinite => "its inputs are not finite".into(),
        };
        wrong.push(format!("{} ({}): {problem}", vector.case, vector.op));
    }
    assert!(wrong.is_empty(), "{} of {} vectors:\n{}", wrong.len(), paths.len(), wrong.join("\n"));
}

/// Every operator meets attributes, shapes and names that are wrong: an error or another model, never a panic.
#[test]
fn changed_bytes_never_panic() {
    let mut random = 0x2545_f491_4f6c_dd1du64;
    for path in list(Path::new(VECTORS)) {
        let whole = std::fs::read(path.with_extension("onnx")).expect("a vector has a model");
        for _ in 0..60 {
            // xorshift64
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let mut changed = whole.clone();
            let at = (random >> 16) as usize % whole.len();
            changed[at] = if random & 1 == 0 { changed[at] ^ 1 << (random >> 1 & 7) } else { (random >> 8) as u8 };
            // Only that it returns.
            let _outcome = load_bytes(&changed, &LoadOptions::default());
        }
    }
}
