//! Files of a compiled model that anybody may have written: the functions of the fuzz targets, on changes of small files.
#![expect(clippy::unwrap_used, reason = "tests")]

mod models;

#[expect(unreachable_pub, reason = "public in the crate of the fuzz targets")]
#[path = "../fuzz/src/harmless.rs"]
mod harmless;

use std::sync::LazyLock;

use models::{tiny, Keyed};
use proptest::prelude::*;
use proptest::sample::Index;
use sworn_circuits::graph::*;
use sworn_circuits::memory::{peak_bytes, Budget};
use sworn_prover::{DecodedKey, KeyError, ProveError};

/// The smallest key, with a commitment for each column and in packs.
static KEYED: LazyLock<[Keyed; 2]> = LazyLock::new(|| {
    let model = tiny(3, [1, -2, 3, 4], [9, -8, 7, 6]);
    [model.keyed(), model.packed(4)]
});
/// Set in the process of [`in_a_small_address_space`].
const SMALL: &str = "SWORN_TEST_SMALL";
/// Bytes of the choice of a layout and of the length of the verifying key behind it, for a key of fewer than 2^14 bytes.
const CHOICE_BYTES: usize = 5;

fn keys() -> impl Iterator<Item = Vec<u8>> {
    KEYED.iter().map(|keyed| keyed.key.to_bytes())
}

fn circuits() -> impl Iterator<Item = Vec<u8>> {
    KEYED.iter().take(1).map(|keyed| keyed.key.graph().to_bytes())
}

/// The key with another choice: log₂ of the rows, and size of packs.
fn with_choice(bytes: &[u8], log_rows: u8, pack: u8) -> Vec<u8> {
    let verifying = bytes.windows(8).position(|window| window == b"SWORNVK\0").unwrap();
    let mut changed = bytes.to_vec();
    // log_rows, lanes, weight_lanes, limbs, pack; the digest of the powers; two bytes of a length.
    let end = verifying - 2 - 32;
    let choice = &mut changed[end - CHOICE_BYTES..end];
    (choice[0], choice[4]) = (log_rows, pack);
    changed
}

/// Inputs to start from: for each target, names and bytes.
fn corpus() -> Vec<(&'static str, String, Vec<u8>)> {
    let circuits = circuits().enumerate().map(|(i, bytes)| ("circuit", format!("circuit_{i}"), bytes));
    circuits.chain(keys().enumerate().map(|(i, bytes)| ("proving_key", format!("key_{i}"), bytes))).collect()
}

#[test]
#[ignore = "writes the corpus"]
fn write_corpus() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (target, name, bytes) in corpus() {
        std::fs::create_dir_all(folder.join(target)).unwrap();
        std::fs::write(folder.join(target).join(name), bytes).unwrap();
    }
}

/// Every byte set to what changes it most, and every length.
#[test]
fn changed_and_cut_files_are_harmless() {
    for bytes in keys() {
        assert!(DecodedKey::new(&bytes).is_ok());
        for at in 0..bytes.len() {
            assert!(DecodedKey::new(&bytes[..at]).is_err(), "cut at {at}");
            let mut changed = bytes.clone();
            for value in [0, 0x7f, 0xff, bytes[at] ^ 1] {
                changed[at] = value;
                harmless::proving_key(&changed);
            }
        }
        assert!(matches!(DecodedKey::new(&[bytes.as_slice(), &[0]].concat()), Err(KeyError::Encoding)), "bytes behind the key");
    }
    for bytes in circuits() {
        for at in 0..bytes.len() {
            for value in (0..8).flat_map(|bit| [bytes[at] ^ (1 << bit), 1 << bit, 0xff >> bit]) {
                let mut changed = bytes.clone();
                changed[at] = value;
                harmless::circuit(&changed);
            }
        }
    }
}

/// A key of a few kilobytes that states 2^24 rows and a reference string of 2^28 powers.
#[test]
fn a_key_states_no_more_than_its_model_needs() {
    for bytes in keys() {
        for (log_rows, pack) in [(24, 16), (24, 1), (20, 127), (16, 64)] {
            assert!(DecodedKey::new(&with_choice(&bytes, log_rows, pack)).is_err(), "2^{log_rows} rows in packs of {pack}");
        }
    }
}

