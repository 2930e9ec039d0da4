//! How far rounding carries a contraction's result: the bounds that trials on a device and the
//! tests against the twins share. All are for operands in -1..1.

const EPS: f64 = f32::EPSILON as f64;

/// Of a sum of `terms` products, in any order. The signs are random, so partial sums grow like the
/// root of their number. Rounding over n additions has a standard deviation of about 0.07 eps per
/// term; the bound allows seven of them.
pub fn sum(terms: usize) -> f64 {
    EPS * (terms as f64 / 2.0 + 8.0)
}

/// The same by way of Winograd's points, where inputs and weights grow on the way there and
/// products on the way back. Tried in numpy on both kernels and 1 to 512 channels. The worst output
/// of a tile has a standard deviation of less than 3 eps times the root of the terms, from the
/// transforms, and of 0.16 eps per term, from the sum; the bound allows eight of both.
pub fn winograd(terms: usize) -> f64 {
    let terms = terms as f64;
    EPS * (24.0 * terms.sqrt() + 1.3 * terms)
}

/// Of a sum of `terms` products of operands that are rounded to f16 first: each is off by up to
/// 2^-11 of itself, a product by 1/5 of 2^-11 in the root of the mean square; the signs are random,
/// so a sum is off by the root of its terms times that, of which this grants six.
pub fn f16_operands(terms: usize) -> f64 {
    sum(terms) + 1.2 * (terms as f64).sqrt() / 2048.0
}
