//! How far rounding carries a contraction's result: the bounds that trials on a device and the
//! tests against the twins share. All are for operands in -1..1.

const EPS: f64 = f32::EPSILON as f64;

/// Of a sum of `terms` products, in any order. Random signs make partial sums grow like the root of
/// their number, and so does what an addition rounds off; over all additions that has a deviation
/// of 0.07 eps a term, of which this bound grants seven.
pub fn sum(terms: usize) -> f64 {
    EPS * (terms as f64 / 2.0 + 8.0)
}

/// The same by way of Winograd's points, where inputs and weights grow on the way there and
/// products on the way back. Tried in numpy on both kernels and 1 to 512 channels, the worst output
/// of a tile has a deviation below 3 eps for each root of a term (the transforms) and 0.16 eps a
/// term (the sum), of which this grants eight.
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
