//! Names of files that make pairs, and names that say too little.

use super::folders::{scan, scan_of, sized, tree};
use crate::data::error::{DataError, PairingError};
use crate::data::matching::match_names;
use crate::data::remark::{NameRemark, RemarkKind};
use std::fs;
use std::path::PathBuf;

#[test]
fn names_that_differ_by_letter_case_pair_and_that_is_told() {
    let root = tree(&["A/IMG_1.JPG", "A/x.png", "B/img_1.jpg", "B/x.png"]);
    let (line, remarks) = scan(root.path());
    assert!(line.ends_with("B: 2 in B/, paired by name"), "{line}");
    assert_eq!(
        remarks,
        [(
            RemarkKind::Names(NameRemark::LetterCase),
            1,
            "A/IMG_1.JPG".into()
        )]
    );
    // In both ways at once: a folder from a Mac, and another letter case.
    let root = tree(&["A/Caf\u{e9}.png", "B/cafe\u{301}.png"]);
    assert_eq!(
        scan(root.path()).1[0].0,
        RemarkKind::Names(NameRemark::LetterCase)
    );
    // Two partners: nothing is guessed.
    for files in [
        &["A/X.png", "A/x.png", "B/x.png"][..],
        &["A/X.png", "B/x.png", "B/x.jpg"],
    ] {
        let error = scan_of(tree(files).path()).unwrap_err();
        assert!(
            matches!(
                error,
                DataError::Unpaired { .. } | DataError::SameName { .. }
            ),
            "{error}"
        );
    }
}

#[test]
fn what_stands_before_the_names_may_differ_by_folder() {
    for (a, b) in [("A_", "B_"), ("input_", "target-"), ("in-", "out-")] {
        let files = ["A/X001.png", "A/X002.png", "B/Y001.png", "B/Y002.png"];
        let files = files.map(|file| file.replace('X', a).replace('Y', b));
        let root = tree(&files.each_ref().map(String::as_str));
        let (line, remarks) = scan(root.path());
        let expected = format!("paired by name without {a} and {b}");
        assert!(line.ends_with(&expected) && remarks.is_empty(), "{line}");
    }
    // The numbers differ: no pairs.
    let root = tree(&["A/A_1.png", "A/A_2.png", "B/B_1.png", "B/B_3.png"]);
    assert!(matches!(
        scan_of(root.path()),
        Err(DataError::Unpaired { count: 4, .. })
    ));
}

/// One file without the suffix of its folder, or without a partner, and not all two hundred.
#[test]
fn the_few_files_that_break_the_rule_of_the_names_are_named() {
    let refused = |more: &[&str], a: &str, b: &str| {
        let pairs = (0..12).map(|at| [format!("A/{at:02}{a}.png"), format!("B/{at:02}{b}.png")]);
        let mut files: Vec<String> = pairs.flatten().collect();
        files.extend(more.iter().map(|&file| file.to_owned()));
        let root = tree(&files.iter().map(String::as_str).collect::<Vec<_>>());
        let error = scan_of(root.path()).unwrap_err();
        let name = |path: PathBuf| path.strip_prefix(root.path()).unwrap().to_owned();
        let text = error.to_string();
        match error {
            DataError::Pairing(PairingError::Few { files, all, .. }) => {
                let files = files.into_iter().map(name).collect::<Vec<_>>();
                Some((files, all, text))
            }
            _ => None,
        }
    };
    for (a, b) in [("_A", "_B"), ("_day", "_night"), ("_at_day", "")] {
        let (files, all, text) = refused(&["A/note.png"], a, b).unwrap();
        assert_eq!((files, all), (vec![PathBuf::from("A/note.png")], 25));
        let rule = [a, b].into_iter().filter(|part| !part.is_empty());
        let rule = rule.collect::<Vec<_>>().join(" and ");
        assert!(
            text.ends_with(&format!(
                "A/note.png: no partner for 1 of 25 files; the others make pairs by name without \
                 {rule}; rename these files so, add what they lack, or move them elsewhere"
            )),
            "{text}"
        );
    }
    // An image without its target, and a target without its image.
    let (files, ..) = refused(&["A/20_A.png", "B/21_B.png"], "_A", "_B").unwrap();
    assert_eq!(files, ["A/20_A.png", "B/21_B.png"].map(PathBuf::from));
    // Not few, and equal names, which have a message of their own.
    assert!(refused(&["A/1.png", "A/2.png", "A/3.png"], "_A", "_B").is_none());
    assert!(refused(&["A/note.png"], "", "").is_none());
}

