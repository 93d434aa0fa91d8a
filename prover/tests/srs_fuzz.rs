//! The function of the fuzz target of reference strings, on random bytes, on random changes of the vectors and on headers that state
//! more than the file has; in a process that may take 512 MB.

#[expect(unreachable_pub, reason = "public in the crate of the fuzz targets")]
#[path = "../fuzz/src/strings.rs"]
mod strings;

use proptest::prelude::*;
use proptest::sample::Index;
use strings::reference_string;

/// The other tests, in a process of their own that may take 512 MB.
#[test]
#[cfg(target_os = "linux")]
fn files_are_harmless_in_512_megabytes() {
    let limited = "ulimit -d 524288 && exec \"$0\" --ignored --skip write_corpus";
    let answer = std::process::Command::new("sh").args(["-c", limited]).arg(std::env::current_exe().unwrap()).output().unwrap();
    let text = String::from_utf8_lossy(&answer.stdout);
    assert!(answer.status.success() && text.contains("5 passed"), "{text}{}", String::from_utf8_lossy(&answer.stderr));
}

#[test]
#[ignore = "run with a limit"]
fn the_corpus_is_harmless() {
    for (_, bytes) in strings::corpus() {
        reference_string(&bytes);
    }
}

#[test]
#[ignore = "writes the corpus"]
fn write_corpus() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/reference_string");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, bytes) in strings::corpus() {
        std::fs::write(folder.join(name), bytes).unwrap();
    }
}

/// Each word of each header, with the largest numbers and with sizes that are just allowed.
#[test]
#[ignore = "run with a limit"]
fn headers_that_state_more_than_there_is_are_harmless() {
    for (_, bytes) in strings::corpus() {
        for at in (0..bytes.len().min(72)).step_by(4) {
            for word in [[255; 4], [28, 0, 0, 0], [0; 4]] {
                let mut changed = bytes.clone();
                changed.iter_mut().skip(at).zip(word).for_each(|(to, from)| *to = from);
                reference_string(&changed);
            }
        }
    }
}

/// A number of contributions and a size of parameters, in the section that has them.
#[test]
#[ignore = "run with a limit"]
fn contributions_that_are_not_there_are_harmless() {
    let (_, bytes) = strings::corpus().swap_remove(0);
    let section = bytes.windows(4).rposition(|word| word == [7, 0, 0, 0]).unwrap();
    // The section's size, the number, and the first one's type and size of parameters.
    for at in (section + 4..section + 16).chain(section + 16 + 1496..section + 16 + 1504) {
        for value in [0, 1, 3, 255] {
            let mut changed = bytes.clone();
            changed[at] = value;
            reference_string(&changed);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    #[ignore = "run with a limit"]
    fn random_bytes_are_harmless(bytes in prop::collection::vec(any::<u8>(), 0..3000), which in 0usize..6) {
        reference_string(&bytes);
        // Behind what such a file begins with.
        let (_, good) = strings::corpus().swap_remove(which);
        reference_string(&[&good[..good.len().min(100)], &bytes].concat());
    }

    #[test]
    #[ignore = "run with a limit"]
    fn changed_files_are_harmless(
        runs in prop::collection::vec((any::<Index>(), prop::collection::vec(any::<u8>(), 1..40)), 1..4),
        cut in any::<Index>(),
        is_cut: bool,
        which in 0usize..6,
    ) {
        let (_, mut bytes) = strings::corpus().swap_remove(which);
        for (at, run) in &runs {
            let at = at.index(bytes.len());
            bytes.iter_mut().skip(at).zip(run).for_each(|(to, from)| *to = *from);
        }
        if is_cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        reference_string(&bytes);
    }
}
