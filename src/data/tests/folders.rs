//! Folder structures of data sets that people have: what is understood of them, and what is told.

use crate::data::error::{DataError, PairingError};
use crate::data::pair_source::PairSource;
use crate::data::remark::{NameRemark, RemarkKind};
use crate::data::scan::{Scan, Wanted};
use image::RgbImage;
use std::fs;
use std::path::Path;

/// A folder of these images of 8 x 4 pixels, and of other files.
pub(super) fn tree(files: &[&str]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for file in files {
        sized(root.path(), file, 8, 4);
    }
    root
}

pub(super) fn sized(root: &Path, file: &str, width: u32, height: u32) {
    let path = root.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    match RgbImage::new(width, height).save(&path) {
        Ok(()) => {}
        Err(_) => fs::write(&path, "no image").unwrap(),
    }
}

pub(super) fn scan_of(root: &Path) -> Result<Scan, DataError> {
    let wanted = Wanted {
        images: (1, 1),
        one_picture: false,
        as_stored: false,
    };
    Scan::of(root, wanted)
}

/// What is understood, and `kind count example` of each remark.
pub(super) fn scan(root: &Path) -> (String, Vec<(RemarkKind, usize, String)>) {
    let scan = scan_of(root).unwrap();
    let remarks = scan.remarks.iter().map(|remark| {
        let example = remark.example.strip_prefix(root).unwrap().to_str().unwrap();
        assert!(remark.to_string().contains(example), "{remark}");
        (remark.kind, remark.count, example.to_owned())
    });
    let line = scan.to_string();
    let line = line.replace(&root.display().to_string(), "ROOT");
    (line, remarks.collect())
}

/// A folder structure that is understood as this line, with nothing left over.
fn understood(files: &[&str], line: &str) {
    let root = tree(files);
    assert_eq!(
        scan(root.path()),
        (line.to_owned(), Vec::new()),
        "{files:?}"
    );
}

#[test]
fn folders_of_a_and_b_have_many_names() {
    for (a, b) in [
        ("trainA", "trainB"),
        ("train_A", "train_B"),
        ("train_label", "train_img"),
        ("Train-a", "Train-b"),
        ("TRAINA", "TRAINB"),
        ("A", "B"),
        ("a", "b"),
        ("labels", "images"),
        ("train/A", "train/B"),
        ("Train/input", "Train/target"),
        ("A/train", "B/train"),
        ("before", "after"),
        ("train/src", "train/dst"),
        ("leftImg8bit/train", "gtFine/train"),
    ] {
        let line = format!("train: A: 2 images in {a}/, B: 2 in {b}/, paired by name");
        let files = [(a, "x"), (a, "y"), (b, "x"), (b, "y")];
        let files = files.map(|(side, name)| format!("{side}/{name}.png"));
        understood(&files.each_ref().map(String::as_str), &line);
    }
    let sides = "valA/x.png valB/x.png trainA/x.png trainB/x.png testA/x.png";
    let root = tree(&sides.split(' ').collect::<Vec<_>>());
    let (line, remarks) = scan(root.path());
    assert!(
        line.starts_with("train: A: 1 image in trainA/")
            && line.contains("; val: A: 1 image in valA/"),
        "{line}"
    );
    assert_eq!(
        remarks,
        [(RemarkKind::InputsAlone, 1, "testA/x.png".into())]
    );
}

#[test]
fn splits_have_many_names_and_any_letter_case() {
    for val in ["val", "Val", "validation", "VALID", "eval"] {
        understood(
            &["TRAIN/x.png", &format!("{val}/y.png")],
            &format!(
                "train: 1 image in TRAIN/, A is the left half and B the right one; val: 1 image \
                 in {val}/, A is the left half and B the right one"
            ),
        );
    }
    // The usual name goes before others, and what is not taken is told.
    let root = tree(&["train/x.png", "Train/z.png", "val/y.png", "valid/y.png"]);
    let (line, remarks) = scan(root.path());
    assert!(
        line.contains("in train/") && line.contains("in val/"),
        "{line}"
    );
    assert_eq!(
        remarks,
        [(RemarkKind::UnusedImages, 2, "Train/z.png".into())]
    );
    let missing = tree(&["trainA/x.png"]);
    assert!(matches!(
        scan_of(missing.path()),
        Err(DataError::MissingHalf { missing, .. }) if missing.ends_with("trainB")
    ));
}

