//! Pairs in one folder, by what stands before or behind their names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::affix::{Affix, known_affixes};
use super::error::{DataError, PairingError, SAME_NAME};
use super::matching::{name_in, small_letters};
use super::pair_source::PairSource;

/// The pairs of a folder by two affixes, and its other images.
struct NamedPairs {
    affixes: [Affix; 2],
    /// The two files of each pair.
    pairs: Vec<[PathBuf; 2]>,
    /// Images with one of the affixes and no partner.
    single: Vec<PathBuf>,
    /// Images with none of the affixes.
    others: Vec<PathBuf>,
    /// Two images that would be the same side of one pair, such as `x_A` and `x_a`.
    same: Option<[PathBuf; 2]>,
}

impl NamedPairs {
    /// `key` is how the names compare.
    fn of(
        folder: &Path,
        images: &[PathBuf],
        affixes: [Affix; 2],
        key: fn(&Path) -> PathBuf,
    ) -> Self {
        let mut names: BTreeMap<PathBuf, [Option<PathBuf>; 2]> = BTreeMap::new();
        let (mut others, mut same) = (Vec::new(), None);
        for path in images {
            let name = name_in(folder, path);
            let found = [0, 1].map(|side: usize| Some((side, affixes[side].strip(&name)?)));
            let Some((side, name)) = found.into_iter().flatten().next() else {
                others.push(path.clone());
                continue;
            };
            let before = names.entry(key(&name)).or_default()[side].replace(path.clone());
            same = same.or(before.map(|before| [before, path.clone()]));
        }
        let (mut pairs, mut single) = (Vec::new(), Vec::new());
        for sides in names.into_values() {
            match sides {
                [Some(a), Some(b)] => pairs.push([a, b]),
                [a, b] => single.extend(a.or(b)),
            }
        }
        Self {
            affixes,
            pairs,
            single,
            others,
            same,
        }
    }

    /// The same as the names are written, or in small letters if only these find a partner for each
    /// image.
    fn in_any_letters(folder: &Path, images: &[PathBuf], affixes: [Affix; 2]) -> Self {
        let exact = Self::of(folder, images, affixes.clone(), Path::to_owned);
        let letters = || Self::of(folder, images, affixes, small_letters);
        match exact.is_complete() {
            true => exact,
            false => Some(letters())
                .filter(|found| found.is_complete() && found.same.is_none())
                .unwrap_or(exact),
        }
    }

    /// Whether each image is in a pair.
    fn is_complete(&self) -> bool {
        self.single.is_empty() && self.others.is_empty()
    }
}

/// Pairs, and the affixes of their names.
type ByAffixes = (Vec<PairSource>, [Affix; 2]);

/// The pairs of a folder whose images all have one of two affixes, such as `x_A.png` and
/// `x_B.png`, and the affixes. An image without a partner is left over. `None` where the names say
/// nothing.
///
/// # Errors
/// [`PairingError`] where the names can be understood in two ways, [`DataError::SameName`] for two
/// images that would be one side of a pair.
pub(super) fn named_pairs(
    folder: &Path,
    images: &[PathBuf],
) -> Result<Option<ByAffixes>, DataError> {
    let found: Vec<NamedPairs> = known_affixes()
        .map(|affixes| NamedPairs::in_any_letters(folder, images, affixes))
        .filter(|found| !found.pairs.is_empty())
        .collect();
    let complete = |found: &&NamedPairs| found.is_complete();
    let all_named = |found: &&NamedPairs| found.others.is_empty();
    let ways: Vec<&NamedPairs> = match found.iter().filter(complete).collect::<Vec<_>>() {
        none if none.is_empty() => found.iter().filter(all_named).collect(),
        ways => ways,
    };
    match (ways.first(), ways.get(1), found.first()) {
        (Some(one), Some(two), _) => Err(two_ways(one, two).into()),
        (
            Some(NamedPairs {
                same: Some([first, second]),
                ..
            }),
            None,
            _,
        ) => Err(DataError::SameName {
            first: first.clone(),
            second: second.clone(),
            words: SAME_NAME,
        }),
        (Some(one), None, _) => {
            let pair = |[a, b]: &[PathBuf; 2]| PairSource::Separate {
                a: vec![a.clone()],
                b: vec![b.clone()],
            };
            let pairs = one.pairs.iter().map(pair).collect();
            Ok(Some((pairs, one.affixes.clone())))
        }
        // Where most names are those of pairs, the others are hardly pairs in one image.
        (None, _, Some(some)) if 2 * some.pairs.len() >= some.others.len() => {
            Err(mixed(some).into())
        }
        _ => Ok(None),
    }
}

