//! SRS files: those of snarkjs, EZKL and halo2 are read, damaged ones are refused with an error of their own.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};

use halo2_proofs::arithmetic::g_to_lagrange;
use halo2_proofs::halo2curves::bn256::{Bn256, G1Affine, G2Affine, G1, G2};
use halo2_proofs::halo2curves::group::prime::PrimeCurveAffine;
use halo2_proofs::halo2curves::group::Group;
use halo2_proofs::halo2curves::serde::SerdeObject;
use halo2_proofs::poly::commitment::ParamsProver;
use halo2_proofs::poly::kzg::commitment::ParamsKZG;
use halo2_proofs::SerdeFormat;
use proptest::prelude::*;
use sworn_prover::srs::{Array, Srs, SrsCache, SrsError};

const PTAU_HEADER: usize = 12 + 12;
const PTAU_G1: usize = PTAU_HEADER + 44 + 12;
const HALO2_G1: usize = 4;

fn vector(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name)
}

/// The file `bytes` in a folder of its own.
fn file(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    std::fs::write(&path, bytes).unwrap();
    (dir, path)
}

fn open(bytes: &[u8]) -> Result<Srs, SrsError> {
    let (_dir, path) = file(bytes);
    Srs::open(&path, None)
}

fn refusal(bytes: &[u8]) -> SrsError {
    open(bytes).expect_err("a damaged file was accepted")
}

fn halo2_bytes(srs: &Srs, format: SerdeFormat) -> Vec<u8> {
    let mut bytes = Vec::new();
    srs.params().write_custom(&mut bytes, format).unwrap();
    bytes
}

/// A `.ptau` file of the powers and of nothing else.
fn ptau_bytes(srs: &Srs, power: u32) -> Vec<u8> {
    let section = |kind: u32, contents: Vec<u8>| [&kind.to_le_bytes()[..], &(contents.len() as u64).to_le_bytes(), &contents].concat();
    let mut header = std::fs::read(vector("snarkjs_4.ptau")).unwrap()[PTAU_HEADER..PTAU_HEADER + 36].to_vec();
    header.extend(power.to_le_bytes());
    header.extend(power.to_le_bytes());
    let g1: Vec<u8> = srs.g()[..(2 << power) - 1].iter().flat_map(|p| p.to_raw_bytes()).collect();
    let mut g2 = srs.g2().to_raw_bytes();
    for _ in 1..1 << power {
        g2.extend(srs.s_g2().to_raw_bytes());
    }
    let head = [&b"ptau"[..], &1u32.to_le_bytes(), &3u32.to_le_bytes()].concat();
    [head, section(1, header), section(2, g1), section(3, g2)].concat()
}

#[test]
fn dev_has_the_layout_of_halo2() {
    for k in [0, 1, 2, 5, 9] {
        let srs = Srs::dev(k).unwrap();
        srs.check().unwrap();
        assert_eq!((srs.k(), srs.g().len(), srs.g_lagrange().len()), (k, 1 << k, 1 << k));
        assert!(srs.is_insecure_dev());
    }
    assert!(matches!(Srs::dev(29), Err(SrsError::LogSize { expected: 28, actual: 29 })));
}

#[test]
fn truncations_share_the_ceremony_and_not_the_digest() {
    let (large, small) = (Srs::dev(6).unwrap(), Srs::dev(4).unwrap());
    let cut = large.truncate(4).unwrap();
    assert_eq!((cut.g(), cut.g_lagrange(), cut.digest()), (small.g(), small.g_lagrange(), small.digest()));
    assert_eq!(cut.ceremony(), large.ceremony());
    assert_ne!(cut.digest(), large.digest());
    assert!(matches!(cut.truncate(5), Err(SrsError::TooSmall { expected: 5, actual: 4 })));
}

#[test]
fn snarkjs_files_are_read() {
    let plain = Srs::import_ptau(&vector("snarkjs_4.ptau"), None).unwrap();
    let prepared = Srs::import_ptau(&vector("snarkjs_prepared_4.ptau"), None).unwrap();
    assert_eq!(plain.k(), 4);
    assert_eq!(plain.digest(), prepared.digest());
    // One basis by our transform, the other one by snarkjs.
    assert_eq!(plain.g_lagrange(), prepared.g_lagrange());
    assert!(!plain.is_insecure_dev());
    for k in 0..4 {
        let cut = Srs::open(&vector("snarkjs_prepared_4.ptau"), Some(k)).unwrap();
        assert_eq!(cut.digest(), plain.truncate(k).unwrap().digest());
    }
    let small = Srs::import_ptau(&vector("snarkjs_4.ptau"), Some(5));
    assert!(matches!(small, Err(SrsError::TooSmall { expected: 5, actual: 4 })));
}

