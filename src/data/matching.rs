//! Which files of several folders belong together, by their names.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use super::affix::{Affix, known_affixes};
use super::error::DataError;

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
    /// Some are equal only without regard to letter case, in normal form.
    LetterCase {
        /// How many.
        count: usize,
        /// The first of them.
        example: PathBuf,
    },
    /// They are equal without these parts, one for each folder.
    Without(Vec<Affix>),
}

/// `by name`, or what else it is paired by.
impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Names::Equal | Names::Normalised { .. } | Names::LetterCase { .. } => {
                f.write_str("by name")
            }
            Names::Without(affixes) => {
                let affixes: Vec<String> = affixes
                    .iter()
                    .filter(|affix| !affix.is_empty())
                    .map(Affix::to_string)
                    .collect();
                write!(f, "by name without {}", affixes.join(" and "))
            }
        }
    }
}

/// Files that belong together, one of each folder, name by name.
pub(super) struct Matched {
    pub files: Vec<Vec<PathBuf>>,
    pub names: Names,
}

/// A folder and files in it.
pub(super) type FolderFiles = (PathBuf, Vec<PathBuf>);

/// The files of one name, one of each of these folders, name by name.
///
/// # Errors
/// A file without a partner, and two files of one folder that differ in the ending only.
pub fn match_names(folders: Vec<FolderFiles>) -> Result<Vec<Vec<PathBuf>>, DataError> {
    Ok(match_files(&folders)?.files)
}

/// Tries names as they are, then in normal form, then in small letters, then without affixes in
/// normal form, then these in small letters. The first of these that finds a partner for each file
/// is taken. If none does, the error is that of the names that leave the fewest files over.
pub(super) fn match_files(folders: &[FolderFiles]) -> Result<Matched, DataError> {
    let whole = vec![Affix::Suffix(String::new()); folders.len()];
    let mut error = match match_by(folders, &whole, Path::to_owned) {
        Ok(files) => {
            let names = Names::Equal;
            return Ok(Matched { files, names });
        }
        Err(error) => error,
    };
    match match_by(folders, &whole, normal_form) {
        Ok(files) => {
            let (count, example) = different(folders, &files);
            let names = Names::Normalised { count, example };
            return Ok(Matched { files, names });
        }
        // The file without a partner has the same name in all viewers as one that has it.
        Err(other @ DataError::SameName { .. }) => error = other,
        Err(other) => error = with_fewer_files(error, other),
    }
    match match_by(folders, &whole, small_letters) {
        Ok(files) => {
            let (count, example) = different(folders, &files);
            let names = Names::LetterCase { count, example };
            return Ok(Matched { files, names });
        }
        Err(other) => error = with_fewer_files(error, other),
    }
    let affixes = affixes_of(folders);
    for key in [normal_form, small_letters] {
        for affixes in &affixes {
            if let Ok(files) = match_by(folders, affixes, key) {
                let names = Names::Without(affixes.clone());
                return Ok(Matched { files, names });
            }
        }
    }
    Err(error)
}

/// The affixes that all files of each folder may have.
pub(super) fn affixes_of(folders: &[FolderFiles]) -> Vec<Vec<Affix>> {
    known(folders)
        .into_iter()
        .chain(common(folders, Affix::common_suffix))
        .chain(common(folders, Affix::common_prefix))
        .collect()
}

/// The error about fewer files without a partner: the first, unless the other is.
fn with_fewer_files(first: DataError, other: DataError) -> DataError {
    let count = |error: &DataError| match error {
        DataError::Unpaired { count, .. } => Some(*count),
        _ => None,
    };
    match (count(&first), count(&other)) {
        (Some(first_count), Some(other_count)) if other_count < first_count => other,
        _ => first,
    }
}

/// Two files of one name in the folder of one side.
const SAME: &str = "same name, so pairing is ambiguous; rename one, or move it elsewhere";
/// The same where the names are equal in normal form only.
const LOOK_THE_SAME: &str = "names that look the same, with accents that are written in two ways \
                             (NFC and NFD); rename one, or move it elsewhere";

