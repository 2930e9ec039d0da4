//! How far a run is, and how its user goes on with it.

use crate::train::score::{Best, EvalMetric};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Whether a run trains, or why it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// It goes on.
    Training,
    /// Somebody stopped it.
    Stopped,
    /// So many held-out scores in a row were not better.
    OutOfPatience {
        /// How many.
        waited: u64,
    },
    /// It has all its steps.
    Complete,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// Whether it trains.
    pub stage: Stage,
    /// Steps done.
    pub step: u64,
    /// Steps of the whole run.
    pub length: u64,
    /// The held-out score that counts.
    pub metric: EvalMetric,
    /// The best one: that of the weights in `checkpoints/best`.
    pub best: Option<Best>,
}

/// How to go on with a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoOn {
    /// Where it stands, and what the commands are for. They follow after a colon.
    pub words: String,
    /// The commands. Each of them will do.
    pub commands: Vec<String>,
}

/// The commands that the page of a run shows, as the program that wrote it takes them.
#[derive(Clone, Copy, Debug)]
pub struct Commands {
    /// Goes on with the run in a folder.
    pub go_on: fn(&Path, &Standing) -> GoOn,
    /// Translates so many images at a time with a checkpoint.
    pub translate: fn(&Path, usize) -> String,
}