#[test]
fn ezkl_files_are_read() {
    let srs = Srs::open(&vector("ezkl_kzg4.srs"), None).unwrap();
    assert_eq!((srs.k(), srs.is_insecure_dev()), (4, false));
    assert_eq!(halo2_bytes(&srs, SerdeFormat::RawBytes), std::fs::read(vector("ezkl_kzg4.srs")).unwrap());
}

#[test]
fn halo2_files_are_read_raw_and_compressed() {
    let params = ParamsKZG::<Bn256>::new(3);
    let mut digests = Vec::new();
    for format in [SerdeFormat::RawBytes, SerdeFormat::Processed] {
        let mut bytes = Vec::new();
        params.write_custom(&mut bytes, format).unwrap();
        let srs = open(&bytes).unwrap();
        assert_eq!(srs.g(), params.get_g());
        digests.push(srs.digest());
    }
    assert_eq!(digests[0], digests[1]);
}

#[test]
fn written_files_are_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let cache = SrsCache::new(dir.path().join("a/b"));
    assert!(cache.entries().unwrap().is_empty());
    let srs = Srs::dev(5).unwrap();
    let path = cache.insert(&srs).unwrap();
    assert_eq!(Srs::open(&path, None).unwrap().digest(), srs.digest());
    let cached = || cache.get(&srs.digest()).unwrap().unwrap();
    assert!(!cached().has_lagrange());
    assert_eq!(cached().g_lagrange(), srs.g_lagrange());
    // With the basis, and still with it when one without it comes.
    cache.insert(&srs).unwrap();
    assert!(cached().has_lagrange());
    cache.insert(&Srs::dev(5).unwrap()).unwrap();
    assert!(cached().has_lagrange());
    assert_eq!(cached().g_lagrange(), srs.g_lagrange());
    assert!(cache.get(&[0; 32]).unwrap().is_none());
    let cut = cache.truncation(&srs.ceremony(), 3).unwrap().unwrap();
    assert_eq!(cut.digest(), Srs::dev(3).unwrap().digest());
    let sizes: Vec<u32> = cache.entries().unwrap().iter().map(|e| e.k).collect();
    assert_eq!(sizes.iter().sum::<u32>(), 8);
    assert!(cache.truncation(&srs.ceremony(), 6).unwrap().is_none());
    assert!(cache.truncation(&[0; 32], 3).unwrap().is_none());
}

#[test]
fn bases_of_packs_are_transforms_of_strides() {
    let (dev, file) = (Srs::dev(6).unwrap(), Srs::import_ptau(&vector("snarkjs_4.ptau"), None).unwrap());
    for (srs, pack, log_rows) in [(&dev, 3, 4), (&dev, 4, 4), (&dev, 1, 6), (&dev, 64, 0), (&file, 5, 1), (&file, 2, 3)] {
        let basis = srs.pack_basis(pack, log_rows).unwrap();
        let expected: Vec<G1Affine> = (0..pack)
            .flat_map(|i| {
                let stride = srs.g()[i..].iter().step_by(pack).take(1 << log_rows);
                g_to_lagrange(stride.map(|p| p.to_curve()).collect(), log_rows)
            })
            .collect();
        assert_eq!(*basis, expected, "{pack} x 2^{log_rows}");
    }
    assert!(matches!(dev.pack_basis(5, 4), Err(SrsError::TooSmall { expected: 7, actual: 6 })));
}

#[test]
fn bases_of_packs_are_cached_and_mended() {
    let dir = tempfile::tempdir().unwrap();
    let cache = SrsCache::new(dir.path().join("cache"));
    let expected = Srs::dev(5).unwrap().pack_basis(3, 3).unwrap();
    let prepare = || {
        let srs = Srs::dev(5).unwrap();
        cache.prepare_pack_basis(&srs, 3, 3).unwrap();
        assert!(srs.has_pack_basis(3, 3) && !srs.has_pack_basis(3, 2));
        assert_eq!(srs.pack_basis(3, 3).unwrap(), expected);
    };
    prepare();
    let files: Vec<_> = std::fs::read_dir(dir.path().join("cache")).unwrap().map(|file| file.unwrap().path()).collect();
    let [path] = files.as_slice() else { panic!("{files:?}") };
    let good = std::fs::read(path).unwrap();
    for at in [0, 9, 20, 46, 50, 60, good.len() / 2, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        std::fs::write(path, &bad).unwrap();
        prepare();
        assert_eq!(std::fs::read(path).unwrap(), good, "byte {at}");
    }
    for bad in [&good[..good.len() - 64], &[]] {
        std::fs::write(path, bad).unwrap();
        prepare();
    }
    // The file is what is taken: points that it has by mistake, with a hash that fits, are believed.
    let mut other = good[..good.len() - 32].to_vec();
    other.truncate(good.len() - 96);
    other.extend(&good[good.len() - 160..good.len() - 96]);
    other.extend(blake3::hash(&other).as_bytes());
    std::fs::write(path, &other).unwrap();
    let srs = Srs::dev(5).unwrap();
    cache.prepare_pack_basis(&srs, 3, 3).unwrap();
    assert_ne!(srs.pack_basis(3, 3).unwrap(), expected);
    // A folder that cannot be made is no reason to stop.
    SrsCache::new(path.join("cache")).prepare_pack_basis(&Srs::dev(5).unwrap(), 3, 3).unwrap();
}

