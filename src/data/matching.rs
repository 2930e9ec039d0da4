//! Which files of several folders belong together, by their names.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use unicode_normalization::UnicodeNormalization;

use super::error::DataError;

/// What stands behind the name of a picture in data sets that people know: inputs, then targets.
pub(super) const SUFFIXES: [(&str, &str); 5] = [
    ("_A", "_B"),
    ("-A", "-B"),
    ("_leftImg8bit", "_gtFine_color"),
    ("_label", "_img"),
    ("_input", "_target"),
];

/// How the names of files that belong together compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Names {
    /// They are equal.
    Equal,
    /// Some are equal only after Unicode normalisation: a Mac writes accents in another way (NFD)
    /// than others (NFC).
    Normalised {
        /// How many.
        count: usize,
        /// The first of them.
        example: PathBuf,
    },
    /// They are equal without these suffixes, one for each folder.
    Suffixes(Vec<String>),
}

/// `by name`, or what else it is paired by.
impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Names::Equal | Names::Normalised { .. } => f.write_str("by name"),
            Names::Suffixes(suffixes) => {
                let suffixes: Vec<&str> = suffixes
                    .iter()
                    .filter(|suffix| !suffix.is_empty())
                    .map(String::as_str)
                    .collect();
                write!(f, "by name without {}", suffixes.join(" and "))
            }
        }
    }
}

/// Files that belong together, one of each place, name by name.
pub(super) struct Matched {
    pub files: Vec<Vec<PathBuf>>,
    pub names: Names,
}

/// A folder and files in it.
pub(super) type Place = (PathBuf, Vec<PathBuf>);

/// The files of one name, one of each of these places, name by name.
///
/// # Errors
/// A file without a partner, and two files of one place that differ in the ending only.
pub fn match_names(places: Vec<Place>) -> Result<Vec<Vec<PathBuf>>, DataError> {
    Ok(match_files(&places)?.files)
}

/// Tries names as they are, then in normal form, then without suffixes. The first of these that
/// finds a partner for each file is taken.
pub(super) fn match_files(places: &[Place]) -> Result<Matched, DataError> {
    let no_suffix = vec![String::new(); places.len()];
    let equal = match match_by(places, &no_suffix, Path::to_owned) {
        Ok(files) => {
            let names = Names::Equal;
            return Ok(Matched { files, names });
        }
        Err(error) => error,
    };
    if let Ok(files) = match_by(places, &no_suffix, normal_form) {
        return Ok(Matched {
            names: different_forms(places, &files),
            files,
        });
    }
    for suffixes in [known_suffixes(places), common_suffixes(places)]
        .into_iter()
        .flatten()
    {
        if let Ok(files) = match_by(places, &suffixes, normal_form) {
            let names = Names::Suffixes(suffixes);
            return Ok(Matched { files, names });
        }
    }
    Err(equal)
}

/// Matches the files whose names end with the suffix of their place.
fn match_by(
    places: &[Place],
    suffixes: &[String],
    key: impl Fn(&Path) -> PathBuf,
) -> Result<Vec<Vec<PathBuf>>, DataError> {
    let mut keyed: Vec<_> = places
        .iter()
        .zip(suffixes)
        .map(|((place, files), suffix)| Ok((place, by_key(place, files, suffix, &key)?)))
        .collect::<Result<_, DataError>>()?;
    if keyed.is_empty() {
        return Ok(Vec::new());
    }
    let (first_place, first) = keyed.remove(0);
    let mut matched = Vec::with_capacity(first.len());
    let mut unpaired = Vec::new();
    for (name, path) in first {
        let mut files = vec![path.clone()];
        for (place, others) in &mut keyed {
            match others.remove(&name) {
                Some(other) => files.push(other),
                None => unpaired.push((path.clone(), place.to_path_buf())),
            }
        }
        matched.push(files);
    }
    for (_, others) in keyed {
        unpaired.extend(others.into_values().map(|path| (path, first_place.clone())));
    }
    let count = unpaired.len();
    match unpaired.into_iter().next() {
        Some((path, folder)) => Err(DataError::Unpaired {
            path,
            folder,
            count,
        }),
        None => Ok(matched),
    }
}

