//! Every kind of column beside double and add.

use super::*;
use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha20Rng;

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn random_points(num: usize, rng: &mut impl RngCore) -> Vec<G1Affine> {
    (0..num).map(|_| (G1::generator() * Fr::random(&mut *rng)).to_affine()).collect()
}

fn int(value: i64) -> Fr {
    let magnitude = Fr::from(value.unsigned_abs());
    if value < 0 {
        -magnitude
    } else {
        magnitude
    }
}

fn fields(column: &Scalars<'_>, num: usize) -> Vec<Fr> {
    let mut all = match *column {
        Scalars::Fields(fields) => return fields.to_vec(),
        Scalars::Ints { values: Ints::I8(v), .. } => v.iter().map(|&v| int(v.into())).collect::<Vec<_>>(),
        Scalars::Ints { values: Ints::I16(v), .. } => v.iter().map(|&v| int(v.into())).collect(),
        Scalars::Ints { values: Ints::I32(v), .. } => v.iter().map(|&v| int(v.into())).collect(),
        Scalars::Ints { values: Ints::I64(v), .. } => v.iter().map(|&v| int(v)).collect(),
        Scalars::Lookups { table, indices, .. } => {
            let rows = indices.first().map_or(0, Vec::len);
            (0..rows).map(|row| indices.iter().map(|i| table[i[row] as usize]).sum()).collect()
        }
    };
    let tail = column.tail();
    all.resize(num - tail.len(), Fr::ZERO);
    all.extend(tail);
    all
}

/// Double and add, of the smaller of v and −v.
fn times(point: &G1Affine, v: &Fr) -> G1 {
    let (v, point) = if -v < *v { (-v, -*point) } else { (*v, *point) };
    let bits = v.to_repr().into_iter().rev().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
    bits.skip_while(|&bit| bit == 0).fold(G1::identity(), |sum, bit| if bit == 1 { sum.double() + point } else { sum.double() })
}

