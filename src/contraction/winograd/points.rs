//! The matrices of Winograd's transforms along one axis, as they follow from the points (Lavin and
//! Gray, section 4).
//!
//! A polynomial of `taps` coefficients times one of `SIDE + 1 - taps` has SIDE coefficients, which
//! follow from its values at SIDE points, of which the last is infinity: the leading coefficient.
//! Filtering is that map transposed: the weight is evaluated at the points, with the denominators
//! of the interpolation; the inputs of a tile go through the transposed interpolation, products
//! through the transposed evaluation of the other factor.

/// Inputs of a tile along an axis, and points.
pub(super) const SIDE: usize = 6;
/// The points but infinity. Their products and quotients stay small; of the sets tried these round
/// off least (docs/decisions/contractions.md).
const FINITE: [f64; SIDE - 1] = [0.0, 1.0, -1.0, 2.0, -0.5];
/// A matrix by rows; what a smaller one lacks is 0.
pub(super) type Matrix = [[f32; SIDE]; SIDE];

/// Outputs of a tile along an axis.
pub(super) const fn outputs(taps: usize) -> usize {
    SIDE + 1 - taps
}

/// From a tile's inputs to the points, interpolation transposed: `B^T` in the paper.
pub(super) fn of_input() -> Matrix {
    let mut matrix = Matrix::default();
    for (point, row) in matrix.iter_mut().enumerate() {
        // The polynomial that is 0 at all other points; for infinity, at all of them.
        let mut coefficients = [0.0; SIDE];
        coefficients[0] = 1.0;
        for (_, root) in FINITE
            .iter()
            .enumerate()
            .filter(|&(other, _)| other != point)
        {
            for power in (0..SIDE).rev() {
                coefficients[power] = if power == 0 {
                    0.0
                } else {
                    coefficients[power - 1]
                } - root * coefficients[power];
            }
        }
        *row = coefficients.map(|coefficient| coefficient as f32);
    }
    matrix
}

/// From a row of so many weights to their values at the points, with the denominators of the
/// interpolation: `G`.
pub(super) fn of_weight(taps: usize) -> Matrix {
    let mut matrix = Matrix::default();
    for (point, &x) in FINITE.iter().enumerate() {
        let others = FINITE
            .iter()
            .enumerate()
            .filter(|&(other, _)| other != point);
        let scale: f64 = others.map(|(_, other)| x - other).product();
        for (tap, value) in matrix[point].iter_mut().enumerate().take(taps) {
            *value = (x.powi(tap as i32) / scale) as f32;
        }
    }
    matrix[SIDE - 1][taps - 1] = 1.0;
    matrix
}

/// From products at the points to so many outputs, evaluation transposed: `A^T`.
pub(super) fn of_product(outputs: usize) -> Matrix {
    let mut matrix = Matrix::default();
    for (output, row) in matrix.iter_mut().enumerate().take(outputs) {
        for (value, x) in row.iter_mut().zip(FINITE) {
            *value = x.powi(output as i32) as f32;
        }
    }
    matrix[outputs - 1][SIDE - 1] = 1.0;
    matrix
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply<const N: usize>(matrix: &Matrix, row: [f32; N]) -> [f32; SIDE] {
        matrix.map(|coefficients| {
            coefficients
                .iter()
                .zip(row)
                .map(|(coefficient, x)| coefficient * x)
                .sum()
        })
    }

    #[test]
    fn products_at_the_points_are_sums_over_taps() {
        let input = [0.5, -1.25, 2.0, 0.75, -0.5, 1.5];
        let weight = [1.0, -0.5, 0.25, 2.0, -1.0, 0.5];
        for taps in 2..=5 {
            let mut cut = [0.0; SIDE];
            cut[..taps].copy_from_slice(&weight[..taps]);
            let [inputs, weights] = [apply(&of_input(), input), apply(&of_weight(taps), cut)];
            let products: [f32; SIDE] = std::array::from_fn(|point| inputs[point] * weights[point]);
            let found = apply(&of_product(outputs(taps)), products);
            for output in 0..outputs(taps) {
                let expected: f32 = (0..taps).map(|tap| input[output + tap] * weight[tap]).sum();
                assert!(
                    (found[output] - expected).abs() < 1e-5,
                    "{taps} taps, output {output}: {} for {expected}",
                    found[output]
                );
            }
        }
    }
}
