//! A comparison as it was asked for, and what became of its runs.

use super::grid::Axis;
use super::measures::Measures;
use crate::data::Split;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The form of the file that holds a plan.
pub const VERSION: u32 = 1;

/// A comparison as it was asked for, and what became of its runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ComparisonPlan {
    /// The form of this file.
    pub version: u32,
    /// The command as somebody typed it.
    pub command: String,
    /// The data set as somebody called it.
    pub dataset: String,
    /// The settings that all cells share, as arguments.
    pub arguments: Vec<String>,
    /// Where the data set was before, if it has moved since runs began.
    #[serde(default)]
    pub places: Vec<String>,
    /// What is varied.
    pub axes: Vec<Axis>,
    /// The seeds of each cell.
    pub seeds: Vec<u64>,
    /// The size of training, in pixels.
    pub size: u32,
    /// Sizes that the generators are scored at. None for that of training alone.
    pub test_sizes: Vec<u32>,
    /// How many pairs the picture shows.
    pub shown: usize,
    /// The split that is scored, where somebody named it or the folder has it already.
    pub split: Option<Split>,
    /// What readers should know of all runs: a name and a text each.
    pub facts: Vec<(String, String)>,
    /// Lines below the table.
    pub remarks: Vec<String>,
    /// The pairs.
    pub pairs: Pairs,
    /// What became of the runs that have ended, by their folders.
    pub records: BTreeMap<String, Record>,
}

/// The pairs of a comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pairs {
    /// How many are trained on.
    pub training: usize,
    /// A number for the names of their files.
    pub training_names: u64,
    /// How many are scored.
    pub scored: usize,
    /// A number for the names of their files.
    pub scored_names: u64,
    /// The split that these are. None where an older version did not write it.
    #[serde(default)]
    pub split: Option<Split>,
}

/// What became of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// What it ran on.
    pub device: String,
    /// Seconds of training.
    pub seconds: f64,
    /// The step at which `patience` ended it, if that was before its budget was used.
    #[serde(default)]
    pub early: Option<u64>,
    /// Why it has no scores at any size, if it failed.
    pub failure: Option<String>,
    /// What became of its scores, by the size of pictures in pixels. An older version did not
    /// write it.
    #[serde(default)]
    pub scored: BTreeMap<u32, Outcome>,
}

/// What became of the scores of a run at one size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// They are there: the number of [`Measures`].
    Scores(u64),
    /// There are none, for this reason.
    Failed(String),
}

impl Record {
    /// Whether these are the scores that the comparison wrote at a size, and not those that
    /// somebody put in their place.
    pub fn has_noted(&self, size: u32, there: &Measures) -> bool {
        self.scored.get(&size) == Some(&Outcome::Scores(there.number))
    }

    /// Why there are no scores at a size, if that failed.
    pub fn failure_at(&self, size: u32) -> Option<&str> {
        match (&self.failure, self.scored.get(&size)) {
            (Some(reason), _) | (None, Some(Outcome::Failed(reason))) => Some(reason),
            (None, _) => None,
        }
    }
}

impl ComparisonPlan {
    /// A new plan without any runs.
    pub fn new(size: u32, pairs: Pairs) -> Self {
        Self {
            version: VERSION,
            command: String::new(),
            dataset: String::new(),
            arguments: Vec::new(),
            places: Vec::new(),
            axes: Vec::new(),
            seeds: Vec::new(),
            size,
            test_sizes: Vec::new(),
            shown: 0,
            split: None,
            facts: Vec::new(),
            remarks: Vec::new(),
            pairs,
            records: BTreeMap::new(),
        }
    }
}

impl std::fmt::Display for Pairs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            training, scored, ..
        } = self;
        write!(f, "{training} training pairs and {scored} held-out ones")
    }
}

/// The folder of an evaluation in that of a `run` that was trained at `size`. It is scored `at`
/// another one, or at that.
pub fn evaluation_folder(run: &Path, size: u32, at: Option<u32>) -> PathBuf {
    match at.filter(|&at| at != size) {
        Some(at) => run.join(format!("eval-{at}")),
        None => run.join("eval"),
    }
}
