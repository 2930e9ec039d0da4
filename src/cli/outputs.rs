//! Where the results of `translate` go. Nothing that is there is overwritten unless that was asked
//! for.

use super::endings::check_ending;
use super::names::{Sources, Taken, existing_folder, is_empty_file, is_there};
use super::results::Input;
use super::{CliError, note};
use crate::data::{DataError, Format, ReadOptions, ReadTally};
use crate::train::run::{AtomicFile, RunError, folder_of};
use clap::Args;
use std::path::{Path, PathBuf};

/// Where results go, and what happens to files that are there.
#[derive(Debug, Clone, Args)]
pub struct OutputArgs {
    /// Folder for the results. They have the names of their inputs, and subfolders are kept. For
    /// one image this can also be a .png, .tiff, .jpg or .pnm file. `translate` takes - for
    /// standard output
    #[arg(long, value_name = "PATH")]
    pub out: PathBuf,
    #[command(flatten)]
    pub existing: ExistingArgs,
}

/// What happens to files that are there.
#[derive(Debug, Clone, Args)]
pub struct ExistingArgs {
    /// Write over files that are there
    #[arg(long)]
    pub force: bool,
    /// Leave files that are there, and make the other results: go on with a batch that was stopped.
    /// Files of 0 bytes are not finished and are made again
    #[arg(long = "skip-existing", conflicts_with = "force")]
    pub skip: bool,
}

/// The file of a result.
#[derive(Debug, Clone)]
pub struct Output {
    path: PathBuf,
    /// Whether it is there already and stays.
    stays: bool,
    force: bool,
}

impl Output {
    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file, if it is to be written.
    pub fn to_write(&self) -> Option<&Path> {
        (!self.stays).then_some(self.path.as_path())
    }

    /// Begins the file, if it is to be written.
    pub fn create(&self) -> Option<Result<AtomicFile, RunError>> {
        let path = self.to_write()?;
        Some(create(path, self.force))
    }
}

/// Begins a file. Without `force` it takes the place of none that is there when it is complete.
fn create(path: &Path, force: bool) -> Result<AtomicFile, RunError> {
    match force {
        true => AtomicFile::create(path),
        false => AtomicFile::create_new(path),
    }
}

/// An input and the files of its results.
#[derive(Debug, Clone)]
pub struct Job {
    /// The input.
    pub input: Input,
    /// The files.
    pub outputs: Vec<Output>,
}

/// Inputs that were planned, and what is wrong with the others.
#[derive(Debug, Default)]
pub struct OutputPlan {
    /// What is to be done.
    pub jobs: Vec<Job>,
    /// The same, and what is done already.
    pub all: Vec<Job>,
    /// What stops single inputs: results that would have the names of others, or that have
    /// something in their way.
    pub failures: Vec<CliError>,
}

impl OutputPlan {
    /// Inputs whose results go to no files.
    pub fn without_files(inputs: Vec<Input>) -> Self {
        let job = |input| Job {
            input,
            outputs: Vec::new(),
        };
        Self {
            jobs: inputs.into_iter().map(job).collect(),
            ..Self::default()
        }
    }

    /// What stops the input `second`, whose result would be that of an `earlier` one as well. If
    /// only one of them can be read, it has the result, and the other one fails by its own error.
    fn settle(
        &mut self,
        (output, earlier): (&PathBuf, PathBuf),
        second: &Path,
        reading: &ReadOptions,
    ) -> Option<CliError> {
        if let Some(error) = read_error(second, reading) {
            return Some(error.into());
        }
        let Some(error) = read_error(&earlier, reading) else {
            return Some(CliError::Clash {
                first: earlier,
                second: second.to_owned(),
                output: output.clone(),
            });
        };
        self.jobs.retain(|job| job.input.first() != earlier);
        self.failures.push(error.into());
        None
    }
}

/// The one file that `--out` names for the results of `inputs`. `None` if it is a folder.
///
/// # Errors
/// [`CliError::Usage`] for the name of an image file where there is more than one image, and for a
/// folder that cannot be made or written.
pub fn single_file(out: &Path, inputs: &[PathBuf]) -> Result<Option<PathBuf>, CliError> {
    let file = named_file(out, inputs)?;
    check_folder(file.as_deref().map_or(out, folder_of))?;
    Ok(file)
}