#[test]
fn subfolders_are_walked_and_their_paths_are_names() {
    understood(
        &[
            "train/day1/0.png",
            "train/day2/0.png",
            "train/day2/1.png",
            "train/x.png",
        ],
        "train: 4 images in train/, A is the left half and B the right one",
    );
    understood(
        &[
            "A/day1/0.png",
            "A/day2/0.png",
            "B/day1/0.jpg",
            "B/day2/0.png",
        ],
        "train: A: 2 images in A/, B: 2 in B/, paired by name",
    );
    let crossed = tree(&["A/day1/0.png", "B/day2/0.png"]);
    assert!(matches!(
        scan_of(crossed.path()),
        Err(DataError::Unpaired { count: 2, .. })
    ));
}

#[test]
fn names_may_differ_by_suffixes_and_by_unicode_forms() {
    let sides = |a: &str, b: &str| {
        format!("train: A: 2 images in A/, B: 2 in B/, paired by name without {a} and {b}")
    };
    for (a, b) in [
        ("_A", "_B"),
        ("_photo", "-labels"),
        ("_leftImg8bit", "_gtFine_color"),
    ] {
        let files = [("A/x", a), ("A/y", a), ("B/x", b), ("B/y", b)];
        let files = files.map(|(name, suffix)| format!("{name}{suffix}.png"));
        understood(&files.each_ref().map(String::as_str), &sides(a, b));
    }
    understood(
        &["0_A.png", "0_B.png", "s/1_A.png", "s/1_B.jpg"],
        "train: A: 2 images _A in ROOT/, B: 2 images _B, paired by name",
    );
    for (a, b) in [("_before", "_after"), ("_in", "_out"), ("_low", "_high")] {
        let files = [a, b].map(|suffix| format!("0{suffix}.png"));
        let line = format!("train: A: 1 image {a} in ROOT/, B: 1 image {b}, paired by name");
        understood(&files.each_ref().map(String::as_str), &line);
    }
    // Cityscapes: other kinds of label maps are left over.
    let files = ["leftImg8bit/train/aachen/1_leftImg8bit.png"];
    let maps = ["color", "labelIds"].map(|kind| format!("gtFine/train/aachen/1_gtFine_{kind}.png"));
    let root = tree(&[files[0], &maps[0], &maps[1]]);
    let (line, remarks) = scan(root.path());
    assert!(line.contains("A: 1 image in leftImg8bit/train/"), "{line}");
    assert_eq!(remarks, [(RemarkKind::UnusedImages, 1, maps[1].clone())]);

    let root = tree(&["A/caf\u{e9}.png", "B/cafe\u{301}.png", "A/x.png", "B/x.png"]);
    let (line, remarks) = scan(root.path());
    assert!(line.ends_with("paired by name"), "{line}");
    assert_eq!(
        remarks,
        [(
            RemarkKind::Names(NameRemark::NormalForms),
            1,
            "A/caf\u{e9}.png".into()
        )]
    );
}

