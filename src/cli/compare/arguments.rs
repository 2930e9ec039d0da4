//! The command line of `compare`: its own options, and those of `train` for what all cells share.
//! What was typed for `train` is kept as it is, so that each cell is a command line of `train` with
//! a few options more.

use super::super::train::TrainArgs;
use super::super::{CliError, recorded};
use crate::cli::options::field_of;
use crate::compare::{MOST_SEEDS, Paper};
use crate::data::Split;
use crate::models;
use crate::train::Range;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The comparison's own options.
#[derive(Debug, Clone, Args)]
pub struct OwnArgs {
    /// An option of `train` and the values to compare, as in objective=l1,l1+cgan. Give it again
    /// for another option: all combinations are trained. Switches take on and off
    #[arg(long, value_name = "OPTION=VALUE,..", action = ArgAction::Append)]
    pub vary: Vec<String>,
    /// A comparison of the paper
    #[arg(long, value_enum, value_name = "NAME")]
    pub paper: Option<Paper>,
    /// Runs of each cell. Their seeds count up from --seed
    #[arg(
        long,
        default_value_t = 1,
        value_name = "N",
        value_parser = clap::value_parser!(u64).range(1..=MOST_SEEDS)
    )]
    pub seeds: u64,
    /// Use each trained generator at these sizes, in pixels
    /// [default: the size that it was trained at]
    #[arg(
        long,
        value_name = "PIXELS,..",
        value_delimiter = ',',
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub test_sizes: Vec<u32>,
    /// Which pairs are scored. With val, the test pairs can be looked at once, at the end
    /// [default: test, else val]
    #[arg(long, value_enum, value_name = "SPLIT")]
    pub split: Option<Split>,
    /// Held-out pairs to show. They are spread evenly over the split
    #[arg(
        long,
        default_value_t = 6,
        value_name = "N",
        value_parser = clap::value_parser!(u64).range(1..=64)
    )]
    pub shown: u64,
    /// Name of the comparison, whose runs lie in its folder
    /// [default: the data set's, with what is varied]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Folder of all runs and comparisons
    #[arg(long, default_value = "runs", value_name = "DIR")]
    pub runs: PathBuf,
    /// Folder of the comparison, wherever it is
    #[arg(long, value_name = "DIR", conflicts_with_all = ["name", "runs"])]
    pub out: Option<PathBuf>,
    /// Go on with a comparison as it was asked for. A DATASET is where its data set lies now. The
    /// same command goes on as well, and may add values and seeds
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with_all = [
            "vary", "paper", "seeds", "test_sizes", "split", "shown", "name", "out"
        ]
    )]
    pub resume: Option<PathBuf>,
}

/// Options of `train` that a comparison has of its own.
const OWN: [&str; 4] = ["name", "runs", "resume", "help"];

/// Arguments of `compare`.
#[derive(Debug)]
pub struct CompareArgs {
    /// Its own options.
    pub own: OwnArgs,
    /// What was typed of those of `train`: argument by argument, each with its id.
    pub typed: Vec<Typed>,
}

/// An argument of `train` as it was typed.
#[derive(Debug, Clone)]
pub struct Typed {
    /// Whether it is a file or a folder.
    is_path: bool,
    /// The option; none for the data set.
    long: Option<String>,
    /// Its value; none for a switch.
    value: Option<OsString>,
}

impl Args for CompareArgs {
    fn augment_args(command: Command) -> Command {
        let train = TrainArgs::augment_args(Command::new("train"));
        let (positional, options): (Vec<Arg>, Vec<Arg>) = train
            .get_arguments()
            .filter(|arg| !OWN.contains(&arg.get_id().as_str()))
            .cloned()
            .partition(Arg::is_positional);
        let command = positional.into_iter().fold(command, Command::arg);
        let command = OwnArgs::augment_args(command);
        options.into_iter().fold(command, Command::arg).after_help(
            "Example: pix2pix compare facades --direction BtoA --paper objectives --seeds 3\n         \
             pix2pix compare --vary upsample=deconv,nearest --vary lr=0.002,0.004 --steps 500\n         \
             pix2pix compare --resume facades-objectives",
        )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for CompareArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let train = TrainArgs::augment_args(Command::new("train"));
        let mut typed = Vec::new();
        for arg in train.get_arguments() {
            let id = arg.get_id().as_str();
            let was_typed =
                !OWN.contains(&id) && matches.value_source(id) == Some(ValueSource::CommandLine);
            if !was_typed {
                continue;
            }
            let is_path = arg.is_positional()
                || field_of(arg).is_some_and(|field| field.range == Range::Path);
            let entry = |value| Typed {
                is_path,
                long: arg.get_long().map(str::to_owned),
                value,
            };
            match arg.get_action() {
                ArgAction::SetTrue => typed.push(entry(None)),
                _ => {
                    let values = matches.get_raw(id).into_iter().flatten();
                    typed.extend(values.map(|value| entry(Some(value.to_owned()))));
                }
            }
        }
        Ok(Self {
            own: OwnArgs::from_arg_matches(matches)?,
            typed,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Typed {
    /// As an argument of `train`. A path is written in full, so that it is found from any folder.
    ///
    /// # Errors
    /// Text that no file can hold.
    pub fn argument(&self) -> Result<String, CliError> {
        let value = match &self.value {
            // The name of a bundled model is no path.
            Some(value) if self.is_path && models::named(Path::new(value)).is_none() => {
                Some(recorded(Path::new(value))?)
            }
            value => value.clone().map(PathBuf::from),
        };
        let value = value.map(|value| value.into_os_string().into_string());
        let value = value.transpose().map_err(|value| {
            CliError::Usage(format!("{} is no UTF-8 text", value.to_string_lossy()))
        })?;
        Ok(match (&self.long, value) {
            (Some(long), Some(value)) => format!("--{long}={value}"),
            (Some(long), None) => format!("--{long}"),
            (None, value) => value.unwrap_or_default(),
        })
    }

    /// The data set as it was typed, if this is it.
    pub fn dataset(&self) -> Option<&OsString> {
        self.value.as_ref().filter(|_| self.long.is_none())
    }
}
