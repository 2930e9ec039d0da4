//! The errors of the commands, and their exit codes.

use super::stop::INTERRUPTED;
use crate::bench::BenchError;
use crate::compare::CompareError;
use crate::data::{DataError, Half, ToolError};
use crate::eval::EvalError;
use crate::eval::study::StudyError;
use crate::gpu::GpuError;
use crate::inspect::InspectError;
use crate::interop::InteropError;
use crate::models::CardError;
use crate::train::run::RunError;
use crate::train::{ConfigError, TrainError};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use thiserror::Error;

/// Errors of the command line.
#[derive(Debug, Error)]
pub enum CliError {
    /// Arguments that make no sense together.
    #[error("{0}")]
    Usage(String),
    /// A field of a configuration that breaks a rule.
    #[error("{}", super::options::render(&.0.to_string()))]
    Config(#[from] ConfigError),
    /// The device.
    #[error(transparent)]
    Gpu(#[from] GpuError),
    /// A setting of a tool of `prepare`.
    #[error("{}", super::options::render(&.0.to_string()))]
    Tool(#[from] ToolError),
    /// Images.
    #[error(transparent)]
    Data(#[from] DataError),
    /// An image that is too large to be read in one piece. It can be translated in another way.
    #[error("{source}, or {remedy}")]
    InOnePiece {
        /// What was too large.
        source: DataError,
        /// The other way.
        remedy: &'static str,
    },
    /// Training or translating.
    #[error("{0}{flags}", flags = flags(.0))]
    Train(#[from] TrainError),
    /// Looking inside a program.
    #[error(transparent)]
    Inspect(InspectError),
    /// Evaluating.
    #[error(transparent)]
    Eval(#[from] EvalError),
    /// Comparing.
    #[error("{}", super::options::render(&.0.to_string()))]
    Compare(#[from] CompareError),
    /// A cell of a comparison.
    #[error("{label}: {source}")]
    Cell {
        /// Its name.
        label: String,
        /// What is wrong with it.
        source: Box<CliError>,
    },
    /// Runs of a comparison failed. The report says why.
    #[error(
        "{failed} of {all} runs failed; why stands in {}; to train one again, remove its folder \
         and go on",
        report.display()
    )]
    FailedRuns {
        /// How many.
        failed: usize,
        /// Of how many.
        all: usize,
        /// Where it stands.
        report: PathBuf,
    },
    /// A study.
    #[error("{}", super::options::render(&.0.to_string()))]
    Study(#[from] StudyError),
    /// A weight file.
    #[error(transparent)]
    Interop(#[from] InteropError),
    /// A bundled model.
    #[error(transparent)]
    Card(#[from] CardError),
    /// The run folder.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A checkpoint that a run cannot go on from.
    #[error("{0}; move this file away, and --resume goes on from the checkpoint before it")]
    Checkpoint(Box<TrainError>),
    /// The data set of a run is not where it was.
    #[error(
        "{} is no longer there; name it where it is now: pix2pix train DATASET --resume {run}",
        dataset.display()
    )]
    Moved {
        /// Where it was.
        dataset: PathBuf,
        /// The run.
        run: String,
    },
    /// A folder without the file of a network.
    #[error("{}: there is no {name} in this folder; {remedy}", folder.display())]
    NoNetwork {
        /// The folder.
        folder: PathBuf,
        /// The file.
        name: &'static str,
        /// What to do.
        remedy: String,
    },
    /// A name that neither a file nor a bundled model has.
    #[error("nothing here is called {}: {remedy}", name.display())]
    NoModel {
        /// The name.
        name: PathBuf,
        /// What to do.
        remedy: String,
    },
    /// Some files could not be used; their errors have been listed.
    #[error("{failed} of {all} files failed as listed; the others are done")]
    Failed {
        /// How many.
        failed: usize,
        /// Of how many.
        all: usize,
    },
    /// Images that this device cannot translate.
    #[error("{}: {source}", names(files))]
    Translate {
        /// The image, or all images of a batch.
        files: Vec<PathBuf>,
        /// What went wrong.
        source: Box<TrainError>,
    },
    /// Results that would be written over inputs.
    #[error(
        "{}{} would be written over; choose another --out",
        input.display(), and_others(*others)
    )]
    OverInput {
        /// An input.
        input: PathBuf,
        /// How many more there are.
        others: usize,
    },
    /// Results that would be written over other files.
    #[error(
        "{}{} exist{}; choose another --out{}--force to go on and write over {them}",
        path.display(), and_others(*others), if *others == 0 { "s" } else { "" },
        if *can_skip {
            format!(", --skip-existing to leave {} and make the other results, or ", them(*others))
        } else {
            " or ".to_owned()
        },
        them = them(*others)
    )]
    Exists {
        /// A file.
        path: PathBuf,
        /// How many more there are.
        others: usize,
        /// Whether they can be left and the other results be made.
        can_skip: bool,
    },
    /// Inputs that are combined pairs where single images are meant.
    #[error(
        "{}{} twice as wide as high, as combined pairs are; {}, --half none the whole image",
        file.display(),
        match others { 0 => " is".to_owned(), _ => format!("{} are", and_others(*others)) },
        match input {
            Some(half) => format!("--half {half} translates the half that this model takes"),
            None => "--half A or --half B translates the half that is the input".to_owned(),
        }
    )]
    CombinedPairs {
        /// One of them.
        file: PathBuf,
        /// How many more there are.
        others: usize,
        /// The half that is the model's input, if its file says it.
        input: Option<Half>,
    },
    /// A stream of frames that ended with an error.
    #[error("{source}; frames that were written before: {frames}")]
    Stream {
        /// What went wrong.
        source: Box<CliError>,
        /// Frames that were written.
        frames: usize,
    },
    /// A signal ended a stream of frames.
    #[error("stopped; frames that were written: {frames}")]
    StreamStopped {
        /// Frames that were written.
        frames: usize,
    },
    /// A signal ended a translation of files.
    #[error("stopped; results that are complete: {made}; {again}")]
    TranslationStopped {
        /// Results that were written.
        made: usize,
        /// How it goes on.
        again: String,
    },
    /// A signal ended an evaluation.
    #[error("stopped; no scores were written, and earlier ones stay; run it again")]
    EvaluationStopped,
    /// A signal ended a tool of `prepare`.
    #[error(
        "stopped; files that are made: {made} of {all}; run it again with --skip-existing for the \
         others, or with --force for all"
    )]
    ToolStopped {
        /// Files that were made.
        made: usize,
        /// Of how many.
        all: usize,
    },
    /// Two inputs would be written to one file.
    #[error(
        "{} and {} would both be {}; choose another --out, or run them apart with an --out each",
        first.display(), second.display(), output.display()
    )]
    Clash {
        /// One file.
        first: PathBuf,
        /// The other file.
        second: PathBuf,
        /// The output.
        output: PathBuf,
    },
    /// Something stands where a result should be, and is no file.
    #[error("{}; move it away, or choose another --out", in_the_way(by, output))]
    Blocked {
        /// The file of the result.
        output: PathBuf,
        /// What is there: a folder, or a file where a folder should be.
        by: PathBuf,
    },
    /// Measuring, or a file of measurements.
    #[error(transparent)]
    Bench(BenchError),
    /// A comparison found something slower.
    #[error("{slower} of {of} times are longer by more than they vary")]
    Slower {
        /// How many.
        slower: usize,
        /// Of how many that were compared.
        of: usize,
    },
    /// The studio.
    #[cfg(feature = "studio")]
    #[error("{}", super::options::render(&.0.to_string()))]
    Studio(#[from] crate::studio::StudioError),
    /// Stdout cannot be written.
    #[error("cannot write to stdout: {0}")]
    Stdout(io::Error),
}

