//! The cost law: weights and multiply-accumulates cost no advice cells but one accumulator for each row of weights.
#![expect(clippy::unwrap_used, reason = "tests")]

mod build;

use build::{Build, ConvSpec};
use sworn_circuits::graph::*;
use sworn_circuits::layout::cost::Estimate;
use sworn_circuits::layout::{Choice, Layout, Visibility};

fn estimate((graph, _): &(QuantGraph, Vec<Vec<i32>>), weight_lanes: usize) -> Estimate {
    let choice = Choice { log_rows: 12, lanes: 4, weight_lanes, limbs: 1, pack: 1 };
    Layout::restore(graph, Visibility::default(), choice).unwrap().estimate
}

/// A convolution of an image into one with `outputs` channels.
fn convolution(image: [usize; 3], outputs: usize, spec: ConvSpec) -> (QuantGraph, Vec<Vec<i32>>) {
    let mut b = Build::new(8, 71);
    let [channels, height, width] = image;
    let x = b.input(&[1, channels, height, width]);
    let y = b.conv(x, outputs, spec, Activation::Relu);
    b.finish(&[y])
}

/// Advice cells outside of the group of weights.
fn cells_without_weights(e: &Estimate) -> usize {
    e.cells - 3 * e.weight_rows
}

/// Twice the channels at half the width: as many activations, four times the weights, not one cell more.
#[test]
fn twice_the_channels_at_equal_activations() {
    let narrow = convolution([4, 8, 8], 8, ConvSpec::square(1, 1, 0));
    let wide = convolution([8, 8, 4], 16, ConvSpec::square(1, 1, 0));
    let (narrow, wide, wider_rows) = (estimate(&narrow, 8), estimate(&wide, 8), estimate(&wide, 16));
    assert_eq!(narrow.activations, wide.activations);
    assert_eq!(4 * narrow.weights, wide.weights);
    assert_eq!(cells_without_weights(&narrow), cells_without_weights(&wide));
    assert_eq!(narrow.lookups, wide.lookups);
    assert_eq!(narrow.unit_rows, wide.unit_rows);
    // Four times the weights in twice the lanes: twice the accumulators.
    assert_eq!(4 * narrow.weight_rows, wide.weight_rows);
    assert_eq!(2 * narrow.weight_rows, wider_rows.weight_rows);
}

/// Doubled output channels cost what their activations cost, however many weights they have.
#[test]
fn twice_the_output_channels() {
    for spec in [ConvSpec::square(3, 1, 1), ConvSpec::square(5, 1, 2), ConvSpec::square(3, 2, 1)] {
        let [one, two, four] = [8, 16, 32].map(|outputs| estimate(&convolution([16, 8, 8], outputs, spec), 8));
        let step = |a: &Estimate, b: &Estimate| (cells_without_weights(b) - cells_without_weights(a), b.lookups - a.lookups);
        // Linear in the channels: the same step for each eight of them.
        assert_eq!((step(&one, &two).0 * 2, step(&one, &two).1 * 2), step(&two, &four));
        assert!(two.cells_per_activation() <= one.cells_per_activation() * 1.2);
    }
}

/// A larger kernel has more weights and a border, and nothing else.
#[test]
fn a_larger_kernel_adds_borders_only() {
    let [small, large] = [1, 3].map(|k| estimate(&convolution([8, 16, 16], 8, ConvSpec::square(k, 1, k / 2)), 8));
    assert_eq!(9 * small.weights, large.weights);
    assert_eq!(small.activations, large.activations);
    // A border of one pixel around 16 by 16.
    assert!(cells_without_weights(&large) * 256 <= cells_without_weights(&small) * (18 * 18 + 18));
}

/// The lanes take the weights: the group of weights has one accumulator, one factor and one sum for 64 weights.
#[test]
fn cells_of_a_weight() {
    let mut b = Build::new(8, 72);
    let x = b.input(&[1, 128]);
    let y = b.dense(x, 256, Activation::None);
    let e = estimate(&b.finish(&[y]), 64);
    assert_eq!(e.weights, 128 * 256);
    assert!(e.cells_per_weight() <= 3.1 / 64.0);
}