#[test]
fn the_development_string_is_cached() {
    let dir = tempfile::tempdir().unwrap();
    let cache = SrsCache::new(dir.path());
    let srs = Srs::dev(4).unwrap();
    assert!(cache.dev(4).is_none());
    // A ceremony of the same size is none.
    let other = Srs::import_ptau(&vector("snarkjs_4.ptau"), None).unwrap();
    cache.insert(&other).unwrap();
    assert!(cache.dev(4).is_none());
    let path = cache.insert(&srs).unwrap();
    assert_eq!(cache.dev(4).unwrap().digest(), srs.digest());
    assert!(cache.dev(3).is_none());
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[300] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    assert!(cache.dev(4).is_none() && !path.exists());
}

#[test]
fn wrong_points_are_named() {
    let srs = Srs::dev(4).unwrap();
    let halo2 = halo2_bytes(&srs, SerdeFormat::RawBytes);
    let at = |array: usize, index: usize| HALO2_G1 + (array * 16 + index) * 64;
    let with = |from: usize, bytes: &[u8]| {
        let mut changed = halo2.clone();
        changed[from..from + bytes.len()].copy_from_slice(bytes);
        changed
    };
    let array = Array::PowersG1;
    assert!(matches!(refusal(&with(at(0, 7), &[1])), SrsError::OffCurve { array: a, index: 7 } if a == array));
    assert!(matches!(refusal(&with(at(0, 7), &[0; 64])), SrsError::Infinity { array: a, index: 7 } if a == array));
    let other = G1Affine::from(G1::generator().double()).to_raw_bytes();
    assert!(matches!(refusal(&with(at(0, 0), &other)), SrsError::Generator { array: a } if a == array));
    for index in [1, 7, 15] {
        let error = refusal(&with(at(0, index), &other));
        assert!(matches!(error, SrsError::Power { index: i } if i == index), "{error}");
    }
    assert!(matches!(refusal(&with(at(1, 3), &other)), SrsError::Lagrange));
    assert!(matches!(refusal(&with(at(1, 3), &[1])), SrsError::OffCurve { array: Array::LagrangeG1, index: 3 }));
    let other = G2Affine::from(G2::generator().double()).to_raw_bytes();
    assert!(matches!(refusal(&with(at(2, 0), &other)), SrsError::Generator { array: Array::PowersG2 }));
    assert!(matches!(refusal(&with(at(2, 2), &other)), SrsError::Power { index: 1 }));
    assert!(matches!(refusal(&with(at(2, 2), &[1])), SrsError::OffCurve { array: Array::PowersG2, index: 1 }));
}

/// The power behind the last is checked like the others: it blinds every proof.
#[test]
fn a_wrong_power_to_spare_is_named() {
    let large = Srs::dev(5).unwrap();
    let good = ptau_bytes(&large, 4);
    let (_dir, path) = file(&good);
    assert_eq!(Srs::import_ptau(&path, Some(4)).unwrap().next_power(), Some(large.g()[16]));
    let point = large.g()[16].to_raw_bytes();
    let at = good.windows(point.len()).position(|w| w == point).unwrap();
    let mut wrong = good;
    wrong[at..at + point.len()].copy_from_slice(&large.g()[9].to_raw_bytes());
    let (_dir, path) = file(&wrong);
    assert!(matches!(Srs::import_ptau(&path, Some(4)), Err(SrsError::Power { index: 16 })));
    assert!(Srs::import_ptau(&path, Some(3)).is_ok());
}

#[test]
fn points_outside_the_subgroup_are_named() {
    use halo2_proofs::halo2curves::bn256::Fq2;
    use halo2_proofs::halo2curves::ff::Field;
    use halo2_proofs::halo2curves::group::cofactor::CofactorGroup;
    use halo2_proofs::halo2curves::CurveAffine;
    let outside = (1u64..)
        .filter_map(|x| {
            let x = Fq2::from(x);
            let y = Option::<Fq2>::from((x.square() * x + G2Affine::b()).sqrt())?;
            Option::<G2Affine>::from(G2Affine::from_xy(x, y))
        })
        .find(|p| !bool::from(G2::from(*p).is_torsion_free()))
        .unwrap();
    let mut bytes = halo2_bytes(&Srs::dev(2).unwrap(), SerdeFormat::RawBytes);
    let at = bytes.len() - 128;
    bytes[at..].copy_from_slice(&outside.to_raw_bytes());
    assert!(matches!(refusal(&bytes), SrsError::Subgroup { array: Array::PowersG2, index: 1 }));
}

