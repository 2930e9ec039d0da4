//! Why the names of several folders make no pairs, where nearly all of them follow a rule.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::affix::{Affix, known_affixes};
use super::error::{DataError, PairingError};
use super::matching::{FolderFiles, Names, affixes_of, match_by, name_in, small_letters};

/// One file of so many is few.
const FEW: usize = 10;

/// The error about files without a partner, or what keeps them from being pairs: the few that break
/// the rule of the others, or zeros in front of numbers.
pub(super) fn or_why(error: DataError, folders: &[FolderFiles]) -> DataError {
    let all: usize = folders.iter().map(|(_, files)| files.len()).sum();
    match error {
        DataError::Unpaired { count, .. } if FEW * count > all => {
            let why = zeros(folders).or_else(|| few(folders, all));
            why.map_or(error, DataError::Pairing)
        }
        other => other,
    }
}

/// Pairs whose names are equal without the zeros in front of their numbers.
fn zeros(folders: &[FolderFiles]) -> Option<PairingError> {
    let none = vec![Affix::Suffix(String::new()); folders.len()];
    let differing = |affixes: &Vec<Affix>| {
        let files = match_by(folders, affixes, without_zeros).ok()?;
        files.into_iter().find_map(|files| match &files[..] {
            [one, .., other] if differ(folders, one, other, affixes) => Some(PairingError::Zeros {
                one: one.clone(),
                other: other.clone(),
            }),
            _ => None,
        })
    };
    let affixes = affixes_of(folders);
    std::iter::once(&none).chain(&affixes).find_map(differing)
}

/// Whether the names of two files, the first and the last of their pair, differ.
fn differ(folders: &[FolderFiles], one: &Path, other: &Path, affixes: &[Affix]) -> bool {
    let [Some((first, _)), Some((last, _))] = [folders.first(), folders.last()] else {
        return false;
    };
    let [Some(of_first), Some(of_last)] = [affixes.first(), affixes.last()] else {
        return false;
    };
    let name = |folder: &Path, path: &Path, affix: &Affix| {
        small_letters(&affix.strip(&name_in(folder, path)).unwrap_or_default())
    };
    name(first, one, of_first) != name(last, other, of_last)
}

/// The name in small letters, without the zeros in front of its numbers.
fn without_zeros(name: &Path) -> PathBuf {
    let letters = small_letters(name);
    let Some(text) = letters.to_str() else {
        return letters;
    };
    let mut found = String::with_capacity(text.len());
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        let in_number = found.ends_with(|before: char| before.is_ascii_digit());
        let next_is_digit = signs.peek().is_some_and(char::is_ascii_digit);
        if sign != '0' || in_number || !next_is_digit {
            found.push(sign);
        }
    }
    found.into()
}

/// The few files that break the rule which the fewest break, if there are as few.
fn few(folders: &[FolderFiles], all: usize) -> Option<PairingError> {
    let known = known_affixes().map(Vec::from);
    let known = known.filter(|known| known.len() == folders.len());
    let ends = [
        usual(folders, Affix::last_part, Affix::common_suffix),
        usual(folders, Affix::first_part, Affix::common_prefix),
    ];
    let rules = known.chain(ends.into_iter().flatten());
    let broken = rules.map(|affixes| (breaking(folders, &affixes), affixes));
    let (files, affixes) = broken.min_by_key(|(files, _)| files.len())?;
    (!files.is_empty() && FEW * files.len() <= all).then(|| PairingError::Few {
        files,
        all,
        rule: Names::Without(affixes).to_string(),
    })
}

/// What most names of each folder begin or end with: the `part` that most of them have, and what
/// `common` finds in all of these. Nothing where numbers are in it.
fn usual(
    folders: &[FolderFiles],
    part: fn(&Path) -> Option<Affix>,
    common: fn(&[PathBuf]) -> Affix,
) -> Option<Vec<Affix>> {
    let of_folder = |(folder, files): &FolderFiles| {
        let names = files.iter().map(|path| name_in(folder, path));
        let mut parts: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        for name in names {
            let part = part(&name).map_or(String::new(), |part| part.to_string());
            parts.entry(part).or_default().push(name);
        }
        let most = parts.values().max_by_key(|names| names.len())?;
        Some(common(most)).filter(|affix| !affix.has_digits())
    };
    let nothing = || Affix::Suffix(String::new());
    let affixes = folders.iter().map(of_folder);
    let affixes: Vec<Affix> = affixes.map(|affix| affix.unwrap_or_else(nothing)).collect();
    affixes
        .iter()
        .any(|affix| !affix.is_empty())
        .then_some(affixes)
}

/// The files without the affix of their folder, and those without a partner in all other folders.
fn breaking(folders: &[FolderFiles], affixes: &[Affix]) -> Vec<PathBuf> {
    let mut names: BTreeMap<PathBuf, Vec<&PathBuf>> = BTreeMap::new();
    let mut breaking = Vec::new();
    for ((folder, files), affix) in folders.iter().zip(affixes) {
        for path in files {
            let name = name_in(folder, path);
            match affix.strip(&name) {
                Some(name) => names.entry(small_letters(&name)).or_default().push(path),
                None => breaking.push(path.clone()),
            }
        }
    }
    let lone = names
        .into_values()
        .filter(|files| files.len() != folders.len());
    breaking.extend(lone.flatten().cloned());
    breaking.sort();
    breaking
}