#[test]
fn a_photo_and_a_label_map_of_one_name_are_a_pair() {
    let root = tree(&["b0.jpg", "b0.png", "b1.PNG", "b1.JPG", "b0.xml"]);
    let mut scan = scan_of(root.path()).unwrap();
    assert!(scan.to_string().contains("A: 2 JPEG images"), "{scan}");
    assert_eq!(scan.remarks.len(), 1);
    assert_eq!(scan.remarks[0].kind, RemarkKind::OtherEndings);
    let (_, pairs) = scan.take_pairs().remove(0);
    assert_eq!(
        pairs[0],
        PairSource::Separate {
            a: vec![root.path().join("b0.jpg")],
            b: vec![root.path().join("b0.png")]
        }
    );
    // A photo without its labels is left over.
    let files = ["x.jpg", "x.png", "y.jpg", "y.png", "z.jpg"];
    let scan = scan_of(tree(&files).path()).unwrap();
    assert!(scan.to_string().contains("A: 2 JPEG images"), "{scan}");
    let left: Vec<_> = scan
        .remarks
        .iter()
        .map(|remark| (remark.kind, remark.count))
        .collect();
    assert_eq!(left, [(RemarkKind::UnusedImages, 1)]);
    // Most of them are no pairs, or it is not clear which is the photo.
    for files in [&["x.jpg", "x.png", "y.png"][..], &["x.bmp", "x.png"]] {
        let error = scan_of(tree(files).path()).unwrap_err();
        assert!(matches!(error, DataError::SameName { .. }), "{error}");
        assert!(error.to_string().contains("A/"), "{error}");
    }
    // Colours are learned from single pictures, which are no pairs.
    let wanted = Wanted {
        images: (1, 1),
        one_picture: true,
        as_stored: false,
    };
    let scan = Scan::of(root.path(), wanted).unwrap();
    assert_eq!(scan.splits[0].count, 4);
}

#[test]
fn what_is_left_over_is_counted_with_an_example() {
    let root = tree(&[
        "train/A/1.png",
        "train/B/1.png",
        "train/0.png",
        "train/2.png",
        "train/.hidden.png",
        "train/notes.txt",
        "more/3.png",
    ]);
    let (_, remarks) = scan(root.path());
    assert_eq!(
        remarks,
        [
            (RemarkKind::UnusedImages, 3, "more/3.png".into()),
            (RemarkKind::OtherEndings, 1, "train/notes.txt".into())
        ]
    );
    let root = tree(&["train/0.png", "val/0.png", "test/0.png", "test/1.png"]);
    let (_, remarks) = scan(root.path());
    assert_eq!(remarks, [(RemarkKind::UnusedSplit, 2, "test/0.png".into())]);
}

#[test]
fn a_run_in_the_folder_is_no_data() {
    let root = tree(&["0.png", "runs/r/samples/step.png", "runs/r/config.json"]);
    fs::create_dir(root.path().join("runs/r/checkpoints")).unwrap();
    let (line, remarks) = scan(root.path());
    assert!(line.starts_with("train: 1 image in "), "{line}");
    assert_eq!(remarks, [(RemarkKind::Runs, 1, "runs/r".into())]);
}

#[test]
fn a_test_folder_may_have_inputs_alone() {
    for train in ["train/0.png", "train/A/0.png"] {
        let root = tree(&[train]);
        if train.contains('A') {
            sized(root.path(), "train/B/0.png", 8, 4);
        }
        let side = if train.contains('A') { 8 } else { 4 };
        sized(root.path(), "test/0.png", side, 4);
        let (line, remarks) = scan(root.path());
        assert!(!line.contains("test"), "{line}");
        assert_eq!(
            remarks,
            [(RemarkKind::InputsAlone, 1, "test/0.png".into())],
            "{train}"
        );
        sized(root.path(), "test/0.png", 2 * side, 4);
        assert!(scan(root.path()).0.contains("test: 1 image"));
    }
}

#[test]
fn halves_that_are_stripes_are_refused_and_narrow_ones_are_told() {
    let root = tree(&["wide.png"]);
    sized(root.path(), "square.png", 8, 8);
    sized(root.path(), "photo.png", 8, 6);
    assert_eq!(
        scan(root.path()).1,
        [(RemarkKind::NarrowHalves, 2, "photo.png".into())]
    );
    let root = tree(&[]);
    sized(root.path(), "train/0.png", 8, 16);
    sized(root.path(), "train/1.png", 8, 17);
    let error = scan_of(root.path()).unwrap_err();
    assert!(
        matches!(
            error,
            DataError::Pairing(PairingError::NotSideBySide { count: 2, .. })
        ),
        "{error}"
    );
    // One that differs is told, and training goes on.
    sized(root.path(), "train/2.png", 8, 4);
    assert_eq!(scan(root.path()).1[0].1, 2);
}
