//! The scores of one run: which are there, and how it gets the others.

use super::super::scoring::HeldOutPairs;
use super::super::stop::Stop;
use super::super::weights::open_weights;
use super::super::{CliError, note};
use crate::cli::options::render;
use crate::compare::{CompareError, Measures, Outcome, Record, evaluation_folder};
use crate::eval::{EvalError, EvaluationFolder, Evaluator};
use crate::gpu::Gpu;
use crate::train::TrainError;
use crate::train::checkpoint::{self, NetworkChoice, NetworkKind};
use crate::train::run::RunDir;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Notes what became of a run so far.
pub type Keep<'a> = dyn FnMut(&Record) -> Result<(), CliError> + 'a;

/// The scores that a run has, and those that it has not.
pub struct Scores<'a> {
    /// What the comparison noted, by the size of pictures.
    pub noted: BTreeMap<u32, Outcome>,
    missing: Vec<Missing<'a>>,
}

/// Scores that a run does not have.
struct Missing<'a> {
    /// The size of pictures, in pixels.
    size: u32,
    /// The same, where somebody named sizes.
    named: Option<u32>,
    pairs: &'a HeldOutPairs,
    /// Where they belong.
    folder: PathBuf,
    /// Whether others lie there.
    has_others: bool,
}

impl<'a> Scores<'a> {
    /// Those of the folder `run`, which was trained at `size`, on these pairs. Only what the
    /// comparison noted itself is taken for its own: `eval` may have scored another checkpoint
    /// into the same folder, or the same one in another way.
    ///
    /// # Errors
    /// [`CompareError::Scores`].
    pub fn of(
        run: &Path,
        size: u32,
        record: Option<&Record>,
        held_out: &'a [(Option<u32>, HeldOutPairs)],
    ) -> Result<Self, CompareError> {
        let mut missing = Vec::new();
        for (named, pairs) in held_out {
            let (folder, size) = (evaluation_folder(run, size, *named), named.unwrap_or(size));
            let there = Measures::read(&folder)?;
            let has_noted = |there| record.is_some_and(|record| record.has_noted(size, there));
            let has_others = there.as_ref().is_some_and(|there| !has_noted(there));
            if has_others || there.is_none_or(|there| there.pairs != pairs.words) {
                missing.push(Missing {
                    size,
                    named: *named,
                    pairs,
                    folder,
                    has_others,
                });
            }
        }
        let noted = record.map_or_else(BTreeMap::new, |record| record.scored.clone());
        Ok(Self { noted, missing })
    }

    /// Whether none are missing.
    pub fn are_all_there(&self) -> bool {
        self.missing.is_empty()
    }

    /// Scores the generator of a run where that is missing, and keeps its record after each size.
    /// A size at which this fails leaves the others alone. Returns whether it was not stopped.
    ///
    /// # Errors
    /// Those that the other runs would meet as well.
    pub fn complete(
        &self,
        gpu: &Gpu,
        run: &Path,
        record: &mut Record,
        stop: &Stop,
        keep: &mut Keep<'_>,
    ) -> Result<bool, CliError> {
        for missing in &self.missing {
            if missing.has_others {
                note(&format!(
                    "note: {} has other scores than this comparison noted, so the run is scored \
                     again",
                    missing.folder.display()
                ));
            }
            let Some(outcome) = outcome(missing.score(gpu, run, stop))? else {
                return Ok(false);
            };
            if let Outcome::Failed(reason) = &outcome {
                let at = missing
                    .named
                    .map(|side| format!(" at {side}×{side} pixels"));
                note(&format!(
                    "it could not be scored{}, and the others go on: {reason}",
                    at.unwrap_or_default()
                ));
            }
            record.scored.insert(missing.size, outcome);
            keep(record)?;
        }
        Ok(true)
    }
}

impl Missing<'_> {
    /// Scores the generator of a run, as `eval` does. Returns the number of the scores.
    fn score(&self, gpu: &Gpu, run: &Path, stop: &Stop) -> Result<u64, CliError> {
        let file = open_weights(run, NetworkKind::Generator)?;
        let choice = NetworkChoice::Kind(NetworkKind::Generator);
        let (file, model, _) = checkpoint::find_generator(&file, &choice, None)?;
        let config = RunDir::config_of(run)?;
        let usage = (model.test_as(None, None, false)?, model.fit_as(None)?);
        let batch = config.test_batch();
        let evaluator = Evaluator::load(gpu, (&file, &model), config.precision, usage, batch)?;
        let folder = EvaluationFolder::create(&self.folder, true, "")?;
        let name = (run.display().to_string(), None);
        self.pairs.score(&evaluator, folder, name, stop)?;
        // Nothing has the number 0, and so what is gone is scored again.
        Ok(Measures::read(&self.folder)?.map_or(0, |there| there.number))
    }
}

/// What became of scoring a run. None if that was stopped.
fn outcome(scored: Result<u64, CliError>) -> Result<Option<Outcome>, CliError> {
    match scored {
        Ok(number) => Ok(Some(Outcome::Scores(number))),
        Err(error) if is_interrupted(&error) => Ok(None),
        Err(error) if is_of_the_run(&error) => {
            Ok(Some(Outcome::Failed(render(&error.to_string()))))
        }
        Err(error) => Err(error),
    }
}

/// Whether a signal ended it.
pub fn is_interrupted(error: &CliError) -> bool {
    matches!(
        error,
        CliError::Train(TrainError::Interrupted)
            | CliError::Eval(EvalError::Train(TrainError::Interrupted))
    )
}

/// Whether only this run meets the error, and not the next one too.
pub fn is_of_the_run(error: &CliError) -> bool {
    let of_training = |error: &TrainError| {
        matches!(
            error,
            TrainError::NotFinite { .. } | TrainError::DoesNotFit { .. }
        ) || error.is_too_large()
    };
    match error {
        CliError::Train(error) | CliError::Eval(EvalError::Train(error)) => of_training(error),
        CliError::Eval(EvalError::NotFinite { .. } | EvalError::Metric { .. }) => true,
        _ => false,
    }
}