fn named_file(out: &Path, inputs: &[PathBuf]) -> Result<Option<PathBuf>, CliError> {
    check_ending(out)?;
    if out.is_dir() || !crate::data::has_image_name(out) {
        return Ok(None);
    }
    match inputs {
        [input] if !input.is_dir() => Ok(Some(out.to_owned())),
        _ => Err(CliError::Usage(format!(
            "{} has the ending of a file, and there can be several results; name a folder",
            out.display()
        ))),
    }
}

/// Refuses what cannot be a folder of results. Nothing is made yet: what follows may fail.
fn check_folder(folder: &Path) -> Result<(), CliError> {
    let refuse = |what: String| Err(CliError::Usage(format!("{what}; choose another --out")));
    let there = existing_folder(folder);
    if !there.is_dir() {
        return refuse(format!(
            "results need a folder, and {} is none",
            there.display()
        ));
    }
    match tempfile::tempfile_in(there) {
        Ok(_) => Ok(()),
        Err(error) => refuse(format!(
            "nothing can be written in the folder {}: {error}",
            there.display()
        )),
    }
}

impl OutputArgs {
    /// The file that `--out` names for the result of one of `inputs`: see [`single_file`].
    ///
    /// # Errors
    /// Those of [`single_file`].
    pub fn file(&self, inputs: &[PathBuf]) -> Result<Option<PathBuf>, CliError> {
        match self.is_stdout() {
            true => Ok(None),
            false => single_file(&self.out, inputs),
        }
    }

    /// Whether results go to standard output.
    pub fn is_stdout(&self) -> bool {
        self.out == Path::new("-")
    }

    /// The folder of the results, where temporary files lie as well.
    pub fn folder(&self, file: Option<&Path>) -> PathBuf {
        if self.is_stdout() {
            return std::env::temp_dir();
        }
        file.map_or(&*self.out, folder_of).to_owned()
    }

    /// The files of the results of all `inputs`: a name, each of `variants` behind it, and the
    /// ending of their format. If `file` is given, the name is that of this file. Two inputs clash
    /// over a file only if both can be read as `reading` says: the error of one that cannot is its
    /// own.
    ///
    /// # Errors
    /// [`CliError::OverInput`] if inputs would be written over, [`CliError::Exists`] for other
    /// files.
    pub fn plan(
        &self,
        inputs: Vec<Input>,
        file: Option<&Path>,
        variants: &[String],
        format: Format,
        reading: &ReadOptions,
    ) -> Result<OutputPlan, CliError> {
        let sources = Sources::new(inputs.iter().flat_map(|input| &input.files));
        let folder = self.folder(file);
        let (mut plan, mut taken) = (OutputPlan::default(), Taken::new(&folder));
        let (mut over, mut there, mut own) = (Vec::new(), Vec::new(), Vec::new());
        for input in inputs {
            let paths = self.paths(&input, file, variants, format);
            let first = input.files.first().cloned().unwrap_or_default();
            // Where results lie among the inputs, those of a batch that was stopped are listed too.
            let is_own =
                |path: &PathBuf| sources.at(path) == Some(&first) && !self.existing.remakes(path);
            if self.existing.skip && paths.iter().all(is_own) {
                own.push(first);
                continue;
            }
            let earlier = paths
                .iter()
                .find_map(|path| Some((path, taken.owner(path)?.clone())));
            let is_alone = earlier.is_none();
            let lost = earlier.and_then(|clash| plan.settle(clash, &first, reading));
            let blocked = || paths.iter().find_map(|path| blocked(path));
            if let Some(failure) = lost.or_else(blocked) {
                plan.failures.push(failure);
                continue;
            }
            let mut outputs = Vec::with_capacity(paths.len());
            for path in paths {
                taken.add(path.clone(), first.clone());
                let exists = is_there(&path);
                if exists && is_alone {
                    there.push(path.clone());
                }
                let stays = exists && self.existing.keeps(&path);
                let is_unfinished = self.existing.remakes(&path);
                if !stays && !is_unfinished {
                    over.extend(sources.at(&path).cloned());
                }
                let force = self.existing.force || is_unfinished;
                outputs.push(Output { path, stays, force });
            }
            plan.jobs.push(Job { input, outputs });
        }
        if let Some(input) = over.first().cloned() {
            let others = over.len() - 1;
            return Err(CliError::OverInput { input, others });
        }
        tell_own(&own);
        self.existing.refuse(&there)?;
        let is_done = |job: &Job| job.outputs.iter().all(|output| output.stays);
        plan.all = plan.jobs.clone();
        plan.jobs.retain(|job| !is_done(job));
        Ok(plan)
    }

