//! Floor 10: the command line. One file a subcommand; the only floor that prints.
//!
//! Results go to stdout, progress and errors to stderr. Exit codes: 0 for success; 1 for a failure;
//! 2 for a command line that makes no sense; 3 when a comparison of benchmarks found something
//! slower; 130 when a signal ended what cannot be resumed.

mod adapters;
mod bench;
mod compare;
mod convert;
mod endings;
mod error;
mod eval;
mod failures;
mod habits;
mod inspect;
mod models;
mod names;
mod network;
mod options;
mod outputs;
mod pixels;
mod prepare;
mod progress;
mod pth;
mod reading;
mod results;
mod scoring;
mod stop;
#[cfg(feature = "studio")]
mod studio;
mod study;
mod test_time;
mod tips;
mod train;
mod translate;
mod tune;
mod weights;

pub use error::CliError;

use crate::data::{Encoding, Format, Picture, PictureLayout, RowWriter};
use crate::gpu::{DeviceOptions, Gpu, GpuError};
use crate::tensor::DType;
use crate::train::Config;
use crate::train::run::{AtomicFile, RunError};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Image-to-image translation with conditional GANs, trained and run on any GPU by hand-written
/// WGSL shaders.
#[derive(Debug, Parser)]
#[command(
    name = "pix2pix",
    version,
    max_term_width = 100,
    arg_required_else_help = true
)]
#[command(
    after_help = "Example: pix2pix train          (the bundled pairs, a few minutes on a CPU)"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train on a folder of image pairs, or on the bundled pairs.
    Train(Box<train::TrainArgs>),
    /// Translate images with a trained generator.
    Translate(translate::TranslateArgs),
    /// Score a trained generator on pairs: metrics, and a page of all pictures.
    Eval(Box<eval::EvalArgs>),
    /// Train a grid of settings, and lay scores and pictures side by side.
    Compare(Box<compare::CompareArgs>),
    /// Ask people: make a page of real and generated pictures, or put answers together.
    Study(study::StudyArgs),
    /// List the trained models that the program carries.
    Models(models::ModelsArgs),
    /// Show runs while they train, start trainings and draw, in the browser.
    #[cfg(feature = "studio")]
    Studio(studio::StudioArgs),
    /// Copy weights between this program's files and PyTorch's.
    Convert(convert::ConvertArgs),
    /// Make data sets out of folders of images.
    Prepare(prepare::PrepareArgs),
    /// Print the training step or a model as a table, with its memory plan, and draw it.
    Inspect(Box<inspect::InspectArgs>),
    /// List the adapters of this machine.
    Adapters(adapters::AdaptersArgs),
    /// Measure this device.
    Bench(bench::BenchArgs),
}

/// The device and the seed. Every command that computes has these options.
#[derive(Debug, Clone, Args)]
struct DeviceArgs {
    /// Adapter by index or part of its name, see `pix2pix adapters` [default: the fastest kind]
    #[arg(long, value_name = "ADAPTER")]
    adapter: Option<String>,
    /// Seed of everything random
    #[arg(long, default_value_t = Config::default().seed, value_name = "N")]
    seed: u64,
    /// Do without 16-bit floats
    #[arg(long, help_heading = FALLBACKS)]
    no_f16: bool,
    /// Do without subgroup operations
    #[arg(long, help_heading = FALLBACKS)]
    no_subgroups: bool,
    /// Do without 64-bit integers
    #[arg(long, help_heading = FALLBACKS)]
    no_int64: bool,
    /// Do without matrix units
    #[arg(long, help_heading = FALLBACKS)]
    no_matrix: bool,
    /// Do without the device's timestamps
    #[arg(long, help_heading = FALLBACKS)]
    no_timestamps: bool,
    /// Run operations one by one, without fusing them
    #[arg(long, help_heading = FALLBACKS)]
    no_fusion: bool,
}

/// Heading of the options that switch off what a device offers.
const FALLBACKS: &str = "Options that switch off what the device offers";

