//! Commitments of columns and of packs.

use halo2_proofs::arithmetic::best_multiexp;
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use halo2_proofs::halo2curves::ff::Field;
use halo2_proofs::halo2curves::group::Curve;
use rand::Rng;

use super::columns::{short_integers, zoo, Contents, Pair};
use super::{generator, pairs, points, scalars, SMALL};
use crate::backend::{Backend, Form};
use crate::reference::Reference;

/// Commitments of every kind of column, one by one and together.
pub fn commit<B: Backend>(backend: &B) {
    let mut rng = generator(2);
    for log_rows in SMALL {
        let rows = 1 << log_rows;
        let contents = zoo(&mut rng, rows);
        let pairs = pairs(backend, &contents);
        for points in points(&mut rng, rows) {
            let (ours, expected) = (backend.points(&points), Reference.points(&points));
            let expected = Reference.commit(&expected, &pairs.iter().map(|p| &p.reference).collect::<Vec<_>>());
            let together = backend.commit(&ours, &pairs.iter().map(|p| &p.ours).collect::<Vec<_>>());
            for (((contents, pair), together), expected) in contents.iter().zip(&pairs).zip(&together).zip(&expected) {
                assert_eq!(together, expected, "{contents:?}, together with others");
                assert_eq!(backend.commit(&ours, &[&pair.ours]), [*expected], "{contents:?}, alone");
            }
        }
        assert!(backend.commit(&backend.points(&points(&mut rng, rows)[0]), &[]).is_empty());
    }
}

/// Commitments of 2^11 rows, beside halo2's.
pub fn commit_long<B: Backend>(backend: &B) {
    let mut rng = generator(3);
    let rows = 1 << 11;
    let contents = zoo(&mut rng, rows);
    let columns: Vec<B::Column> = contents.iter().map(|c| c.upload(backend)).collect();
    let [points, _] = points(&mut rng, rows);
    let ours = backend.commit(&backend.points(&points), &columns.iter().collect::<Vec<_>>());
    for (contents, ours) in contents.iter().zip(ours) {
        assert_eq!(ours, best_multiexp(&contents.values(), &points).to_affine(), "{contents:?}");
    }
}

/// Commitments of packs: of columns of every kind beside each other, of fewer columns than there are strides, and of none.
pub fn commit_packs<B: Backend>(backend: &B) {
    const STRIDES: usize = 5;
    let mut rng = generator(17);
    for log_rows in SMALL {
        let rows = 1 << log_rows;
        let mut pairs = pairs(backend, &zoo(&mut rng, rows));
        // A backend may keep sums of reciprocals in a form of its own.
        let integers = Pair::new(backend, &Contents::Integers(short_integers(&mut rng, rows), scalars(&mut rng, 2)));
        for (tail, shift) in [(0, Fr::from(7)), (2, Fr::random(&mut rng)), (6, Fr::random(&mut rng))] {
            let forms: Vec<Vec<Form<'_, B::Column>>> = vec![vec![vec![(&integers.ours, 1)], vec![(&integers.ours, -1)]]];
            let theirs: Vec<Vec<Form<'_, _>>> = vec![vec![vec![(&integers.reference, 1)], vec![(&integers.reference, -1)]]];
            let made = backend.reciprocals(shift, &forms).into_iter().zip(Reference.reciprocals(shift, &theirs));
            let tail: Vec<Fr> = (0..tail).map(|_| Fr::random(&mut rng)).collect();
            pairs.extend(made.map(|(mut ours, mut reference)| {
                backend.write_tail(&mut ours, &tail);
                Reference.write_tail(&mut reference, &tail);
                Pair { ours, reference }
            }));
        }
        let mut packs: Vec<Vec<usize>> = (0..pairs.len()).map(|i| vec![i]).collect();
        packs.extend((0..40).map(|_| (0..rng.gen_range(0..=STRIDES)).map(|_| rng.gen_range(0..pairs.len())).collect()));
        packs.push(Vec::new());
        packs.push(vec![pairs.len() - 1; STRIDES]);
        for points in points(&mut rng, STRIDES * rows) {
            let (ours, theirs) = (backend.strides(&points, rows), Reference.strides(&points, rows));
            assert_eq!((ours.len(), theirs.len()), (STRIDES, STRIDES));
            let of_ours: Vec<Vec<&B::Column>> = packs.iter().map(|pack| pack.iter().map(|&i| &pairs[i].ours).collect()).collect();
            let expected: Vec<Vec<&_>> = packs.iter().map(|pack| pack.iter().map(|&i| &pairs[i].reference).collect()).collect();
            let expected = Reference.commit_packs(&theirs, &expected);
            let together = backend.commit_packs(&ours, &of_ours);
            assert_eq!(together.len(), packs.len());
            for (((pack, of_pack), together), expected) in packs.iter().zip(&of_ours).zip(&together).zip(&expected) {
                assert_eq!(together, expected, "2^{log_rows} rows, pack {pack:?}, together with others");
                assert_eq!(
                    backend.commit_packs(&ours, std::slice::from_ref(of_pack)),
                    [*expected],
                    "2^{log_rows} rows, pack {pack:?}, alone"
                );
            }
        }
        let points = points(&mut rng, rows)[0].clone();
        assert_eq!(backend.commit_packs(&backend.strides(&points, rows), &[Vec::new()]), [G1Affine::default()]);
    }
}
