//! Files of ours and the folder of them: written whole, read again, mended; damaged ones are refused.

use std::path::Path;
use std::time::SystemTime;

use proptest::prelude::*;
use sworn_prover::srs::{Srs, SrsCache, SrsError};
use sworn_verifier::srs::Origin;

use crate::{file, reread, vector};

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
    let cut = cache.truncation(&srs.identity(), 3).unwrap().unwrap();
    assert_eq!(cut.digest(), Srs::dev(3).unwrap().digest());
    let sizes: Vec<u32> = cache.entries().unwrap().iter().map(|e| e.k).collect();
    assert_eq!(sizes.iter().sum::<u32>(), 8);
    assert!(cache.truncation(&srs.identity(), 6).unwrap().is_none());
    assert!(cache.truncation(&[0; 32], 3).unwrap().is_none());
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
    // Points that are wrong with a hash that fits: believed in a folder of ours, and not where others may write.
    let mut other = good[..good.len() - 96].to_vec();
    other.extend(&good[good.len() - 160..good.len() - 96]);
    other.extend(blake3::hash(&other).as_bytes());
    std::fs::write(path, &other).unwrap();
    let srs = Srs::dev(5).unwrap();
    cache.prepare_pack_basis(&srs, 3, 3).unwrap();
    assert_ne!(srs.pack_basis(3, 3).unwrap(), expected);
    open_to_all(&dir.path().join("cache"));
    prepare();
    assert_eq!(std::fs::read(path).unwrap(), good);
    prepare();
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

/// Keys and proofs are made of what was checked: here, or when a cache of ours took it.
#[test]
fn caches_keep_what_was_checked() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("cache");
    let cache = SrsCache::new(&folder);
    let srs = Srs::open(&vector("snarkjs_4.ptau"), None).unwrap();
    assert!(srs.is_checked() && srs.truncate(3).unwrap().is_checked());
    assert!(matches!(cache.insert(&reread(&srs)), Err(SrsError::Unchecked)));
    let path = cache.insert(&srs).unwrap();
    assert!(cache.get(&srs.digest()).unwrap().unwrap().is_checked());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&path)), (0o700, 0o600));
    }
    // With a wrong Lagrange basis and a hash that fits: checked again, as others may write to the folder.
    srs.g_lagrange();
    let path = cache.insert(&srs).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let lagrange = 80 + 16 * 64;
    bytes.copy_within(lagrange..lagrange + 64, lagrange + 64);
    let check = blake3::hash(&bytes[80..]);
    bytes[48..80].copy_from_slice(check.as_bytes());
    std::fs::write(&path, &bytes).unwrap();
    open_to_all(&folder);
    assert!(matches!(cache.get(&srs.digest()), Err(SrsError::Lagrange)));
    // One under the name of another.
    std::fs::rename(&path, folder.join(hex::encode([7; 32])).with_extension("srs")).unwrap();
    assert!(cache.get(&srs.digest()).unwrap().is_none());
    let path = cache.insert(&srs).unwrap();
    std::fs::rename(&path, folder.join(hex::encode([7; 32])).with_extension("srs")).unwrap();
    assert!(matches!(cache.get(&[7; 32]), Err(SrsError::Digest { .. })));
}

#[test]
fn caches_are_listed_and_cleaned() {
    let dir = tempfile::tempdir().unwrap();
    let cache = SrsCache::new(dir.path());
    let (dev, srs) = (Srs::dev(3).unwrap(), Srs::open(&vector("snarkjs_4.ptau"), None).unwrap());
    let path = cache.insert(&dev).unwrap();
    cache.insert(&srs).unwrap();
    cache.prepare_pack_basis(&dev, 2, 2).unwrap();
    let mut origins: Vec<_> = cache.entries().unwrap().iter().map(|e| (e.k, e.identity(), e.origin())).collect();
    origins.sort_by_key(|(k, ..)| *k);
    assert_eq!(origins, [(3, dev.identity(), Origin::InsecureDev), (4, srs.identity(), Origin::Unknown)]);
    std::fs::write(dir.path().join("notes.txt"), "somebody else's").unwrap();
    // A file of another version is neither read nor kept.
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[8] -= 1;
    std::fs::write(&path, &bytes).unwrap();
    assert!(cache.get(&dev.digest()).unwrap().is_none());
    assert_eq!(cache.clean(Some(SystemTime::UNIX_EPOCH)).unwrap(), (1, bytes.len() as u64));
    assert_eq!(cache.clean(Some(SystemTime::UNIX_EPOCH)).unwrap(), (0, 0));
    assert_eq!(cache.clean(None).unwrap().0, 2);
    assert!(cache.entries().unwrap().is_empty() && dir.path().join("notes.txt").exists());
    assert_eq!(SrsCache::new(dir.path().join("none")).clean(None).unwrap(), (0, 0));
}

/// Others may write to it from now on.
pub(crate) fn open_to_all(path: &Path) {
    #[cfg(unix)]
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
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
        if cut { bytes.truncate(at) } else { bytes[at] ^= 1 << bit }
        std::fs::write(&path, &bytes).unwrap();
        prop_assert!(Srs::open(&path, None).is_err());
    }
}