fn check(points: &[G1Affine], columns: &[Scalars<'_>]) {
    let expected: Vec<G1Affine> = columns
        .iter()
        .map(|column| {
            let scalars = fields(column, points.len());
            scalars.iter().zip(points).fold(G1::identity(), |sum, (v, p)| sum + times(p, v)).to_affine()
        })
        .collect();
    let bases = Bases::new(points);
    for _ in 0..2 {
        assert_eq!(commit(&bases, columns), expected);
    }
    for adder in Adder::all() {
        assert_eq!(commit(&Bases { adder, ..bases.clone() }, columns), expected, "{adder:?}");
    }
    for (column, expected) in columns.iter().zip(&expected).take(5) {
        assert_eq!(commit(&bases, &[*column]), [*expected]);
    }
}

/// Entries that a row has once, twice and three times; a table with zeros; one entry for all; nothing.
#[test]
fn lookups() {
    let rng = &mut rng(41);
    let points = random_points(150, rng);
    for (entries, summands, tail) in [(1, 3, 0), (2, 3, 6), (5, 1, 2), (64, 3, 4), (140, 2, 8), (3, 0, 3)] {
        let mut table: Vec<Fr> = (0..entries).map(|_| Fr::random(&mut *rng)).collect();
        table[entries / 2] = Fr::ZERO;
        let rows = points.len() - tail;
        let tail: Vec<Fr> = (0..tail).map(|_| Fr::random(&mut *rng)).collect();
        let mut random = |high: usize| (0..rows).map(|_| rng.gen_range(0..high as u32)).collect::<Vec<u32>>();
        let indices: Vec<Vec<u32>> = (0..summands).map(|_| random(entries)).collect();
        let zeros = vec![vec![0; rows]; summands];
        let column = |indices| Scalars::Lookups { table: &table, indices, tail: &tail };
        check(&points, &[column(&indices), column(&zeros)]);
    }
}

fn ints(values: Ints<'_>) -> Scalars<'_> {
    Scalars::Ints { values, tail: &[] }
}

macro_rules! width_tests {
    ($name:ident, $int:ty, $variant:ident) => {
        #[test]
        fn $name() {
            let mut rng = rng(1);
            for num in [1usize, 2, 3, 7, 64, 1000] {
                let points = random_points(num, &mut rng);
                let extremes = [0, 1, -1, <$int>::MIN, <$int>::MAX, 2, <$int>::MIN + 1];
                let mut columns: Vec<Vec<$int>> = vec![
                    vec![],
                    vec![0; num],
                    (0..num).map(|i| extremes[i % extremes.len()]).collect(),
                    (0..num).map(|i| if i == num / 2 { <$int>::MIN } else { 0 }).collect(),
                    (0..num).map(|i| if i == num / 2 { <$int>::MAX } else { 0 }).collect(),
                    (0..num).map(|i| if i % 50 == 0 { 77 } else { 0 }).collect(),
                ];
                columns.extend(extremes.iter().map(|&v| vec![v; num]));
                columns.push((0..num).map(|_| rng.gen()).collect());
                columns.push((0..num / 2).map(|_| rng.gen()).collect());
                columns.push((0..num).map(|_| rng.gen_range(0..2)).collect());
                for bits in 1..<$int>::BITS - 1 {
                    if num < 100 || bits % 5 == 1 {
                        let bound = (1 as $int) << (bits - 1);
                        columns.push((0..num).map(|_| rng.gen_range(-bound..=bound)).collect());
                    }
                }
                let columns: Vec<_> = columns.iter().map(|values| ints(Ints::$variant(values))).collect();
                check(&points, &columns);
            }
        }
    };
}
width_tests!(bytes, i8, I8);
width_tests!(halves, i16, I16);
width_tests!(words, i32, I32);
width_tests!(longs, i64, I64);

#[test]
fn tails() {
    let mut rng = rng(2);
    for num in [8usize, 9, 64, 200] {
        let points = random_points(num, &mut rng);
        let values: Vec<i16> = (0..num).map(|_| rng.gen()).collect();
        let tails: Vec<Vec<Fr>> = (0..=8).map(|len| (0..len).map(|_| Fr::random(&mut rng)).collect()).collect();
        let special = vec![Fr::ZERO, Fr::ONE, -Fr::ONE, Fr::from(16), -Fr::from(17), Fr::from(1 << 40), Fr::ZERO];
        let columns: Vec<_> = tails
            .iter()
            .chain([&special])
            .filter(|tail| tail.len() <= num)
            .flat_map(|tail| {
                let values = &values[..num - tail.len()];
                [
                    Scalars::Ints { values: Ints::I16(values), tail },
                    Scalars::Ints { values: Ints::I16(&values[..values.len() / 2]), tail },
                    Scalars::Ints { values: Ints::I64(&[]), tail },
                ]
            })
            .collect();
        check(&points, &columns);
    }
}

#[test]
fn field_scalars() {
    let mut rng = rng(3);
    for num in [1usize, 2, 3, 7, 64, 1000] {
        let points = random_points(num, &mut rng);
        let special = [Fr::ZERO, Fr::ONE, -Fr::ONE, -Fr::from(2), Fr::from(3), Fr::from(u64::MAX), Fr::TWO_INV, -Fr::from(1 << 15)];
        let mut columns: Vec<Vec<Fr>> = special.iter().map(|&v| vec![v; num]).collect();
        columns.push((0..num).map(|i| special[i % 8]).collect());
        columns.push((0..num).map(|_| Fr::random(&mut rng)).collect());
        columns.push((0..num).map(|_| if rng.gen_range(0..20) == 0 { Fr::random(&mut rng) } else { Fr::ZERO }).collect());
        columns.push((0..num).map(|_| Fr::from(rng.gen_range(0..300))).collect());
        columns.push((0..num / 2).map(|_| Fr::random(&mut rng)).collect());
        columns.push(vec![]);
        let columns: Vec<_> = columns.iter().map(|values| Scalars::Fields(values)).collect();
        check(&points, &columns);
    }
}

#[test]
fn special_bases() {
    let mut rng = rng(4);
    let few = random_points(3, &mut rng);
    let identity = G1Affine::default();
    let repeated: Vec<_> = (0..300).map(|i| few[i % 3]).collect();
    let negatives: Vec<_> = (0..300).map(|i| if i % 2 == 0 { few[0] } else { -few[0] }).collect();
    let mixed: Vec<_> = (0..300).map(|i| [few[0], identity, -few[0], few[1], few[0], identity, -few[1]][i % 7]).collect();
    for points in [repeated, negatives, mixed, vec![identity; 300]] {
        let random: Vec<i16> = (0..294).map(|_| rng.gen_range(-9..9)).collect();
        let tail: Vec<Fr> = (0..6).map(|_| Fr::random(&mut rng)).collect();
        let wide: Vec<Fr> = (0..300).map(|_| Fr::random(&mut rng)).collect();
        let columns = [
            Scalars::Ints { values: Ints::I16(&random), tail: &tail },
            Scalars::Ints { values: Ints::I16(&[1; 294]), tail: &tail },
            ints(Ints::I8(&[1; 300])),
            ints(Ints::I8(&[-3; 299])),
            Scalars::Fields(&wide),
        ];
        check(&points, &columns);
    }
}

#[test]
fn small_and_odd_sizes() {
    let mut rng = rng(6);
    let points = random_points(4095, &mut rng);
    for num in (1..=64).chain([127, 513, 4095]) {
        let mut points = points[..num].to_vec();
        points[num / 2] = G1Affine::default();
        let column: Vec<i8> = (0..num).map(|i| [0, 1, -1, 1, -128, 127][i % 6]).collect();
        let wide: Vec<Fr> = (0..num).map(|i| [Fr::ZERO, -Fr::ONE, Fr::ONE, Fr::TWO_INV][i % 4]).collect();
        check(&points, &[ints(Ints::I8(&column)), Scalars::Fields(&wide)]);
    }
}

#[test]
fn equal_scalars_on_points_that_cancel_and_double() {
    let mut rng = rng(7);
    let (point, scalar) = (random_points(1, &mut rng)[0], Fr::random(&mut rng));
    // Every power of two twice, and each with its negative: one bucket is full of doublings and identities.
    let doubles: Vec<G1> = std::iter::successors(Some(G1::from(point)), |p| Some(p.double())).take(40).collect();
    let doubles: Vec<G1Affine> = doubles.iter().map(|p| p.to_affine()).flat_map(|p| [p, p]).collect();
    let cancel: Vec<G1Affine> = doubles.iter().flat_map(|p| [*p, -*p]).collect();
    for points in [vec![point; 160], doubles, cancel] {
        let num = points.len();
        let columns = [vec![scalar; num], vec![-Fr::ONE; num], vec![Fr::ONE; num]];
        let alternating: Vec<i16> = (0..num).map(|i| if i % 2 == 0 { i16::MIN } else { i16::MAX }).collect();
        let mut columns: Vec<Scalars<'_>> = columns.iter().map(|c| Scalars::Fields(c)).collect();
        columns.push(ints(Ints::I16(&alternating)));
        check(&points, &columns);
    }
}

#[test]
fn many_columns_under_any_pool() {
    let mut rng = rng(5);
    let num = 512;
    let points = random_points(num, &mut rng);
    let narrow: Vec<Vec<i16>> = (0..60).map(|i| (0..500).map(|_| rng.gen_range(-(1 << (i % 14))..=1 << (i % 14))).collect()).collect();
    let tails: Vec<Vec<Fr>> = (0..60).map(|i| (0..i % 9).map(|_| Fr::random(&mut rng)).collect()).collect();
    let wide: Vec<Vec<Fr>> = (0..4).map(|_| (0..num).map(|_| Fr::random(&mut rng)).collect()).collect();
    let mut columns: Vec<_> = narrow.iter().zip(&tails).map(|(values, tail)| Scalars::Ints { values: Ints::I16(values), tail }).collect();
    columns.extend(wide.iter().map(|values| Scalars::Fields(values)));
    check(&points, &columns);
    let under = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| commit(&Bases::new(&points), &columns))
    };
    assert_eq!(under(1), under(3));
}

