//! The folder of an evaluation. It opens from the disk and needs no server.
//!
//! | file | what it holds |
//! |---|---|
//! | `index.html` | all pictures with their scores, sorted and filtered by any metric |
//! | `images/` | input, output, target and error map of each pair, as PNG |
//! | `scores.csv` | a row for each pair |
//! | `scores.json` | all numbers |
//! | `grid.png` | some pairs side by side: input, output, target |
//! | `confusion.png` | which labels were painted as which, with a palette |

use super::error::EvalError;
use super::error_map::error_map;
use super::grid::PairGrid;
use super::page::{self, KINDS};
use super::scorer::Example;
use super::scores::Evaluation;
use crate::data::{Picture, encode_png};
use crate::train::run::{RunError, folder_of};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// What lies in the folder.
const NAMES: [&str; 6] = ["index.html", IMAGES, "scores.csv", SCORES, GRID, CONFUSION];
const IMAGES: &str = "images";
const SCORES: &str = "scores.json";
const GRID: &str = "grid.png";
const CONFUSION: &str = "confusion.png";

/// A folder that is being written. It takes its place when it is complete.
#[derive(Debug)]
pub struct EvaluationFolder {
    path: PathBuf,
    /// Beside its place.
    draft: TempDir,
    images: usize,
    grid: PairGrid,
}

impl EvaluationFolder {
    /// Begins the folder `path`. An evaluation that is there is replaced at the end, if `replace`
    /// says so. A folder that holds other files is refused.
    ///
    /// # Errors
    /// [`EvalError::Foreign`], [`EvalError::Exists`] with the `remedy`, and those of writing.
    pub fn create(path: &Path, replace: bool, remedy: &'static str) -> Result<Self, EvalError> {
        check_place(path, replace, remedy)?;
        let above = folder_of(path);
        let fail = |error| RunError::write(path, error);
        fs::create_dir_all(above).map_err(fail)?;
        let draft = tempfile::Builder::new()
            .prefix(".evaluation-")
            .tempdir_in(above)
            .map_err(fail)?;
        fs::create_dir(draft.path().join(IMAGES)).map_err(fail)?;
        Ok(Self {
            path: path.to_owned(),
            draft,
            images: 0,
            grid: PairGrid::default(),
        })
    }

    /// Adds a picture of some of the pairs: see [`PairGrid::new`].
    #[must_use]
    pub fn with_grid(mut self, grid: PairGrid) -> Self {
        self.grid = grid;
        self
    }

    /// Writes the pictures of the next pair.
    ///
    /// # Errors
    /// Those of writing.
    pub fn push(&mut self, example: &Example) -> Result<(), EvalError> {
        let difference = error_map(&example.output, &example.target);
        let pictures = [
            &example.input,
            &example.output,
            &example.target,
            &difference,
        ];
        for (kind, picture) in KINDS.iter().zip(pictures) {
            let folder = self.draft.path().join(IMAGES);
            write_png(&folder.join(picture_name(self.images, kind)), picture)?;
        }
        self.grid.add(self.images, example);
        self.images += 1;
        Ok(())
    }

    /// Writes the numbers and the page, and puts the folder in its place. Returns the page.
    ///
    /// # Errors
    /// Those of writing.
    pub fn finish(self, evaluation: &Evaluation) -> Result<PathBuf, EvalError> {
        let draft = self.draft.path();
        let json = evaluation.json();
        let text = |name: &str, text: String| {
            let path = draft.join(name);
            fs::write(&path, text).map_err(|error| RunError::write(&path, error))
        };
        text("scores.csv", evaluation.csv())?;
        text(SCORES, format!("{json:#}\n"))?;
        if let Some(labels) = &evaluation.labels {
            write_png(&draft.join(CONFUSION), &labels.picture())?;
        }
        if let Some((width, height, pixels)) = self.grid.paint() {
            write_rgb(&draft.join(GRID), (width, height), &pixels)?;
        }
        text("index.html", page::render(evaluation, &json))?;
        if self.path.exists() {
            check_place(&self.path, true, "")?;
        }
        put_in_place(draft, &self.path)?;
        let fail = |error| RunError::write(&self.path, error);
        // A temporary folder is the user's alone; results are as other files are.
        readable_by_all(&self.path).map_err(fail)?;
        Ok(self.path.join("index.html"))
    }
}

