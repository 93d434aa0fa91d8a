//! Synthetic samples: inputs within declared ranges, the same every time, for models that have ranges in place of samples.
//!
//! ```text
//! x[i] = lo + (hi − lo)·t[i],   sample k:   k mod 4 = 0, 1   t[i] = u[i]                                noise
//!                                           k mod 4 = 2      t[i] = clamp(a + c·(u[i] − 1/2), 0, 1)     a level a and a contrast c
//!                                           k mod 4 = 3      t[i] = 0 or 1                              corners
//! u, a, c   SplitMix64 from the seed k, uniform in [0, 1); k and a seed of one's own for other samples
//! ```
//!
//! Noise alone has no tensor whose elements are large together, as those of images and of extreme cases are.

use crate::calibrate::Range;
use crate::graph::Graph;

/// Number of samples.
pub const SAMPLES: usize = 64;

/// SplitMix64.
struct Uniform(u64);

impl Uniform {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// The samples, each a vector for every input.
pub fn samples(graph: &Graph, ranges: &[Range]) -> Vec<Vec<Vec<f32>>> {
    samples_from(graph, ranges, 0)
}

/// As many others, from another seed: samples that whoever compiled a model could not know.
pub fn samples_from(graph: &Graph, ranges: &[Range], seed: u64) -> Vec<Vec<Vec<f32>>> {
    (0..SAMPLES).map(|k| sample(graph, ranges, k, seed.wrapping_add(k as u64))).collect()
}

fn sample(graph: &Graph, ranges: &[Range], k: usize, seed: u64) -> Vec<Vec<f32>> {
    let mut uniform = Uniform(seed);
    let tensor = |(id, range): (&sworn_circuits::graph::NodeId, &Range)| -> Vec<f32> {
        let (level, contrast) = (uniform.next(), uniform.next());
        let mut element = || {
            let u = uniform.next();
            let t = match k % 4 {
                2 => (level + contrast * (u - 0.5)).clamp(0.0, 1.0),
                3 => u.round(),
                _ => u,
            };
            // Rounded to f32 it may step over an end.
            ((range.min + (range.max - range.min) * t) as f32).clamp(range.min as f32, range.max as f32)
        };
        (0..graph.node(*id).elements()).map(|_| element()).collect()
    };
    graph.inputs.iter().zip(ranges).map(tensor).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Op;

    #[test]
    fn samples_are_within_their_ranges_and_the_same_every_time() {
        let mut graph = Graph::default();
        let inputs = ["a", "b"].map(|name| graph.push(name, Op::Input, vec![], vec![2, 50]));
        graph.inputs = inputs.to_vec();
        let ranges = [Range { min: -1.0, max: 3.0 }, Range { min: 5.0, max: 5.0 }];
        let drawn = samples(&graph, &ranges);
        assert_eq!(drawn, samples(&graph, &ranges));
        assert_eq!(drawn.len(), SAMPLES);
        assert!(samples_from(&graph, &ranges, 1 << 40).iter().zip(&drawn).all(|(other, sample)| other[0] != sample[0]));
        let first = drawn.iter().flat_map(|sample| &sample[0]).map(|&x| f64::from(x));
        let (low, high, sum) = first.fold((f64::MAX, f64::MIN, 0.0), |(l, h, s), x| (l.min(x), h.max(x), s + x));
        assert_eq!((low, high), (-1.0, 3.0), "corners are at the ends");
        assert!((sum / (100.0 * SAMPLES as f64) - 1.0).abs() < 0.2);
        assert!(drawn.iter().all(|sample| sample[1].iter().all(|x| *x == 5.0)));
    }
}
