//! The function of the library's fuzz target, on random bytes and on random changes of its corpus.

#[expect(unreachable_pub, reason = "public in the crate of the fuzz targets")]
#[path = "../fuzz/src/harmless.rs"]
mod harmless;

use proptest::prelude::*;
use proptest::sample::Index;
use sworn::{Input, InputSpec};

#[test]
fn the_corpus_is_read() {
    for (name, bytes) in harmless::corpus() {
        harmless::input(&bytes);
        let spec = |name: &str, elements| InputSpec { name: name.into(), shape: vec![elements] };
        let read = |specs: &[InputSpec]| Input::from_reader("-", std::io::Cursor::new(bytes.clone())).fit_samples(specs);
        assert!(read(&[spec("x", 2)]).is_ok() || read(&[spec("x", 2), spec("y", 3)]).is_ok(), "{name}");
    }
}

#[test]
#[ignore = "writes the corpus"]
fn write_corpus() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/input");
    std::fs::create_dir_all(&folder).expect("a folder");
    for (name, bytes) in harmless::corpus() {
        std::fs::write(folder.join(name), bytes).expect("a file");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn random_bytes_are_harmless(bytes in prop::collection::vec(any::<u8>(), 0..300), which in 0usize..3) {
        let start: [&[u8]; 3] = [b"", b"\x93NUMPY\x01\x00", b"PK\x03\x04"];
        harmless::input(&[start[which], &bytes].concat());
    }

    #[test]
    fn random_changes_are_harmless(which: Index, at: Index, run in prop::collection::vec(any::<u8>(), 1..9), cut: Option<Index>) {
        let corpus = harmless::corpus();
        let mut bytes = which.get(&corpus).1.clone();
        let at = at.index(bytes.len());
        bytes.iter_mut().skip(at).zip(&run).for_each(|(to, from)| *to = *from);
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        harmless::input(&bytes);
    }
}
