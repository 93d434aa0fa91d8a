//! The vectors that `tests/make_vectors.py` made with onnxruntime.

use std::path::Path;

use crate::vector::{check, list, read, Outcome};

#[test]
fn float_evaluation_agrees_with_onnxruntime() {
    // A folder of other vectors of the same form, for models that are too large to keep here.
    let folder = std::env::var("SWORN_VECTORS").unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors").into());
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
