//! The contract's algorithm in Rust, on the bytes of the data contracts alone.

use ark_bn254::{Bn254, Fq, Fq2, Fr, G1Affine, G1Projective, G2Affine};
use ark_ec::pairing::Pairing;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{Field, PrimeField, Zero};
use sha3::{Digest, Keccak256};
use sworn_contracts::Package;
use sworn_verifier::Context;

use crate::accept::tiny;
use crate::fixture::Fixture;
use crate::models;

/// Where the contract loads the data to.
const MEMORY: usize = 0x400;

struct Machine {
    /// Slots by address in words.
    slots: Vec<Fr>,
    data: Vec<u8>,
}

fn scalar(bytes: &[u8]) -> Fr {
    Fr::from_be_bytes_mod_order(bytes)
}

fn g1(bytes: &[u8]) -> G1Projective {
    if bytes.iter().all(|b| *b == 0) {
        return G1Projective::zero();
    }
    let [x, y] = [0, 32].map(|at| Fq::from_be_bytes_mod_order(&bytes[at..at + 32]));
    let point = G1Affine::new_unchecked(x, y);
    assert!(point.is_on_curve());
    point.into_group()
}

fn g2(bytes: &[u8]) -> G2Affine {
    let [x1, x0, y1, y0] = [0, 32, 64, 96].map(|at| Fq::from_be_bytes_mod_order(&bytes[at..at + 32]));
    let point = G2Affine::new_unchecked(Fq2::new(x0, x1), Fq2::new(y0, y1));
    assert!(point.is_on_curve());
    point
}

impl Machine {
    fn number(&self, at: usize, bytes: usize) -> usize {
        self.data[at - MEMORY..at - MEMORY + bytes].iter().fold(0, |v, b| v << 8 | usize::from(*b))
    }

    /// A field of the header.
    fn field(&self, index: usize) -> usize {
        self.number(MEMORY + 4 * index, 4)
    }

    fn slot(&mut self, address: usize) -> &mut Fr {
        assert_eq!(address % 32, 0);
        let index = address / 32;
        if self.slots.len() <= index {
            self.slots.resize(index + 1, Fr::zero());
        }
        &mut self.slots[index]
    }

    fn run(&mut self, mut at: usize, end: usize) {
        while at < end {
            let steps = 4 * self.number(at, 2);
            at += 2;
            for _ in 0..steps {
                let [a, b, c, d] = [0, 2, 4, 6].map(|i| 32 * self.number(at + i, 2));
                let value = *self.slot(a) * *self.slot(b) + *self.slot(c);
                *self.slot(d) = value;
                at += 8;
            }
            let [d, s, mut from, until] = [0, 2, 4, 6].map(|i| 32 * self.number(at + i, 2));
            at += 8;
            while from != until {
                let value = *self.slot(d) * *self.slot(s) + *self.slot(from);
                *self.slot(d) = value;
                from = if from < until { from + 32 } else { from - 32 };
            }
        }
        assert_eq!(at, end);
    }

    fn new(package: &Package) -> Self {
        let data = package.data[0].code[1..].to_vec();
        let mut machine = Self { slots: Vec::new(), data };
        // Constants are the end of the data.
        let mut at = machine.field(4);
        while at < MEMORY + machine.data.len() {
            let value = scalar(&machine.data[at - MEMORY..at - MEMORY + 32]);
            *machine.slot(at) = value;
            at += 32;
        }
        machine
    }

    fn challenges(&mut self, context: Context, instances: &[[u8; 32]], proof: &[u8]) {
        let mut state = self.data[0x60..0x80].to_vec();
        let mut absorbed = [context.0.as_slice(), &instances.concat()].concat();
        let mut from = 0;
        for index in 0..self.field(6) {
            let length = self.number(self.field(5) + 4 * index, 4);
            absorbed.extend(&proof[from..from + length]);
            from += length;
            let filler = if absorbed.is_empty() { vec![1] } else { vec![] };
            state = Keccak256::digest([state, std::mem::take(&mut absorbed), filler].concat()).to_vec();
            *self.slot(self.field(7) + 32 * index) = scalar(&state);
        }
        assert_eq!(from, proof.len() - 64, "all but W' is absorbed");
    }

