//! What a run tells while it trains and when it ends.

use crate::ops::loss_scale::Scaling;
use crate::train::monitor::Losses;
use crate::train::run::Standing;
use crate::train::score::Score;
use std::path::PathBuf;
use std::time::Duration;

/// What a run reports while it trains.
#[derive(Debug, Clone, Copy)]
pub struct StepReport {
    /// The newest finished step.
    pub losses: Losses,
    /// Its epoch, from 1.
    pub epoch: u64,
    /// The newest held-out score.
    pub score: Option<Score>,
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct RunSummary {
    /// Steps done in all.
    pub step: u64,
    /// The newest held-out score of this process, if there are held-out pairs.
    pub score: Option<Score>,
    /// The newest sample grid of this process, and its step, which is that of the score.
    pub picture: Option<(u64, PathBuf)>,
    /// Whether it was stopped, so that there is something left to do.
    pub interrupted: bool,
    /// How far it is, and why it ended.
    pub standing: Standing,
    /// Time of training, from the first batch to the last loss.
    pub training: Duration,
    /// The part of it that was spent waiting for batches.
    pub data_wait: Duration,
    /// Time for scores and sample grids. Those after the last step are no part of `training`.
    pub showing: Duration,
    /// The generator's and the discriminator's loss scale; none in f32.
    pub scaling: Vec<Scaling>,
}
