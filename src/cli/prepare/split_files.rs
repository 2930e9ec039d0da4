//! `pix2pix prepare split`: files go into training, validation and test.

use super::{OutputArgs, finish};
use crate::cli::{CliError, note};
use crate::data::tools::{Task, check_percent, join, split};
use crate::data::{DataError, Split, list_images};
use crate::train::run::write_atomic;
use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Copies files as they are into the parts of a data set. A test on training images says nothing.
/// So files with the same content go into the same part. So do files whose names differ only in
/// ending or case.
pub(super) fn copy_split(
    input: &Path,
    percent: [u32; 2],
    seed: u64,
    output: &OutputArgs,
) -> Result<usize, CliError> {
    check_percent(percent)?;
    let sources = list_images(&[input.to_owned()])?;
    let groups = group_related(&sources)?;
    let leaders: Vec<usize> = groups
        .iter()
        .copied()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let parts = split(leaders.len(), percent, seed)?;
    let related = sources.len() - leaders.len();
    let folders = Split::ALL.map(|part| output.out.join(part.name()));
    let there = folders.each_ref().map(|folder| images_there(folder));
    let mut tasks = Vec::with_capacity(sources.len());
    for (source, group) in sources.into_iter().zip(&groups) {
        let part = parts[leaders.binary_search(group).unwrap_or(0)];
        let own = folders[part].join(source.file_name().unwrap_or_default());
        let elsewhere = there.iter().enumerate().filter(|&(other, _)| other != part);
        if let Some(other) = elsewhere
            .into_iter()
            .find_map(|(_, images)| images.get(&picture_name(&source)))
        {
            let (own, other, out) = (own.display(), other.display(), output.out.display());
            return Err(CliError::Usage(format!(
                "{other} exists and would be {own} too; choose another --out or remove {out}"
            )));
        }
        tasks.push(Task {
            sources: vec![source],
            output: own,
        });
    }
    let count = finish(&tasks, output, |task| {
        let bytes = read(&task.sources[0])?;
        Ok(write_atomic(&task.output, |out| out.write_all(&bytes))?)
    })?;
    if related > 0 {
        note(&format!(
            "{related} of {count} files go with others of their content or name"
        ));
    }
    Ok(count)
}

/// A number for each file, the same for files that go together.
fn group_related(sources: &[PathBuf]) -> Result<Vec<usize>, DataError> {
    let mut groups: Vec<usize> = (0..sources.len()).collect();
    join(&mut groups, sources.iter().map(|path| picture_name(path)));
    join(
        &mut groups,
        sources
            .iter()
            .map(|path| Ok(digest(&read(path)?)))
            .collect::<Result<Vec<u64>, DataError>>()?,
    );
    Ok(groups)
}

fn read(path: &Path) -> Result<Vec<u8>, DataError> {
    std::fs::read(path).map_err(|source| DataError::ReadFile {
        path: path.to_owned(),
        source,
    })
}

/// A file's content as a number.
fn digest(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

/// The name of a picture without its ending, in lower case.
fn picture_name(path: &Path) -> String {
    path.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase()
}

/// The files of a folder by these names. Without a folder there are none.
fn images_there(folder: &Path) -> HashMap<String, PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| (picture_name(&entry.path()), entry.path()))
        .collect()
}
