//! Held-out pairs that are training pairs as well.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read};
use std::path::PathBuf;

use super::found::FoundSplit;
use super::pair_source::PairSource;
use super::remark::{Remark, RemarkKind};
use super::split::Split;
use crate::files::{self, File};

/// How much of a file is read before it is compared as a whole.
const START: u64 = 16 << 10;

/// Tells of held-out pairs whose files are those of a training pair, byte by byte. Only files of
/// equal sizes are opened, and only those that begin alike are read whole.
pub(super) fn held_out_copies(splits: &[FoundSplit]) -> Vec<Remark> {
    let mut training = pairs_of(splits, Split::Train);
    let held_out = [Split::Val, Split::Test].map(|split| (split, pairs_of(splits, split)));
    let sizes: HashSet<u64> = held_out
        .iter()
        .flat_map(|(_, pairs)| pairs.iter().map(|pair| pair.0))
        .collect();
    training.retain(|(size, _)| sizes.contains(size));
    let sizes: HashSet<u64> = training.iter().map(|pair| pair.0).collect();
    let mut by_start: HashMap<u64, Vec<Vec<PathBuf>>> = HashMap::new();
    for (_, files) in training {
        if let Ok(start) = start(&files) {
            by_start.entry(start).or_default().push(files);
        }
    }
    let is_copy = |files: &Vec<PathBuf>| {
        let alike = start(files).ok().and_then(|start| by_start.get(&start));
        alike.is_some_and(|alike| alike.iter().any(|other| equal(files, other)))
    };
    let remark = |(split, pairs): (Split, Vec<(u64, Vec<PathBuf>)>)| {
        let pairs = pairs.into_iter().filter(|(size, _)| sizes.contains(size));
        let copies: Vec<PathBuf> = pairs
            .map(|(_, files)| files)
            .filter(is_copy)
            .filter_map(|files| files.into_iter().next())
            .collect();
        Remark::of(RemarkKind::HeldOutCopies(split), &copies)
    };
    held_out.into_iter().filter_map(remark).collect()
}

/// The files of each pair of a split, with a number for their sizes.
fn pairs_of(splits: &[FoundSplit], split: Split) -> Vec<(u64, Vec<PathBuf>)> {
    let splits = splits.iter();
    splits
        .filter(|found| found.split == split)
        .flat_map(|found| &found.pairs)
        .map(|pair: &PairSource| pair.paths().cloned().collect())
        .filter_map(|files: Vec<PathBuf>| Some((sizes(&files).ok()?, files)))
        .collect()
}

/// A number for the sizes of these files.
fn sizes(files: &[PathBuf]) -> io::Result<u64> {
    let mut hasher = DefaultHasher::new();
    for file in files {
        files::length(file)?.hash(&mut hasher);
    }
    Ok(hasher.finish())
}

/// A number for what stands at the beginning of these files.
fn start(files: &[PathBuf]) -> io::Result<u64> {
    let mut hasher = DefaultHasher::new();
    for file in files {
        let mut bytes = Vec::new();
        File::open(file)?.take(START).read_to_end(&mut bytes)?;
        bytes.hash(&mut hasher);
    }
    Ok(hasher.finish())
}

/// Whether the files are the same. Those that cannot be read are none.
fn equal(some: &[PathBuf], others: &[PathBuf]) -> bool {
    let same = |(one, other): (&PathBuf, &PathBuf)| {
        let both = (files::read(one), files::read(other));
        matches!(both, (Ok(a), Ok(b)) if a == b)
    };
    some.len() == others.len() && some.iter().zip(others).all(same)
}