#[test]
fn zeros_in_front_of_numbers_are_named() {
    for files in [
        ["A/000.png", "A/010.png", "B/0.png", "B/10.png"],
        ["A/x07_A.png", "A/x10_A.png", "B/x7_B.png", "B/x10_B.png"],
        ["A/f 1.png", "A/f 2.png", "B/F 001.png", "B/F 2.png"],
    ] {
        let root = tree(&files);
        let error = scan_of(root.path()).unwrap_err();
        let DataError::Pairing(PairingError::Zeros { one, other }) = &error else {
            panic!("{error}")
        };
        assert!(
            one.ends_with(files[0]) && other.ends_with(files[2]),
            "{error}"
        );
    }
    // Other numbers are other images.
    let root = tree(&["A/100.png", "A/2.png", "B/1.png", "B/20.png"]);
    let error = scan_of(root.path()).unwrap_err();
    assert!(
        matches!(error, DataError::Unpaired { count: 4, .. }),
        "{error}"
    );
}

#[test]
fn pairs_of_one_folder_are_known_by_either_end_of_their_names() {
    for (files, a, b) in [
        (["A_1.png", "A_2.png", "B_1.png", "B_2.jpg"], "A_", "B_"),
        (["1_a.png", "2_a.png", "1_b.png", "2_b.png"], "_A", "_B"),
        (
            ["input_1.png", "Input_2.png", "target_1.png", "target_2.png"],
            "input_",
            "target_",
        ),
    ] {
        let root = tree(&files);
        let (line, remarks) = scan(root.path());
        let expected = format!("train: A: 2 images {a} in ROOT/, B: 2 images {b}, paired by name");
        assert_eq!((line, remarks), (expected, Vec::new()));
    }
}

/// An affix and letter case at once. What differs beside the affixes is told.
#[test]
fn affixes_and_letter_case_may_differ_at_once() {
    for (files, words) in [
        (
            &["A/img_A.PNG", "A/x_A.png", "B/IMG_B.png", "B/x_b.png"][..],
            "paired by name without _A and _B",
        ),
        (
            &["img_A.PNG", "IMG_B.png", "x_A.png", "x_B.png"],
            "B: 2 images _B, paired by name",
        ),
    ] {
        let (line, remarks) = scan(tree(files).path());
        assert!(line.ends_with(words), "{line}");
        let [(RemarkKind::Names(NameRemark::LetterCase), 1, example)] = &remarks[..] else {
            panic!("{remarks:?}")
        };
        assert!(example.ends_with("img_A.PNG"), "{example}");
    }
    // Two partners: nothing is guessed.
    let root = tree(&["A/X_A.png", "A/x_A.png", "B/x_B.png", "B/y_B.png"]);
    assert!(scan_of(root.path()).is_err());
    // Pairs of their own as they are written.
    let root = tree(&["X_A.png", "X_B.png", "x_A.png", "x_B.png"]);
    let (line, remarks) = scan(root.path());
    assert!(line.contains("A: 2 images _A"), "{line}");
    assert!(remarks.is_empty(), "{remarks:?}");
}

#[test]
fn an_image_without_a_partner_is_left_over_beside_pairs() {
    let root = tree(&["x_A.png", "x_B.png", "y_A.png", "y_B.png", "z_A.png"]);
    let (line, remarks) = scan(root.path());
    assert!(line.contains("A: 2 images _A"), "{line}");
    assert_eq!(remarks, [(RemarkKind::UnusedImages, 1, "z_A.png".into())]);
    // No pair at all: the names say nothing.
    let root = tree(&["x_A.png", "y_A.png"]);
    assert!(scan(root.path()).0.contains("left half"), "combined images");
}