#[test]
fn nothing() {
    assert_eq!(commit(&Bases::new(&[]), &[]), []);
    assert_eq!(commit(&Bases::new(&[]), &[ints(Ints::I8(&[]))]), [G1Affine::default()]);
    assert_eq!(commit(&Bases::new(&[]), &[Scalars::Fields(&[])]), [G1Affine::default()]);
}

#[test]
#[should_panic(expected = "a column has 3 + 1 rows, of 3")]
fn overlap() {
    let bases = Bases::new(&[G1Affine::generator(); 3]);
    commit(&bases, &[Scalars::Ints { values: Ints::I8(&[1, 2, 3]), tail: &[Fr::ONE] }]);
}

/// Packs with short columns, tails that are longer than the rows with tables, and members of every kind beside each other.
#[test]
fn packs() {
    const ROWS: usize = 40;
    let rng = &mut rng(52);
    let points = random_points(5 * ROWS, rng);
    let random = |count: usize, rng: &mut ChaCha20Rng| (0..count).map(|_| Fr::random(&mut *rng)).collect::<Vec<Fr>>();
    let (full, short, tail) = (random(ROWS, rng), random(ROWS - 7, rng), random(8, rng));
    let table = random(6, rng);
    let indices: Vec<Vec<u32>> = (0..2).map(|_| (0..ROWS - 8).map(|_| rng.gen_range(0..6)).collect()).collect();
    let ints: Vec<i16> = (0..ROWS as i16 - 8).map(|i| 300 * i - 5000).collect();
    let kinds = [
        Scalars::Fields(&full),
        Scalars::Fields(&short),
        Scalars::Ints { values: Ints::I16(&ints), tail: &tail },
        Scalars::Ints { values: Ints::I16(&ints[..3]), tail: &[] },
        Scalars::Lookups { table: &table, indices: &indices, tail: &tail },
    ];
    let mut packs: Vec<Vec<Scalars<'_>>> = vec![vec![], kinds.to_vec()];
    packs.extend((0..60).map(|i| (0..1 + i % 5).map(|_| kinds[rng.gen_range(0..kinds.len())]).collect()));
    let expected: Vec<G1Affine> = packs
        .iter()
        .map(|pack| {
            let sum = |(member, points): (&Scalars<'_>, &[G1Affine])| -> G1 {
                // Fields may be short: what they lack is 0.
                fields(member, ROWS).iter().zip(points).map(|(v, p)| times(p, v)).sum()
            };
            pack.iter().zip(points.chunks(ROWS)).map(sum).sum::<G1>().to_affine()
        })
        .collect();
    let slices: Vec<&[Scalars<'_>]> = packs.iter().map(Vec::as_slice).collect();
    let strides = Bases::strides(&points, ROWS);
    for adder in Adder::all() {
        let strides: Vec<Bases> = strides.iter().cloned().map(|bases| Bases { adder, ..bases }).collect();
        assert_eq!(commit_packs(&strides, &slices), expected, "{adder:?}");
        for (pack, expected) in slices.iter().zip(&expected) {
            assert_eq!(commit_packs(&strides, &[pack]), [*expected]);
        }
    }
}

#[test]
#[should_panic(expected = "a pack of more than 1 members")]
fn packs_longer_than_strides() {
    let strides = Bases::strides(&[G1Affine::generator(); 3], 3);
    commit_packs(&strides, &[&[Scalars::Fields(&[Fr::ONE]); 2]]);
}

#[test]
#[should_panic(expected = "strides of different points")]
fn strides_of_different_points() {
    let strides = [Bases::new(&[G1Affine::generator(); 3]), Bases::new(&[G1Affine::generator(); 3])];
    commit_packs(&strides, &[&[Scalars::Fields(&[Fr::ONE])]]);
}
