//! Means with the interval in which they would fall for other pictures of the same kind.

use crate::data::random::{below, philox4x32_10};

/// How often the pictures are drawn again.
const DRAWS: usize = 2000;

/// A mean over pictures, and its bootstrap interval of 95 % (Efron, 1979): the pictures are drawn
/// again with replacement, 2000 times, and the interval leaves out the lowest and the highest 2.5 %
/// of their means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mean {
    /// The mean of the values.
    pub mean: f64,
    /// Where the interval begins.
    pub low: f64,
    /// Where it ends.
    pub high: f64,
    /// How many values there are.
    pub count: usize,
}

impl Mean {
    /// Of these values, one for each picture. The same values in the same order give the same
    /// interval. `None` for no values. Values that are not finite make all three numbers so.
    pub fn of(values: &[f64]) -> Option<Self> {
        let count = values.len();
        if count == 0 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / count as f64;
        if !mean.is_finite() {
            let (low, high) = (mean, mean);
            return Some(Self {
                mean,
                low,
                high,
                count,
            });
        }
        let mut means: Vec<f64> = (0..DRAWS)
            .map(|draw| drawn(values, draw as u32) / count as f64)
            .collect();
        means.sort_by(f64::total_cmp);
        let tail = DRAWS / 40;
        Some(Self {
            mean,
            low: means[tail],
            high: means[DRAWS - 1 - tail],
            count,
        })
    }
}

/// The sum of as many values as there are, drawn with replacement.
fn drawn(values: &[f64], draw: u32) -> f64 {
    let bound = values.len() as u32;
    (0..bound.div_ceil(4))
        .flat_map(|block| philox4x32_10([0, 0], [block, draw, 0, 0]))
        .take(values.len())
        .map(|word| values[below(word, bound) as usize])
        .sum()
}