/// Moves the folder `draft` to `path`. A folder that is there is moved aside first, and is gone
/// when the new one is there. If that fails, it is where it was.
fn put_in_place(draft: &Path, path: &Path) -> Result<(), EvalError> {
    let fail = |error| RunError::write(path, error);
    let aside = tempfile::Builder::new()
        .prefix(".evaluation-")
        .tempdir_in(folder_of(path))
        .map_err(fail)?;
    let old = aside.path().join("old");
    if path.exists() {
        fs::rename(path, &old).map_err(fail)?;
    }
    if let Err(error) = fs::rename(draft, path) {
        // The old one must not go with the folder that it was moved to.
        if old.exists() && fs::rename(&old, path).is_err() {
            return Err(RunError::write(&aside.keep().join("old"), error).into());
        }
        return Err(fail(error).into());
    }
    Ok(())
}

#[cfg(unix)]
fn readable_by_all(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let like = fs::metadata(folder.join(IMAGES))?.permissions().mode();
    fs::set_permissions(folder, fs::Permissions::from_mode(like))
}

#[cfg(not(unix))]
fn readable_by_all(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Refuses a place where something is that is not to be replaced. What an evaluation did not write
/// is never replaced.
fn check_place(path: &Path, replace: bool, remedy: &'static str) -> Result<(), EvalError> {
    if fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        return Ok(());
    }
    if let Some(example) = foreign_file(path).map_err(|error| RunError::write(path, error))? {
        return Err(EvalError::Foreign {
            path: path.to_owned(),
            example,
        });
    }
    match replace || !path.join(SCORES).is_file() {
        true => Ok(()),
        false => Err(EvalError::Exists {
            path: path.to_owned(),
            remedy,
        }),
    }
}

/// Something in the folder that no evaluation wrote: a name of its own, in `images/` as well, or
/// any file at all where no scores lie beside it. `None` for an evaluation and an empty folder.
fn foreign_file(path: &Path) -> io::Result<Option<String>> {
    let mut known = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let (name, is_folder) = (entry.file_name(), entry.file_type()?.is_dir());
        let is_ours = NAMES.iter().any(|ours| name == *ours) && is_folder == (name == IMAGES);
        match is_ours {
            true => known.push(name.to_string_lossy().into_owned()),
            false => return Ok(Some(name.to_string_lossy().into_owned())),
        }
    }
    if known.iter().any(|name| name == IMAGES) {
        for entry in fs::read_dir(path.join(IMAGES))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type()?.is_dir() || !is_picture_of_a_pair(&name) {
                return Ok(Some(format!("{IMAGES}/{name}")));
            }
        }
    }
    // Each evaluation has scores. A page and pictures without them are somebody else's.
    let has_scores = known.iter().any(|name| name == SCORES);
    Ok(known.into_iter().min().filter(|_| !has_scores))
}

/// Where an evaluation in `folder` keeps a picture of a pair: its `input`, `output` or `target`.
pub fn picture_path(folder: &Path, index: usize, kind: &str) -> PathBuf {
    folder.join(IMAGES).join(picture_name(index, kind))
}

/// The name of a picture in `images/`.
fn picture_name(index: usize, kind: &str) -> String {
    format!("{index:05}-{kind}.png")
}

/// Whether [`picture_name`] makes this name.
fn is_picture_of_a_pair(name: &str) -> bool {
    let index = name.split('-').next().and_then(|text| text.parse().ok());
    index.is_some_and(|index| KINDS.iter().any(|kind| name == picture_name(index, kind)))
}

fn write_png(path: &Path, picture: &Picture) -> Result<(), EvalError> {
    write_rgb(path, picture.dimensions(), picture.bytes())
}

fn write_rgb(path: &Path, size: (u32, u32), pixels: &[u8]) -> Result<(), EvalError> {
    encode_png(size, pixels)
        .and_then(|bytes| fs::write(path, bytes))
        .map_err(|error| RunError::write(path, error).into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_evaluation_stays_where_the_next_one_cannot_take_its_place() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("eval");
        fs::create_dir(&path).unwrap();
        fs::write(path.join(SCORES), "old").unwrap();
        let gone = place.path().join(".evaluation-gone");
        let error = put_in_place(&gone, &path).unwrap_err().to_string();
        assert!(error.contains("eval"), "{error}");
        assert_eq!(fs::read_to_string(path.join(SCORES)).unwrap(), "old");
        let left = fs::read_dir(place.path()).unwrap().count();
        assert_eq!(left, 1, "nothing is left beside it");

        fs::create_dir(&gone).unwrap();
        fs::write(gone.join(SCORES), "new").unwrap();
        put_in_place(&gone, &path).unwrap();
        assert_eq!(fs::read_to_string(path.join(SCORES)).unwrap(), "new");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }
}
