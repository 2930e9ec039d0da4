//! A series of times by its quantiles. Outliers of a shared machine do not move these.

use serde::{Deserialize, Serialize};

/// Median, quartiles and ends of a series.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Quantiles {
    /// The smallest.
    pub min: f64,
    /// A quarter is below.
    pub lower: f64,
    /// The middle.
    pub median: f64,
    /// A quarter is above.
    pub upper: f64,
    /// The largest.
    pub max: f64,
    /// How many there were.
    pub samples: usize,
}

impl Quantiles {
    /// Of `values`, in any order; zeros for none.
    pub fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().saturating_sub(1);
        // Interpolated between two neighbours if the position falls between them.
        let at = |quarters: usize| {
            let (index, rest) = (quarters * last / 4, (quarters * last % 4) as f64 / 4.0);
            let value = |i: usize| sorted.get(i.min(last)).copied().unwrap_or(0.0);
            value(index) * (1.0 - rest) + value(index + 1) * rest
        };
        let [min, lower, median, upper, max] = [0, 1, 2, 3, 4].map(at);
        Self {
            min,
            lower,
            median,
            upper,
            max,
            samples: sorted.len(),
        }
    }

    /// Whether the middle halves of the two series have no value in common.
    pub fn is_apart_from(&self, other: &Self) -> bool {
        self.upper < other.lower || other.upper < self.lower
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_lie_between_neighbours() {
        let found = Quantiles::of(&[5.0, 1.0, 4.0, 2.0, 3.0]);
        assert_eq!(
            (found.min, found.lower, found.median, found.upper, found.max),
            (1.0, 2.0, 3.0, 4.0, 5.0)
        );
        let found = Quantiles::of(&[4.0, 1.0]);
        assert_eq!(
            (found.min, found.lower, found.median, found.upper, found.max),
            (1.0, 1.75, 2.5, 3.25, 4.0)
        );
        assert_eq!(Quantiles::of(&[]), Quantiles::default());
        assert_eq!(Quantiles::of(&[7.0]).median, 7.0);
    }

    #[test]
    fn an_outlier_moves_no_quartile_apart() {
        let calm = Quantiles::of(&[1.0, 1.01, 1.02, 1.03, 9.0]);
        assert!(!calm.is_apart_from(&Quantiles::of(&[1.01, 1.02, 1.03, 1.04, 1.05])));
        assert!(calm.is_apart_from(&Quantiles::of(&[1.2, 1.21, 1.22, 1.23, 1.24])));
    }
}
