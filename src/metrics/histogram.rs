//! How alike the colours of two sets of pictures are (the paper's table of histogram
//! intersections, section 4.2): L1 alone prefers grey, an adversarial loss does not.

use super::MetricError;
use super::planes::planes;
use crate::data::Picture;
use crate::data::lab::lab_of_srgb;

/// Bins of an axis.
const BINS: usize = 256;
/// Where an axis begins and ends: lightness, a, b. Every sRGB colour lies inside, and grey, whose a
/// and b are 0 but for rounding, in the middle of a bin.
const ENDS: [[f64; 2]; 3] = [[0.0, 100.0], [-128.5, 127.5], [-128.5, 127.5]];

/// Histograms of lightness, a and b over the pixels of many pictures, 256 bins each.
#[derive(Debug, Clone, PartialEq)]
pub struct LabHistograms {
    counts: [Vec<u64>; 3],
}

impl Default for LabHistograms {
    fn default() -> Self {
        Self {
            counts: [const { Vec::new() }; 3].map(|_: Vec<u64>| vec![0; BINS]),
        }
    }
}

impl LabHistograms {
    /// Counts the pixels of a picture.
    ///
    /// # Errors
    /// [`MetricError`] for a picture of 16 bits, or not of red, green and blue.
    pub fn add(&mut self, picture: &Picture) -> Result<(), MetricError> {
        const METRIC: &str = "the histogram intersection";
        let planes = planes(METRIC, picture, 1)?;
        let [red, green, blue] = planes.as_slice() else {
            return Err(MetricError::Colours {
                metric: METRIC,
                channels: planes.len(),
            });
        };
        for ((r, g), b) in red.values.iter().zip(&green.values).zip(&blue.values) {
            let lab = lab_of_srgb([r / 255.0, g / 255.0, b / 255.0]);
            for ((counts, value), [low, high]) in self.counts.iter_mut().zip(lab).zip(ENDS) {
                let bin = (value - low) / (high - low) * BINS as f64;
                counts[(bin.max(0.0) as usize).min(BINS - 1)] += 1;
            }
        }
        Ok(())
    }

    /// What both sets share of lightness, a and b: the sum over bins of the smaller of the two
    /// shares of pixels, from 0 to 1. `None` if one of them has no pixels.
    pub fn intersection(&self, other: &Self) -> Option<[f64; 3]> {
        let pixels = |set: &Self| set.counts[0].iter().sum::<u64>() as f64;
        let [all_left, all_right] = [self, other].map(pixels);
        let shared = |axis: usize| {
            let bars = self.counts[axis].iter().zip(&other.counts[axis]);
            bars.map(|(&l, &r)| (l as f64 / all_left).min(r as f64 / all_right))
                .sum()
        };
        (all_left > 0.0 && all_right > 0.0).then(|| std::array::from_fn(shared))
    }
}