impl DeviceArgs {
    fn open(&self) -> Result<Gpu, CliError> {
        self.open_or(None)
    }

    /// Opens the adapter that was asked for, else `remembered`, else the default one.
    fn open_or(&self, remembered: Option<&str>) -> Result<Gpu, CliError> {
        Ok(pollster::block_on(Gpu::open(&self.options(remembered)))?)
    }

    /// What these options say of the device.
    fn options(&self, remembered: Option<&str>) -> DeviceOptions {
        DeviceOptions {
            adapter: self.adapter.as_deref().or(remembered).map(str::to_owned),
            checked: false,
            no_f16: self.no_f16,
            no_subgroups: self.no_subgroups,
            no_int64: self.no_int64,
            no_matrix: self.no_matrix,
            no_timestamps: self.no_timestamps,
            no_fusion: self.no_fusion,
        }
    }

    /// The precision that was `asked` for, or else the one that the model `remembered`. If `gpu`
    /// has no 16-bit floats, it is f32, and a note says so. But if f16 was asked for and was not
    /// switched off, that is an error.
    ///
    /// # Errors
    /// [`GpuError::NoF16`].
    fn precision(
        &self,
        gpu: &Gpu,
        asked: Option<DType>,
        remembered: DType,
    ) -> Result<DType, CliError> {
        let wanted = asked.unwrap_or(remembered);
        if wanted == DType::F32 || gpu.profile().f16 {
            return Ok(wanted);
        }
        if asked.is_some() && !self.no_f16 {
            return Err(GpuError::NoF16 {
                adapter: gpu.info().name.clone(),
            }
            .into());
        }
        note("note: without 16-bit floats weights and activations are stored as f32");
        Ok(DType::F32)
    }
}

/// All commands with their options, as clap knows them. The page of all options is made from this.
pub fn command() -> clap::Command {
    Cli::command()
        .mut_subcommand("train", |train| train::describe(options::describe(train)))
        .mut_subcommand("compare", options::describe)
        .mut_subcommand("inspect", options::describe)
        .mut_subcommand("bench", |bench| {
            bench
                .mut_subcommand("kernels", options::describe)
                .mut_subcommand("step", options::describe)
        })
}

/// Parses the arguments of the process. If one of them is an option of the reference
/// implementation, or belongs elsewhere, the error says what to use.
fn parse() -> Result<Cli, CliError> {
    let command = command();
    let parsed = command
        .clone()
        .try_get_matches()
        .and_then(|matches| Cli::from_arg_matches(&matches));
    parsed.map_err(|error| {
        let used = habits::innermost(&command, std::env::args().skip(1));
        let answer = habits::answer(&error, used);
        match answer.or_else(|| tips::answer(&error, &command, used)) {
            Some(answer) => CliError::Usage(answer),
            None if is_help(error.kind()) => error.exit(),
            None => CliError::Usage(format!("{}; see --help", tips::one_line(&error))),
        }
    })
}

/// Whether this is what somebody asked for, or the help in place of a command that is missing.
fn is_help(kind: clap::error::ErrorKind) -> bool {
    use clap::error::ErrorKind as Kind;
    matches!(
        kind,
        Kind::DisplayHelp | Kind::DisplayVersion | Kind::DisplayHelpOnMissingArgumentOrSubcommand
    )
}

