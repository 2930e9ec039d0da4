//! Options about how a trained generator is used, in place of what its file records. `translate`
//! and `convert` have them.

use crate::nn::{TestNorm, TestTime};
use crate::train::{ConfigError, ModelConfig};
use clap::Args;

/// How a trained generator is used. What is not given is as the model records it.
#[derive(Debug, Clone, Args)]
pub struct TestTimeArgs {
    /// Where batch norm takes its statistics from [default: as the model says, else image]
    #[arg(long, value_enum, value_name = "MODE")]
    test_norm: Option<TestNorm>,
    /// Keep dropout on as in training: every seed gives another result
    /// [default: as the model says, else off]
    #[arg(long)]
    dropout: bool,
    /// Switch dropout off where the model leaves it on
    #[arg(long, conflicts_with = "dropout")]
    no_dropout: bool,
}

impl TestTimeArgs {
    /// Where batch norm takes its statistics from, if that was asked for.
    pub fn norm(&self) -> Option<TestNorm> {
        self.test_norm
    }

    /// Whether dropout stays on, if that was asked for.
    pub fn dropout(&self) -> Option<bool> {
        match (self.dropout, self.no_dropout) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        }
    }

    /// How `model` is used. `sampled` says that several results for one image were asked for.
    ///
    /// # Errors
    /// What such a generator cannot do.
    pub fn over(&self, model: &ModelConfig, sampled: bool) -> Result<TestTime, ConfigError> {
        model.test_as(self.norm(), self.dropout(), sampled)
    }
}
