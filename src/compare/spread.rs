//! Means with their spread over seeds, and which one is best.

use crate::metrics::Better;

/// Values of one cell, one for each seed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Their mean.
    pub mean: f64,
    /// Their sample standard deviation. `None` for one value.
    pub deviation: Option<f64>,
    /// How many there are.
    pub count: usize,
}

impl Spread {
    /// Of these values. `None` if there are none.
    pub fn of(values: &[f64]) -> Option<Self> {
        let count = values.len();
        let mean = values.iter().sum::<f64>() / count as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = (count > 1).then(|| (squares / (count - 1) as f64).sqrt());
        (count > 0).then_some(Self {
            mean,
            deviation,
            count,
        })
    }
}

/// The rule by which [`best`] chooses, as pages say it.
pub const RULE: &str = "Bold is a value that is better than that of every other row by more than \
                        the sum of the two standard deviations. The rows that need no training \
                        have none, and have to be beaten too. Where 1 is best, this is about \
                        the distance to 1, as |ln|. Nothing is bold with one seed, or before all \
                        runs have ended.";

/// The place of the cell whose values are better than those of every other by more than the sum of
/// both standard deviations, and than each of the `references`, which have none. `None` if there is
/// none, if a cell has fewer than two values or if a value is not finite.
pub fn best(better: Better, cells: &[Vec<f64>], references: &[f64]) -> Option<usize> {
    let spreads: Option<Vec<(f64, f64)>> = cells
        .iter()
        .map(|values| {
            let badness: Vec<f64> = values.iter().map(|&value| better.badness(value)).collect();
            let spread = Spread::of(&badness)?;
            let finite = badness.iter().all(|value| value.is_finite());
            Some((spread.mean, spread.deviation.filter(|_| finite)?))
        })
        .collect();
    let spreads = spreads.filter(|spreads| spreads.len() > 1)?;
    (0..spreads.len()).find(|&place| {
        let (mean, deviation) = spreads[place];
        let mut others = spreads
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != place);
        let mut references = references.iter().map(|&value| better.badness(value));
        others.all(|(_, other)| other.0 - mean > other.1 + deviation)
            && references.all(|reference| reference - mean > deviation)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_is_the_sample_standard_deviation() {
        let spread = Spread::of(&[1.0, 2.0, 4.0]).unwrap();
        assert!((spread.mean - 7.0 / 3.0).abs() < 1e-12);
        // Squares of 4/3, 1/3 and 5/3 are 42/9 together, over 2.
        assert!((spread.deviation.unwrap() - (42.0_f64 / 18.0).sqrt()).abs() < 1e-12);
        assert_eq!(Spread::of(&[3.0]).unwrap().deviation, None);
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn a_value_is_best_only_beyond_the_spread() {
        let cells = |left: [f64; 2], right: [f64; 2]| vec![left.to_vec(), right.to_vec()];
        // Deviations of sqrt(2)/10 each, so 0.283 together.
        let near = cells([1.0, 1.2], [1.25, 1.45]);
        let far = cells([1.0, 1.2], [1.3, 1.5]);
        assert_eq!(best(Better::Lower, &near, &[]), None);
        assert_eq!(best(Better::Lower, &far, &[]), Some(0));
        assert_eq!(best(Better::Higher, &far, &[]), Some(1));
        // A third one in between.
        let mut three = far.clone();
        three.push(vec![1.1, 1.3]);
        assert_eq!(best(Better::Lower, &three, &[]), None);
    }

    #[test]
    fn what_needs_no_training_has_to_be_beaten_too() {
        // Deviations of sqrt(2)/10 = 0.141.
        let cells = [vec![1.0, 1.2], vec![1.9, 2.1]];
        assert_eq!(best(Better::Lower, &cells, &[5.0, 1.25]), Some(0));
        assert_eq!(best(Better::Lower, &cells, &[5.0, 1.2]), None);
        assert_eq!(best(Better::Higher, &cells, &[1.8]), Some(1));
        assert_eq!(best(Better::Higher, &cells, &[f64::INFINITY]), None);
        // A mean target that is grey has no edges at all.
        assert_eq!(best(Better::NearOne, &cells, &[0.0]), Some(0));
        assert_eq!(best(Better::NearOne, &cells, &[1.01]), None);
    }

    #[test]
    fn near_one_counts_the_distance_of_each_seed() {
        // The mean of the first is 1, but each seed is far from it.
        let cells = vec![vec![0.5, 1.5], vec![0.95, 0.96]];
        assert_eq!(best(Better::NearOne, &cells, &[]), Some(1));
        let above_and_below = vec![vec![2.0, 2.01], vec![0.9, 0.91]];
        assert_eq!(best(Better::NearOne, &above_and_below, &[]), Some(1));
    }

    #[test]
    fn one_seed_a_missing_one_and_infinity_have_no_best() {
        assert_eq!(best(Better::Lower, &[vec![1.0], vec![9.0]], &[]), None);
        assert_eq!(best(Better::Lower, &[vec![1.0, 1.0], vec![]], &[]), None);
        assert_eq!(best(Better::Lower, &[vec![1.0, 1.0]], &[]), None);
        let endless = [vec![f64::INFINITY; 2], vec![20.0, 21.0]];
        assert_eq!(best(Better::Higher, &endless, &[]), None);
        assert_eq!(
            best(Better::NearOne, &[vec![0.0, 0.0], vec![1.0, 1.0]], &[]),
            None
        );
    }
}