/// Stands behind the name of one file for all of them.
fn and_others(others: usize) -> String {
    match others {
        0 => String::new(),
        1 => " and 1 other".to_owned(),
        _ => format!(" and {others} others"),
    }
}

fn them(others: usize) -> &'static str {
    if others == 0 { "it" } else { "them" }
}

/// All names in a row.
fn names(files: &[PathBuf]) -> String {
    files
        .iter()
        .map(|file| file.display().to_string())
        .collect::<Vec<_>>()
        .join(", ")
}

/// The options that make things smaller. They stand behind an error that says "too large".
fn flags(error: &TrainError) -> &'static str {
    if error.is_too_large() {
        " (--size, --batch-size, --ngf)"
    } else {
        ""
    }
}

fn in_the_way(by: &Path, output: &Path) -> String {
    let (by, output) = (by.display(), output.display());
    match by.to_string() == output.to_string() {
        true => format!("{by} is a folder"),
        false => format!("{by} is no folder, and {output} would lie in it"),
    }
}

impl From<InspectError> for CliError {
    fn from(error: InspectError) -> Self {
        match error {
            InspectError::Train(error) => Self::Train(error),
            InspectError::Gpu(error) => Self::Gpu(error),
            error => Self::Inspect(error),
        }
    }
}

impl CliError {
    /// The same, where files that are there cannot be left as they are.
    pub fn without_skipping(self) -> Self {
        match self {
            Self::Exists { path, others, .. } => Self::Exists {
                path,
                others,
                can_skip: false,
            },
            other => other,
        }
    }

    /// 2 for usage, 3 for a comparison that found something slower, 130 after a signal, 1 for
    /// everything else.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Usage(_)
            | Self::Config(_)
            | Self::Tool(_)
            | Self::Compare(
                CompareError::Axis { .. }
                | CompareError::TooMany { .. }
                | CompareError::OtherAxes { .. }
                | CompareError::OtherSettings { .. }
                | CompareError::OtherPairs { .. }
                | CompareError::OtherSplit { .. },
            )
            | Self::Exists { .. }
            | Self::CombinedPairs { .. }
            | Self::Train(TrainError::Config(_)) => 2,
            Self::Slower { .. } => 3,
            Self::Train(TrainError::Interrupted)
            | Self::Eval(EvalError::Train(TrainError::Interrupted))
            | Self::StreamStopped { .. }
            | Self::TranslationStopped { .. }
            | Self::EvaluationStopped
            | Self::ToolStopped { .. } => INTERRUPTED,
            Self::Stream { source, .. } | Self::Cell { source, .. } => return source.exit_code(),
            _ => 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_there_can_be_left_where_that_is_said() {
        let there = |others| CliError::Exists {
            path: PathBuf::from("a.png"),
            others,
            can_skip: true,
        };
        assert_eq!(
            there(1).to_string(),
            "a.png and 1 other exist; choose another --out, --skip-existing to leave them and make \
             the other results, or --force to go on and write over them"
        );
        assert_eq!(
            there(0).without_skipping().to_string(),
            "a.png exists; choose another --out or --force to go on and write over it"
        );
    }
}
