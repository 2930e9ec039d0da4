//! Floor 9: how good a trained generator is, in numbers and pictures.
//!
//! A [`Scorer`] compares outputs with their targets, and gives one [`Evaluation`]. Tables, CSV,
//! JSON and the page are made of that. An [`Evaluator`] makes the outputs, on a device. An
//! [`EvaluationFolder`] holds pictures and files, and opens without a server.
//!
//! All metrics are taken on pictures of 8-bit RGB, as files hold them. What a generator makes of
//! other kinds is scored as it is shown: grey three times, transparent pixels on white.

mod error;
mod error_map;
mod evaluator;
mod folder;
mod grid;
mod labels;
mod page;
mod scorer;
mod scores;
pub mod study;
mod subject;
mod table;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

pub use error::EvalError;
pub use evaluator::{Evaluator, mean_target};
pub use folder::{EvaluationFolder, picture_path};
pub use grid::{PairGrid, evenly_spaced};
pub use labels::LabelScores;
pub use scorer::{Example, Scorer};
pub use scores::{Evaluation, ImageScores, MetricMeans, Scores, Undefined};
pub use subject::Subject;
