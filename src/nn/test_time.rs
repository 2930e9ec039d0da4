//! How a trained generator is used: a choice of statistics and one of dropout. Both are kept with
//! the model.

use super::GeneratorConfig;
use super::mode::{DropoutMode, Mode, StatisticsFrom};
use super::norm::Norm;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Where a trained generator's batch norm takes its statistics from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum TestNorm {
    /// Each image alone, as trained at batch 1
    #[default]
    Image,
    /// All images that are translated at once
    ///
    /// The reference's test without `eval()`.
    Batch,
    /// The running statistics of training
    ///
    /// The reference's `eval()`.
    Running,
}

impl TestNorm {
    /// Its name, as `config.json` has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Batch => "batch",
            Self::Running => "running",
        }
    }
}

/// What a generator lacks for the way that it shall be used. Fields of a run's configuration are
/// named in backticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TestTimeError {
    /// Only batch norm can take its statistics from elsewhere.
    #[error(
        "`test.norm` {asked} needs `norm` batch, this generator has {has}; use `test.norm` image"
    )]
    NoBatchNorm {
        /// Where the statistics should come from.
        asked: &'static str,
        /// The generator's normalisation.
        has: &'static str,
    },
    /// A generator without dropout.
    #[error("the generator has no dropout that could stay on; leave it off, or train {remedy}")]
    NoDropout {
        /// With what a generator would have it.
        remedy: &'static str,
    },
}

/// How a trained generator is used: in sample grids, in held-out scores and in translation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TestTime {
    /// Batch norm's statistics.
    pub norm: TestNorm,
    /// Whether dropout stays on, so that each seed gives another result (paper, section 2.1).
    pub dropout: bool,
}

impl TestTime {
    /// The mode that networks are recorded in.
    pub fn mode(self) -> Mode {
        let statistics = match self.norm {
            TestNorm::Image => StatisticsFrom::Image,
            TestNorm::Batch => StatisticsFrom::WholeBatch,
            TestNorm::Running => StatisticsFrom::Running,
        };
        Mode {
            statistics,
            dropout: if self.dropout {
                DropoutMode::Random
            } else {
                DropoutMode::Off
            },
        }
    }

    /// Checks that such a generator can be used so.
    ///
    /// # Errors
    /// What it lacks, with a remedy.
    pub fn check(self, generator: &GeneratorConfig) -> Result<(), TestTimeError> {
        let norm = generator.norm();
        if self.norm != TestNorm::Image && norm != Norm::Batch {
            return Err(TestTimeError::NoBatchNorm {
                asked: self.norm.name(),
                has: norm.name(),
            });
        }
        if self.dropout && !generator.has_dropout() {
            return Err(TestTimeError::NoDropout {
                remedy: generator.dropout_remedy(),
            });
        }
        Ok(())
    }
}

impl Mode {
    /// For use: per-image statistics and no dropout, so the same image gives the same output every
    /// time.
    pub fn translation() -> Self {
        TestTime::default().mode()
    }
}
