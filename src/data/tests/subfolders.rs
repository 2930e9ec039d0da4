//! Folders in a folder of images that say that it is none: parts and sides of a data set.

use super::folders::{scan, scan_of, sized, tree};
use crate::data::copies::held_out_copies;
use crate::data::error::{DataError, PairingError};
use crate::data::listing::{like_results, walk};
use crate::data::pairs::pairs_to_split;
use crate::data::remark::{NameRemark, RemarkKind};
use crate::data::split::Split;
use std::path::Path;

fn refused(files: &[&str]) -> PairingError {
    match scan_of(tree(files).path()) {
        Err(DataError::Pairing(error)) => error,
        other => panic!("{files:?}: {other:?}"),
    }
}

#[test]
fn a_data_set_that_lies_deeper_is_refused_and_named() {
    for (files, meant) in [
        (&["fac/train/0.png", "fac/val/0.png"][..], "fac"),
        (&["fac/train/A/0.png", "fac/train/B/0.png"], "fac"),
        (&["x/h2z/trainA/0.png", "x/h2z/trainB/1.png"], "x/h2z"),
        (&["fac/A/0.png", "fac/B/0.png"], "fac"),
        (&["train/day/A/0.png", "train/day/B/0.png"], "train/day"),
        (&["b.png", "fac/Test/0.png"], "fac"),
        (
            &[
                "z/train/0.jpg",
                "z/train/0.png",
                "z/val/0.jpg",
                "z/val/0.png",
            ],
            "z",
        ),
    ] {
        let error = refused(files);
        let PairingError::Deeper { folder, .. } = &error else {
            panic!("{error}")
        };
        assert!(folder.ends_with(meant), "{error}");
        assert!(error.to_string().contains("; name "), "{error}");
    }
    // A folder with one letter as its name, and no other one, is no side.
    let root = tree(&["train/x/a/0.png", "train/x/c/1.png"]);
    assert_eq!(scan(root.path()).1, []);
}

#[test]
fn folders_that_look_like_parts_are_refused() {
    for [train, held_out] in [
        ["train_set", "val_set"],
        ["Training-Data", "Test-Data"],
        ["images_train", "images_valid"],
        ["train2017", "val2017"],
    ] {
        let files = [train, held_out].map(|part| format!("{part}/{part}.png"));
        let error = refused(&files.each_ref().map(String::as_str));
        assert!(
            matches!(error, PairingError::NamedLikeParts { .. }),
            "{error}"
        );
    }
    // One of them alone, or other words, say nothing.
    for files in [
        ["train_set/0.png", "more/1.png"],
        ["latest/0.png", "new/1.png"],
    ] {
        assert_eq!(scan(tree(&files).path()).1, [], "{files:?}");
    }
}