#[test]
fn names_that_can_be_understood_in_two_ways_are_refused() {
    let root = tree(&["A_1_A.png", "A_1_B.png", "B_1_A.png", "B_1_B.png"]);
    let error = scan_of(root.path()).unwrap_err();
    let DataError::Pairing(PairingError::TwoWays {
        file,
        first,
        second,
    }) = &error
    else {
        panic!("{error}")
    };
    assert!(file.ends_with("A_1_A.png"), "{error}");
    assert!(
        first.ends_with("A_1_B.png") && second.ends_with("B_1_A.png"),
        "{error}"
    );

    // Two images for one side of one pair.
    let root = tree(&["x_A.png", "x_a.png", "x_B.png"]);
    let error = scan_of(root.path()).unwrap_err();
    assert!(matches!(error, DataError::SameName { .. }), "{error}");

    let root = tree(&["x_A.png", "x_B.png", "y.png"]);
    let error = scan_of(root.path()).unwrap_err();
    assert!(
        matches!(
            error,
            DataError::Pairing(PairingError::Mixed { count: 1, .. })
        ),
        "{error}"
    );
    // Two names among many: combined images, and that is told.
    let many: Vec<String> = (0..5).map(|number| format!("{number}.png")).collect();
    let mut files = vec!["x_A.png", "x_B.png"];
    files.extend(many.iter().map(String::as_str));
    let root = tree(&files);
    let (line, remarks) = scan(root.path());
    assert!(line.contains("7 images in"), "{line}");
    assert_eq!(
        remarks,
        [(
            RemarkKind::Names(NameRemark::LikePairs),
            2,
            "x_A.png".into()
        )]
    );
}

#[test]
fn names_of_two_sides_without_a_known_affix_are_told() {
    for files in [
        ["1.png", "1_mask.png", "2.png", "2_mask.png"],
        ["1A.png", "1B.png", "2A.png", "2B.png"],
        ["a1.png", "a2.png", "b1.png", "b2.png"],
    ] {
        let (line, remarks) = scan(tree(&files).path());
        assert!(line.contains("left half"), "{line}");
        let [(RemarkKind::Names(NameRemark::LikePairs), 4, _)] = &remarks[..] else {
            panic!("{files:?}: {remarks:?}")
        };
    }
    // Not all of them, or one pair by chance.
    for files in [
        &["1.png", "1_mask.png", "2.png", "2_mask.png", "3.png"][..],
        &["1A.png", "1B.png", "2A.png", "2B.png", "3.png"],
        &["1.png", "1_mask.png"],
    ] {
        let (_, remarks) = scan(tree(files).path());
        assert!(remarks.is_empty(), "{files:?}: {remarks:?}");
    }
}

#[test]
fn one_name_in_two_spellings_of_accents_in_one_folder_is_named() {
    // Some file systems take these two for one file.
    let folder = |name: &str| PathBuf::from(name);
    let files = |side: &str, names: &[&str]| {
        let files = names.iter().map(|name| folder(side).join(name)).collect();
        (folder(side), files)
    };
    let sides = [
        files("A", &["\u{fc}.png", "u\u{308}.png"]),
        files("B", &["\u{fc}.png"]),
    ];
    let error = match_names(sides.into()).unwrap_err().to_string();
    assert!(
        error.contains("written in two ways (NFC and NFD)"),
        "{error}"
    );
    let sides = [files("A", &["x.png", "x.jpg"]), files("B", &["x.png"])];
    let error = match_names(sides.into()).unwrap_err().to_string();
    assert!(
        error.ends_with("rename one, or move it elsewhere"),
        "{error}"
    );
}

/// Where a file system ignores letter case, or by a link, one folder has two names.
#[cfg(unix)]
#[test]
fn a_folder_with_two_names_is_read_once_or_told() {
    let root = tree(&["train/0.png", "train/1.png"]);
    let link = |from: &str, to: &str| {
        std::os::unix::fs::symlink(root.path().join(to), root.path().join(from)).unwrap();
    };
    link("Train", "train");
    let (line, remarks) = scan(root.path());
    assert!(line.starts_with("train: 2 images in train/"), "{line}");
    assert_eq!(remarks, [(RemarkKind::Links, 1, "Train".into())]);
    fs::remove_file(root.path().join("Train")).unwrap();
    link("val", "train");
    let (line, remarks) = scan(root.path());
    assert!(line.contains("val: 2 images in val/"), "{line}");
    assert_eq!(remarks, [(RemarkKind::SameFolder, 1, "val".into())]);

    let root = tree(&["photos/0.png"]);
    for side in ["A", "B"] {
        let target = root.path().join("photos");
        std::os::unix::fs::symlink(target, root.path().join(side)).unwrap();
    }
    let (_, remarks) = scan(root.path());
    assert!(
        remarks.contains(&(RemarkKind::SameFolder, 1, "B".into())),
        "{remarks:?}"
    );
    sized(root.path(), "photos/1.png", 8, 4);
    assert!(scan(root.path()).0.contains("A: 2 images in A/"));
}