/// Matches the files whose names have the affix of their folder.
pub(super) fn match_by(
    folders: &[FolderFiles],
    affixes: &[Affix],
    key: impl Fn(&Path) -> PathBuf,
) -> Result<Vec<Vec<PathBuf>>, DataError> {
    let mut keyed: Vec<_> = folders
        .iter()
        .zip(affixes)
        .map(|((folder, files), affix)| Ok((folder, by_key(folder, files, affix, &key)?)))
        .collect::<Result<_, DataError>>()?;
    if keyed.is_empty() {
        return Ok(Vec::new());
    }
    let (first_folder, first) = keyed.remove(0);
    let mut matched = Vec::with_capacity(first.len());
    let mut unpaired = Vec::new();
    for (name, path) in first {
        let mut files = vec![path.clone()];
        for (folder, others) in &mut keyed {
            match others.remove(&name) {
                Some(other) => files.push(other),
                None => unpaired.push((path.clone(), folder.to_path_buf())),
            }
        }
        matched.push(files);
    }
    for (_, others) in keyed {
        unpaired.extend(
            others
                .into_values()
                .map(|path| (path, first_folder.clone())),
        );
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
    folder: &Path,
    files: &[PathBuf],
    affix: &Affix,
    key: impl Fn(&Path) -> PathBuf,
) -> Result<BTreeMap<PathBuf, PathBuf>, DataError> {
    let mut names = BTreeMap::new();
    for path in files {
        let name = name_in(folder, path);
        let Some(name) = (if affix.is_empty() {
            Some(name)
        } else {
            affix.strip(&name)
        }) else {
            continue;
        };
        if let Some(first) = names.insert(key(&name), path.clone()) {
            let words = match name_in(folder, &first) == name_in(folder, path) {
                true => SAME,
                false => LOOK_THE_SAME,
            };
            return Err(DataError::SameName {
                first,
                second: path.clone(),
                words,
            });
        }
    }
    Ok(names)
}

/// The path of a file below `folder`, without its ending.
pub(super) fn name_in(folder: &Path, path: &Path) -> PathBuf {
    let below = path.strip_prefix(folder).ok();
    let below = below.filter(|below| !below.as_os_str().is_empty());
    let below = below.unwrap_or_else(|| path.file_name().map_or(path, Path::new));
    below.with_extension("")
}

/// The name in Unicode's composed form.
fn normal_form(name: &Path) -> PathBuf {
    match name.to_str() {
        Some(text) => nfc(text).into(),
        None => name.to_owned(),
    }
}

/// A text in Unicode's form NFC.
#[cfg(not(target_arch = "wasm32"))]
fn nfc(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    text.nfc().collect()
}

/// The browser has the tables of Unicode already.
#[cfg(target_arch = "wasm32")]
fn nfc(text: &str) -> String {
    js_sys::JsString::from(text).normalize("NFC").into()
}

/// The name in small letters, in Unicode's composed form.
pub fn small_letters(name: &Path) -> PathBuf {
    match normal_form(name).to_str() {
        Some(text) => text.to_lowercase().into(),
        None => name.to_owned(),
    }
}

/// How many of these files have a partner whose name is written in another way, and the first of
/// them.
fn different(folders: &[FolderFiles], matched: &[Vec<PathBuf>]) -> (usize, PathBuf) {
    let differ = |files: &&Vec<PathBuf>| {
        let names = folders
            .iter()
            .zip(files.iter())
            .map(|((folder, _), file)| name_in(folder, file));
        names.collect::<BTreeSet<_>>().len() > 1
    };
    let count = matched.iter().filter(differ).count();
    let example = matched.iter().find(differ).and_then(|files| files.first());
    (count, example.cloned().unwrap_or_default())
}

/// The affixes of a known data set, where each of two folders has files with its own.
fn known(folders: &[FolderFiles]) -> Option<Vec<Affix>> {
    let [a, b] = folders else { return None };
    let has = |(folder, files): &FolderFiles, affix: &Affix| {
        let is = |path: &PathBuf| affix.strip(&name_in(folder, path)).is_some();
        // Cityscapes has several kinds of label maps beside one another. The coloured one is meant.
        match affix {
            Affix::Suffix(suffix) if suffix == "_gtFine_color" => files.iter().any(is),
            _ => files.iter().all(is),
        }
    };
    let mut known = known_affixes();
    let known = known.find(|[of_a, of_b]| has(a, of_a) && has(b, of_b))?;
    Some(known.into())
}

/// What all names of a folder have in common, as `of` finds it: for each folder, perhaps nothing.
fn common(folders: &[FolderFiles], of: fn(&[PathBuf]) -> Affix) -> Option<Vec<Affix>> {
    let names = |(folder, files): &FolderFiles| -> Vec<PathBuf> {
        files.iter().map(|path| name_in(folder, path)).collect()
    };
    let affixes: Vec<Affix> = folders.iter().map(|folder| of(&names(folder))).collect();
    affixes
        .iter()
        .any(|affix| !affix.is_empty())
        .then_some(affixes)
}
