//! Which files the tools of `prepare` make, and the work on all of them.

use crate::cli::failures::Failures;
use crate::cli::outputs::{ExistingArgs, Job, OutputArgs, OutputPlan, single_file};
use crate::cli::progress::SharedBar;
use crate::cli::results::{Input, list_inputs, name_below};
use crate::cli::stop::Stop;
use crate::cli::{CliError, note_as_it_is};
use crate::data::pairs::{ToolPairs, pair_folders};
use crate::data::tools::{Task, check_threads};
use crate::data::{Format, ReadOptions, ToolError, in_parallel};
use crate::train::TrainError;
use crate::train::run::{RunError, folder_of};
use clap::Args;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Where the results go.
#[derive(Debug, Args)]
pub(super) struct ToolOutputArgs {
    /// Folder for the results. They have the names of their inputs, and subfolders are kept. For
    /// one image this can also be a .png file, but not for combine and split
    #[arg(long, value_name = "PATH")]
    pub out: PathBuf,
    #[command(flatten)]
    pub existing: ExistingArgs,
    /// Threads [default: as many as there are cores]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

/// Files that are to be made.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    pub list: Vec<Task>,
    /// What stops single files before the work begins.
    pub failures: Vec<CliError>,
    /// Lines that are printed once files have been made.
    pub told: Vec<String>,
}

impl ToolOutputArgs {
    /// Checks what was asked for, before any image is read.
    ///
    /// # Errors
    /// [`ToolError::Range`].
    pub fn check(&self) -> Result<(), ToolError> {
        self.threads.map_or(Ok(()), check_threads)
    }

    pub fn threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.unwrap_or_else(cores)
    }

    /// The file that `--out` names for the result of one image. `None` for a folder.
    ///
    /// # Errors
    /// [`CliError::Usage`] for several images, for a file that is no PNG, and for standard output.
    pub fn file(&self, inputs: &[PathBuf]) -> Result<Option<PathBuf>, CliError> {
        if self.out == Path::new("-") {
            return Err(CliError::Usage(
                "prepare writes no stream; name a folder as --out, ./- for one of that name"
                    .to_owned(),
            ));
        }
        match single_file(&self.out, inputs)? {
            Some(file) if Format::of(&file) != Some(Format::Png) => Err(CliError::Usage(format!(
                "{}: what prepare makes are .png files",
                file.display()
            ))),
            file => Ok(file),
        }
    }

    /// The files to make of these inputs.
    fn plan(
        &self,
        inputs: Vec<Input>,
        file: Option<&Path>,
        reading: &ReadOptions,
    ) -> Result<Tasks, CliError> {
        let output = OutputArgs {
            out: self.out.clone(),
            existing: self.existing.clone(),
        };
        let OutputPlan { jobs, failures, .. } =
            output.plan(inputs, file, &[String::new()], Format::Png, reading)?;
        let task = |job: Job| {
            let output = job.outputs.first()?.to_write()?.to_owned();
            Some(Task {
                sources: job.input.files,
                output,
            })
        };
        Ok(Tasks {
            list: jobs.into_iter().filter_map(task).collect(),
            failures,
            told: Vec::new(),
        })
    }

    /// One file to make of each image.
    ///
    /// # Errors
    /// Those of listing the images, and of files that would be written over.
    pub fn singles(&self, inputs: &[PathBuf], reading: &ReadOptions) -> Result<Tasks, CliError> {
        let file = self.file(inputs)?;
        let inputs = list_inputs(inputs, 1, &self.out)?;
        self.plan(inputs, file.as_deref(), reading)
    }

    /// One file to make of each pair of two folders. How they were paired, and what was left over,
    /// is told.
    ///
    /// # Errors
    /// Those of pairing, and of files that would be written over.
    pub fn pairs(&self, a: &Path, b: &Path, reading: &ReadOptions) -> Result<Tasks, CliError> {
        self.file(&[a.to_owned(), b.to_owned()])?;
        let pairs = pair_folders(a, b)?;
        let input = |pair: &crate::data::PairSource| {
            let files: Vec<PathBuf> = pair.paths().cloned().collect();
            let name = files.first().map(|file| name_below(a, file));
            name.map(|name| Input { files, name })
        };
        let inputs = pairs.found.pairs.iter().filter_map(input).collect();
        let mut told = vec![pairs.found.describe(Path::new(""))];
        told.extend(left_over(&pairs));
        Ok(Tasks {
            told,
            ..self.plan(inputs, None, reading)?
        })
    }
}

/// A line for each kind of what was left over.
pub(super) fn left_over(pairs: &ToolPairs) -> impl Iterator<Item = String> {
    pairs.remarks.iter().map(|remark| format!("note: {remark}"))
}

/// Runs `work` over all tasks in parallel and returns how many there are. Files that cannot be used
/// do not stop the others. A signal ends it after the files that have been begun. A terminal shows
/// a progress bar.
///
/// # Errors
/// [`CliError::Failed`] once the others are done, or what stops all of them.
pub(super) fn finish(
    tasks: Tasks,
    results: &ToolOutputArgs,
    work: impl Fn(&Task) -> Result<(), CliError> + Sync,
) -> Result<usize, CliError> {
    let Tasks {
        list,
        failures: early,
        told,
    } = tasks;
    let all = list.len() + early.len();
    let mut failures = Failures::default();
    for failure in early {
        failures.take(failure, 1)?;
    }
    let bar = SharedBar::new(list.len());
    let failures = Mutex::new(failures);
    let made = AtomicUsize::new(0);
    // A signal lets files that have been begun come to their end.
    let stop = Stop::listen(None);
    stop.begin();
    let result = in_parallel(&list, results.threads(), |task| {
        stop.check()?;
        let done = make_folder(&task.output).and_then(|()| work(task));
        bar.passed();
        match done {
            Ok(()) => {
                made.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            Err(error) => failures
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(error, 1),
        }
    });
    bar.finish();
    let failures = failures
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    let result = result.map_err(|error| match error {
        CliError::Train(TrainError::Interrupted) => CliError::ToolStopped {
            made: made.into_inner(),
            all,
        },
        error => error,
    });
    let finished = failures.finish(result, all);
    // A single task that failed says it all.
    if all > 1 || finished.is_ok() {
        told.iter().for_each(|line| note_as_it_is(line));
    }
    finished.map(|()| list.len())
}

/// Makes the folder that a file lies in.
pub(super) fn make_folder(file: &Path) -> Result<(), CliError> {
    let folder = folder_of(file);
    std::fs::create_dir_all(folder).map_err(|error| RunError::write(folder, error).into())
}
