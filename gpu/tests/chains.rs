//! Products by carry chains, as a device multiplies, beside those of halo2curves.
#![expect(unsafe_code, reason = "the function is the plugin's, for this test alone")]

use halo2_proofs::halo2curves::bn256::{Fq, Fr};
use halo2_proofs::halo2curves::ff::PrimeField;
use halo2_proofs::halo2curves::serde::SerdeObject;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

type Multiply = unsafe extern "C" fn(u32, *const u8, *const u8, *mut u8);

/// Values whose limbs are all small or all large, and random ones.
fn values<F: PrimeField + SerdeObject>() -> Vec<F> {
    let mut rng = ChaCha20Rng::seed_from_u64(17);
    // The limbs of 1 in Montgomery form are those of R: its inverse has the limbs 1, 0, …
    let radix = F::from(2).pow_vartime([256]);
    let unit = radix.invert().unwrap_or(F::ONE);
    let mut values = vec![F::ZERO, F::ONE, -F::ONE, F::from(2), radix, -radix, unit, -unit, -unit - unit];
    for bits in [31, 32, 33, 63, 64, 127, 128, 191, 192, 223, 224, 253] {
        let power = unit * F::from(2).pow_vartime([bits]);
        values.extend([power, power - unit, -power]);
    }
    values.extend((0..100).map(|_| F::random(&mut rng)));
    values
}

fn check<F: PrimeField + SerdeObject>(multiply: Multiply, is_fq: u32) {
    let values = values::<F>();
    for a in &values {
        for b in &values {
            let (a_bytes, b_bytes, mut out) = (a.to_raw_bytes(), b.to_raw_bytes(), [0; 32]);
            // SAFETY: the function reads 32 bytes twice and writes 32.
            unsafe { multiply(is_fq, a_bytes.as_ptr(), b_bytes.as_ptr(), out.as_mut_ptr()) };
            assert_eq!(out.to_vec(), (*a * b).to_raw_bytes(), "{a:?} · {b:?}");
        }
    }
}

#[test]
fn products_are_those_of_halo2curves() {
    // SAFETY: the library is built beside this test and has no initialisers.
    let library = unsafe { libloading::Library::new(sworn_gpu_emulated::PLUGIN) }.expect("the emulated plugin");
    // SAFETY: the type is that of `emulated/chains.cpp`.
    let multiply = *unsafe { library.get::<Multiply>(b"sworn_emulated_multiply") }.expect("the function of this test");
    check::<Fr>(multiply, 0);
    check::<Fq>(multiply, 1);
}
