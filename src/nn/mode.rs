//! How a network is run: where batch norm takes its statistics from, and what dropout does.

use crate::tape::Var;
use std::collections::BTreeMap;

/// Where batch norm takes its statistics from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatisticsFrom {
    /// From the whole batch; updates the running statistics. This is training.
    Batch,
    /// From the whole batch, without an update: for a second pass over the same images.
    BatchAgain,
    /// From each of so many equal parts of the batch; updates the running statistics by one part
    /// after the other. This is several batches at once.
    Parts(usize),
    /// From each image alone, whatever the batch: the use that fits training at batch 1. It is
    /// instance normalisation.
    Image,
    /// From the whole batch; the running statistics stay as they are.
    WholeBatch,
    /// The running statistics: the reference's `eval()`.
    Running,
}

/// What dropout does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DropoutMode {
    /// Nothing.
    Off,
    /// Draws a mask from seed, step and layer.
    Random,
    /// As [`DropoutMode::Random`]; each of several batches of a step has masks of its own.
    Numbered(usize),
    /// Multiplies by given 0/1 masks, by layer name.
    Given(BTreeMap<String, Var>),
}

/// How a network is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mode {
    /// Batch norm.
    pub statistics: StatisticsFrom,
    /// Dropout.
    pub dropout: DropoutMode,
}

impl Mode {
    /// Batch statistics and random dropout.
    pub fn training() -> Self {
        Self {
            statistics: StatisticsFrom::Batch,
            dropout: DropoutMode::Random,
        }
    }

    /// The same for `parts` batches of equal size that go through the network as one.
    pub fn for_parts(&self, parts: usize) -> Self {
        let statistics = if self.statistics == StatisticsFrom::Batch {
            StatisticsFrom::Parts(parts)
        } else {
            self.statistics
        };
        Self {
            statistics,
            ..self.clone()
        }
    }

    /// The same for batch `number`, counted from 0, of a step that has several. Random dropout
    /// draws other masks for each.
    pub fn numbered(&self, number: usize) -> Self {
        let other = number > 0 && self.dropout == DropoutMode::Random;
        let dropout = if other {
            DropoutMode::Numbered(number)
        } else {
            self.dropout.clone()
        };
        Self {
            dropout,
            ..self.clone()
        }
    }

    /// The same for a second pass over the same images: the output is the same, and running
    /// statistics stay.
    pub fn again(&self) -> Self {
        let statistics = if self.statistics == StatisticsFrom::Batch {
            StatisticsFrom::BatchAgain
        } else {
            self.statistics
        };
        Self {
            statistics,
            ..self.clone()
        }
    }
}
