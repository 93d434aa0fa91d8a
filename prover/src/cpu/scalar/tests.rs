//! Products beside halo2curves' and those of integers of any size.

use num_bigint::BigUint;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;

use super::*;

fn integer(limbs: &Limbs) -> BigUint {
    limbs.iter().rev().fold(BigUint::ZERO, |sum, limb| (sum << 64) + limb)
}

fn limbs(integer: &BigUint) -> Limbs {
    std::array::from_fn(|i| integer.iter_u64_digits().nth(i).unwrap_or(0))
}

fn random(rng: &mut impl Rng) -> BigUint {
    integer(&rng.gen::<Limbs>())
}

/// Ends of the range up to `bound`, multiples of p and their neighbours, patterns of limbs, and values without a pattern.
fn operands<F: Prime>(bound: &BigUint, rng: &mut impl Rng) -> Vec<Limbs> {
    let (p, one) = (integer(&F::P), BigUint::from(1u8));
    let mut values: Vec<BigUint> = (0..3u8).flat_map(|i| [BigUint::from(i), bound - i]).collect();
    values.extend((1..=5u8).flat_map(|i| [&p * i - 2u8, &p * i - &one, &p * i, &p * i + &one]));
    values.extend((0..16u8).map(|pattern| limbs_of_pattern(pattern, u64::MAX)).map(|limbs| integer(&limbs)));
    values.extend((0..16u8).map(|pattern| limbs_of_pattern(pattern, 1 << 63)).map(|limbs| integer(&limbs)));
    values.extend((0..16u8).map(|pattern| limbs_of_pattern(pattern, 1)).map(|limbs| integer(&limbs)));
    values.extend((0..40).map(|_| random(rng) % (bound + &one)));
    values.iter().filter(|value| *value <= bound).map(limbs).collect()
}

fn limbs_of_pattern(pattern: u8, limb: u64) -> Limbs {
    std::array::from_fn(|i| if pattern >> i & 1 == 1 { limb } else { 0 })
}

/// Products of whatever is allowed are right modulo p and below p + a·b/2^256.
fn products_of_any_operands<F: Prime>(by: impl Multiplier) {
    let rng = &mut ChaCha20Rng::seed_from_u64(61);
    let (p, radix): (BigUint, BigUint) = (integer(&F::P), BigUint::from(1u8) << 256u32);
    let inverse = radix.modpow(&(&p - 2u8), &p);
    let check = |a: &BigUint, b: &BigUint, found: &Limbs| {
        let found = integer(found);
        assert_eq!(&found % &p, a * b * &inverse % &p, "{by:?}: {a}·{b}");
        assert!(found < &p + a * b / &radix + 1u8, "{by:?}: {a}·{b}");
    };
    let all = operands::<F>(&integer(&[u64::MAX; 4]), rng);
    for a in operands::<F>(&(&p * 4u8), rng) {
        let integer_a = integer(&a);
        for b in &all {
            check(&integer_a, &integer(b), &by.mul_lazy::<F>(&a, b));
            let product = by.product(b, &a).iter().rev().fold(BigUint::ZERO, |sum, limb| (sum << 64) + limb);
            assert_eq!(product, integer(&a) * integer(b), "{by:?}");
        }
        if integer_a <= &p * 2u8 {
            check(&integer_a, &integer_a, &by.square_lazy::<F>(&a));
        }
    }
}

/// Elements, beside halo2curves.
fn products_of_elements<F: Prime + From<u64>>(by: impl Multiplier) {
    let rng = &mut ChaCha20Rng::seed_from_u64(62);
    let mut elements: Vec<F> = [0, 1, 2, 7, u64::MAX].iter().flat_map(|&v| [F::from(v), -F::from(v)]).collect();
    elements.extend(operands::<F>(&(integer(&F::P) - 1u8), rng).iter().map(|limbs| F::from_limbs(*limbs)));
    for a in &elements {
        assert_eq!(F::from_limbs(reduce(&by.square_lazy::<F>(a.limbs()), &F::P)), a.square(), "{by:?}: {a:?}");
        for b in &elements {
            assert_eq!(by.mul(a, b), *a * b, "{by:?}: {a:?}·{b:?}");
        }
    }
    // Sums of one product, then of more than four limbs above hold.
    let (mut sum, mut expected) = (Sum::default(), F::ZERO);
    assert_eq!(sum.reduce::<F>(by), F::ZERO);
    for (a, b) in elements.iter().flat_map(|a| elements.iter().map(move |b| (a, b))) {
        sum.add(by, a, b);
        expected += *a * b;
        assert_eq!(sum.reduce::<F>(by), expected, "{by:?}");
        let mut one = Sum::default();
        one.add(by, a, b);
        assert_eq!(one.reduce::<F>(by), *a * b, "{by:?}: {a:?}·{b:?}");
    }
    let mut largest = Sum::default();
    let last = F::from_limbs(limbs(&(integer(&F::P) - 1u8)));
    for terms in 1..2000u64 {
        largest.add(by, &last, &last);
        assert_eq!(largest.reduce::<F>(by), last * last * F::from(terms), "{by:?}: {terms} terms");
    }
    let (mut found, mut expected) = (elements.clone(), elements);
    for _ in 0..100 {
        // Long chains: a product that is not below p would be seen.
        for i in 1..found.len() {
            found[i] = by.mul(&found[i], &found[i - 1]);
            expected[i] = expected[i] * expected[i - 1];
        }
        assert_eq!(found, expected, "{by:?}");
    }
}

