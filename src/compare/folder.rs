//! The folder of a comparison, and the files in it.
//!
//! | file | what it holds |
//! |---|---|
//! | `index.html` | the report as one page |
//! | `report.md` | the same as Markdown |
//! | `pictures.png` | held-out pairs, with what each cell makes of them |
//! | `comparison.json` | the cells, and what became of their runs: [`ComparisonPlan`] |
//! | `CELL-seedN/` | an ordinary run |
//! | `.lock` | the process that goes on with the comparison, while there is one |

use super::error::CompareError;
use super::grid::Cell;
use super::markdown;
use super::page;
use super::plan::{ComparisonPlan, VERSION};
use super::report::Report;
use super::sheet;
use super::tiles::Tiles;
use crate::train::run::{RunError, RunLock, write_atomic};
use serde::Deserialize;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

const PLAN: &str = "comparison.json";
const PAGE: &str = "index.html";
const MARKDOWN: &str = "report.md";

/// The folder of one comparison. Only one process at a time writes to it.
#[derive(Debug)]
pub struct ComparisonFolder {
    path: PathBuf,
    /// Held until the folder is dropped. None before it is made.
    lock: Option<RunLock>,
}

impl ComparisonFolder {
    /// The folder `path`, with its plan if a comparison is there. Nothing is made yet.
    ///
    /// # Errors
    /// [`CompareError::Foreign`], [`CompareError::Version`], and those of locking and reading.
    pub fn find(path: &Path) -> Result<(Self, Option<ComparisonPlan>), CompareError> {
        let mut folder = Self {
            path: path.to_owned(),
            lock: None,
        };
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok((folder, None)),
            Err(error) => return Err(RunError::read(path, error).into()),
        };
        let file = path.join(PLAN);
        if !file.is_file() {
            return match entries.count() {
                0 => Ok((folder, None)),
                _ => Err(CompareError::Foreign {
                    path: folder.path,
                    file: PLAN,
                }),
            };
        }
        folder.lock = Some(RunLock::take(path)?);
        let plan = Self::read(&file)?;
        Ok((folder, Some(plan)))
    }

    fn read(file: &Path) -> Result<ComparisonPlan, CompareError> {
        let text = fs::read(file).map_err(|error| RunError::read(file, error))?;
        let fail = |reason| RunError::Json {
            path: file.to_owned(),
            reason,
        };
        // The version first: another one may have other fields.
        #[derive(Deserialize)]
        struct Form {
            version: u32,
        }
        let Form { version } = serde_json::from_slice(&text).map_err(fail)?;
        if version != VERSION {
            return Err(CompareError::Version {
                path: file.to_owned(),
                found: version,
                known: VERSION,
            });
        }
        Ok(serde_json::from_slice(&text).map_err(fail)?)
    }

    /// Makes the folder if it is not there, keeps other processes out, and writes its plan.
    ///
    /// # Errors
    /// Those of writing and locking.
    pub fn begin(&mut self, plan: &ComparisonPlan) -> Result<(), CompareError> {
        if self.lock.is_none() {
            fs::create_dir_all(&self.path).map_err(|error| RunError::write(&self.path, error))?;
            self.lock = Some(RunLock::take(&self.path)?);
        }
        self.write_plan(plan)
    }

    /// Writes the plan again.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write_plan(&self, plan: &ComparisonPlan) -> Result<(), CompareError> {
        let path = self.path.join(PLAN);
        let mut text =
            serde_json::to_string_pretty(plan).map_err(|reason| RunError::Serialise {
                path: path.clone(),
                reason,
            })?;
        text.push('\n');
        Ok(write_atomic(&path, |out| out.write_all(text.as_bytes()))?)
    }

    /// Writes the report in all its forms.
    ///
    /// # Errors
    /// Those of reading pictures and of writing.
    pub fn write_report(&self, report: &Report, tiles: &Tiles) -> Result<(), CompareError> {
        if !tiles.rows.is_empty() {
            sheet::write(&self.path.join(sheet::FILE), &sheet::draw(tiles)?)?;
        }
        let text = |name: &str, text: String| {
            write_atomic(&self.path.join(name), |out| out.write_all(text.as_bytes()))
        };
        text(MARKDOWN, markdown::render(report, tiles))?;
        text(PAGE, page::render(report, tiles)?)?;
        Ok(())
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The page of the report.
    pub fn page_path(&self) -> PathBuf {
        self.path.join(PAGE)
    }

    /// The report as Markdown.
    pub fn markdown_path(&self) -> PathBuf {
        self.path.join(MARKDOWN)
    }

    /// The folder of a run.
    pub fn run_path(&self, cell: &Cell, seed: u64) -> PathBuf {
        self.path.join(cell.folder(seed))
    }
}
