//! `prepare combine` and `prepare split`.

use super::{HEIC, beside_images, compare, moving, plain, translucent, turned, with_beside};
use crate::formats::geo;
use crate::{picture, run, stderr, stdout, succeed, temporary};
use pix2pix::data::{Density, Encoding, Format, RowWriter, read_picture};
use std::fs;
use std::path::Path;

/// A picture of 300 pixels an inch.
fn scanned(path: &Path, width: u32, height: u32) {
    picture(path, width, height);
    let picture = read_picture(path).unwrap();
    let encoding = Encoding {
        density: Some(Density {
            per_inch: [300.0; 2],
        }),
        ..Encoding::default()
    };
    let mut writer = RowWriter::new(Format::Png, encoding, picture.layout(), Vec::new()).unwrap();
    writer.push(&picture).unwrap();
    fs::write(path, writer.finish().unwrap()).unwrap();
}

/// Folders `a` and `b` of pairs of every kind.
fn sides(root: &Path) {
    let (a, b) = (root.join("a"), root.join("b"));
    for name in ["0", "IMG_1", "caf\u{e9}", "day/0", "scan"] {
        scanned(&a.join(format!("{name}.png")), 40, 36);
    }
    for name in [
        "0",
        "img_1",
        "cafe\u{301}",
        "day/0",
        "scan",
        "turned",
        "moving",
    ] {
        picture(&b.join(format!("{name}.png")), 40, 36);
    }
    scanned(&b.join("scan.png"), 40, 36);
    turned(&a.join("turned.jpg"), 40, 36);
    turned(&a.join("square.jpg"), 40, 40);
    picture(&b.join("square.png"), 40, 40);
    moving(&a.join("moving.gif"), 40, 36);
    translucent(&a.join("clear.png"), 40, 36);
    geo(&a.join("field.tif"), 40, 36);
    fs::write(a.join("0.pgw"), "").unwrap();
    fs::write(a.join("empty.png"), "").unwrap();
    fs::write(a.join("heic.jpg"), HEIC).unwrap();
    picture(&a.join("odd.png"), 41, 36);
    for name in ["clear", "field", "empty", "heic", "odd"] {
        picture(&b.join(format!("{name}.png")), 40, 36);
    }
    beside_images(&a);
    picture(&root.join("out/day/0.png"), 80, 36);
    fs::write(root.join("out/0.png"), "").unwrap();
}

/// What is told of them.
const COMBINED: [&str; 15] = [
    "A: 13 images in a/, B: 13 in b/, paired by name",
    "note: pairs whose names differ in letter case or accents: 2, such as a/caf\u{e9}.png; \
     they are paired",
    "note: 1 result is there already and stays as it is, for example out/day/0.png",
    "note: results that are there and have 0 bytes, which are not finished and are made again: 1, \
     such as out/0.png",
    "note: images with a place on Earth (GeoTIFF) that the PNGs made of them do not have: 1, such \
     as a/field.tif",
    "note: world files and .aux.xml files beside images, which are not copied: 1, such as \
     a/0.pgw; a copy of a world file places a result of the same size",
    "error: a/empty.png: is empty (0 bytes); replace it or leave it out",
    "error: a/heic.jpg: ",
    "error: a/odd.png: is 41x36, but b/odd.png is 40x36; ",
    "error: 3 of 12 files failed as listed; the others are done",
    "note: pairs whose images are turned in different ways by their EXIF orientation, which \
     --ignore-orientation leaves aside: 1, such as a/square.jpg",
    "note: animations of which only the first picture is used: 1, such as a/moving.gif",
    "note: images whose colours are not sRGB and are read as if they were: 2, such as \
     a/square.jpg (a profile without a name)",
    "note: images that are nearly black in every pixel: 1, such as a/moving.gif (at most 10 of \
     255); ",
    "note: the resolution (DPI) of 3 of 12 images is not kept, for example of a/0.png",
];

#[test]
fn combine_tells_all_of_two_folders() {
    let folder = temporary();
    let root = folder.path();
    sides(root);
    let made = run(root, "prepare combine a b --out out --skip-existing");
    assert_eq!(
        (made.status.code(), stdout(&made)),
        (Some(1), String::new())
    );
    compare(
        &plain(&stderr(&made), root),
        &with_beside(&COMBINED, "a", 2),
    );
}

/// A folder of pairs that is split into a folder in it.
fn set(root: &Path) {
    let set = root.join("set");
    for number in 0..4 {
        picture(&set.join(format!("A/{number}.png")), 40, 36 + number);
        picture(&set.join(format!("B/{number}.png")), 40, 36 + number);
    }
    fs::copy(set.join("A/0.png"), set.join("A/copy.png")).unwrap();
    picture(&set.join("B/copy.png"), 40, 36);
    picture(&set.join("A/IMG_1.png"), 40, 50);
    picture(&set.join("B/img_1.png"), 40, 50);
    picture(&set.join("loose.png"), 40, 36);
    fs::write(set.join("A/0.pgw"), "").unwrap();
    beside_images(&set);
}

/// What is told of them.
const SPLIT: [&str; 5] = [
    "A: 6 images in A/, B: 6 in B/, paired by name",
    "note: pairs whose names differ in letter case or accents: 1, such as set/A/IMG_1.png; they \
     are paired",
    "note: images that are in no pair and are not used: 1, such as set/loose.png",
    "note: world files and .aux.xml files beside images, which are not copied: 1, such as \
     set/A/0.pgw; a copy of a world file places a result of the same size",
    "2 of 12 files go with others of their content or name",
];

#[test]
fn split_tells_all_of_a_folder_of_pairs() {
    let folder = temporary();
    let root = folder.path();
    set(root);
    let line = "prepare split set --out set/parts --val 20";
    let made = succeed(root, line);
    assert_eq!(stdout(&made), "12 images in set/parts\n");
    compare(&plain(&stderr(&made), root), &with_beside(&SPLIT, "set", 2));

    let first = root.join("set/parts/train/A/2.png");
    let first = if first.exists() {
        first
    } else {
        root.join("set/parts/val/A/2.png")
    };
    fs::write(first, "").unwrap();
    let again = succeed(root, &format!("{line} --skip-existing"));
    assert_eq!(plain(&stdout(&again), root), "1 image in set/parts\n");
    let more = [
        "note: 11 results are there already and stay as they are, for example set/parts/",
        "note: results that are there and have 0 bytes, which are not finished and are made \
         again: 1, such as set/parts/",
        "note: images in the folder of the results, which are no inputs: 12, such as set/parts/",
    ];
    let lines = [&SPLIT[..], &more].concat();
    compare(
        &plain(&stderr(&again), root),
        &with_beside(&lines, "set", 2),
    );
}