/// A proof that does not fit is known not to before there is a reference string.
#[test]
fn too_little_memory_is_known_early() {
    let key = DecodedKey::new(&keys().next().unwrap()).unwrap();
    assert!(matches!(key.check_memory(Budget::limited(1000)), Err(ProveError::Memory { needed, budget: 1000 }) if needed > 1000));
    assert!(key.check_memory(Budget::SYSTEM).is_ok());
}

/// Files of a few bytes that state shapes of 2^28 elements.
fn bombs() -> Vec<Vec<u8>> {
    let node = |op, inputs: &[usize]| {
        let inputs = inputs.iter().map(|&i| NodeId(i)).collect();
        Node { name: "n".into(), op, inputs, shape: vec![1, 1, 1 << 14, 1 << 14], scale: 1.0, shift: 8 }
    };
    let unit = Op::Elementwise(Elementwise { ca: vec![1], cb: 0, cm: 0, c: vec![0], activation: Activation::None });
    let terms = vec![Term::Conv(Conv::new([1, 1], [1, 1], [0, 0], [1, 1], 1, vec![1]))];
    let conv = Op::Linear(Linear { channels: Channels::First, terms, bias: vec![0], activation: Activation::Relu });
    let graph = |nodes: Vec<Node>| {
        let outputs = vec![Output::new(NodeId(nodes.len() - 1), "y")];
        QuantGraph { bits: 8, nodes, inputs: vec![NodeId(0)], outputs, tables: vec![] }.to_bytes()
    };
    vec![
        graph(vec![node(Op::Input, &[])]),
        graph(vec![node(Op::Input, &[]), node(unit, &[0])]),
        graph(vec![node(Op::Input, &[]), node(conv, &[0])]),
    ]
}

/// The test below, in a process of its own whose address space ends at 512 MB: an allocation too many would abort it.
#[test]
#[cfg(target_os = "linux")]
fn hostile_files_are_harmless_in_a_small_address_space() {
    let test = std::env::current_exe().unwrap();
    let script = format!("ulimit -v {} && exec \"$0\" \"$@\"", harmless::MEMORY >> 10);
    let child = std::process::Command::new("sh")
        .args(["-c", &script])
        .arg(test)
        .args(["--exact", "in_a_small_address_space", "--ignored", "--nocapture"])
        .envs([(SMALL, "1"), ("RAYON_NUM_THREADS", "2"), ("MALLOC_ARENA_MAX", "1")])
        .output()
        .unwrap();
    assert!(child.status.success(), "{}\n{}", child.status, String::from_utf8_lossy(&child.stderr));
    assert!(String::from_utf8_lossy(&child.stdout).contains("1 passed"));
}

#[test]
#[ignore = "run by the test above"]
fn in_a_small_address_space() {
    assert!(std::env::var_os(SMALL).is_some(), "without the limit, this tests nothing");
    assert!(Budget::SYSTEM.remaining() < harmless::MEMORY, "the limit is seen");
    for bomb in bombs() {
        assert!(bomb.len() < 128);
        harmless::circuit(&bomb);
        let graph = QuantGraph::from_bytes(&bomb, Budget::SYSTEM).unwrap();
        let refused = sworn_circuits::layout::Layout::new(&graph, sworn_circuits::layout::Visibility::default());
        assert!(refused.is_err());
    }
    let key = keys().next().unwrap();
    for (log_rows, pack) in [(24, 16), (24, 1), (12, 127)] {
        harmless::proving_key(&with_choice(&key, log_rows, pack));
    }
    // The strings that such keys would ask for.
    for k in [22, 24, 28] {
        assert!(sworn_prover::Srs::dev(k).is_err(), "2^{k} powers");
    }
    assert!(peak_bytes().unwrap_or(0) < harmless::MEMORY);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn random_changes_are_harmless(which: bool, runs in prop::collection::vec((any::<Index>(), prop::collection::vec(any::<u8>(), 1..12)), 1..5)) {
        let overwritten = |mut bytes: Vec<u8>| {
            for (at, run) in &runs {
                let at = at.index(bytes.len());
                bytes.iter_mut().skip(at).zip(run).for_each(|(to, from)| *to = *from);
            }
            bytes
        };
        harmless::proving_key(&overwritten(keys().nth(usize::from(which)).unwrap()));
        circuits().for_each(|bytes| harmless::circuit(&overwritten(bytes)));
    }
}
