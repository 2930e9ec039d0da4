//! Errors of evaluating.

use crate::data::DataError;
use crate::interop::InteropError;
use crate::metrics::MetricError;
use crate::train::TrainError;
use crate::train::run::RunError;
use std::path::PathBuf;
use thiserror::Error;

/// What stopped an evaluation.
#[derive(Debug, Error)]
pub enum EvalError {
    /// The pairs.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Translating.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The weights.
    #[error(transparent)]
    Interop(#[from] InteropError),
    /// Writing.
    #[error(transparent)]
    Run(#[from] RunError),
    /// An output that cannot be compared with its target.
    #[error("{name}: {source}")]
    Metric {
        /// The pair.
        name: String,
        /// What is wrong.
        source: MetricError,
    },
    /// A generator that puts out something that is no number.
    #[error(
        "{name}: the generator's output has values that are no numbers (NaN or infinite), because \
         its weights have grown too large; take an earlier checkpoint"
    )]
    NotFinite {
        /// The pair.
        name: String,
    },
    /// Images of another number of channels than the generator takes or makes.
    #[error(
        "{}: this model makes {model}, and the pairs are read as {pairs}; name the pairs that it was \
         trained for",
        path.display()
    )]
    Channels {
        /// The model.
        path: PathBuf,
        /// The channels that it makes and takes.
        model: String,
        /// Those of the pairs.
        pairs: String,
    },
    /// A folder that holds something else than an evaluation.
    #[error(
        "{} holds other files than those of an evaluation, for example {example}; choose another \
         folder",
        path.display()
    )]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// One of the files.
        example: String,
    },
    /// An evaluation that is there already.
    #[error("{} holds an evaluation already; write over it with {remedy}", path.display())]
    Exists {
        /// The folder.
        path: PathBuf,
        /// What to do.
        remedy: &'static str,
    },
}
