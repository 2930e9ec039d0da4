//! Twins of `shaders/reduction/`: which value of a reduced map an element belongs to, and its sum.

use crate::{Dims, len, rows};

/// Maps that are tried: one chunk and many, a ragged last chunk, padded channels, many channels on
/// few pixels.
pub const MAPS: [Dims; 6] = [
    [2, 3, 5, 3],
    [4, 7, 9, 1],
    [2, 1, 2, 260],
    [3, 33, 31, 6],
    [1, 61, 67, 8],
    [2, 40, 40, 17],
];

/// For each element of a map the number of its reduced value.
pub fn places(map: impl Into<Dims>, reduced: impl Into<Dims>) -> Vec<usize> {
    let (map, [groups, .., kept]) = (map.into(), reduced.into());
    let (pixels, channels) = (rows(map) / groups, map[3]);
    let place = |i: usize| i / channels / pixels * kept + if kept == 1 { 0 } else { i % channels };
    (0..len(map)).map(place).collect()
}

/// The sums of what belongs to each of `count` reduced values, times `scale`.
pub fn sums(places: &[usize], terms: &[f64], count: usize, scale: f64) -> Vec<f64> {
    let mut sums = vec![0.0; count];
    for (&place, term) in places.iter().zip(terms) {
        sums[place] += scale * term;
    }
    sums
}
