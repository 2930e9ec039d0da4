//! How far each run is, for the list of all runs.

use super::Run;
use super::notes::Notes;
use crate::interop::TensorFile;
use crate::train::Config;
use crate::train::Length;
use crate::train::checkpoint::read_progress;
use crate::train::run::{MetricsRow, RunDir, RunError, RunLock, RunState, Stage};
use serde::Serialize;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// How far a run is. What is not known is `None`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    pub id: String,
    /// `training`, `stopped`, `out-of-patience`, `complete`, or `interrupted` where the process
    /// ended without a word.
    pub stage: &'static str,
    pub step: u64,
    pub steps: Option<u64>,
    pub epoch: Option<u64>,
    /// The newest row of metrics.csv.
    pub losses: Option<MetricsRow>,
    /// The newest row with held-out scores.
    pub held_out: Option<MetricsRow>,
    /// The best held-out score, with its step, by the metric of the run.
    pub best: Option<Value>,
    pub metric: Option<Value>,
    pub seconds: Option<f64>,
    pub seconds_per_step: Option<f64>,
    pub seconds_left: Option<f64>,
    /// Bytes of the device, as planned.
    pub memory: Option<u64>,
    pub adapter: Option<String>,
    pub pairs: Option<usize>,
    /// The step of the newest sample grid.
    pub sample: Option<u64>,
    /// The data set's folder; `null` for the bundled pairs.
    pub dataset: Option<String>,
    pub size: Option<u32>,
    pub direction: Option<Value>,
    /// Whether a process trains it now, and which.
    pub alive: bool,
    pub process: Option<u32>,
    pub tags: Vec<String>,
    pub note: String,
    /// The version of tags and note.
    pub version: u64,
    /// What is wrong with the folder, in one sentence.
    pub problem: Option<String>,
}

/// Rows whose time tells how long a step takes now.
const NEWEST: usize = 20;

/// Reads how far a run is. What cannot be read is said, and the rest is there.
pub fn summary(run: &Run) -> Summary {
    let mut problem = None;
    let mut said = |error: RunError| {
        problem.get_or_insert_with(|| error.to_string());
    };
    let config = RunDir::config_of(&run.path).map_err(&mut said).ok();
    let rows = RunDir::metrics_of(&run.path).map_err(&mut said);
    let rows = rows.unwrap_or_default();
    let state = RunDir::state_of(&run.path).map_err(&mut said);
    let state = state.ok().flatten();
    let (alive, process) = alive(run);
    let notes = Notes::read(&run.path).map_err(&mut said);
    let notes = notes.unwrap_or_default();
    let samples = RunDir::samples_of(&run.path).unwrap_or_default();
    let steps = steps_of(run, state.as_ref(), config.as_ref());
    let last = rows.last();
    let of_state = state.as_ref().map_or(0, |state| state.standing.step);
    let step = last.map_or(0, |row| row.step).max(of_state);
    let pace = pace(&rows);
    let left = steps
        .zip(pace)
        .map(|(steps, pace)| steps.saturating_sub(step) as f64 * pace);
    let standing = state.as_ref().map(|state| state.standing);
    Summary {
        id: run.id.clone(),
        stage: stage_of(alive, state.as_ref(), step, steps),
        step,
        steps,
        epoch: last.map(|row| row.epoch),
        losses: last.cloned(),
        held_out: rows.iter().rfind(|row| row.val_l1.is_some()).cloned(),
        best: standing.and_then(|standing| serde_json::to_value(standing.best?).ok()),
        metric: config
            .as_ref()
            .and_then(|config| serde_json::to_value(config.eval_metric).ok()),
        seconds: last.map(|row| row.seconds),
        seconds_per_step: pace,
        seconds_left: left.filter(|_| alive),
        memory: state.as_ref().map(|state| state.memory),
        adapter: state.as_ref().map(|state| state.adapter.clone()),
        pairs: state.as_ref().map(|state| state.pairs),
        sample: samples.last().map(|(step, _)| *step),
        dataset: config
            .as_ref()
            .and_then(|config| Some(config.dataset.as_ref()?.display().to_string())),
        size: config.as_ref().map(|config| config.size),
        direction: config
            .as_ref()
            .and_then(|config| serde_json::to_value(config.direction).ok()),
        alive,
        process,
        tags: notes.tags,
        note: notes.note,
        version: notes.version,
        problem,
    }
}

/// Whether a process trains a run, and which.
pub fn alive(run: &Run) -> (bool, Option<u32>) {
    match RunLock::check(&run.path) {
        Err(RunError::InUse { process, .. }) => (true, process),
        _ => (false, None),
    }
}

/// Steps of the whole run. Without a state, epochs are counted by the pairs of its newest
/// checkpoint; without one of these too they are not known.
pub fn steps_of(run: &Run, state: Option<&RunState>, config: Option<&Config>) -> Option<u64> {
    let told = state.map(|state| state.standing.length);
    told.or_else(|| match config?.length {
        Length::Steps(steps) => Some(steps),
        Length::Epochs(_) => {
            let newest = checkpoint_files(&run.path).pop()?;
            let progress = read_progress(&TensorFile::open(&newest).ok()?).ok()?;
            Some(progress.steps_of(progress.config.length, progress.pairs))
        }
    })
}

/// The checkpoints of a run, by rising step.
fn checkpoint_files(run: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(run.join("checkpoints")).into_iter().flatten();
    let paths = entries.flatten().map(|entry| entry.path());
    let is_saved = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("step-") && name.ends_with(".safetensors")
    };
    let mut found: Vec<PathBuf> = paths.filter(is_saved).collect();
    // Names of more digits belong to later steps.
    found.sort_by_key(|path| (path.as_os_str().len(), path.clone()));
    found
}

/// Where a run stands. The lock says whether it trains; the state, why it does not.
pub fn stage_of(
    alive: bool,
    state: Option<&RunState>,
    step: u64,
    steps: Option<u64>,
) -> &'static str {
    match (alive, state.map(|state| state.standing.stage)) {
        (true, _) => "training",
        (false, Some(Stage::Complete)) => "complete",
        (false, Some(Stage::Stopped)) => "stopped",
        (false, Some(Stage::OutOfPatience { .. })) => "out-of-patience",
        (false, None) if steps.is_some_and(|steps| step >= steps) => "complete",
        (false, None) => "stopped",
        (false, Some(Stage::Training)) => "interrupted",
    }
}

/// Seconds of a step, by the newest rows.
pub fn pace(rows: &[MetricsRow]) -> Option<f64> {
    let newest = &rows[rows.len().saturating_sub(NEWEST)..];
    let (first, last) = (newest.first()?, newest.last()?);
    let steps = last.step.checked_sub(first.step).filter(|steps| *steps > 0);
    let pace = match steps {
        Some(steps) => (last.seconds - first.seconds) / steps as f64,
        None => last.seconds / last.step.max(1) as f64,
    };
    (pace.is_finite() && pace >= 0.0).then_some(pace)
}