    /// The files of the results of an input.
    fn paths(
        &self,
        input: &Input,
        file: Option<&Path>,
        variants: &[String],
        format: Format,
    ) -> Vec<PathBuf> {
        // The ending of the file as it was named, such as `.jpeg`.
        if let (Some(file), [_]) = (file, variants) {
            return vec![file.to_owned()];
        }
        let ending = format.ending_like(file.unwrap_or(input.first()));
        let base = file.map_or_else(
            || self.out.join(&input.name),
            |file| file.with_extension(""),
        );
        let named = |variant: &String| {
            // Not `with_extension`: a name may have dots of its own.
            let mut name = base.file_name().unwrap_or_default().to_owned();
            name.push(format!("{variant}{ending}"));
            base.with_file_name(name)
        };
        variants.iter().map(named).collect()
    }
}

impl ExistingArgs {
    /// Begins a file that was not refused. Others may make it meanwhile.
    ///
    /// # Errors
    /// Those of [`AtomicFile::create`].
    pub fn create(&self, path: &Path) -> Result<AtomicFile, RunError> {
        create(path, self.force || self.remakes(path))
    }

    /// Whether a file that is there stays and its result is not made again.
    pub fn keeps(&self, path: &Path) -> bool {
        self.skip && !is_empty_file(path)
    }

    /// Whether what is there is written over because it has no bytes: something has ended before it
    /// was written, and nothing is lost.
    fn remakes(&self, path: &Path) -> bool {
        self.skip && is_empty_file(path)
    }

    /// Refuses files that are there, unless they are to be written over or to be left. That they
    /// are left is told, and that empty ones are not.
    ///
    /// # Errors
    /// [`CliError::Exists`].
    pub fn refuse(&self, there: &[PathBuf]) -> Result<(), CliError> {
        let Some(path) = there.first().filter(|_| !self.force) else {
            return Ok(());
        };
        let others = there.len() - 1;
        if !self.skip {
            return Err(CliError::Exists {
                path: path.clone(),
                others,
                can_skip: true,
            });
        }
        let (whole, empty): (Vec<&PathBuf>, Vec<&PathBuf>) =
            there.iter().partition(|path| self.keeps(path));
        if let Some(path) = whole.first() {
            let words = match whole.len() {
                1 => "result is there already and stays as it is",
                _ => "results are there already and stay as they are",
            };
            let (count, example) = (whole.len(), path.display());
            note(&format!("note: {count} {words}, for example {example}"));
        }
        if let Some(path) = empty.first() {
            note(&format!(
                "note: results that are there and have 0 bytes, which are not finished and are \
                 made again: {}, such as {}",
                empty.len(),
                path.display()
            ));
        }
        Ok(())
    }
}

/// Tells of inputs that lie where their own results would go.
fn tell_own(own: &[PathBuf]) {
    if let Some(example) = own.first() {
        note(&format!(
            "note: images that lie where their own results would go stay as they are: {}, such as \
             {}",
            own.len(),
            example.display()
        ));
    }
}

/// Why an input cannot be read. One that is too large to be decoded whole may go through by rows.
fn read_error(path: &Path, reading: &ReadOptions) -> Option<DataError> {
    let error = reading.read(path, &mut ReadTally::default()).err()?;
    (!matches!(error, DataError::TooLarge { .. })).then_some(error)
}

/// What no option writes over: a folder of this name, or a file where a folder should be.
pub fn blocked(path: &Path) -> Option<CliError> {
    let there = existing_folder(folder_of(path));
    let by = match path.symlink_metadata() {
        Ok(found) if found.is_dir() => path,
        _ if !there.is_dir() => there,
        _ => return None,
    };
    Some(CliError::Blocked {
        output: path.to_owned(),
        by: by.to_owned(),
    })
}

/// What stands between the names of results and their ending: a seed where there are `samples`,
/// then a number. An output of several `images` has several results.
pub fn variants(samples: bool, seeds: &[u64], images: usize) -> Vec<String> {
    let of_seed = |&seed: &u64| {
        let seed = match samples {
            true => format!("-seed{seed}"),
            false => String::new(),
        };
        (1..=images).map(move |image| match image {
            1 => seed.clone(),
            _ => format!("{seed}-{image}"),
        })
    };
    seeds.iter().flat_map(of_seed).collect()
}

#[cfg(test)]
mod tests;