    fn lagrange(&mut self, instances: &[[u8; 32]]) {
        let constants = self.field(4);
        let (omega, mut root, x) = (*self.slot(constants + 64), *self.slot(constants + 96), *self.slot(self.field(20)));
        for index in 0..self.field(18) {
            *self.slot(self.field(17) + 32 * index) = x - root;
            root *= omega;
        }
        for index in 0..self.field(16) {
            let slot = self.slot(self.field(15) + 32 * index);
            *slot = slot.inverse().unwrap();
        }
        let mut sum = Fr::zero();
        root = Fr::from(1);
        for (index, instance) in instances.iter().enumerate() {
            sum += scalar(instance) * root * *self.slot(self.field(19) + 32 * index);
            root *= omega;
        }
        *self.slot(self.field(21)) = sum;
    }

    fn multiply(&mut self, package: &Package, num_instances: usize, proof: &[u8]) -> G1Projective {
        let (mut sum, mut buffer) = (G1Projective::zero(), Vec::new());
        let (start, loaded) = (0xa4 + 32 * num_instances, self.field(22) + 0x180);
        for at in (self.field(13)..self.field(14)).step_by(12) {
            let [action, is_calldata, count, offset] = [(0, 1), (1, 1), (4, 4), (8, 4)].map(|(i, bytes)| self.number(at + i, bytes));
            if action == 3 {
                buffer = package.data[offset + 1].code[1..].to_vec();
                continue;
            }
            let slot = 32 * self.number(at + 2, 2);
            let s = *self.slot(slot);
            for index in 0..count {
                let point = match is_calldata {
                    1 => g1(&proof[offset - 64 * index - start..][..64]),
                    _ if offset >= loaded => g1(&buffer[offset + 64 * index - loaded..][..64]),
                    _ => g1(&self.data[offset + 64 * index - MEMORY..][..64]),
                };
                sum = match action {
                    0 => sum * s + point,
                    1 => sum + point * s,
                    _ => sum + point,
                };
            }
        }
        sum
    }
}

/// The combined commitment, `[s]G2` and `−G2`.
pub fn combined(package: &Package, context: Context, instances: &[[u8; 32]], proof: &[u8]) -> (G1Projective, G2Affine, G2Affine) {
    let mut machine = Machine::new(package);
    assert_eq!((machine.field(2), machine.field(3)), (instances.len(), proof.len()));
    let (first, count, to) = (machine.field(9), machine.field(10), machine.field(8));
    for index in 0..count {
        *machine.slot(to + 32 * index) = scalar(&proof[first + 32 * index..][..32]);
    }
    machine.challenges(context, instances, proof);
    let [before, after, end] = [11, 12, 13].map(|i| machine.field(i));
    machine.run(before, after);
    machine.lagrange(instances);
    machine.run(after, end);
    let sum = machine.multiply(package, instances.len(), proof);
    (sum, g2(&machine.data[0x80..]), g2(&machine.data[0x100..]))
}

/// What the contract decides on canonical points and scalars.
pub fn accepts(package: &Package, context: Context, instances: &[[u8; 32]], proof: &[u8]) -> bool {
    let (sum, s_g2, minus_g2) = combined(package, context, instances, proof);
    let opening = g1(&proof[proof.len() - 64..]);
    Bn254::multi_pairing([sum.into_affine(), opening.into_affine()], [minus_g2, s_g2]).is_zero()
}

#[test]
fn the_algorithm_decides_as_the_verifier() {
    for keyed in models::all().into_iter().chain([tiny()]).flat_map(|model| [model.keyed(), model.packed(3), model.onchain()]) {
        let context = Context([0x5a; 32]);
        let fixture = Fixture::within(&keyed, context);
        let (instances, proof) = (&fixture.instances, &fixture.proof);
        assert!(accepts(&fixture.package, context, instances, proof), "{}", fixture.name);
        for wrong in [Context::NONE, Context([0xa5; 32])] {
            assert!(!accepts(&fixture.package, wrong, instances, proof), "{}", fixture.name);
        }
        let mut wrong = instances.clone();
        wrong[0][31] ^= 1;
        assert!(!accepts(&fixture.package, context, &wrong, proof) && !fixture.rust_accepts(&wrong, proof), "{}", fixture.name);
        // Scalars of the proof, and a point in the place of another.
        let end = proof.len() - 128;
        for at in (0..end).rev().step_by(32 * 7).take(4) {
            let mut wrong = proof.clone();
            wrong[at] ^= 1;
            assert!(
                !accepts(&fixture.package, context, instances, &wrong) && !fixture.rust_accepts(instances, &wrong),
                "{} {at}",
                fixture.name
            );
        }
        let mut wrong = proof.clone();
        wrong.copy_within(0..64, end);
        assert!(!accepts(&fixture.package, context, instances, &wrong) && !fixture.rust_accepts(instances, &wrong), "{}", fixture.name);
    }
}
