//! `pix2pix train --resume`: the newest checkpoint of a run, and its data set.

use super::{COMMANDS, TrainArgs, base_name, going_on, recorded, train};
use crate::cli::reading::tell_of_dataset;
use crate::cli::stop::Stop;
use crate::cli::{CliError, note, note_as_it_is};
use crate::data::{Dataset, Split};
use crate::interop::TensorFile;
use crate::train::run::{RunDir, Stage, Standing, quote};
use crate::train::{Length, TrainError, Trainer, checkpoint};
use std::path::{Component, Path, PathBuf};

pub(super) fn resume(args: &TrainArgs, name: &Path) -> Result<(), CliError> {
    let run = open_run(&args.runs, name)?;
    let Some(newest) = run.checkpoints()?.pop() else {
        return Err(TrainError::NoCheckpoint {
            run: run.path().display().to_string(),
        }
        .into());
    };
    let stop = Stop::listen(None);
    let file = TensorFile::open(&newest.path).map_err(|error| of_checkpoint(error.into()))?;
    let mut progress = checkpoint::read_progress(&file).map_err(of_checkpoint)?;
    // This note is about a file, so it names the fields that are in the file.
    run.edits(&progress.config)
        .iter()
        .for_each(|text| note_as_it_is(&format!("note: {text}")));
    let old_length = progress.config.length;
    progress.change(&args.changes())?;
    let gpu = args.device.open_or(progress.config.adapter.as_deref())?;
    let profile = progress.with_choices(gpu.profile());
    let gpu = gpu.with_profile(profile);
    progress.config.precision = args
        .device
        .precision(&gpu, None, progress.config.precision)?;
    let dataset = find_dataset(args, &mut progress, run.name())?;
    let length = describe_length(&progress, old_length, &dataset, &run)?;
    let trainer =
        Trainer::resume(&gpu, progress, &file, &dataset, run.clone()).map_err(of_checkpoint)?;
    drop(file);
    length.iter().for_each(|text| note(text));
    trainer
        .notes()
        .iter()
        .for_each(|text| note(&format!("note: {text}")));
    tell_of_dataset(&dataset);
    train(&gpu, trainer, &run, &stop)
}

/// Says that the run has ended, or how long it is now and what that means for its learning rate, or
/// that a score comes first. `None` for a run that just goes on.
///
/// # Errors
/// [`CliError::Usage`] for a length that the run has passed.
fn describe_length(
    progress: &checkpoint::TrainingProgress,
    old: Length,
    dataset: &Dataset,
    run: &RunDir,
) -> Result<Option<String>, CliError> {
    let pairs = dataset.get(Split::Train).map_or(0, |set| set.len());
    let total = |length| progress.steps_of(length, pairs);
    let (now, done, folder) = (total(progress.config.length), progress.step, run.path());
    let steps = |count: u64| format!("{count} step{}", if count == 1 { "" } else { "s" });
    if old != progress.config.length {
        if now < done {
            return Err(CliError::Usage(format!(
                "{} has done {} already, and the new length is {} in all; ask for more",
                folder.display(),
                steps(done),
                steps(now)
            )));
        }
        return Ok(Some(format!(
            "note: {} is now {} long in all, before it was {}; from here on the learning rate is \
             that of a run of the new length",
            folder.display(),
            steps(now),
            steps(total(old))
        )));
    }
    if progress.unscored.is_some() {
        return Ok(Some(format!(
            "note: the score of step {done} was stopped, and comes first if its pairs are still \
             there"
        )));
    }
    let ended = Standing {
        stage: Stage::Complete,
        step: done,
        length: now,
        metric: progress.config.eval_metric,
        best: progress.best,
    };
    let said = || {
        format!(
            "note: {} {}",
            folder.display(),
            going_on::line(folder, &ended)
        )
    };
    Ok((now == done).then(said))
}

