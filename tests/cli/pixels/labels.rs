//! Label maps: a channel for each colour.

use super::{colourful, kind, save, train};
use crate::{TINY, config, fail_cleanly, open, refuse, run, stderr, succeed, temporary};
use image::{ColorType, Rgb, RgbImage};
use std::fs;

const COLOURS: [[u8; 3]; 3] = [[0, 0, 0], [200, 0, 10], [9, 9, 250]];

/// A map with a stripe of each colour.
fn map(width: u32) -> RgbImage {
    RgbImage::from_fn(width, 40, |x, _| Rgb(COLOURS[(3 * x / width) as usize]))
}

#[test]
fn label_maps_are_one_hot_by_a_palette_that_travels_with_the_weights() {
    let folder = temporary();
    let root = folder.path();

    save(&root.join("set/A/a.png"), map(40));
    save(&root.join("set/B/a.png"), colourful(40, 40));
    train(root, "set", "l", "--input labels");
    assert_eq!(
        config(root, "l")["input"]["labels"],
        "#000000 0\n#0909fa 1\n#c8000a 2\n"
    );
    let grid = open(&root.join("runs/l/samples/step-000002.png")).to_rgb8();
    let near = |a: [u8; 3], b: [u8; 3]| a.iter().zip(b).all(|(a, b)| a.abs_diff(b) <= 1);
    assert!(
        (0..32).all(|x| COLOURS
            .iter()
            .any(|&colour| near(grid.get_pixel(x, 5).0, colour))),
        "labels are shown in their colours"
    );

    save(&root.join("maps/b.png"), map(50));
    succeed(root, "translate maps --model runs/l --out out");
    assert_eq!(kind(&root.join("out/b.png")), (ColorType::Rgb8, 50, 40));
    let mut smudged = map(50);
    smudged.put_pixel(7, 3, Rgb([199, 3, 10]));
    save(&root.join("maps/c.png"), smudged);
    let message = stderr(&run(root, "translate maps --model runs/l --out again"));
    assert!(
        message.contains("c.png: the pixel at (7, 3) is #c7030a")
            && message.contains("nearest there is #c8000a"),
        "{message}"
    );
}

#[test]
fn palettes_that_do_not_fit_are_refused() {
    let folder = temporary();
    let root = folder.path();
    save(&root.join("set/A/a.png"), map(40));
    save(&root.join("set/B/a.png"), colourful(40, 40));
    fs::write(root.join("two.txt"), "#000000 void\n#c8000a car\n").unwrap();
    let train = format!("train --name m {TINY}");
    let message = fail_cleanly(
        root,
        1,
        &format!("{train} --input labels set --palette two.txt"),
    );
    assert!(
        message.contains("a.png") && message.contains("#0909fa"),
        "{message}"
    );
    for (options, expected) in [
        ("--input labels", "name a data set"),
        ("set --palette two.txt", "--input labels"),
        ("set --output labels", "--output rgb"),
    ] {
        refuse(root, 2, &[(&format!("{train} {options}"), expected)]);
    }
}

/// Each map of a stack has a channel for each label.
#[test]
fn stacked_label_maps_share_a_palette() {
    let folder = temporary();
    let root = folder.path();
    let map =
        |colours: [[u8; 3]; 2]| RgbImage::from_fn(40, 40, |x, _| Rgb(colours[usize::from(x > 17)]));
    save(&root.join("set/A/x.png"), map([[0, 0, 0], [200, 0, 10]]));
    save(&root.join("set/A2/x.png"), map([[9, 9, 250], [0, 0, 0]]));
    save(&root.join("set/B/x.png"), colourful(40, 40));
    train(root, "set", "l", "--input labels --stack 2 --output gray");
    let bytes = fs::read(root.join("runs/l/generator.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(file.tensor("model.model.0.weight").unwrap().shape()[1], 6);
    succeed(root, "translate set/A set/A2 --model runs/l --out out");
    assert_eq!(kind(&root.join("out/x.png")), (ColorType::L8, 40, 40));
    save(&root.join("other/x.png"), map([[9, 9, 250], [1, 2, 3]]));
    let message = stderr(&run(
        root,
        "translate set/A other --model runs/l --out again",
    ));
    assert!(
        message.contains("other/x.png") && message.contains("#010203"),
        "{message}"
    );
}
