//! Errors of comparing.

use crate::data::Split;
use crate::train::run::{RunError, quote};
use std::path::PathBuf;
use thiserror::Error;

/// What stopped a comparison. Texts name fields and settings in backticks.
#[derive(Debug, Error)]
pub enum CompareError {
    /// A setting that is varied, and cannot be.
    #[error("`vary` {given}: {reason}")]
    Axis {
        /// What was asked for.
        given: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// More cells than a table holds.
    #[error(
        "{cells} cells are too many for one comparison, which holds {most}; vary fewer settings or \
         values"
    )]
    TooMany {
        /// How many there are.
        cells: usize,
        /// How many there may be.
        most: usize,
    },
    /// A comparison of that name that varies something else.
    #[error(
        "{} compares {there}, and now it is {asked}; vary the same, or choose another `name`",
        path.display()
    )]
    OtherAxes {
        /// Its folder.
        path: PathBuf,
        /// What it varies.
        there: String,
        /// What was asked for.
        asked: String,
    },
    /// A run of the comparison that was trained in another way.
    #[error(
        "{} was trained with another {}; leave that as it was, remove this folder to train it \
         again, or choose another `name`",
        path.display(), fields.join(", ")
    )]
    OtherSettings {
        /// The folder of the run.
        path: PathBuf,
        /// The fields, in backticks.
        fields: Vec<String>,
    },
    /// A run of the comparison that was trained on the data set of another path.
    #[error(
        "{} was trained on another `dataset`; if that is the same in a new place, give it with \
         `resume`, as in pix2pix compare DATASET `resume` {}, or else choose another `name`",
        path.display(), quote(comparison)
    )]
    Moved {
        /// The folder of the run.
        path: PathBuf,
        /// That of the comparison.
        comparison: PathBuf,
    },
    /// A data set that is no longer where it was.
    #[error(
        "the data set of {} is no longer in {}; say where it lies now, as in pix2pix compare \
         DATASET `resume` {}",
        comparison.display(), dataset.display(), quote(comparison)
    )]
    Gone {
        /// Where it was.
        dataset: PathBuf,
        /// The folder of the comparison.
        comparison: PathBuf,
    },
    /// A data set that has changed.
    #[error(
        "{} began with {there}, and now there are {now}; put the data set back as it was, or \
         choose another `name`",
        path.display()
    )]
    OtherPairs {
        /// The folder of the comparison.
        path: PathBuf,
        /// The pairs of then.
        there: String,
        /// Those of now.
        now: String,
    },
    /// Another split than the one that is scored.
    #[error(
        "{} scores the {there} pairs, and now it is {asked}; leave `split` out, or choose another \
         `name`",
        path.display()
    )]
    OtherSplit {
        /// The folder of the comparison.
        path: PathBuf,
        /// The split that it scores.
        there: Split,
        /// What was asked for.
        asked: Split,
    },
    /// A folder of something else.
    #[error(
        "{} is there and is no comparison, it has no {file}; choose another `name`",
        path.display()
    )]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// The file that a comparison has.
        file: &'static str,
    },
    /// There is no comparison to go on with.
    #[error("there is no comparison in {}; check the name, or start one", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file of a comparison that another version wrote.
    #[error(
        "{} was written by another version of this program (its version is {found}, this one \
         reads {known}); go on with that one, or choose another `name`",
        path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The version that is read.
        known: u32,
    },
    /// An evaluation that is not what this program writes.
    #[error("{}: {reason}; remove this folder, and the run is scored again", path.display())]
    Scores {
        /// The folder of the evaluation.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A file.
    #[error(transparent)]
    Run(#[from] RunError),
}