/// Adds a remedy to an error that is about the checkpoint.
fn of_checkpoint(error: TrainError) -> CliError {
    match error {
        error @ (TrainError::Interop(_) | TrainError::CheckpointConfig { .. }) => {
            CliError::Checkpoint(Box::new(error))
        }
        error => error.into(),
    }
}

/// Opens the run of that name or path.
fn open_run(runs: &Path, name: &Path) -> Result<RunDir, CliError> {
    // A run's name is tried first. Often the data set of the run is a folder of the same name in
    // this place, and a shell completes the name to that of a folder.
    let bare = bare_name(name).filter(|bare| runs.join(bare).is_dir());
    let name = match bare {
        Some(bare) if !RunDir::is_run(name) => bare,
        _ => name,
    };
    let is_name = name.file_name() == Some(name.as_os_str()) && runs.join(name).is_dir();
    let is_path = !is_name && name.is_dir();
    if name.is_file() {
        let of_run = name
            .ancestors()
            .skip(1)
            .find(|folder| RunDir::is_run(folder))
            .unwrap_or(Path::new("NAME"));
        let remedy = format!(
            "use --resume {}, which takes the newest checkpoint",
            quote(of_run)
        );
        return Err(CliError::Usage(format!(
            "--resume {} is a file, not a run; {remedy}",
            name.display()
        )));
    }
    let (root, name) = match name.file_name() {
        Some(file) if is_path => (
            name.parent().map_or(PathBuf::new(), Path::to_owned),
            file.to_string_lossy().into_owned(),
        ),
        // `.` and `..` have no name of their own.
        None if is_path => (name.join(".."), base_name(name)),
        _ => (runs.to_owned(), name.to_string_lossy().into_owned()),
    };
    Ok(RunDir::open(&root, &name)?.with_commands(COMMANDS))
}

/// The name in a path of one name, such as `./name` or `name/`.
fn bare_name(path: &Path) -> Option<&Path> {
    let mut names = path.components().filter(|part| *part != Component::CurDir);
    match (names.next(), names.next()) {
        (Some(Component::Normal(name)), None) => Some(Path::new(name)),
        _ => None,
    }
}

/// The data set that the run began with. It lies where `args` say, or else where it was then.
fn find_dataset(
    args: &TrainArgs,
    progress: &mut checkpoint::TrainingProgress,
    run: &str,
) -> Result<Dataset, CliError> {
    let config = &mut progress.config;
    if let Some(moved) = &args.dataset {
        config.dataset = Some(recorded(moved)?);
    } else if let Some(dataset) = config.dataset.clone().filter(|dataset| !dataset.exists()) {
        return Err(CliError::Moved {
            dataset,
            run: run.to_owned(),
        });
    }
    let dataset = config.open_dataset()?;
    let (then, now) = (
        progress.pairs,
        dataset.get(Split::Train).map_or(0, |set| set.len()),
    );
    match &args.dataset {
        Some(moved) if then != now => Err(CliError::Usage(format!(
            "{} has {now} training pairs, the run began with {then}; name the data set that it \
             began with, or start a new run",
            moved.display()
        ))),
        _ => Ok(dataset),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::train::Config;

    /// A shell completes the name of the data set that lies here, and the run has the same name.
    #[test]
    fn a_name_may_look_like_a_folder() {
        let root = tempfile::tempdir().unwrap();
        let name = "a-run-and-not-a-folder-here";
        let made = RunDir::create(root.path(), name).unwrap();
        let path = made.path().to_owned();
        made.write_config(&Config::default()).unwrap();
        drop(made);
        for given in [name.to_owned(), format!("./{name}"), format!("{name}/")] {
            let run = open_run(root.path(), Path::new(&given)).unwrap();
            assert_eq!(run.path(), path, "{given}");
        }
        // A path, wherever all runs are.
        let run = open_run(Path::new("elsewhere"), &path).unwrap();
        assert_eq!(run.path(), path);
        assert!(open_run(root.path(), Path::new("other/")).is_err());
    }
}