fn two_ways(one: &NamedPairs, two: &NamedPairs) -> PairingError {
    let [file, first] = one.pairs.first().cloned().unwrap_or_default();
    let partner_of = |pairs: &[[PathBuf; 2]]| {
        let [a, b] = pairs.iter().find(|pair| pair.contains(&file))?;
        Some(if *a == file { b.clone() } else { a.clone() })
    };
    PairingError::TwoWays {
        second: partner_of(&two.pairs).unwrap_or_default(),
        file,
        first,
    }
}

fn mixed(some: &NamedPairs) -> PairingError {
    let [a, b] = some.pairs.first().cloned().unwrap_or_default();
    PairingError::Mixed {
        a,
        b,
        other: some.others.first().cloned().unwrap_or_default(),
        count: some.others.len(),
    }
}

/// Images of a folder of combined pairs whose names are those of two sides: with known affixes, or
/// all of them with one of two words, such as `x_day.png` and `x_night.png`, or half of them with a
/// word, such as `x.png` and `x_mask.png`, or with letters alone, such as `1A.png` and `1B.png`.
pub(super) fn looks_like_pairs(folder: &Path, images: &[PathBuf]) -> Vec<PathBuf> {
    let pairs = |affixes| NamedPairs::of(folder, images, affixes, Path::to_owned).pairs;
    let mut found: Vec<[PathBuf; 2]> = known_affixes().flat_map(pairs).collect();
    if found.is_empty() {
        let parts = [Affix::last_part, Affix::first_part];
        let words = parts.into_iter().filter_map(|part| two_words(images, part));
        let of_all = |affixes| {
            let found = NamedPairs::of(folder, images, affixes, Path::to_owned);
            found.is_complete().then_some(found.pairs)
        };
        let in_half = one_word(images).into_iter().chain(letters());
        // One pair may have its names by chance.
        let mut ways = words
            .map(pairs)
            .chain(in_half.filter_map(of_all))
            .filter(|pairs| pairs.len() > 1);
        found = ways.next().unwrap_or_default();
    }
    found.into_iter().flatten().collect()
}

/// The parts of the names, if there are two of them: words, because numbers only count.
fn two_words(images: &[PathBuf], part: fn(&Path) -> Option<Affix>) -> Option<[Affix; 2]> {
    let mut words: Vec<Affix> = Vec::new();
    for path in images {
        let word = part(&path.with_extension("")).filter(|word| !word.has_digits())?;
        if !words.contains(&word) {
            words.push(word);
        }
        if words.len() > 2 {
            return None;
        }
    }
    words.try_into().ok()
}

/// The last part of names that end with a word, if it is one for all of them, and nothing for the
/// others.
fn one_word(images: &[PathBuf]) -> Option<[Affix; 2]> {
    let last = |path: &PathBuf| Affix::last_part(&path.with_extension(""));
    let mut words = images
        .iter()
        .filter_map(last)
        .filter(|word| !word.has_digits());
    let word = words.next()?;
    let nothing = Affix::Suffix(String::new());
    words.all(|other| other == word).then_some([word, nothing])
}

/// A and B without a separator. They say little, unless all names have them.
fn letters() -> [[Affix; 2]; 2] {
    let both = |affix: fn(String) -> Affix| ["A", "B"].map(|letter| affix(letter.to_owned()));
    [both(Affix::Suffix), both(Affix::Prefix)]
}
