//! How a trained generator is used, as `train` records it and `translate` overrides it.

use crate::nn::TestNorm;
use clap::ValueEnum;

/// The heading of these options in the help.
pub const TEST_TIME: &str = "How the trained generator is used";

/// Where batch norm takes its statistics from at test time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TestNormArg {
    /// Each image alone, as trained at batch 1
    Image,
    /// All images that are translated at once
    Batch,
    /// The running statistics of training
    Running,
}

impl TestNormArg {
    /// The mode of that name.
    pub fn norm(self) -> TestNorm {
        match self {
            Self::Image => TestNorm::Image,
            Self::Batch => TestNorm::Batch,
            Self::Running => TestNorm::Running,
        }
    }
}