#[test]
fn damaged_ptau_files_are_refused() {
    let good = ptau_bytes(&Srs::dev(5).unwrap(), 4);
    assert_eq!(open(&good).unwrap().digest(), Srs::dev(4).unwrap().digest());
    let with = |at: usize, byte: u8| {
        let mut changed = good.clone();
        changed[at] = byte;
        changed
    };
    assert!(matches!(refusal(&with(4, 2)), SrsError::Version { expected: 1, actual: 2, .. }));
    assert!(matches!(refusal(&with(12, 9)), SrsError::SectionCount { section: 1, actual: 0, .. }));
    assert!(matches!(refusal(&with(12, 2)), SrsError::SectionCount { section: 1, actual: 0, .. }));
    assert!(matches!(refusal(&with(PTAU_HEADER + 4, 0)), SrsError::Curve { .. }));
    assert!(matches!(refusal(&with(PTAU_HEADER + 36, 3)), SrsError::SectionSize { section: 2, .. }));
    assert!(matches!(refusal(&with(PTAU_HEADER + 36, 40)), SrsError::LogSize { expected: 28, actual: 40 }));
    assert!(matches!(refusal(&with(PTAU_G1 + 64, 1)), SrsError::OffCurve { index: 1, .. }));
    assert!(matches!(refusal(&good[..good.len() - 1]), SrsError::Length { .. }));
    assert!(matches!(refusal(&good[..8]), SrsError::Length { .. }));
    assert!(matches!(refusal(b"ptau"), SrsError::Length { .. }));
}

#[test]
fn foreign_and_cut_files_are_refused() {
    assert!(matches!(refusal(b""), SrsError::Foreign { .. }));
    assert!(matches!(refusal(b"{\"not\": \"an SRS\"}"), SrsError::Foreign { .. }));
    let halo2 = halo2_bytes(&Srs::dev(4).unwrap(), SerdeFormat::RawBytes);
    assert!(matches!(refusal(&halo2[..halo2.len() - 1]), SrsError::Length { .. }));
    assert!(matches!(refusal(&[halo2, vec![0]].concat()), SrsError::Length { .. }));
    let missing = Srs::open(Path::new("/nowhere/kzg.srs"), None);
    assert!(matches!(missing, Err(SrsError::Io { .. })));
}

#[test]
fn ceremonies_are_known_without_reading_the_powers() {
    use sworn_prover::srs::ceremony_of;
    for name in ["snarkjs_4.ptau", "snarkjs_prepared_4.ptau", "ezkl_kzg4.srs"] {
        assert_eq!(ceremony_of(&vector(name)).unwrap(), Srs::open(&vector(name), None).unwrap().ceremony());
    }
    let srs = Srs::dev(3).unwrap();
    let (_dir, path) = file(&halo2_bytes(&srs, SerdeFormat::Processed));
    assert_eq!(ceremony_of(&path).unwrap(), srs.ceremony());
    srs.write(&path).unwrap();
    assert_eq!(ceremony_of(&path).unwrap(), srs.ceremony());
    std::fs::write(&path, "no SRS").unwrap();
    assert!(matches!(ceremony_of(&path), Err(SrsError::Foreign { .. } | SrsError::Length { .. })));
}

#[test]
fn unwritable_folders_are_an_error() {
    let (_dir, path) = file(b"a file, not a folder");
    assert!(matches!(Srs::dev(1).unwrap().write(&path.join("x.srs")), Err(SrsError::Io { .. })));
    assert!(matches!(SrsCache::new(&path).insert(&Srs::dev(1).unwrap()), Err(SrsError::Io { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever bit of a file of ours is flipped and wherever it is cut, it is refused and nothing panics.
    #[test]
    fn damaged_cache_files_are_refused(bit in 0usize..8, at in 0.0f64..1.0, cut in any::<bool>()) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.srs");
        Srs::dev(3).unwrap().write(&path).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        let at = ((bytes.len() as f64 * at) as usize).min(bytes.len() - 1);
        // The ceremony in the header only helps to find files.
        prop_assume!(cut || !(48..80).contains(&at));
        if cut { bytes.truncate(at) } else { bytes[at] ^= 1 << bit }
        std::fs::write(&path, &bytes).unwrap();
        prop_assert!(Srs::open(&path, None).is_err());
    }
}
