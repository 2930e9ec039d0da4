//! A folder of photos.

use super::{HEIC, beside_images, compare, moving, plain, translucent, turned, with_beside};
use crate::{generator, open, picture, run, stderr, stdout, temporary};
use std::fs;
use std::path::Path;

/// The inputs of `translate` and of a tool of `prepare`.
fn photos(folder: &Path) {
    for name in ["a.png", "a.jpg", "day/a.png", "out/a.png"] {
        picture(&folder.join(name), 40, 36);
    }
    turned(&folder.join("turned.jpg"), 40, 36);
    translucent(&folder.join("clear.png"), 40, 36);
    moving(&folder.join("moving.gif"), 40, 36);
    fs::write(folder.join("clear.pgw"), "").unwrap();
    fs::write(folder.join("empty.png"), "").unwrap();
    fs::write(folder.join("heic.jpg"), HEIC).unwrap();
    beside_images(folder);
}

/// The lines about these photos that both commands print.
const PHOTOS: [&str; 9] = [
    "note: images below in/out, which are results and no inputs: 1, such as in/out/a.png",
    "note: 1 result is there already and stays as it is, for example in/out/a.png",
    "note: world files and .aux.xml files beside images, which are not copied: 1, such as \
     in/clear.pgw; a copy of a world file places a result of the same size",
    "error: in/a.jpg and in/a.png would both be in/out/a.png; choose another --out, or run them \
     apart with an --out each",
    "error: in/empty.png: is empty (0 bytes); replace it or leave it out",
    "error: in/heic.jpg: ",
    "note: animations of which only the first picture is used: 1, such as in/moving.gif",
    "note: images whose colours are not sRGB and are read as if they were: 1, such as \
     in/turned.jpg (a profile without a name)",
    "note: images that are nearly black in every pixel: 1, such as in/moving.gif (at most 10 of \
     255); --value-range says what counts and heights mean, --input labels that these are classes",
];

/// These lines with others.
fn all(others: &[&str]) -> Vec<String> {
    with_beside(&[&PHOTOS, others].concat(), "in", 2)
}

#[test]
fn translate_and_prepare_tell_all_of_a_folder_of_photos() {
    let folder = temporary();
    let root = folder.path();
    photos(&root.join("in"));
    let line = "prepare grayscale in --out in/out --skip-existing";
    let made = run(root, line);
    assert_eq!(
        (made.status.code(), stdout(&made)),
        (Some(1), String::new())
    );
    let last = "error: 3 of 7 files failed as listed; the others are done";
    compare(&plain(&stderr(&made), root), &all(&[last]));
    let size = |name: &str| {
        let image = open(&root.join("in/out").join(name));
        (image.width(), image.height(), image.color().has_alpha())
    };
    assert_eq!(size("turned.png"), (40, 36, false), "upright");
    assert_eq!(size("clear.png"), (40, 36, true), "with its opacity");
    let made = ["clear.png", "day/a.png", "moving.png", "turned.png"];
    for name in made {
        fs::remove_file(root.join("in/out").join(name)).unwrap();
    }

    let model = generator();
    let line = format!("translate in --model '{model}' --out in/out --skip-existing");
    let made = run(root, &line);
    assert_eq!(made.status.code(), Some(1), "{}", stderr(&made));
    assert_eq!(
        plain(&stdout(&made), root),
        "in/out/clear.png\nin/out/day/a.png\nin/out/moving.png\nin/out/turned.png\n"
    );
    assert_eq!(size("turned.png"), (40, 36, false), "upright");
    compare(
        &plain(&stderr(&made), root),
        &all(&[
            "error: 3 of 8 files failed as listed; the others are done",
            "note: images whose opacity is not used: 1, such as in/clear.png; transparent pixels \
             show the colour that the file has behind them, often black: --background white lays \
             them on white, and a model that was trained with --input rgba takes the opacity",
        ]),
    );
}
