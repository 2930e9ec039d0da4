//! Errors of studies.

use crate::data::DataError;
use crate::train::run::RunError;
use std::path::PathBuf;
use thiserror::Error;

/// What stopped a study.
#[derive(Debug, Error)]
pub enum StudyError {
    /// Pictures.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Writing.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Fewer pairs than trials.
    #[error(
        "a study of {practice} + {trials} trials needs {} pairs, and there are {pairs}; lower \
         `trials` or `practice`, or score more pairs",
        practice.saturating_add(*trials).max(2)
    )]
    TooFew {
        /// Pairs.
        pairs: usize,
        /// Trials of practice.
        practice: usize,
        /// Trials that count.
        trials: usize,
    },
    /// No trial that counts.
    #[error("a study needs at least one trial that counts")]
    NoTrials,
    /// A folder that holds no evaluation.
    #[error("{} holds no evaluation ({reason}); name a folder that `pix2pix eval` wrote", path.display())]
    NoEvaluation {
        /// The folder.
        path: PathBuf,
        /// What is missing or wrong.
        reason: String,
    },
    /// A real and a generated picture of different sizes: that alone would tell them apart.
    #[error(
        "the real {real_name} has {}×{} pixels, and the generated {fake_name} beside it {}×{}; \
         study pictures of one size{}",
        real.0, real.1, fake.0, fake.1,
        if real_name == fake_name { "" } else { ", or show both of one pair with `same_input`" }
    )]
    Sizes {
        /// The pair of the real picture.
        real_name: String,
        /// That of the generated one. With `same_input` it is the same pair.
        fake_name: String,
        /// Width and height of the real picture.
        real: (u32, u32),
        /// Those of the generated one.
        fake: (u32, u32),
    },
    /// Folders without a name in common.
    #[error(
        "no picture in {} has the name of one in {}; pairs are found by the names of their files",
        real.display(), fake.display()
    )]
    NoPairs {
        /// Real pictures.
        real: PathBuf,
        /// Generated ones.
        fake: PathBuf,
    },
    /// Two pictures of a folder that only their endings tell apart.
    #[error(
        "{} and {} have one name without their endings, by which a study pairs pictures; keep one \
         of the two",
        other.display(), path.display()
    )]
    OneName {
        /// A picture.
        path: PathBuf,
        /// Another one.
        other: PathBuf,
    },
    /// A file that is no result of a study.
    #[error("{} is no result of a study ({reason}); name files that its page saved", path.display())]
    NoResult {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Results that cannot be put together.
    #[error(
        "{} is of {other}, and {} of {model}; a study is of one model: name the results of each \
         alone",
        path.display(), first.display()
    )]
    OtherStudy {
        /// A file.
        path: PathBuf,
        /// What it is of.
        other: String,
        /// The first file.
        first: PathBuf,
        /// What that is of.
        model: String,
    },
    /// Results of two experiments.
    #[error(
        "{} {own}, and {} {other}: these are two experiments; name the results of each alone",
        path.display(), first.display()
    )]
    OtherSettings {
        /// A file.
        path: PathBuf,
        /// How its pictures were shown.
        own: String,
        /// The first file.
        first: PathBuf,
        /// How those of that were.
        other: String,
    },
    /// Results of pages that show other pictures under one seed.
    #[error(
        "{} and {} are of two pages with the seed {seed}, which showed other pictures; name the \
         results of each page alone",
        path.display(), first.display()
    )]
    OtherPage {
        /// A file.
        path: PathBuf,
        /// A file before it.
        first: PathBuf,
        /// The seed of both.
        seed: u32,
    },
    /// A result that was named twice.
    #[error("{} holds the same answers as {}; name each result once", path.display(), first.display())]
    Twice {
        /// A file.
        path: PathBuf,
        /// The other one.
        first: PathBuf,
    },
}
