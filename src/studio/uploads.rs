//! Data sets that a page sends: one ZIP archive, or the files of a folder. They are kept beside the
//! runs, so that a run that was trained on one can go on in a terminal too.
//!
//! The files of a folder come as one body: a line of JSON, `[{"path": .., "bytes": ..}]`, and then
//! the bytes of all files, one after the other.

use super::refusal::Refusal;
use super::runs::RunsFolder;
use crate::data::{ArchiveError, ArchiveLimits, Scan, Wanted, open_zip};
use crate::files::{self, MemoryFolder};
use crate::train::run::{RunDir, check_name};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Bytes of a data set that may be sent.
pub const MOST_DATA: usize = 512 << 20;
/// Bytes of its files when they are unpacked.
const MOST_UNPACKED: u64 = 1 << 30;
/// The folder of sent data sets, in that of all runs. No file in it is served: it has a dot.
const FOLDER: &str = ".datasets";

/// A file of a folder that is sent.
#[derive(Debug, Serialize, Deserialize)]
struct SentFile {
    path: String,
    bytes: u64,
}

/// The folder of all sent data sets.
fn root(runs: &RunsFolder) -> PathBuf {
    let root = runs.root();
    root.canonicalize()
        .unwrap_or_else(|_| root.to_owned())
        .join(FOLDER)
}

/// The folders of the sent data sets.
pub fn folders(runs: &RunsFolder) -> Vec<PathBuf> {
    let entries = fs::read_dir(root(runs)).into_iter().flatten().flatten();
    let is_whole = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.is_dir() && !name.starts_with('.')
    };
    entries.map(|entry| entry.path()).filter(is_whole).collect()
}

/// Keeps a data set, and returns its id, its pairs and what is to be told of it.
///
/// # Errors
/// A body that is broken or too large, files without pairs, and a disk that does not take them.
pub fn add(runs: &RunsFolder, name: &str, body: Vec<u8>) -> Result<Value, Refusal> {
    let name = name.trim().trim_start_matches('.');
    let name = name.strip_suffix(".zip").unwrap_or(name);
    check_name(name)?;
    let folder = match body.starts_with(b"PK") {
        true => unpack(name, &body)?,
        false => MemoryFolder::new(name, split(&body)?).map_err(Refusal::bad)?,
    };
    drop(body);
    let wanted = Wanted {
        images: (1, 1),
        one_picture: false,
        as_stored: false,
    };
    let scan = Scan::of(folder.path(), wanted).map_err(Refusal::bad)?;
    let pairs: usize = scan.splits.iter().map(|split| split.pairs.len()).sum();
    let told: Vec<String> = scan.remarks.iter().map(ToString::to_string).collect();
    // A path is in full only when its folder is there.
    fs::create_dir_all(runs.root()).map_err(|reason| full(runs.root(), &reason))?;
    let kept = keep(&folder, &root(runs), name).map_err(|(path, reason)| full(&path, &reason))?;
    Ok(json!({"id": kept.display().to_string(), "pairs": pairs, "told": told}))
}

fn unpack(name: &str, body: &[u8]) -> Result<MemoryFolder, Refusal> {
    let limits = ArchiveLimits {
        bytes: MOST_UNPACKED,
        ..ArchiveLimits::default()
    };
    open_zip(name, body, limits).map_err(|error| match error {
        ArchiveError::TooLarge { .. } => Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, error),
        error => Refusal::bad(error),
    })
}

/// The files in a body.
fn split(body: &[u8]) -> Result<Vec<(String, Vec<u8>)>, Refusal> {
    let broken = || {
        Refusal::bad(
            "the upload is no ZIP archive and no folder, or was cut off on the way; send it again",
        )
    };
    let end = body.iter().position(|byte| *byte == b'\n');
    let (line, mut rest) = body.split_at(end.ok_or_else(broken)?);
    let list: Vec<SentFile> = serde_json::from_slice(line).map_err(|_| broken())?;
    rest = &rest[1..];
    let mut files = Vec::with_capacity(list.len());
    for SentFile { path, bytes } in list {
        let length = usize::try_from(bytes).map_err(|_| broken())?;
        let (file, after) = rest.split_at_checked(length).ok_or_else(broken)?;
        files.push((path, file.to_vec()));
        rest = after;
    }
    match rest.is_empty() {
        true => Ok(files),
        false => Err(broken()),
    }
}

/// Writes the files below `root`. The folder gets its name when all of them are there.
fn keep(folder: &MemoryFolder, root: &Path, name: &str) -> Result<PathBuf, (PathBuf, io::Error)> {
    let of_root = |error| (root.to_owned(), error);
    fs::create_dir_all(root).map_err(of_root)?;
    let new = tempfile::Builder::new().prefix(".new-").tempdir_in(root);
    // Without a rename it is removed with all in it.
    let new = new.map_err(of_root)?;
    copy(folder.path(), new.path())?;
    let unused = RunDir::unused_name(root, name);
    let to = root.join(unused.unwrap_or_else(|_| name.to_owned()));
    fs::rename(new.path(), &to).map_err(|error| (to.clone(), error))?;
    Ok(to)
}

fn copy(from: &Path, to: &Path) -> Result<(), (PathBuf, io::Error)> {
    for path in files::entries(from).map_err(|error| (from.to_owned(), error))? {
        let name = path.file_name().unwrap_or_default();
        let target = to.join(name);
        let copied = match files::is_dir(&path) {
            true => {
                fs::create_dir(&target).map_err(|error| (target.clone(), error))?;
                copy(&path, &target)?;
                Ok(())
            }
            false => files::read(&path).and_then(|bytes| fs::write(&target, bytes)),
        };
        copied.map_err(|error| (target, error))?;
    }
    Ok(())
}

fn full(path: &Path, reason: &io::Error) -> Refusal {
    Refusal::failed(format!(
        "{}: cannot keep the data set: {reason}; make room there and send it again",
        path.display()
    ))
}

/// Removes a data set that was sent.
///
/// # Errors
/// One that was not sent, and a run that was trained on it.
pub fn forget(runs: &RunsFolder, id: &str) -> Result<(), Refusal> {
    let found = folders(runs)
        .into_iter()
        .find(|path| path.as_os_str() == id);
    let path = found.ok_or_else(|| {
        Refusal::missing(format!(
            "{} is no data set that was sent; only those can be forgotten",
            id.escape_debug()
        ))
    })?;
    for run in runs.list()?.0 {
        // What is wrong with a configuration is said where its run is shown.
        let config = RunDir::config_of(&run.path).ok();
        if config.is_some_and(|config| config.dataset.as_deref() == Some(&path)) {
            return Err(Refusal::conflict(format!(
                "{} was trained on it and could not go on without it; forget that run first",
                run.id
            )));
        }
    }
    fs::remove_dir_all(&path).map_err(|reason| {
        Refusal::failed(format!(
            "{}: cannot be removed: {reason}; remove it by hand",
            path.display()
        ))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_a_body_are_those_that_were_sent() {
        let line = r#"[{"path":"a","bytes":2},{"path":"b/c","bytes":0},{"path":"d","bytes":1}]"#;
        let files = split(format!("{line}\nxyz").as_bytes()).unwrap();
        let expected = [("a", "xy"), ("b/c", ""), ("d", "z")];
        let expected = expected.map(|(path, text)| (path.to_owned(), text.into()));
        assert_eq!(files, expected);
        for broken in [
            "",
            "[]",
            "x\n",
            &format!("{line}\nxy"),
            &format!("{line}\nxyzw"),
        ] {
            assert!(split(broken.as_bytes()).is_err(), "{broken}");
        }
    }
}
