//! What stands before or behind the names of inputs, and something else before or behind those of
//! targets.

use std::fmt;
use std::path::{Path, PathBuf};

/// A part of a name that says which side of a pair a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Affix {
    /// It stands before the name.
    Prefix(String),
    /// It stands behind the name.
    Suffix(String),
}

/// What data sets that people know put behind a name and before it: for inputs, then for targets.
const SUFFIXES: [(&str, &str); 12] = [
    ("_A", "_B"),
    ("-A", "-B"),
    ("_leftImg8bit", "_gtFine_color"),
    ("_label", "_img"),
    ("_input", "_target"),
    ("_input", "_output"),
    ("_source", "_target"),
    ("_before", "_after"),
    ("_src", "_dst"),
    ("_in", "_out"),
    ("_low", "_high"),
    ("_lr", "_hr"),
];
const PREFIXES: [(&str, &str); 11] = [
    ("A_", "B_"),
    ("A-", "B-"),
    ("label_", "img_"),
    ("input_", "target_"),
    ("input_", "output_"),
    ("source_", "target_"),
    ("before_", "after_"),
    ("src_", "dst_"),
    ("in_", "out_"),
    ("low_", "high_"),
    ("lr_", "hr_"),
];

/// The affixes of data sets that people know, for inputs and for targets.
pub(super) fn known_affixes() -> impl Iterator<Item = [Affix; 2]> {
    let suffix = |&(a, b): &(&str, &str)| [a, b].map(|text| Affix::Suffix(text.to_owned()));
    let prefix = |&(a, b): &(&str, &str)| [a, b].map(|text| Affix::Prefix(text.to_owned()));
    SUFFIXES
        .iter()
        .map(suffix)
        .chain(PREFIXES.iter().map(prefix))
}

impl Affix {
    /// The name without this affix, whatever its letter case. `None` if the name does not have it,
    /// or nothing else.
    pub(super) fn strip(&self, name: &Path) -> Option<PathBuf> {
        let stem = name.file_name()?.to_str()?;
        let rest = match self {
            Affix::Prefix(text) => {
                let (start, rest) = stem.split_at_checked(text.len())?;
                start.eq_ignore_ascii_case(text).then_some(rest)?
            }
            Affix::Suffix(text) => {
                let (rest, end) = stem.split_at_checked(stem.len().checked_sub(text.len())?)?;
                end.eq_ignore_ascii_case(text).then_some(rest)?
            }
        };
        (!rest.is_empty()).then(|| name.with_file_name(rest))
    }

    /// What all of several names end with, from a separator on. The whole name of a lone file is no
    /// suffix. There may be none, which is empty.
    pub(super) fn common_suffix(names: &[PathBuf]) -> Self {
        let shared = shared_part(names, |one, other| {
            let mut ends = one.char_indices().map(|(at, _)| &one[at..]);
            ends.find(|end| other.ends_with(end)).unwrap_or("")
        });
        let from = shared.find(SEPARATORS).unwrap_or(shared.len());
        Self::Suffix(shared[from..].to_owned())
    }

    /// What all of several names begin with, up to a separator.
    pub(super) fn common_prefix(names: &[PathBuf]) -> Self {
        let shared = shared_part(names, |one, other| {
            let same = one.char_indices().zip(other.chars());
            let end = same.take_while(|((_, a), b)| a == b).last();
            end.map_or("", |((at, last), _)| &one[..at + last.len_utf8()])
        });
        // All separators have one byte.
        let to = shared.rfind(SEPARATORS).map_or(0, |at| at + 1);
        Self::Prefix(shared[..to].to_owned())
    }

    /// The last part of a name, from its last separator on.
    pub(super) fn last_part(name: &Path) -> Option<Self> {
        let stem = name.file_name()?.to_str()?;
        Some(Self::Suffix(stem[stem.rfind(SEPARATORS)?..].to_owned()))
    }

    /// The first part of a name, up to its first separator.
    pub(super) fn first_part(name: &Path) -> Option<Self> {
        let stem = name.file_name()?.to_str()?;
        Some(Self::Prefix(stem[..=stem.find(SEPARATORS)?].to_owned()))
    }

    /// Whether a number is in it.
    pub(super) fn has_digits(&self) -> bool {
        let (Self::Prefix(text) | Self::Suffix(text)) = self;
        text.chars().any(|sign| sign.is_numeric())
    }

    /// Whether it is nothing.
    pub(super) fn is_empty(&self) -> bool {
        let (Self::Prefix(text) | Self::Suffix(text)) = self;
        text.is_empty()
    }
}

/// What may stand between an affix and the rest of a name.
const SEPARATORS: [char; 4] = ['_', '-', '.', ' '];

/// What `shared` leaves of all file names, one after the other. Nothing of less than two.
fn shared_part(names: &[PathBuf], shared: impl for<'a> Fn(&'a str, &str) -> &'a str) -> String {
    let mut texts = names
        .iter()
        .map(|name| name.file_name().and_then(|name| name.to_str()));
    let (Some(Some(first)), true) = (texts.next(), names.len() > 1) else {
        return String::new();
    };
    texts
        .try_fold(first, |found, text| Some(shared(found, text?)))
        .unwrap_or("")
        .to_owned()
}

impl fmt::Display for Affix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Prefix(text) | Self::Suffix(text)) = self;
        f.write_str(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn affixes_end_at_separators_and_leave_a_name() {
        let names = |all: &[&str]| -> Vec<PathBuf> { all.iter().map(PathBuf::from).collect() };
        for (given, prefix, suffix) in [
            (&["in_1_x", "in_12_x"][..], "in_", "_x"),
            (&["s/A-1.left", "A-2.left"], "A-", ".left"),
            (&["x1", "x2"], "", ""),
            (&["in_1_x"], "", ""),
            (&["ä_1", "ä_2"], "ä_", ""),
        ] {
            let given = names(given);
            let found = (Affix::common_prefix(&given), Affix::common_suffix(&given));
            assert_eq!(found.0.to_string(), prefix, "{given:?}");
            assert_eq!(found.1.to_string(), suffix, "{given:?}");
        }
        let strip = |affix: Affix, name: &str| affix.strip(Path::new(name));
        let suffix = || Affix::Suffix("_A".to_owned());
        assert_eq!(strip(suffix(), "s/x_a"), Some(PathBuf::from("s/x")));
        assert_eq!(strip(suffix(), "_A"), None);
        assert_eq!(strip(suffix(), "ä"), None);
        let prefix = Affix::Prefix("input_".to_owned());
        assert_eq!(strip(prefix, "s/Input_7"), Some(PathBuf::from("s/7")));
    }
}
