//! The pairs of a comparison: as its cells prepare them, and as they are scored.

use super::super::CliError;
use super::super::reading::tell_of_dataset_without;
use super::super::scoring::{HeldOutPairs, held_out};
use super::cells::CellSettings;
use crate::compare::{CompareError, ComparisonFolder, Pairs};
use crate::data::remark::RemarkKind;
use crate::data::{DataError, DataOptions, Dataset, PairSet, Split};
use crate::train::Config;
use std::sync::Arc;

/// The pairs of a comparison.
pub struct Data {
    /// The data set as cells prepare it. Most prepare it in one way.
    pub prepared: Vec<(DataOptions, Dataset)>,
    /// What is scored, at each size.
    pub held_out: Vec<(Option<u32>, HeldOutPairs)>,
}

impl Data {
    /// Opens the data set for all cells, and for all sizes that are scored.
    pub fn open(
        cells: &[CellSettings],
        test_sizes: &[u32],
        split: Option<Split>,
    ) -> Result<Self, CliError> {
        let mut prepared: Vec<(DataOptions, Dataset)> = Vec::new();
        for cell in cells {
            let options = cell.config.data_options();
            if !prepared.iter().any(|(known, _)| *known == options) {
                prepared.push((options, cell.config.open_dataset()?));
            }
        }
        let config = &cells[0].config;
        let dataset = &prepared[0].1;
        tell_of_dataset_without(dataset, |kind| kind == RemarkKind::UnusedSplit);
        let mut held_out = Vec::new();
        if test_sizes.is_empty() {
            held_out.push((None, HeldOutPairs::of(dataset, scored(dataset, split)?)?));
        }
        for &size in test_sizes {
            let at = Config {
                size,
                load_size: size,
                ..config.clone()
            };
            let own = (size != config.size)
                .then(|| at.open_dataset())
                .transpose()
                .map_err(|error| of_size(size, error))?;
            let dataset = own.as_ref().unwrap_or(dataset);
            held_out.push((
                Some(size),
                HeldOutPairs::of(dataset, scored(dataset, split)?)?,
            ));
        }
        Ok(Self { prepared, held_out })
    }

    /// The data set as this cell prepares it.
    pub fn of(&self, config: &Config) -> &Dataset {
        let options = config.data_options();
        let found = self.prepared.iter().find(|(known, _)| *known == options);
        &found.unwrap_or(&self.prepared[0]).1
    }
}

/// What is wrong with a size of `--test-sizes`, by its option.
fn of_size(size: u32, error: DataError) -> CliError {
    match error {
        DataError::Sizes { max_side, .. } => CliError::Usage(format!(
            "--test-sizes {size}: pictures have at most {max_side} pixels a side; name smaller ones"
        )),
        error => error.into(),
    }
}

/// Refuses pairs that are not those that the comparison began with.
pub fn check_pairs(folder: &ComparisonFolder, then: &Pairs, now: &Pairs) -> Result<(), CliError> {
    let then = Pairs {
        split: then.split.or(now.split),
        ..then.clone()
    };
    if then == *now {
        return Ok(());
    }
    let error = CompareError::OtherPairs {
        path: folder.path().to_owned(),
        there: then.to_string(),
        now: match now.to_string() {
            same if same == then.to_string() => "others of other names".to_owned(),
            other => other,
        },
    };
    Err(error.into())
}

/// The pairs that are scored.
fn scored(dataset: &Dataset, split: Option<Split>) -> Result<&Arc<PairSet>, CliError> {
    if split == Some(Split::Train) {
        return Err(CliError::Usage(
            "every cell was trained on the training pairs, so their scores say little; use \
             --split val or test"
                .to_owned(),
        ));
    }
    held_out(dataset, split)?.ok_or_else(|| {
        CliError::Usage(
            "a comparison scores pairs that nobody trained on, and the data set has none; add a \
             test/ or val/ folder, for example with pix2pix prepare split"
                .to_owned(),
        )
    })
}
