//! `translate --background`: images with opacity for models that take none.

use crate::streams::pipe;
use crate::{TINY, fail, generator, open, refuse, stderr, succeed, temporary};
use image::{Rgb, RgbImage, Rgba, RgbaImage};
use std::fs;
use std::path::Path;

/// A drawing of 170x40 pixels on nothing, and the same on white, on black and on a colour.
fn drawings(root: &Path) {
    let is_drawn = |x: u32, y: u32| (10..40).contains(&x) && (9..30).contains(&y);
    let colour = |x: u32, y: u32| [(x * 5) as u8, (y * 6) as u8, 90];
    let clear = RgbaImage::from_fn(170, 40, |x, y| {
        let [red, green, blue] = colour(x, y);
        Rgba(if is_drawn(x, y) {
            [red, green, blue, 255]
        } else {
            [0; 4]
        })
    });
    fs::create_dir_all(root.join("in")).unwrap();
    clear.save(root.join("in/clear.png")).unwrap();
    for (name, behind) in [
        ("white", [255; 3]),
        ("black", [0; 3]),
        ("own", [16, 32, 48]),
    ] {
        RgbImage::from_fn(170, 40, |x, y| {
            Rgb(if is_drawn(x, y) { colour(x, y) } else { behind })
        })
        .save(root.join(format!("{name}.png")))
        .unwrap();
    }
}

const LAID: &str = "note: images with transparent pixels, which are laid on";
const NOT_USED: &str = "note: images whose opacity is not used: 1, such as in/clear.png; \
                        transparent pixels show the colour that the file has behind them, often \
                        black: --background white lays them on white, and";

#[test]
fn a_drawing_is_translated_on_the_colour_that_is_asked_for() {
    let folder = temporary();
    let root = folder.path();
    drawings(root);
    let model = generator();
    let translate = |input: &str, rest: &str| {
        let line = format!("translate {input} --model '{model}' --out out.png --force {rest}");
        let said = stderr(&succeed(root, &line));
        (fs::read(root.join("out.png")).unwrap(), said)
    };
    for (asked, name, said) in [
        ("white", "white", "white"),
        ("black", "black", "black"),
        ("102030", "own", "#102030"),
    ] {
        // In one piece, and in tiles, which are read by rows.
        for rest in ["", "--tile 160"] {
            let (expected, plain) = translate(&format!("{name}.png"), rest);
            assert!(
                !plain.contains("opacity") && !plain.contains(LAID),
                "{plain}"
            );
            let asked = format!("--background {asked} {rest}");
            let (found, told) = translate("in/clear.png", &asked);
            assert!(found == expected, "{asked}");
            let line = format!("{LAID} {said}: 1, such as in/clear.png\n");
            assert!(told.contains(&line) && !told.contains("not used"), "{told}");
            // What has no opacity stays as it is.
            let (again, told) = translate(&format!("{name}.png"), &asked);
            assert!(again == expected && !told.contains(LAID), "{told}");
        }
    }
    // Without it, the colour behind shows, as in the reference, and that is told.
    let (found, told) = translate("in/clear.png", "");
    assert!(found == translate("black.png", "").0);
    assert!(told.contains(NOT_USED) && !told.contains(LAID), "{told}");
}

#[test]
fn the_frames_of_a_stream_and_the_inputs_of_a_page_are_laid_too() {
    let folder = temporary();
    let root = folder.path();
    drawings(root);
    let model = generator();
    let stream = fs::read(root.join("in/clear.png")).unwrap();
    let line = format!("translate - --model '{model}' --out frames --background white");
    let told = stderr(&pipe(root, &line, &stream));
    let expected = format!("{LAID} white: 1, such as frame 1 of standard input\n");
    assert!(told.contains(&expected), "{told}");
    let line = format!("translate in --model '{model}' --out page --background white --page");
    succeed(root, &line);
    let shown = open(&root.join("page/images/clear-input.png"));
    assert!(shown == open(&root.join("white.png")));
    let [frame, file] = ["frames/frame-000001.png", "page/clear.png"].map(|name| root.join(name));
    assert!(open(&frame) == open(&file));
}

/// The card of a bundled model says what its drawings lie on, and an option says otherwise.
#[test]
fn a_bundled_model_lays_drawings_on_what_it_was_trained_on() {
    let folder = temporary();
    let root = folder.path();
    drawings(root);
    let translate = |input: &str, rest: &str| {
        let line = format!("translate {input} --model flat-to-3d --out out.png --force {rest}");
        let said = stderr(&succeed(root, &line));
        (fs::read(root.join("out.png")).unwrap(), said)
    };
    let (white, _) = translate("white.png", "");
    let (found, told) = translate("in/clear.png", "");
    assert!(found == white, "{told}");
    assert!(told.contains(&format!("{LAID} white: 1")), "{told}");
    let (black, told) = translate("in/clear.png", "--background black");
    assert!(
        black == translate("black.png", "").0 && black != white,
        "{told}"
    );
}

#[test]
fn a_model_that_takes_opacity_has_no_background() {
    let folder = temporary();
    let root = folder.path();
    drawings(root);
    for side in ["A", "B"] {
        fs::create_dir_all(root.join(format!("set/train/{side}"))).unwrap();
        let copy = root.join(format!("set/train/{side}/x.png"));
        fs::copy(root.join("in/clear.png"), copy).unwrap();
    }
    succeed(
        root,
        &format!("train set --input rgba --steps 1 --name r {TINY}"),
    );
    let line = "translate in --model runs/r --out out";
    let with = format!("{line} --background white");
    refuse(
        root,
        2,
        &[(
            &with,
            "so nothing lies behind its images; leave out --background",
        )],
    );
    let told = stderr(&succeed(root, line));
    assert!(!told.contains("opacity") && !told.contains(LAID), "{told}");
    let line = "translate in --model runs/r --out out --background red";
    let message = fail(root, 2, line);
    assert!(
        message.contains("white, black or a colour as rrggbb"),
        "{message}"
    );
}

/// Pairs are scored as `translate` would take them.
#[test]
fn a_bundled_model_is_scored_on_what_its_drawings_lie_on() {
    let folder = temporary();
    let root = folder.path();
    drawings(root);
    for (set, drawing) in [("clear", "in/clear.png"), ("white", "white.png")] {
        for side in ["A", "B"] {
            let path = root.join(set).join("test").join(side);
            fs::create_dir_all(&path).unwrap();
            fs::copy(root.join(drawing), path.join("0.png")).unwrap();
        }
    }
    let score = |set: &str| {
        let line = format!("eval flat-to-3d {set} --preprocess none --out of-{set}");
        let said = stderr(&succeed(root, &line));
        let scores = crate::json(&root.join(format!("of-{set}/scores.json")));
        (scores["images"].clone(), said)
    };
    let ((clear, told), (white, plain)) = (score("clear"), score("white"));
    assert_eq!(clear, white);
    let line = format!("{LAID} white: 2, such as clear/test/A/0.png\n");
    assert!(told.contains(&line) && !told.contains("not used"), "{told}");
    assert!(!plain.contains(LAID), "{plain}");
}
