//! `pix2pix prepare split`: files go into training, validation and test.

use super::tasks::{Tasks, ToolOutputArgs, finish, left_over};
use crate::cli::CliError;
use crate::cli::names::{Taken, is_there};
use crate::cli::outputs::blocked;
use crate::cli::progress::SharedBar;
use crate::data::listing::walk;
use crate::data::pairs::pairs_to_split;
use crate::data::tools::{Task, check_percent, join, split};
use crate::data::{DataError, PairSource, Split, sidecar_remark};
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
    results: &ToolOutputArgs,
) -> Result<usize, CliError> {
    check_percent(percent)?;
    check_out(input, results)?;
    let found = pairs_to_split(input, &results.out)?;
    let files = |pair: &PairSource| pair.paths().cloned().collect();
    let pairs: Vec<Vec<PathBuf>> = found.found.pairs.iter().map(files).collect();
    let mut told = Vec::new();
    if pairs.iter().any(|files| files.len() > 1) {
        told.push(found.found.describe(input));
    }
    told.extend(left_over(&found));
    let beside = sidecar_remark(pairs.iter().flatten());
    told.extend(beside.map(|remark| format!("note: {remark}")));
    let groups = group_related(input, &pairs)?;
    let places = Destinations::of(input, &results.out);
    let (mut tasks, related) = draw(pairs, &groups, places, percent, seed)?;
    let all = tasks.list.len();
    if related > 0 {
        told.push(format!(
            "{related} of {all} files go with others of their content or name"
        ));
    }
    let outputs = tasks.list.iter().map(|task| &task.output);
    let there: Vec<PathBuf> = outputs.filter(|path| is_there(path)).cloned().collect();
    results.existing.refuse(&there)?;
    let stays = |path: &PathBuf| there.contains(path) && results.existing.keeps(path);
    tasks.list.retain(|task| !stays(&task.output));
    tasks.told = told;
    finish(tasks, results, |task| {
        let bytes = read(&task.sources[0])?;
        let file = results.existing.create(&task.output)?;
        Ok(file.fill(|out| out.write_all(&bytes))?)
    })
}

/// Draws a part for each of the `groups` of `pairs`, and finds the places of their files there.
/// Returns the copies to make, and how many files go where others of their content or name go.
fn draw(
    pairs: Vec<Vec<PathBuf>>,
    groups: &[usize],
    mut places: Destinations,
    percent: [u32; 2],
    seed: u64,
) -> Result<(Tasks, usize), CliError> {
    let leaders = Vec::from_iter(groups.iter().copied().collect::<BTreeSet<_>>());
    let parts = split(leaders.len(), percent, seed)?;
    let (mut tasks, mut related) = (Tasks::default(), 0);
    for (index, (files, group)) in pairs.into_iter().zip(groups).enumerate() {
        let part = parts[leaders.binary_search(group).unwrap_or(0)];
        if *group != index {
            related += files.len();
        }
        match places.tasks(files, part) {
            Ok(of_pair) => tasks.list.extend(of_pair),
            Err(error @ (CliError::Clash { .. } | CliError::Blocked { .. })) => {
                tasks.failures.push(error)
            }
            Err(error) => return Err(error),
        }
    }
    Ok((tasks, related))
}

/// Refuses a file as `--out`, and the folder that is split.
fn check_out(input: &Path, results: &ToolOutputArgs) -> Result<(), CliError> {
    results.file(&[input.to_owned()])?;
    let real = |path: &Path| path.canonicalize().ok();
    if real(input).is_some() && real(input) == real(&results.out) {
        let folder = input.display();
        return Err(CliError::Usage(format!(
            "{folder}: is the folder that is split, and would hold its images twice; choose \
             another --out"
        )));
    }
    Ok(())
}

/// Where the files of a folder go.
struct Destinations<'a> {
    input: &'a Path,
    out: &'a Path,
    /// The folders of the parts, and the images that are there by their names.
    folders: [(PathBuf, HashMap<String, PathBuf>); 3],
    /// The names that other files of the folder have taken.
    taken: Taken<'a>,
}

impl<'a> Destinations<'a> {
    fn of(input: &'a Path, out: &'a Path) -> Self {
        let folders = Split::ALL.map(|part| {
            let folder = out.join(part.name());
            let there = images_there(&folder);
            (folder, there)
        });
        Self {
            input,
            out,
            folders,
            taken: Taken::new(out),
        }
    }

    /// Puts the files of a pair into this part, all of them or none.
    fn tasks(&mut self, files: Vec<PathBuf>, part: usize) -> Result<Vec<Task>, CliError> {
        let task = |source| self.task(source, part);
        files.into_iter().map(task).collect()
    }

    /// Puts a file into this part, unless its picture is in another one or its name is taken.
    fn task(&mut self, source: PathBuf, part: usize) -> Result<Task, CliError> {
        let own = self.folders[part].0.join(below(self.input, &source));
        let name = picture_name(self.input, &source);
        let mut others = self
            .folders
            .iter()
            .enumerate()
            .filter(|&(other, _)| other != part);
        if let Some(other) = others.find_map(|(_, (_, there))| there.get(&name)) {
            let (own, other, out) = (own.display(), other.display(), self.out.display());
            return Err(CliError::Usage(format!(
                "{other} exists and would be {own} too; choose another --out, or move {out} away"
            )));
        }
        if let Some(first) = self.taken.owner(&own) {
            return Err(CliError::Clash {
                first: first.clone(),
                second: source,
                output: own,
            });
        }
        if let Some(blocked) = blocked(&own) {
            return Err(blocked);
        }
        self.taken.add(own.clone(), source.clone());
        Ok(Task {
            sources: vec![source],
            output: own,
        })
    }
}

/// A number for each pair, the same for pairs that go together: the index of the first of them. A
/// pair of two files is compared by the first one. Many pairs can have the same target.
fn group_related(input: &Path, pairs: &[Vec<PathBuf>]) -> Result<Vec<usize>, DataError> {
    let mut groups: Vec<usize> = (0..pairs.len()).collect();
    let firsts = || pairs.iter().filter_map(|files| files.first());
    join(&mut groups, firsts().map(|path| picture_name(input, path)));
    let bar = SharedBar::new(pairs.len());
    let digests = firsts().map(|path| {
        let bytes = read(path);
        bar.passed();
        Ok(digest(&bytes?))
    });
    let digests = digests.collect::<Result<Vec<u64>, DataError>>()?;
    bar.finish();
    join(&mut groups, digests);
    Ok(groups)
}

/// The path of a file below a folder.
fn below(folder: &Path, path: &Path) -> PathBuf {
    let below = path.strip_prefix(folder).ok();
    below.map_or_else(
        || path.file_name().unwrap_or_default().into(),
        Path::to_owned,
    )
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

/// The path of a picture below a folder without its ending, in lower case.
fn picture_name(folder: &Path, path: &Path) -> String {
    below(folder, path)
        .with_extension("")
        .to_string_lossy()
        .to_lowercase()
}

/// The images below a folder by these names. Without a folder there are none.
fn images_there(folder: &Path) -> HashMap<String, PathBuf> {
    let images = walk(folder).map(|walked| walked.images).unwrap_or_default();
    images
        .into_iter()
        .map(|path| (picture_name(folder, &path), path))
        .collect()
}
