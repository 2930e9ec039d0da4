//! A data set of combined pairs, and one of folders A and B.

use super::{HEIC, beside_images, compare, plain, translucent, turned, with_beside};
use crate::{TINY, picture, run, stderr, temporary};
use std::fs;

/// The lines of a training up to the one that names the device.
fn told(text: &str) -> String {
    let lines = text.lines();
    let told = lines.take_while(|line| !line.contains(" training pairs, "));
    told.collect::<Vec<_>>().join("\n")
}

/// What is told of combined pairs.
const COMBINED: [&str; 8] = [
    "train: 9 images in train/, A is the left half and B the right one; val: 1 image in \
     val/, A is the left half and B the right one",
    "note: test images without targets, which training does not use: 1, such as \
     data/test/0.png; translate takes them",
    "note: images that are cut into a left half A and a right half B much higher than \
     wide: 1, such as data/train/square.png; if they are no pairs side by side, put \
     inputs into A/ and targets into B/",
    "note: images that have the names of inputs and targets and are cut into A and B all \
     the same: 2, such as data/train/x_A.png; if each is one side, put inputs into A/ and \
     targets into B/",
    "note: images that are in no pair and are not used: 2, such as data/loose.png",
    "note: val pairs that are training pairs as well, byte by byte: 1, such as \
     data/val/0.png; their scores and samples say nothing of new images",
    "note: images whose opacity is not used: 1, such as data/train/clear.png; --input or \
     --output rgba keeps it",
    "note: images whose colours are not sRGB and are read as if they were: 1, such as \
     data/train/turned.jpg (a profile without a name)",
];

#[test]
fn train_tells_all_of_a_folder_of_combined_pairs() {
    let folder = temporary();
    let root = folder.path();
    let train = root.join("data/train");
    for name in ["0.png", "1.jpg", "day/0.ppm", "x_A.png", "x_B.png", "é.png"] {
        picture(&train.join(name), 80, 40);
    }
    turned(&train.join("turned.jpg"), 80, 40);
    translucent(&train.join("clear.png"), 80, 40);
    picture(&train.join("square.png"), 40, 40);
    picture(&root.join("data/val/0.png"), 80, 40);
    picture(&root.join("data/valid/0.png"), 80, 40);
    picture(&root.join("data/test/0.png"), 40, 40);
    picture(&root.join("data/loose.png"), 80, 40);
    beside_images(&root.join("data"));
    let line = format!("train data --steps 1 --name r {TINY}");

    fs::write(train.join("empty.png"), "").unwrap();
    fs::write(train.join("heic.jpg"), HEIC).unwrap();
    let whole = fs::read(train.join("0.png")).unwrap();
    fs::write(train.join("torn.png"), &whole[..whole.len() / 2]).unwrap();
    picture(&train.join("odd.png"), 81, 40);
    let refused = run(root, &line);
    let text = plain(&stderr(&refused), root);
    assert_eq!(refused.status.code(), Some(1), "{text}");
    let lines: Vec<&str> = text.lines().collect();
    let names = ["empty.png", "heic.jpg", "odd.png", "torn.png"];
    assert_eq!(lines[0], "error: 4 files or pairs cannot be used:");
    assert_eq!(lines.len(), 1 + names.len(), "{text}");
    for (line, name) in lines[1..].iter().zip(names) {
        assert!(
            line.starts_with(&format!("  data/train/{name}: ")),
            "{text}"
        );
        fs::remove_file(train.join(name)).unwrap();
    }

    let trained = run(root, &line);
    assert_eq!(trained.status.code(), Some(0), "{}", stderr(&trained));
    let text = plain(&stderr(&trained), root);
    compare(&told(&text), &with_beside(&COMBINED, "data", 1));
}

/// What is told of folders A and B.
const SIDES: [&str; 7] = [
    "train: A: 5 images in trainA/, B: 5 in trainB/, paired by name; val: A: 1 image in \
     valA/, B: 1 in valB/, paired by name; test: A: 1 image in testA/, B: 1 in testB/, \
     paired by name",
    "note: pairs whose names differ in letter case or accents: 2, such as \
     data/trainA/caf\u{e9}.png; they are paired",
    "note: test pairs that are checked but not used, because the samples show val: 1, \
     such as data/testA/0.png",
    "note: images that are in no pair and are not used: 1, such as data/loose.png",
    "note: val pairs that are training pairs as well, byte by byte: 1, such as \
     data/valA/0.png; their scores and samples say nothing of new images",
    "note: test pairs that are training pairs as well, byte by byte: 1, such as \
     data/testA/0.png; their scores and samples say nothing of new images",
    "note: images whose colours are not sRGB and are read as if they were: 1, such as \
     data/trainA/turned.jpg (a profile without a name)",
];

#[test]
fn train_tells_all_of_folders_a_and_b() {
    let folder = temporary();
    let root = folder.path();
    let data = root.join("data");
    for name in ["0.png", "caf\u{e9}.png", "IMG_1.png", "day/0.png"] {
        picture(&data.join("trainA").join(name), 40, 40);
    }
    for name in ["0.jpg", "cafe\u{301}.png", "img_1.png", "day/0.png"] {
        picture(&data.join("trainB").join(name), 40, 40);
    }
    turned(&data.join("trainA/turned.jpg"), 40, 60);
    picture(&data.join("trainB/turned.png"), 40, 60);
    for part in ["valA", "valB", "testA", "testB"] {
        picture(&data.join(part).join("0.png"), 40, 40);
    }
    picture(&data.join("loose.png"), 40, 40);
    beside_images(&data);
    let line = format!("train data --steps 1 --name r {TINY}");

    picture(&data.join("trainA/alone.png"), 40, 40);
    let refused = run(root, &line);
    assert_eq!(refused.status.code(), Some(1));
    let text = plain(&stderr(&refused), root);
    // The names that differ in letter case alone are no part of the problem.
    let start = "error: data/trainA/alone.png: no image with the same name in data/trainB; ";
    assert!(text.starts_with(start), "{text}");
    fs::remove_file(data.join("trainA/alone.png")).unwrap();

    let trained = run(root, &line);
    assert_eq!(trained.status.code(), Some(0), "{}", stderr(&trained));
    let text = plain(&stderr(&trained), root);
    compare(&told(&text), &with_beside(&SIDES, "data", 1));
}
