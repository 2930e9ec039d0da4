//! Structural similarity: SSIM (Wang, Bovik, Sheikh and Simoncelli, 2004) and MS-SSIM (Wang,
//! Simoncelli and Bovik, 2003).
//!
//! `structural_similarity` of scikit-image is the reference for SSIM: the mean over the places
//! whose window lies inside of the picture, and then over channels. Constants: K1 0.01, K2 0.03,
//! range 255.

use super::MetricError;
use super::distance::RANGE;
use super::planes::{Plane, plane_pairs};
use crate::data::Picture;

const C1: f64 = (0.01 * RANGE) * (0.01 * RANGE);
const C2: f64 = (0.03 * RANGE) * (0.03 * RANGE);

/// Under which window the statistics of a place are taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SsimWindow {
    /// 7×7 pixels of one weight, and the covariance of a sample (over 48): scikit-image's default.
    #[default]
    Uniform,
    /// A Gaussian of σ 1.5 with 11×11 taps, and the covariance of the population: the paper's.
    Gaussian,
}

impl SsimWindow {
    /// Taps along an axis; their sum is 1.
    fn taps(self) -> Vec<f64> {
        match self {
            Self::Uniform => vec![1.0 / 7.0; 7],
            Self::Gaussian => {
                let weights =
                    (-5..=5).map(|at: i32| (-f64::from(at * at) / (2.0 * 1.5 * 1.5)).exp());
                let sum: f64 = weights.clone().sum();
                weights.map(|weight| weight / sum).collect()
            }
        }
    }

    /// What the covariance under the window is multiplied by.
    fn covariance_factor(self) -> f64 {
        match self {
            Self::Uniform => 49.0 / 48.0,
            Self::Gaussian => 1.0,
        }
    }

    /// Pixels of a side: the shortest picture has as many.
    pub fn side(self) -> u32 {
        match self {
            Self::Uniform => 7,
            Self::Gaussian => 11,
        }
    }
}

/// SSIM of two pictures, from -1 to 1: the mean over places and channels.
///
/// # Errors
/// [`MetricError`] for pictures of different sizes, of 16 bits, or smaller than the window.
pub fn ssim(output: &Picture, target: &Picture, window: SsimWindow) -> Result<f64, MetricError> {
    let pairs = plane_pairs("SSIM", [output, target], window.side())?;
    let of_channels = pairs.iter().map(|pair| similarity(pair, window)[0]);
    Ok(of_channels.sum::<f64>() / pairs.len() as f64)
}

/// Weights of the five scales, the finest first (section 3.2 of the paper).
const SCALES: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];

/// The shortest side whose coarsest scale, halved four times and rounded up, holds a window of 11.
pub const MS_SSIM_LEAST: u32 = 161;

/// MS-SSIM of two pictures, from 0 to 1: SSIM's terms on five scales under the Gaussian window.
/// Scales are halved by the mean of four pixels, as in the authors' code. A negative term counts as
/// 0.
///
/// # Errors
/// As [`ssim`]; the shortest side is [`MS_SSIM_LEAST`].
pub fn ms_ssim(output: &Picture, target: &Picture) -> Result<f64, MetricError> {
    let pairs = plane_pairs("MS-SSIM", [output, target], MS_SSIM_LEAST)?;
    let of_channels = pairs.iter().map(|pair| {
        let mut pair = pair.clone();
        let mut product = 1.0;
        for (scale, weight) in SCALES.iter().enumerate() {
            let [whole, contrast] = similarity(&pair, SsimWindow::Gaussian);
            let is_last = scale + 1 == SCALES.len();
            let term = if is_last { whole } else { contrast };
            product *= term.max(0.0).powf(*weight);
            pair = pair.map(|plane| plane.halved());
        }
        product
    });
    Ok(of_channels.sum::<f64>() / pairs.len() as f64)
}

/// The mean over places of SSIM, and of its term of contrast and structure alone.
fn similarity([a, b]: &[Plane; 2], window: SsimWindow) -> [f64; 2] {
    let taps = window.taps();
    let mean_of = |left: &Plane, right: &Plane| left.zip(right, |l, r| l * r).filter(&taps);
    let (mean_a, mean_b) = (a.filter(&taps), b.filter(&taps));
    let (squares_a, squares_b, products) = (mean_of(a, a), mean_of(b, b), mean_of(a, b));
    let factor = window.covariance_factor();
    let (mut whole, mut contrast) = (0.0, 0.0);
    for place in 0..mean_a.values.len() {
        let (mean_a, mean_b) = (mean_a.values[place], mean_b.values[place]);
        let variance_a = factor * (squares_a.values[place] - mean_a * mean_a);
        let variance_b = factor * (squares_b.values[place] - mean_b * mean_b);
        let covariance = factor * (products.values[place] - mean_a * mean_b);
        let luminance = (2.0 * mean_a * mean_b + C1) / (mean_a * mean_a + mean_b * mean_b + C1);
        let term = (2.0 * covariance + C2) / (variance_a + variance_b + C2);
        whole += luminance * term;
        contrast += term;
    }
    [whole, contrast].map(|sum| sum / mean_a.values.len() as f64)
}
