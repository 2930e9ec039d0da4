//! The runs in one folder, whoever trains them.
//!
//! | file | idea |
//! |---|---|
//! | `mod.rs` | which runs there are, and where |
//! | `summary.rs` | how far each is |
//! | `detail.rs` | all of one run |
//! | `files.rs` | its files, read-only |
//! | `notes.rs` | tags and notes beside it |
//! | `watch.rs` | what is new, told to everybody who looks on |

pub mod detail;
pub mod files;
pub mod notes;
pub mod summary;
pub mod watch;

use super::refusal::Refusal;
use crate::train::run::{RunDir, RunError, check_name};
use serde::Serialize;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The file of a folder that holds the runs of a comparison.
const COMPARISON: &str = "comparison.json";
/// The folder of runs that were put out of sight.
const FORGOTTEN: &str = ".forgotten";

/// The folder of all runs.
#[derive(Debug, Clone)]
pub struct RunsFolder {
    root: PathBuf,
}

/// A run by its name, with its folder. The runs of a comparison are named `COMPARISON/RUN`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub id: String,
    pub path: PathBuf,
}

/// A comparison in the folder of all runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Comparison {
    pub id: String,
    /// The file of its report, if it is written.
    pub page: Option<&'static str>,
}

impl RunsFolder {
    pub fn at(root: PathBuf) -> Self {
        Self { root }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// All runs and all comparisons, by name. A folder that is not there has none.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn list(&self) -> Result<(Vec<Run>, Vec<Comparison>), Refusal> {
        let (mut runs, mut comparisons) = (Vec::new(), Vec::new());
        for (name, path) in folders_of(&self.root)? {
            if path.join(COMPARISON).is_file() {
                let inner = folders_of(&path)?.into_iter();
                let inner = inner.filter(|(_, path)| RunDir::is_run(path));
                runs.extend(inner.map(|(run, path)| Run {
                    id: format!("{name}/{run}"),
                    path,
                }));
                let page = path.join("index.html").is_file().then_some("index.html");
                comparisons.push(Comparison { id: name, page });
            } else if RunDir::is_run(&path) {
                runs.push(Run { id: name, path });
            }
        }
        Ok((runs, comparisons))
    }

    /// The run of that name.
    ///
    /// # Errors
    /// A name that is no name of a run, and a run that is not there or lies elsewhere.
    pub fn find(&self, id: &str) -> Result<Run, Refusal> {
        let path = self.folder(id)?;
        match RunDir::is_run(&path) {
            true => Ok(Run {
                id: id.to_owned(),
                path,
            }),
            false => Err(gone(id)),
        }
    }

    /// Moves a run out of sight, into `.forgotten` in the folder of all runs. Nothing is removed.
    /// Returns where it lies now.
    ///
    /// # Errors
    /// A run that trains, one of a comparison, and a folder that cannot be moved.
    pub fn forget(&self, id: &str) -> Result<PathBuf, Refusal> {
        let run = self.find(id)?;
        if id.contains('/') {
            return Err(Refusal::conflict(format!(
                "{id} belongs to a comparison, whose report would lose it; move the whole \
                 comparison by hand"
            )));
        }
        if summary::alive(&run).0 {
            return Err(Refusal::conflict(format!("{id} trains now; stop it first")));
        }
        let folder = self.root.join(FORGOTTEN);
        let failed = |error| RunError::write(&folder, error);
        fs::create_dir_all(&folder).map_err(failed)?;
        let to = folder.join(RunDir::unused_name(&folder, id)?);
        fs::rename(&run.path, &to).map_err(failed)?;
        Ok(to)
    }

    /// The folder of a run or of a comparison.
    pub fn folder(&self, id: &str) -> Result<PathBuf, Refusal> {
        let parts: Vec<&str> = id.split('/').collect();
        if parts.len() > 2 {
            return Err(Refusal::bad(format!(
                "{} is no name of a run; it is NAME, or COMPARISON/NAME",
                id.escape_debug()
            )));
        }
        parts.iter().try_for_each(|part| check_name(part))?;
        let path = self.root.join(id);
        within(&self.root, &path).map_err(|_| gone(id))?;
        Ok(path)
    }
}

/// The error for a run that is not there.
pub fn gone(id: &str) -> Refusal {
    Refusal::missing(format!(
        "there is no run {} in the runs' folder; it may have been moved or removed, and the list \
         of runs is up to date",
        id.escape_debug()
    ))
}

/// Refuses a path that leads out of `root`, also by links.
pub fn within(root: &Path, path: &Path) -> Result<PathBuf, Refusal> {
    let missing = || Refusal::missing("there is no such file; it may have been moved or removed");
    let full = path.canonicalize().map_err(|_| missing())?;
    let root = root.canonicalize().map_err(|_| missing())?;
    match full.starts_with(&root) {
        true => Ok(full),
        false => Err(missing()),
    }
}

/// The folders in `root` with their names, in order. A name that is no text has no run.
fn folders_of(root: &Path) -> Result<Vec<(String, PathBuf)>, Refusal> {
    let entries = match fs::read_dir(root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| RunError::read(root, error))?,
    };
    let folder = |entry: io::Result<fs::DirEntry>| {
        let path = entry.ok()?.path();
        let name = path.file_name()?.to_str()?.to_owned();
        (check_name(&name).is_ok() && path.is_dir()).then_some((name, path))
    };
    let mut found: Vec<_> = entries.filter_map(folder).collect();
    found.sort();
    Ok(found)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_comparisons_have_two_names_and_nothing_lies_outside() {
        let root = tempfile::tempdir().unwrap();
        let (runs, outside) = (root.path().join("runs"), root.path().join("outside"));
        for folder in [
            runs.join("a"),
            runs.join("c/x"),
            runs.join("other"),
            outside.clone(),
        ] {
            fs::create_dir_all(folder).unwrap();
        }
        for run in ["runs/a", "runs/c/x", "outside"] {
            fs::write(root.path().join(run).join("config.json"), "{}").unwrap();
        }
        fs::write(runs.join("c/comparison.json"), "{}").unwrap();
        let folder = RunsFolder::at(runs.clone());
        let (found, comparisons) = folder.list().unwrap();
        let names: Vec<&str> = found.iter().map(|run| run.id.as_str()).collect();
        assert_eq!(names, ["a", "c/x"]);
        assert_eq!((comparisons.len(), comparisons[0].page), (1, None));
        assert!(folder.find("c/x").is_ok());
        for name in [
            "../outside",
            "a/../../outside",
            "..",
            "",
            "/",
            "a\\b",
            "a/b/c",
            "absent",
        ] {
            assert!(folder.find(name).is_err(), "{name}");
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&outside, runs.join("link")).unwrap();
            assert!(folder.find("link").is_err());
        }
        let none = RunsFolder::at(root.path().join("absent"));
        assert_eq!(none.list().unwrap().0, []);
    }
}
