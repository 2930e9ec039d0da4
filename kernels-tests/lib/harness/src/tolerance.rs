//! How far a result may be from its twin's.

use pix2pix::contraction::rounding;
use pix2pix::tensor::DType;

/// `atol + rtol * |reference|`.
#[derive(Clone, Copy)]
pub struct Tolerance {
    /// What any result may be off by.
    pub absolute: f64,
    /// What a result of 1 may be off by beside it.
    pub relative: f64,
}

impl Tolerance {
    /// Values are only moved.
    pub const EXACT: Self = Self {
        absolute: 0.0,
        relative: 0.0,
    };

    /// What rounding makes of a sum of `terms` products of operands in -1..1, times `scale`.
    pub fn sum_of(terms: usize, scale: f64) -> Self {
        Self::of(scale * rounding::sum(terms))
    }

    /// The same with operands that are rounded to f16.
    pub fn sum_of_f16(terms: usize) -> Self {
        Self::of(rounding::f16_operands(terms))
    }

    /// The same by way of Winograd's points.
    pub fn sum_of_winograd(terms: usize) -> Self {
        Self::of(rounding::winograd(terms))
    }

    /// So much, and a few units in the last place of the result.
    fn of(absolute: f64) -> Self {
        Self {
            absolute,
            relative: 8.0 * f64::from(f32::EPSILON),
        }
    }

    /// The same with what storing the result rounds off: for f16 half a unit of the 11th bit, or
    /// half the smallest magnitude.
    pub fn stored(self, dtype: DType) -> Self {
        match dtype {
            DType::F32 => self,
            DType::F16 => {
                let [unit, smallest] = [2f64.powi(-11), 2f64.powi(-24)];
                Self {
                    absolute: self.absolute + smallest / 2.0,
                    relative: self.relative + unit * (1.0 + self.relative),
                }
            }
        }
    }
}

/// Fails with the worst element.
pub fn compare(name: &str, got: &[f32], expected: &[f64], tolerance: Tolerance) {
    assert_eq!(got.len(), expected.len(), "{name}: number of elements");
    let excess = |i: usize| {
        let error = (f64::from(got[i]) - expected[i]).abs()
            - tolerance.absolute
            - tolerance.relative * expected[i].abs();
        if error.is_nan() { f64::INFINITY } else { error }
    };
    let worst = (0..got.len()).max_by(|&a, &b| excess(a).total_cmp(&excess(b)));
    if let Some(i) = worst.filter(|&i| excess(i) > 0.0) {
        panic!(
            "{name}: element {i} is {}, expected {} (off by {:.3e} beyond the tolerance)",
            got[i],
            expected[i],
            excess(i)
        );
    }
}
