//! SRS files: those of snarkjs, EZKL and halo2 are read, damaged ones are refused with an error of their own.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod cache;

use std::path::{Path, PathBuf};

use halo2_proofs::arithmetic::g_to_lagrange;
use halo2_proofs::halo2curves::bn256::{Bn256, Fr, G1Affine, G2Affine, G1, G2};
use halo2_proofs::halo2curves::ff::{Field, PrimeField};
use halo2_proofs::halo2curves::group::prime::PrimeCurveAffine;
use halo2_proofs::halo2curves::group::Group;
use halo2_proofs::halo2curves::serde::SerdeObject;
use halo2_proofs::poly::commitment::ParamsProver;
use halo2_proofs::poly::kzg::commitment::ParamsKZG;
use halo2_proofs::SerdeFormat;
use sworn_prover::srs::{s_g2_of, Array, Srs, SrsCache, SrsError};
use sworn_verifier::srs::Origin;

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

/// As a file has it, which nobody has checked.
fn reread(srs: &Srs) -> Srs {
    let (_dir, path) = file(&[]);
    srs.write(&path).unwrap();
    let srs = Srs::read(&path).unwrap();
    assert!(!srs.is_checked());
    srs
}

fn halo2_bytes(srs: &Srs, format: SerdeFormat) -> Vec<u8> {
    let mut bytes = Vec::new();
    srs.params().write_custom(&mut bytes, format).unwrap();
    bytes
}

/// A `.ptau` file of the first powers, with one contribution that is theirs.
fn ptau_bytes(srs: &Srs, power: u32) -> Vec<u8> {
    ptau(power, srs.g(), srs.s_g2(), 1)
}

/// A `.ptau` file of 2^power powers and of contributions that claim them.
fn ptau(power: u32, g: &[G1Affine], s_g2: G2Affine, contributions: u32) -> Vec<u8> {
    let section = |kind: u32, contents: Vec<u8>| [&kind.to_le_bytes()[..], &(contents.len() as u64).to_le_bytes(), &contents].concat();
    let mut header = std::fs::read(vector("snarkjs_4.ptau")).unwrap()[PTAU_HEADER..PTAU_HEADER + 36].to_vec();
    header.extend(power.to_le_bytes());
    header.extend(power.to_le_bytes());
    let powers: Vec<u8> = g[..(2 << power) - 1].iter().flat_map(|p| p.to_raw_bytes()).collect();
    let mut in_g2 = G2Affine::generator().to_raw_bytes();
    for _ in 1..1 << power {
        in_g2.extend(s_g2.to_raw_bytes());
    }
    let mut claims = contributions.to_le_bytes().to_vec();
    for _ in 0..contributions {
        claims.extend([g[1].to_raw_bytes(), s_g2.to_raw_bytes(), vec![0; 1304 + 8]].concat());
    }
    let head = [&b"ptau"[..], &1u32.to_le_bytes(), &4u32.to_le_bytes()].concat();
    [head, section(1, header), section(2, powers), section(3, in_g2), section(7, claims)].concat()
}

/// As [`ptau`], of a chosen secret.
fn ptau_of(power: u32, s: Fr, contributions: u32) -> Vec<u8> {
    let powers: Vec<G1Affine> =
        std::iter::successors(Some(Fr::ONE), |p| Some(p * s)).take(2 << power).map(|p| (G1::generator() * p).into()).collect();
    ptau(power, &powers, (G2::generator() * s).into(), contributions)
}

/// As halo2 writes it, of a chosen secret.
fn halo2_of(k: u32, s: Fr) -> Vec<u8> {
    let powers: Vec<G1> = std::iter::successors(Some(Fr::ONE), |p| Some(p * s)).take(1 << k).map(|p| G1::generator() * p).collect();
    let lagrange = g_to_lagrange(powers.clone(), k);
    let points = powers.into_iter().map(G1Affine::from).chain(lagrange).flat_map(|p| p.to_raw_bytes());
    let mut bytes: Vec<u8> = k.to_le_bytes().into_iter().chain(points).collect();
    bytes.extend(G2Affine::generator().to_raw_bytes());
    bytes.extend(G2Affine::from(G2::generator() * s).to_raw_bytes());
    bytes
}