#[test]
fn products() {
    for scalar in Scalar::all() {
        with_multiplier!(scalar, by => {
            products_of_any_operands::<Fr>(by);
            products_of_any_operands::<Fq>(by);
            products_of_elements::<Fr>(by);
            products_of_elements::<Fq>(by);
        });
    }
}

fn sums_of<F: Prime>() {
    let rng = &mut ChaCha20Rng::seed_from_u64(63);
    let (p, radix): (BigUint, BigUint) = (integer(&F::P), BigUint::from(1u8) << 256u32);
    assert_eq!(-F::ONE, F::from_limbs(limbs(&(p.clone() - (radix.clone() % &p)))), "−1, as it is kept");
    assert_eq!(integer(&F::TWO_P), &p * 2u8);
    assert_eq!(F::P[0].wrapping_mul(F::NEG_INV), u64::MAX);
    let all = operands::<F>(&integer(&[u64::MAX; 4]), rng);
    for a in &all {
        let integer_a = integer(a);
        assert_eq!(is_zero(a), integer_a == BigUint::ZERO);
        if integer_a < &p * 4u8 {
            assert_eq!(integer(&reduce_twice::<F>(a)), &integer_a % &p);
        }
        if integer_a <= p {
            assert_eq!(negate_if(false, a, &F::P), *a);
            assert_eq!(integer(&negate_if(true, a, &F::P)), &p - &integer_a);
        }
        for b in &all {
            let integer_b = integer(b);
            assert_eq!(integer(&add_plain(a, b)), (&integer_a + &integer_b) % &radix);
            assert_eq!(integer(&sub_plain(a, b)), (&radix + &integer_a - &integer_b) % &radix);
            let expected = if integer_b <= integer_a { &integer_a - &integer_b } else { integer_a.clone() };
            assert_eq!(integer(&reduce(a, b)), expected);
        }
    }
}

#[test]
fn sums() {
    sums_of::<Fr>();
    sums_of::<Fq>();
}

/// Elements as they are kept: ends of the range, powers of 2, those whose upper bits are p's or a part of it, and values without a pattern.
fn units<F: Prime>(rng: &mut impl Rng) -> Vec<Limbs> {
    let (p, one) = (integer(&F::P), BigUint::from(1u8));
    let mut values: Vec<BigUint> = (1..=300u32).flat_map(|i| [BigUint::from(i), &p - i]).collect();
    values.extend([(&p - 1u8) >> 1u8, (&p + 1u8) >> 1u8]);
    for k in 0..254u32 {
        let power = &one << k;
        values.extend([power.clone(), &p >> k, (&p >> k) + 1u8]);
        values.extend((0..40u32).flat_map(|i| [&power + i, &p + i - &power, &p - &power - i, (&p >> 1u8) + &power + i]));
        values.extend((0..40).map(|_| &p - (random(rng) >> (256 - k))));
    }
    values.extend((0..4000).map(|_| random(rng) % &p));
    values.iter().filter(|value| **value > BigUint::ZERO && **value < p).map(limbs).collect()
}

/// Of elements, beside halo2curves, and by the definition.
fn inverses_of<F: Prime + From<u64>>() {
    let rng = &mut ChaCha20Rng::seed_from_u64(64);
    assert_eq!(inverse(&F::ZERO), None);
    assert_eq!(inverse(&F::from_limbs(F::P)), None, "0, not reduced");
    let mut elements: Vec<F> = units::<F>(rng).into_iter().map(F::from_limbs).collect();
    elements.extend((1..300u64).flat_map(|v| [F::from(v), -F::from(v), F::from(2).pow([v])]));
    for x in &elements {
        let found = inverse(x).expect("not 0");
        assert_eq!(found, x.invert().unwrap(), "1/{x:?}");
        assert_eq!(found * x, F::ONE, "1/{x:?}");
        // Elements compare by their limbs, and so must these be below p.
        assert_eq!(inverse(&found), Some(*x), "1/(1/{x:?})");
    }
}

#[test]
fn inverses() {
    inverses_of::<Fr>();
    inverses_of::<Fq>();
}

#[test]
fn the_machine_has_what_it_says() {
    #[cfg(target_arch = "x86_64")]
    assert_eq!(Adx::detect().is_some(), is_x86_feature_detected!("adx") && is_x86_feature_detected!("bmi2"));
    #[cfg(not(target_arch = "x86_64"))]
    assert!(Adx::detect().is_none());
}