/// Parses the process's arguments and runs the command.
pub fn run() -> ExitCode {
    let result = parse().and_then(|cli| match cli.command {
        Command::Train(args) => train::run(&args),
        Command::Translate(args) => translate::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Study(args) => study::run(&args),
        Command::Models(args) => models::run(&args),
        #[cfg(feature = "studio")]
        Command::Studio(args) => studio::run(&args),
        Command::Convert(args) => convert::run(&args),
        Command::Prepare(args) => prepare::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Adapters(args) => adapters::run(&args),
        Command::Bench(args) => bench::run(&args),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // The program that reads our stdout has closed it. That is no failure.
        Err(CliError::Stdout(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            note(&format!("error: {error}"));
            error.exit_code()
        }
    }
}

/// The memory plan, with one line for each purpose that takes any.
fn memory_table(rows: &[(&str, u64)]) -> String {
    let line = |name: &str, bytes: u64| {
        format!(
            "\n  {name:22} {:>9.1} MiB",
            bytes as f64 / f64::from(1 << 20)
        )
    };
    let lines: String = rows
        .iter()
        .filter(|row| row.1 > 0)
        .map(|&(name, bytes)| line(name, bytes))
        .collect();
    let total = rows.iter().map(|row| row.1).sum();
    format!("memory plan{lines}{}", line("in all", total))
}

/// The full path. A run records it, so it is found from any working folder.
fn recorded(path: &Path) -> Result<PathBuf, CliError> {
    let full = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    match full.to_str() {
        Some(_) => Ok(full),
        None => Err(CliError::Usage(format!(
            "{} is no UTF-8 text, so config.json cannot hold it; rename it",
            full.display()
        ))),
    }
}

/// An error of the command line, with options in place of the fields that `text` names.
fn usage(text: &str) -> CliError {
    CliError::Usage(options::render(text))
}

/// Writes a result to stdout.
fn print(text: &str) -> Result<(), CliError> {
    progress::beside_bar(|| {
        let mut out = io::stdout().lock();
        writeln!(out, "{text}").and_then(|()| out.flush())
    })
    .map_err(CliError::Stdout)
}

/// Writes the bytes of a result to stdout.
fn print_bytes(bytes: &[u8]) -> Result<(), CliError> {
    progress::beside_bar(|| {
        let mut out = io::stdout().lock();
        out.write_all(bytes).and_then(|()| out.flush())
    })
    .map_err(CliError::Stdout)
}

/// Writes a line to stderr, with options in place of the fields that `text` names.
fn note(text: &str) {
    note_as_it_is(&options::render(text));
}

/// Writes a line to stderr. If stderr is closed, there is nobody to tell.
fn note_as_it_is(text: &str) {
    progress::beside_bar(|| {
        let _ = writeln!(io::stderr().lock(), "{text}");
    });
}

/// Writes a picture in the format that the name of the file says, and as PNG if it says none. The
/// file appears only when it is complete.
fn write_picture<'a>(
    file: AtomicFile,
    picture: &Picture,
    encoding: impl Into<Encoding<'a>>,
) -> Result<(), RunError> {
    let mut file = PictureFile::new(file, picture.layout(), encoding)?;
    file.push(picture)?;
    file.commit()
}

/// The file of a picture. It is written some rows at a time, and appears only when it is complete.
struct PictureFile {
    path: PathBuf,
    rows: RowWriter<AtomicFile>,
}

impl PictureFile {
    fn new<'a>(
        file: AtomicFile,
        layout: PictureLayout,
        encoding: impl Into<Encoding<'a>>,
    ) -> Result<Self, RunError> {
        let path = file.path().to_owned();
        let format = Format::of(&path).unwrap_or_default();
        let rows = RowWriter::new(format, encoding, layout, file)
            .map_err(|error| RunError::write(&path, error))?;
        Ok(Self { path, rows })
    }

    fn push(&mut self, rows: &Picture) -> Result<(), RunError> {
        self.rows
            .push(rows)
            .map_err(|error| RunError::write(&self.path, error))
    }

    fn commit(self) -> Result<(), RunError> {
        self.rows
            .finish()
            .map_err(|error| RunError::write(&self.path, error))?
            .commit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every option that another one names in `conflicts_with` or `requires` exists.
    #[test]
    fn the_commands_are_what_clap_accepts() {
        fn look(command: &clap::Command) {
            for arg in command.get_arguments() {
                // Panics in every profile, where the checks below need assertions in clap.
                command.get_arg_conflicts_with(arg);
            }
            command.get_subcommands().for_each(look);
        }
        let mut program = command();
        program.build();
        look(&program);
        command().debug_assert();
    }
}