fn by_key(
    place: &Path,
    files: &[PathBuf],
    suffix: &str,
    key: impl Fn(&Path) -> PathBuf,
) -> Result<BTreeMap<PathBuf, PathBuf>, DataError> {
    let mut names = BTreeMap::new();
    for path in files {
        let Some(name) = without_suffix(&name_in(place, path), suffix) else {
            continue;
        };
        if let Some(first) = names.insert(key(&name), path.clone()) {
            return Err(DataError::SameName {
                first,
                second: path.clone(),
            });
        }
    }
    Ok(names)
}

/// The path of a file below `place`, without its ending.
pub(super) fn name_in(place: &Path, path: &Path) -> PathBuf {
    let below = path.strip_prefix(place).ok();
    let below = below.filter(|below| !below.as_os_str().is_empty());
    let below = below.unwrap_or_else(|| path.file_name().map_or(path, Path::new));
    below.with_extension("")
}

/// The name without a suffix. `None` if it does not end so, or has nothing before it.
pub(super) fn without_suffix(name: &Path, suffix: &str) -> Option<PathBuf> {
    if suffix.is_empty() {
        return Some(name.to_owned());
    }
    let stem = name.file_name()?.to_str()?.strip_suffix(suffix)?;
    (!stem.is_empty()).then(|| name.with_file_name(stem))
}

/// The name in Unicode's composed form.
fn normal_form(name: &Path) -> PathBuf {
    match name.to_str() {
        Some(text) => text.nfc().collect::<String>().into(),
        None => name.to_owned(),
    }
}

/// How many of these files have a partner whose name is written in another form.
fn different_forms(places: &[Place], matched: &[Vec<PathBuf>]) -> Names {
    let differ = |files: &&Vec<PathBuf>| {
        let names = places
            .iter()
            .zip(files.iter())
            .map(|((place, _), file)| name_in(place, file));
        names.collect::<std::collections::BTreeSet<_>>().len() > 1
    };
    let count = matched.iter().filter(differ).count();
    let example = matched.iter().find(differ).and_then(|files| files.first());
    Names::Normalised {
        count,
        example: example.cloned().unwrap_or_default(),
    }
}

/// The suffixes of a known data set, where each of two places has files with its own.
fn known_suffixes(places: &[Place]) -> Option<Vec<String>> {
    let [a, b] = places else { return None };
    let has = |(place, files): &Place, suffix: &str| {
        let is = |path: &PathBuf| without_suffix(&name_in(place, path), suffix).is_some();
        // Cityscapes has several kinds of label maps beside one another. The coloured one is meant.
        match suffix {
            "_gtFine_color" => files.iter().any(is),
            _ => files.iter().all(is),
        }
    };
    let known = SUFFIXES
        .iter()
        .find(|(of_a, of_b)| has(a, of_a) && has(b, of_b))?;
    Some(vec![known.0.to_owned(), known.1.to_owned()])
}

/// What all names of a place end with, from a separator on: for each place, perhaps nothing.
fn common_suffixes(places: &[Place]) -> Option<Vec<String>> {
    let common = |(place, files): &Place| {
        let mut names = files.iter().map(|path| name_in(place, path));
        let first = names.next()?;
        let first = first.file_name()?.to_str()?.to_owned();
        let shared = names.try_fold(first.clone(), |shared, name| {
            let name = name.file_name()?.to_str()?;
            let end = shared.char_indices().map(|(at, _)| &shared[at..]);
            Some(
                end.into_iter()
                    .find(|end| name.ends_with(end))
                    .unwrap_or("")
                    .to_owned(),
            )
        })?;
        // The whole name of a lone file is no suffix.
        let from = shared.find(['_', '-', '.', ' '])?;
        (files.len() > 1).then(|| shared[from..].to_owned())
    };
    let suffixes: Vec<String> = places
        .iter()
        .map(|place| common(place).unwrap_or_default())
        .collect();
    suffixes
        .iter()
        .any(|suffix| !suffix.is_empty())
        .then_some(suffixes)
}
