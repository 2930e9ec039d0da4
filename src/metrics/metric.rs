//! The metrics of one output and its target, by name.

use super::{
    MetricError, SsimWindow, highest_frequency, mae, ms_ssim, psnr, rmse, sharpness, ssim,
};
use crate::data::Picture;
use serde::{Deserialize, Serialize};

/// A number that compares an output with its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Metric {
    /// Mean absolute error, in steps of 255
    Mae,
    /// Root of the mean squared error, in steps of 255
    Rmse,
    /// Peak signal-to-noise ratio, in decibels
    Psnr,
    /// Structural similarity in windows of 7×7
    Ssim,
    /// Structural similarity in Gaussian windows
    SsimGaussian,
    /// Structural similarity on five scales
    MsSsim,
    /// The output's sharpness over the target's
    Sharpness,
    /// The output's energy at the highest frequency over the target's
    HighestFrequency,
}

/// Which values of a metric are good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Better {
    /// Low ones.
    Lower,
    /// High ones.
    Higher,
    /// Those near 1.
    NearOne,
}

impl Better {
    /// The words of a table.
    pub fn words(self) -> &'static str {
        match self {
            Self::Lower => "lower is better",
            Self::Higher => "higher is better",
            Self::NearOne => "1 is as the target",
        }
    }

    /// How far a value is from the best that there can be. Smaller is better.
    pub fn badness(self, value: f64) -> f64 {
        match self {
            Self::Lower => value,
            Self::Higher => -value,
            Self::NearOne => value.ln().abs(),
        }
    }
}

impl Metric {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 8] = [
        Self::Mae,
        Self::Rmse,
        Self::Psnr,
        Self::Ssim,
        Self::SsimGaussian,
        Self::MsSsim,
        Self::Sharpness,
        Self::HighestFrequency,
    ];

    /// The name in tables.
    pub fn title(self) -> &'static str {
        match self {
            Self::Mae => "MAE",
            Self::Rmse => "RMSE",
            Self::Psnr => "PSNR",
            Self::Ssim => "SSIM",
            Self::SsimGaussian => "SSIM Gaussian",
            Self::MsSsim => "MS-SSIM",
            Self::Sharpness => "sharpness",
            Self::HighestFrequency => "highest frequency",
        }
    }

    /// The name in files.
    pub fn key(self) -> &'static str {
        match self {
            Self::Mae => "mae",
            Self::Rmse => "rmse",
            Self::Psnr => "psnr",
            Self::Ssim => "ssim",
            Self::SsimGaussian => "ssim-gaussian",
            Self::MsSsim => "ms-ssim",
            Self::Sharpness => "sharpness",
            Self::HighestFrequency => "highest-frequency",
        }
    }

    /// Digits after the point that say something.
    pub fn digits(self) -> usize {
        match self {
            Self::Mae | Self::Rmse | Self::Psnr => 2,
            Self::Sharpness | Self::HighestFrequency => 3,
            Self::Ssim | Self::SsimGaussian | Self::MsSsim => 4,
        }
    }

    /// What it is, in a few words.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Mae => "mean absolute error in steps of 255",
            Self::Rmse => "root of the mean squared error in steps of 255",
            Self::Psnr => "peak signal-to-noise ratio in dB",
            Self::Ssim => "structural similarity in windows of 7×7, scikit-image's default",
            Self::SsimGaussian => "structural similarity in Gaussian windows, as its paper has it",
            Self::MsSsim => "structural similarity on five scales",
            Self::Sharpness => {
                "root mean square of the differences of neighbours, over that of the target; 1 is \
                 as sharp"
            }
            Self::HighestFrequency => {
                "energy at the highest frequency, over that of the target; a checkerboard has much"
            }
        }
    }

    /// Which values are good.
    pub fn better(self) -> Better {
        match self {
            Self::Mae | Self::Rmse => Better::Lower,
            Self::Psnr | Self::Ssim | Self::SsimGaussian | Self::MsSsim => Better::Higher,
            Self::Sharpness | Self::HighestFrequency => Better::NearOne,
        }
    }

    /// Whether `left` is better than `right`. A value that is no number is never better.
    pub fn is_better(self, left: f64, right: f64) -> bool {
        let better = self.better();
        better.badness(left) < better.badness(right)
    }

    /// Its value for an output and its target, of 8 bits a sample.
    ///
    /// # Errors
    /// [`MetricError`]: pictures that cannot be compared, or for which it is not defined.
    pub fn of(self, output: &Picture, target: &Picture) -> Result<f64, MetricError> {
        match self {
            Self::Mae => mae(output, target),
            Self::Rmse => rmse(output, target),
            Self::Psnr => psnr(output, target),
            Self::Ssim => ssim(output, target, SsimWindow::Uniform),
            Self::SsimGaussian => ssim(output, target, SsimWindow::Gaussian),
            Self::MsSsim => ms_ssim(output, target),
            Self::Sharpness => ratio(self, sharpness(output)?, sharpness(target)?),
            Self::HighestFrequency => {
                ratio(self, highest_frequency(output)?, highest_frequency(target)?)
            }
        }
    }
}

/// What the output has of something over what the target has. Not defined if the target has none.
fn ratio(metric: Metric, output: f64, target: f64) -> Result<f64, MetricError> {
    let metric = metric.title();
    match target > 0.0 {
        true => Ok(output / target),
        false => Err(MetricError::Flat { metric }),
    }
}
