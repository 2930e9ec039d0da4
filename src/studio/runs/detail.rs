//! All of one run: what its summary says, and its configuration, samples, checkpoints and pages.

use super::summary::{Summary, summary};
use super::{COMPARISON, Run};
use crate::studio::refusal::Refusal;
use crate::train::run::RunDir;
use serde::Serialize;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// All of one run but its rows.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Detail {
    #[serde(flatten)]
    summary: Summary,
    /// `config.json` as it lies there.
    config: Value,
    /// The steps of the sample grids.
    samples: Vec<u64>,
    checkpoints: Vec<CheckpointFile>,
    /// Pages in the folder, as paths of files.
    pages: Vec<String>,
    /// Whether `generator.safetensors` is there.
    has_weights: bool,
}

/// A checkpoint.
#[derive(Debug, Serialize)]
struct CheckpointFile {
    file: String,
    bytes: u64,
}

/// Folders below a run that are looked into for pages, one below the other.
const DEEPEST: usize = 3;

/// Reads all of a run.
///
/// # Errors
/// A run that is gone.
pub fn detail(run: &Run) -> Result<Detail, Refusal> {
    let text = fs::read(run.path.join("config.json")).map_err(|_| super::gone(&run.id))?;
    let samples = RunDir::samples_of(&run.path).unwrap_or_default();
    let mut checkpoints = Vec::new();
    for entry in fs::read_dir(run.path.join("checkpoints"))
        .into_iter()
        .flatten()
    {
        let Ok(entry) = entry else { continue };
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".safetensors") && !name.starts_with('.') {
            let bytes = entry.metadata().map_or(0, |file| file.len());
            let file = format!("checkpoints/{name}");
            checkpoints.push(CheckpointFile { file, bytes });
        }
    }
    checkpoints.sort_by(|one, other| one.file.cmp(&other.file));
    let mut pages = Vec::new();
    find_pages(&run.path, "", DEEPEST, &mut pages);
    pages.sort();
    Ok(Detail {
        summary: summary(run),
        config: serde_json::from_slice(&text).unwrap_or_default(),
        samples: samples.into_iter().map(|(step, _)| step).collect(),
        checkpoints,
        pages,
        has_weights: run.path.join("generator.safetensors").is_file(),
    })
}

/// Finds the pages in a folder: that of the run, of evaluations, of a comparison below it.
fn find_pages(folder: &Path, below: &str, depth: usize, pages: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = match below {
            "" => name.clone(),
            below => format!("{below}/{name}"),
        };
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && depth > 0 && !entry.path().join(COMPARISON).is_file() {
            find_pages(&entry.path(), &path, depth - 1, pages);
        } else if !is_folder && name.ends_with(".html") {
            pages.push(path);
        }
    }
}
