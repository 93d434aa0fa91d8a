//! The ONNX backend node tests, as a table. `tests/node_tests.py` of this crate writes them from the `onnx` package.
//!
//! A test has one vector for each choice of inputs that stay inputs; the others become constants. It passes if at least
//! one of them is imported and all that are imported agree.

use std::collections::BTreeMap;
use std::path::PathBuf;

use sworn_onnx::error::Problem;
use sworn_onnx::OnnxError;

use crate::vector::{check, list, read, Outcome};

/// Results of one operator.
#[derive(Default)]
struct Row {
    passed: usize,
    out_of_scope: BTreeMap<String, usize>,
    failed: Vec<String>,
}

#[test]
#[ignore = "needs the vectors of tests/node_tests.py; `cargo xtask test` makes them"]
fn backend_node_tests() {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/onnx-node-tests");
    let folder = PathBuf::from(std::env::var("SWORN_NODE_TESTS").unwrap_or_else(|_| default.into()));
    let mut cases: BTreeMap<(String, String), Vec<Outcome>> = BTreeMap::new();
    for path in list(&folder) {
        let vector = read(&path);
        let outcome = check(&path, &vector);
        cases.entry((vector.op, vector.case)).or_default().push(outcome);
    }
    assert!(!cases.is_empty(), "no vectors in {}", folder.display());
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    for ((op, case), outcomes) in cases {
        let row = rows.entry(op).or_default();
        let differs = outcomes.iter().find_map(|o| match o {
            Outcome::Differs(why) => Some(why.clone()),
            Outcome::Refused(error) => failure(error),
            _ => None,
        });
        if let Some(why) = differs {
            row.failed.push(format!("{case}: {why}"));
        } else if outcomes.iter().any(|o| matches!(o, Outcome::Agrees)) {
            row.passed += 1;
        } else {
            let first = outcomes.first().map(reason);
            *row.out_of_scope.entry(first.unwrap_or_default()).or_default() += 1;
        }
    }
    print_table(&rows);
    let failed: Vec<&String> = rows.values().flat_map(|r| &r.failed).collect();
    assert!(failed.is_empty(), "{} node tests failed:\n{failed:#?}", failed.len());
}

/// Why a refusal is a failure: the model is valid, so nothing may be called malformed.
fn failure(error: &OnnxError) -> Option<String> {
    let malformed = match error {
        OnnxError::Nodes(nodes) => nodes.iter().any(|n| matches!(n.problem, Problem::Malformed { .. } | Problem::MissingInput { .. })),
        OnnxError::NotOnnx { .. } | OnnxError::UndefinedTensor { .. } | OnnxError::TensorLength { .. } | OnnxError::Opset { .. } => true,
        _ => false,
    };
    malformed.then(|| error.to_string())
}

fn reason(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Refused(OnnxError::Nodes(nodes)) => nodes.first().map(|n| n.problem.to_string()).unwrap_or_default(),
        Outcome::Refused(OnnxError::ElementType { actual, .. }) => format!("elements of type {actual}"),
        Outcome::Refused(OnnxError::InputShape { rule, .. }) => format!("an input: {rule}"),
        Outcome::Refused(error) => error.to_string(),
        Outcome::NotFinite => "inputs that are not finite".into(),
        Outcome::Agrees | Outcome::Differs(_) => String::new(),
    }
}

fn print_table(rows: &BTreeMap<String, Row>) {
    println!("| operator | passed | out of scope | failed | why out of scope |\n|---|---|---|---|---|");
    let (mut passed, mut out, mut failed, mut unsupported) = (0, 0, 0, 0);
    for (op, row) in rows {
        let skipped: usize = row.out_of_scope.values().sum();
        if row.passed == 0 && row.failed.is_empty() {
            unsupported += skipped;
            continue;
        }
        (passed, out, failed) = (passed + row.passed, out + skipped, failed + row.failed.len());
        let why: Vec<String> = row.out_of_scope.iter().map(|(reason, count)| format!("{count} × {reason}")).collect();
        println!("| {op} | {} | {skipped} | {} | {} |", row.passed, row.failed.len(), why.join("; "));
    }
    println!("| **all of these** | {passed} | {out} | {failed} | |");
    println!("| operators without a passing test | 0 | {unsupported} | 0 | |");
    for (op, row) in rows.iter().filter(|(_, r)| r.passed == 0 && r.failed.is_empty()) {
        println!("  {op}: {:?}", row.out_of_scope);
    }
}
