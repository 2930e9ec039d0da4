//! The data sets that a training may be started on: the bundled pairs, those that were named or
//! sent, and those of the runs that are there. No other folder is looked into.

use super::refusal::Refusal;
use super::runs::RunsFolder;
use super::uploads;
use crate::data::{DataOptions, Dataset, Split};
use crate::train::run::RunDir;
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The name of the bundled pairs.
pub const BUNDLED: &str = "bundled";

/// The data sets that were named.
#[derive(Debug)]
pub struct DataSets {
    named: Vec<PathBuf>,
    /// The training pairs of folders that were looked into.
    pairs: Mutex<HashMap<PathBuf, Option<usize>>>,
}

/// A data set.
#[derive(Debug, Serialize)]
pub struct DataSet {
    /// The path of its folder, or `bundled`.
    id: String,
    title: String,
    /// Training pairs, if the folder can be read without further options.
    pairs: Option<usize>,
}

impl DataSets {
    pub fn of(named: Vec<PathBuf>) -> Self {
        Self {
            named,
            pairs: Mutex::default(),
        }
    }

    /// All data sets with their pairs.
    ///
    /// # Errors
    /// A runs' folder that cannot be read.
    pub fn list(&self, runs: &RunsFolder) -> Result<Vec<DataSet>, Refusal> {
        let bundled = Dataset::bundled(&DataOptions::new(64)).ok();
        let mut all = vec![DataSet {
            id: BUNDLED.to_owned(),
            title: "the bundled pairs".to_owned(),
            pairs: bundled.as_ref().and_then(training_pairs),
        }];
        for folder in self.folders(runs)? {
            all.push(DataSet {
                id: folder.display().to_string(),
                title: name_of(&folder),
                pairs: self.pairs_of(&folder),
            });
        }
        Ok(all)
    }

    /// The folder of a data set; `None` for the bundled pairs.
    ///
    /// # Errors
    /// A folder that nobody named.
    pub fn find(&self, runs: &RunsFolder, id: &str) -> Result<Option<PathBuf>, Refusal> {
        if id == BUNDLED {
            return Ok(None);
        }
        let all = self.folders(runs)?;
        let found = all.into_iter().find(|folder| folder.as_os_str() == id);
        found.map(Some).ok_or_else(|| {
            Refusal::missing(format!(
                "{} is no data set of this studio; send it, or name its folder when the studio is started",
                id.escape_debug()
            ))
        })
    }

    fn folders(&self, runs: &RunsFolder) -> Result<BTreeSet<PathBuf>, Refusal> {
        let mut all: BTreeSet<PathBuf> = self.named.iter().cloned().collect();
        all.extend(uploads::folders(runs));
        for run in runs.list()?.0 {
            // What is wrong with a configuration is said where its run is shown.
            let dataset = RunDir::config_of(&run.path)
                .ok()
                .and_then(|config| config.dataset);
            all.extend(dataset.filter(|folder| folder.is_dir()));
        }
        Ok(all)
    }

    fn pairs_of(&self, folder: &Path) -> Option<usize> {
        let known = |pairs: &Mutex<HashMap<_, _>>| {
            let pairs = pairs.lock().unwrap_or_else(PoisonError::into_inner);
            pairs.get(folder).copied()
        };
        if let Some(pairs) = known(&self.pairs) {
            return pairs;
        }
        let dataset = Dataset::open(folder, &DataOptions::new(256)).ok();
        let pairs = dataset.as_ref().and_then(training_pairs);
        let mut all = self.pairs.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(folder.to_owned(), pairs);
        pairs
    }
}

fn training_pairs(dataset: &Dataset) -> Option<usize> {
    dataset.get(Split::Train).map(|pairs| pairs.len())
}

/// The last part of a path.
pub fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}
