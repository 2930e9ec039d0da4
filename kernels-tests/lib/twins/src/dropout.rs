//! The twin of `shaders/dropout/`.

use crate::random::{fraction, philox};

/// The factor on each of `count` elements: 0, or 1 / (1 - p). `key` is the layer's.
pub fn mask(p: f64, key: u32, count: usize, step: u32, seed: [u32; 2]) -> Vec<f64> {
    let keeps = |i: usize| fraction(philox([i as u32 / 4, 0, step, key], seed)[i % 4]) >= p;
    (0..count)
        .map(|i| if keeps(i) { 1.0 / (1.0 - p) } else { 0.0 })
        .collect()
}
