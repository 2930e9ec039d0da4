//! Names of runs and of their files, and files of JSON.

use super::atomic::write_atomic;
use super::error::RunError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Whether a run can have this name.
///
/// # Errors
/// [`RunError::Name`] if it is no plain folder name.
pub fn check_name(name: &str) -> Result<(), RunError> {
    let reason = if name.is_empty() {
        "it is empty"
    } else if name == "." || name == ".." {
        "it is a folder that is always there"
    } else if name.contains(['/', '\\', ':']) {
        "it contains '/', '\\' or ':'"
    } else if name.contains(char::is_control) {
        "it contains a control character"
    } else {
        return Ok(());
    };
    Err(RunError::Name {
        name: name.escape_debug().to_string(),
        reason,
    })
}

pub(super) fn step_file(step: u64, extension: &str) -> String {
    format!("step-{step:06}.{extension}")
}

/// The files in `folder` with names as [`step_file`] makes them, by rising step. All other files
/// are ignored.
pub(super) fn step_files(folder: &Path, extension: &str) -> Result<Vec<(u64, PathBuf)>, RunError> {
    let entries = fs::read_dir(folder).map_err(|error| RunError::read(folder, error))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| RunError::read(folder, error))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let digits = name
            .strip_prefix("step-")
            .and_then(|rest| rest.strip_suffix(extension)?.strip_suffix('.'));
        if let Some(step) = digits.and_then(|digits| digits.parse().ok())
            && name == step_file(step, extension)
        {
            files.push((step, path));
        }
    }
    files.sort_unstable();
    Ok(files)
}

pub(super) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), RunError> {
    let mut text = serde_json::to_vec_pretty(value).map_err(|reason| RunError::Serialise {
        path: path.to_owned(),
        reason,
    })?;
    text.push(b'\n');
    write_atomic(path, |writer| writer.write_all(&text))
}

pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, RunError> {
    let text = fs::read(path).map_err(|error| RunError::read(path, error))?;
    serde_json::from_slice(&text).map_err(|reason| RunError::Json {
        path: path.to_owned(),
        reason,
    })
}
