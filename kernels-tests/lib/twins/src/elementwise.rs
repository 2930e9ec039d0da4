//! Twins of `shaders/elementwise/`: sums, products and powers, and what only moves values.

use crate::Dims;

/// Maps that are tried: single pixels, padded channels, odd sizes, and several workgroups.
pub const MAPS: [Dims; 5] = [
    [1, 1, 1, 8],
    [2, 3, 5, 3],
    [1, 17, 9, 6],
    [2, 8, 8, 16],
    [1, 19, 16, 16],
];

/// The sum, or the product, of each pair, times `scale`.
pub fn binary(left: &[f64], right: &[f64], product: bool, scale: f64) -> Vec<f64> {
    let of = |(a, b): (&f64, &f64)| scale * if product { a * b } else { a + b };
    left.iter().zip(right).map(of).collect()
}

/// Each value times `by`.
pub fn scale(input: &[f64], by: f64) -> Vec<f64> {
    input.iter().map(|value| by * value).collect()
}

/// `scale * (value + shift) ^ (halves / 2)` of each value.
pub fn power(input: &[f64], halves: i32, shift: f64, scale: f64) -> Vec<f64> {
    let of = |value: &f64| scale * (value + shift).powf(f64::from(halves) / 2.0);
    input.iter().map(of).collect()
}

/// The channels of two maps of the same pixels behind one another.
pub fn concat(left: &[f64], right: &[f64], [a, b]: [usize; 2]) -> Vec<f64> {
    let pixels = left.chunks(a).zip(right.chunks(b));
    pixels.flat_map(|(l, r)| [l, r].concat()).collect()
}

/// A map of so many channels with `before` zero channels in front of its own and `behind` behind.
pub fn pad_channels(input: &[f64], channels: usize, before: usize, behind: usize) -> Vec<f64> {
    let pixel = |pixel: &[f64]| [&vec![0.0; before], pixel, &vec![0.0; behind]].concat();
    input.chunks(channels).flat_map(pixel).collect()
}

/// Images of so many values with `before` zero images in front and `behind` behind.
pub fn pad_batch(input: &[f64], image: usize, before: usize, behind: usize) -> Vec<f64> {
    [
        &vec![0.0; image * before],
        input,
        &vec![0.0; image * behind],
    ]
    .concat()
}
