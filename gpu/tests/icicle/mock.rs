//! An installation of ICICLE, of libraries built with this crate.
#![expect(unsafe_code, reason = "the functions of the mock, for tests alone")]

use std::path::{Path, PathBuf};

use sworn_gpu::{Icicle, IcicleDevice, IcicleLibrary, NoIcicle};
use tempfile::TempDir;

/// What the mock does otherwise.
pub(crate) const NOTHING: u32 = 0;
pub(crate) const OTHER_ROOTS: u32 = 1;
pub(crate) const JACOBIAN: u32 = 2;
pub(crate) const MONTGOMERY: u32 = 3;
pub(crate) const NO_LICENSE: u32 = 4;
pub(crate) const BROKEN_POINT: u32 = 5;
pub(crate) const BROKEN_FIELD: u32 = 6;

/// ICICLE's code of too little memory.
pub(crate) const OUT_OF_MEMORY: i32 = 2;
/// Its code of a copy that failed.
pub(crate) const COPY_FAILED: i32 = 6;

/// The libraries of ICICLE's CUDA devices, below the folder of backends.
pub(crate) const BACKENDS: [&str; 3] = [
    "cuda/libicicle_backend_cuda_device.so",
    "bn254/cuda/libicicle_backend_cuda_field_bn254.so",
    "bn254/cuda/libicicle_backend_cuda_curve_bn254.so",
];

/// A folder with ICICLE's libraries. Each is loaded for itself, so that what is set for one is not for another.
pub(crate) struct Installation {
    folder: TempDir,
}

impl Installation {
    pub(crate) fn new() -> Self {
        Self::of(sworn_gpu_emulated::ICICLE)
    }

    /// Of a library that is that of device, field and curve.
    pub(crate) fn of(library: &str) -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        std::fs::copy(library, folder.path().join("libicicle_device.so")).expect("a library");
        for name in ["field", "curve"] {
            let link = folder.path().join(format!("libicicle_{name}_bn254.so"));
            std::os::unix::fs::symlink("libicicle_device.so", link).expect("a link");
        }
        for file in BACKENDS.map(|file| folder.path().join("backend").join(file)) {
            std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
            std::fs::copy(sworn_gpu_emulated::EMPTY, file).expect("a library");
        }
        Self { folder }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn backends(&self) -> PathBuf {
        self.folder().join("backend")
    }

    pub(crate) fn load(&self) -> Result<IcicleLibrary, NoIcicle> {
        IcicleLibrary::load(self.folder())
    }

    /// Opens the CUDA device, for the driver that has one.
    pub(crate) fn open(&self) -> Result<Icicle, NoIcicle> {
        let library = self.load()?;
        library.load_cuda_at(Path::new(sworn_gpu_emulated::DRIVER), &self.backends())?;
        Icicle::open(&library, IcicleDevice::Cuda(0))
    }

    /// Lets the mock do something otherwise, and answer with a code after so many more calls.
    pub(crate) fn set(&self, mode: u32, calls_left: Option<u64>, code: i32) {
        self.function::<unsafe extern "C" fn(u32, u64, i32)>(b"icicle_mock_set", |set| {
            // SAFETY: it takes numbers.
            unsafe { set(mode, calls_left.unwrap_or(u64::MAX), code) }
        });
    }

    /// Calls so far, and bytes that are allocated.
    pub(crate) fn count(&self) -> (u64, u64) {
        let (mut calls, mut bytes) = (0, 0);
        self.function::<unsafe extern "C" fn(*mut u64, *mut u64)>(b"icicle_mock_count", |count| {
            // SAFETY: the pointers are to live integers.
            unsafe { count(&mut calls, &mut bytes) }
        });
        (calls, bytes)
    }

    fn function<F: Copy>(&self, name: &[u8], call: impl FnOnce(F)) {
        // SAFETY: the library is the mock, and loaded.
        let library = unsafe { libloading::Library::new(self.folder().join("libicicle_device.so")) }.expect("the mock");
        // SAFETY: the types are those of `emulated/icicle/mock.cpp`.
        call(*unsafe { library.get::<F>(name) }.expect("a function of the mock"));
    }
}

/// The CUDA device of an installation of its own.
pub(crate) fn device() -> Icicle {
    Installation::new().open().expect("the mock")
}