#[test]
fn dev_has_the_layout_of_halo2() {
    for k in [0, 1, 2, 5, 9] {
        let srs = Srs::dev(k).unwrap();
        assert!(srs.is_checked());
        reread(&srs).checked().unwrap();
        assert_eq!((srs.k(), srs.g().len(), srs.g_lagrange().len()), (k, 1 << k, 1 << k));
        assert!(srs.is_insecure_dev());
    }
    assert!(matches!(Srs::dev(29), Err(SrsError::LogSize { expected: 28, actual: 29 })));
}

#[test]
fn truncations_share_the_identity_and_not_the_digest() {
    let (large, small) = (Srs::dev(6).unwrap(), Srs::dev(4).unwrap());
    let cut = large.truncate(4).unwrap();
    assert_eq!((cut.g(), cut.g_lagrange(), cut.digest()), (small.g(), small.g_lagrange(), small.digest()));
    assert_eq!(cut.identity(), large.identity());
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
    assert!(matches!(refusal(&with(PTAU_HEADER + 36, 0)), SrsError::TooSmall { .. }));
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
fn identities_are_known_without_reading_the_powers() {
    let identity_of = |path: &Path| s_g2_of(path).map(|s_g2| sworn_verifier::srs::identity(&s_g2));
    for name in ["snarkjs_4.ptau", "snarkjs_prepared_4.ptau", "ezkl_kzg4.srs"] {
        assert_eq!(identity_of(&vector(name)).unwrap(), Srs::open(&vector(name), None).unwrap().identity());
    }
    let srs = Srs::dev(3).unwrap();
    let (_dir, path) = file(&halo2_bytes(&srs, SerdeFormat::Processed));
    assert_eq!(identity_of(&path).unwrap(), srs.identity());
    srs.write(&path).unwrap();
    assert_eq!(identity_of(&path).unwrap(), srs.identity());
    std::fs::write(&path, "no SRS").unwrap();
    assert!(matches!(identity_of(&path), Err(SrsError::Foreign { .. } | SrsError::Length { .. })));
}

/// Whoever knows the secret reads private integers from commitments if it is a root of unity that the domain can hold, and forges
/// proofs in any case: 1 is what a file without contributions has.
#[test]
fn secrets_of_small_order_are_refused() {
    let odd = |d: usize, s: Fr| {
        let error = refusal(&ptau_of(5, s, 1));
        assert!(matches!(error, SrsError::Order { odd_part } if odd_part == d) && error.to_string().contains("root of unity"), "{error}");
        // In the domain, the Lagrange basis says it already: zero but for one row.
        match refusal(&halo2_of(6, s)) {
            SrsError::Infinity { array: Array::LagrangeG1, .. } => assert_eq!(s.pow([64]), Fr::ONE),
            error => assert!(matches!(error, SrsError::Order { odd_part } if odd_part == d), "{error}"),
        }
    };
    let root = Fr::ROOT_OF_UNITY;
    for s in [Fr::ONE, -Fr::ONE, root, root.square(), root.pow([1 << 20]), root.pow([(1 << 27) + 12345]), root.pow([77 << 16])] {
        odd(1, s);
    }
    // 2^28·3²·13·29·983·… = r − 1, of which 3, 9, 13, … divide the number of columns of a pack.
    let cofactor = |d: u64| {
        let order = num_bigint::BigUint::from_bytes_le(&(-Fr::ONE).to_repr());
        Fr::MULTIPLICATIVE_GENERATOR.pow_vartime((order / d).to_u64_digits())
    };
    odd(3, cofactor(3));
    odd(13, cofactor(13 << 28));
    odd(29, cofactor(29 << 3));
    for s in [Fr::from(2), cofactor(983)] {
        assert!(open(&halo2_of(6, s)).unwrap().is_checked());
    }
    // In a file of ours too, whose digest fits.
    let weak = {
        let (_dir, path) = file(&halo2_of(4, Fr::from(3)));
        let strong = Srs::open(&path, None).unwrap();
        strong.write(&path).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        let body = halo2_of(4, root);
        let (header, points) = (80, 2 * 16 * 64);
        bytes[header..header + points].copy_from_slice(&body[4..4 + points]);
        let end = bytes.len() - 128;
        bytes[end..].copy_from_slice(&body[body.len() - 128..]);
        bytes[end - 64..end].fill(0);
        let check = blake3::hash(&bytes[header..]);
        bytes[48..80].copy_from_slice(check.as_bytes());
        bytes
    };
    // Its digest is that of the powers, which are others now.
    let SrsError::Digest { actual, .. } = refusal(&weak) else { panic!("a digest that does not fit") };
    let mut bytes = weak;
    bytes[16..48].copy_from_slice(&actual);
    assert!(matches!(refusal(&bytes), SrsError::Order { odd_part: 1 }));
    // Where it lies in a cache that others may write to as well.
    let dir = tempfile::tempdir().unwrap();
    let kept = SrsCache::new(dir.path().join("cache"));
    kept.insert(&Srs::dev(1).unwrap()).unwrap();
    let path = dir.path().join("cache").join(hex::encode(actual)).with_extension("srs");
    std::fs::write(&path, &bytes).unwrap();
    cache::open_to_all(&path);
    assert!(matches!(kept.get(&actual), Err(SrsError::Order { odd_part: 1 })));
}

/// What `snarkjs powersoftau new` writes, and files that hide that nobody contributed.
#[test]
fn files_without_contributions_are_refused() {
    assert!(matches!(Srs::open(&vector("snarkjs_new_1.ptau"), None), Err(SrsError::NoContributions { .. })));
    assert!(matches!(refusal(&ptau_of(4, Fr::ONE, 0)), SrsError::NoContributions { .. }));
    assert!(matches!(refusal(&ptau_of(4, Fr::from(5), 0)), SrsError::NoContributions { .. }));
    let srs = Srs::open(&vector("snarkjs_beacon_1.ptau"), None).unwrap();
    assert_eq!((srs.k(), srs.origin()), (1, Origin::Unknown));
    // The contributions of another file.
    let contributed = std::fs::read(vector("snarkjs_4.ptau")).unwrap();
    let at = |bytes: &[u8]| (12..bytes.len()).find(|at| bytes[*at..].starts_with(&[7, 0, 0, 0]) && bytes[at + 8..at + 12] == [0; 4]);
    let mut bytes = ptau_of(4, Fr::from(5), 1);
    bytes.truncate(at(&bytes).unwrap());
    let without = bytes.clone();
    bytes.extend(&contributed[at(&contributed).unwrap()..]);
    assert!(matches!(refusal(&bytes), SrsError::Contribution { index: 1, .. }));
    // None at all, and fewer than it says.
    let mut bytes = without;
    bytes[8] = 3;
    assert!(matches!(refusal(&bytes), SrsError::SectionCount { section: 7, actual: 0, .. }));
    let mut bytes = ptau_of(4, Fr::from(5), 2);
    let count = bytes.len() - 2 * 1504 - 4;
    bytes[count] = 3;
    assert!(matches!(refusal(&bytes), SrsError::Contribution { index: 3, .. }));
    bytes[count] = 1;
    assert!(matches!(refusal(&bytes), SrsError::Contribution { index: 1, .. }));
}

#[test]
fn other_curves_are_named() {
    let error = Srs::open(&vector("snarkjs_bls12381_1.ptau"), None).unwrap_err();
    assert!(error.to_string().ends_with("the points are on BLS12-381, expected BN254"), "{error}");
}
