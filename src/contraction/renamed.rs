//! Rungs that had another name: checkpoints and tuning caches of then still hold it.

use std::collections::BTreeMap;

/// The name until 2026-11-29, and today's. Then, numbers counted the files; now they count the
/// steps of the ladder, and special cases have none.
const RENAMED: [(&str, &str); 8] = [
    ("3_broadcast", "4_broadcast"),
    ("4_workgroup", "3_workgroup"),
    ("5_split_k", "split_k"),
    ("6_matrix", "matrix"),
    ("7_thin", "thin"),
    ("8_dot", "dot"),
    ("9_wide", "5_wide"),
    ("10_winograd", "winograd"),
];

/// Choices as a file holds them, a contraction's key to its kernel's name, with today's names:
/// `3_broadcast/32x1` becomes `4_broadcast/32x1`.
pub fn with_current_names(mut choices: BTreeMap<String, String>) -> BTreeMap<String, String> {
    for name in choices.values_mut() {
        let rung = name.split('/').next().unwrap_or_default();
        if let Some((old, new)) = RENAMED.iter().find(|(old, _)| *old == rung) {
            name.replace_range(..old.len(), new);
        }
    }
    choices
}

#[cfg(test)]
mod tests {
    use super::*;

    fn current(name: &str) -> String {
        let choices = [("key".to_owned(), name.to_owned())].into();
        with_current_names(choices)["key"].clone()
    }

    #[test]
    fn old_names_become_todays() {
        for (old, new) in [
            ("1_naive", "1_naive"),
            ("2_register/8x2", "2_register/8x2"),
            ("3_broadcast/32x1", "4_broadcast/32x1"),
            ("3_broadcast/8x1/split4", "4_broadcast/8x1/split4"),
            ("4_workgroup/8x2", "3_workgroup/8x2"),
            ("5_split_k/8/split16", "split_k/8/split16"),
            ("6_matrix/64x64", "matrix/64x64"),
            ("7_thin/4", "thin/4"),
            ("8_dot/6", "dot/6"),
            ("9_wide/16", "5_wide/16"),
            ("10_winograd/16", "winograd/16"),
        ] {
            assert_eq!(current(old), new);
        }
    }

    #[test]
    fn no_name_of_today_is_an_old_one() {
        for (_, new) in RENAMED {
            assert_eq!(current(new), new);
        }
    }
}