#[test]
fn two_folders_of_the_same_names_are_refused_as_sides() {
    for (one, other) in [
        ("train/depth", "train/rgb"),
        ("drawings", "photos"),
        ("photos/train", "sketches/train"),
    ] {
        let files = [(one, 0), (one, 1), (other, 0), (other, 1)];
        let files = files.map(|(folder, name)| format!("{folder}/{name}.png"));
        let error = refused(&files.each_ref().map(String::as_str));
        assert!(matches!(error, PairingError::LikeSides { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains("A/") && text.contains("B/"), "{text}");
    }
    // Numbered folders, three of them, and most names are told.
    for (files, count) in [
        (&["day1/0.png", "day2/0.png"][..], 2),
        (&["depth/0.png", "normals/0.png", "rgb/0.png"], 3),
        (&["rgb/0.png", "rgb/1.png", "depth/0.png"], 2),
        (&["rgb/0.png", "depth/0.png", "mean.png"], 2),
    ] {
        let remarks = scan(tree(files).path()).1;
        let [(RemarkKind::Names(NameRemark::InSeveralFolders), found, _)] = &remarks[..] else {
            panic!("{files:?}: {remarks:?}")
        };
        assert_eq!(*found, count, "{files:?}");
    }
    let root = tree(&["cats/0.png", "cats/1.png", "dogs/0.png", "dogs/2.png"]);
    assert_eq!(scan(root.path()).1, []);
    // Test images are inputs alone, and no pairs.
    let root = tree(&["train/0.png"]);
    for test in ["test/day/0.png", "test/night/0.png"] {
        sized(root.path(), test, 4, 4);
    }
    let remarks = scan(root.path()).1;
    assert!(matches!(remarks[..], [(RemarkKind::InputsAlone, 2, _)]));
}

#[test]
fn a_folder_of_two_sides_or_with_parts_is_not_split_as_one_heap() {
    for part in ["trainA/0.png", "testB/0.png", "A/train/0.png", "Val/0.png"] {
        let root = tree(&[part, "A/x.png", "B/x.png"]);
        let error = pairs_to_split(root.path(), &root.path().join("out")).unwrap_err();
        assert!(matches!(error, DataError::IsSplit { .. }), "{error}");
    }
    for files in [
        ["fac/train/0.png", "fac/val/1.png"],
        ["rgb/0.png", "depth/0.png"],
        ["train_set/0.png", "val_set/1.png"],
    ] {
        let root = tree(&files);
        let error = pairs_to_split(root.path(), &root.path().join("out")).unwrap_err();
        assert!(matches!(error, DataError::Pairing(_)), "{error}");
    }
}

#[test]
fn names_with_two_words_are_told_where_it_is_not_clear_which_are_inputs() {
    let root = tree(&["0_day.png", "0_night.png", "1_day.png", "1_night.png"]);
    let told = [(
        RemarkKind::Names(NameRemark::LikePairs),
        4,
        "0_day.png".to_owned(),
    )];
    assert_eq!(scan(root.path()).1, told);
    for files in [
        &["cat_1.png", "cat_2.png", "dog_1.png", "dog_3.png"][..],
        &["photo_sea.png", "photo_hill.png"],
        &["0_1.png", "0_2.png", "1_1.png", "1_2.png"],
    ] {
        assert_eq!(scan(tree(files).path()).1, [], "{files:?}");
    }
}

#[test]
fn folders_that_repeat_the_names_beside_them_look_like_results() {
    let root = tree(&[
        "0.png",
        "1.jpg",
        "out/0.png",
        "out/1.png",
        "out/2.png",
        "day/0.png",
    ]);
    let of = |root: &Path| like_results(root, &walk(root).unwrap().images);
    let remark = of(root.path()).unwrap();
    assert_eq!((remark.kind, remark.count), (RemarkKind::LikeResults, 2));
    assert!(remark.example.ends_with("out/0.png"), "{remark}");
    let told = scan(root.path()).1;
    let expected = (RemarkKind::LikeResults, 2, "out/0.png".to_owned());
    assert!(told.contains(&expected), "{told:?}");
    for files in [&["0.png", "out/0.png"][..], &["out/0.png", "out/1.png"]] {
        assert_eq!(of(tree(files).path()), None, "{files:?}");
    }
}

#[test]
fn pictures_that_are_not_read_are_told_apart_and_as_partners() {
    let files = [
        "A/0.png", "B/0.png", "A/1.AAE", "A/2.HEIC", "B/3.avif", "x.dng",
    ];
    let root = tree(&files);
    let told = [
        (RemarkKind::UnreadPictures, 3, "A/2.HEIC".to_owned()),
        (RemarkKind::OtherEndings, 1, "A/1.AAE".to_owned()),
    ];
    assert_eq!(scan(root.path()).1, told);
    sized(root.path(), "A/d/4.png", 8, 4);
    sized(root.path(), "B/d/4.HEIC", 8, 4);
    let text = scan_of(root.path()).unwrap_err().to_string();
    assert!(
        text.contains("A/d/4.png: its partner ") && text.contains("B/d/4.HEIC is in a format"),
        "{text}"
    );
    let none = tree(&["0.AAE", "1.HEIC"]);
    let text = scan_of(none.path()).unwrap_err().to_string();
    assert!(text.contains("1.HEIC"), "{text}");
}

#[test]
fn unpaired_sets_are_told_that_pairs_are_needed() {
    let root = tree(&["trainA/n0.png", "trainA/n1.png", "trainB/n2.png"]);
    let text = scan_of(root.path()).unwrap_err().to_string();
    assert!(
        text.contains("3 files have no partner; each input needs a target of its own"),
        "{text}"
    );
}

#[test]
fn held_out_pairs_that_are_training_pairs_are_told() {
    let root = tree(&["val/far.png", "test/of_both.png"]);
    for (width, name) in [
        (16, "train/0"),
        (18, "train/1"),
        (16, "val/copy"),
        (20, "val/new"),
    ] {
        sized(root.path(), &format!("{name}.png"), width, 8);
    }
    let found = |root: &Path| held_out_copies(&scan_of(root).unwrap().splits);
    let copies = found(root.path());
    let [in_val] = &copies[..] else {
        panic!("{copies:?}")
    };
    let val = RemarkKind::HeldOutCopies(Split::Val);
    assert_eq!((in_val.kind, in_val.count), (val, 1));
    assert!(in_val.example.ends_with("val/copy.png"), "{in_val}");
    // Each split has a line of its own.
    sized(root.path(), "test/of_both.png", 18, 8);
    let kinds: Vec<RemarkKind> = found(root.path())
        .iter()
        .map(|copies| copies.kind)
        .collect();
    assert_eq!(kinds, [val, RemarkKind::HeldOutCopies(Split::Test)]);
    // An input may have several targets.
    let sides = tree(&["train/A/0.png", "val/A/1.png", "train/B/0.png"]);
    sized(sides.path(), "val/B/1.png", 9, 4);
    assert_eq!(found(sides.path()), []);
    sized(sides.path(), "val/B/1.png", 8, 4);
    assert_eq!(found(sides.path()).len(), 1);
}
