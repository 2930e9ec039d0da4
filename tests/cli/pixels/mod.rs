//! Kinds of images from the data set to the translation: channels, depth, colours.

mod channels;
mod labels;
mod stacks;
mod values;

use crate::{TINY, fail_cleanly, generator, open, refuse, run, stderr, stdout, succeed, temporary};
use image::{ColorType, DynamicImage, ImageBuffer, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use std::fs;
use std::path::Path;

fn save(path: &Path, image: impl Into<DynamicImage>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    image.into().save(path).unwrap();
}

fn colourful(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        Rgb([(x * 5) as u8, (y * 7) as u8, 90])
    })
}

/// What the pixels of the image at `path` are, its width and its height.
fn kind(path: &Path) -> (ColorType, u32, u32) {
    let image = open(path);
    (image.color(), image.width(), image.height())
}

/// Trains two steps on `set` and returns what the run says at its end.
fn train(root: &Path, set: &str, name: &str, options: &str) -> String {
    stdout(&succeed(
        root,
        &format!("train {set} --steps 2 --name {name} {TINY} {options}"),
    ))
}

#[test]
fn grey_becomes_rgba_and_is_never_asked_for_again() {
    let folder = temporary();
    let root = folder.path();
    for (split, name) in [("train", "a"), ("val", "b")] {
        save(
            &root.join(format!("set/{split}/A/{name}.png")),
            colourful(40, 40),
        );
        save(
            &root.join(format!("set/{split}/B/{name}.png")),
            RgbaImage::from_fn(40, 40, |x, y| Rgba([9, x as u8, y as u8, 200])),
        );
    }
    let text = train(root, "set", "g", "--input gray --output rgba");
    // Copying grey to RGBA means nothing, so there is no such number.
    assert!(
        text.contains("held-out L1") && !text.contains("copying"),
        "{text}"
    );
    let grid = open(&root.join("runs/g/samples/step-000002.png")).to_rgb8();
    assert!(
        (0..32).all(|x| matches!(grid.get_pixel(x, 9).0, [r, g, b] if r == g && g == b)),
        "the input is shown grey"
    );
    succeed(root, "train --resume g");

    save(
        &root.join("in/deep.png"),
        ImageBuffer::from_fn(33, 20, |x, y| Luma([(x * 1900 + y) as u16])),
    );
    save(&root.join("in/photo.jpg"), colourful(33, 20));
    succeed(root, "translate in --model runs/g --out out");
    // As deep as its input.
    assert_eq!(
        ["deep", "photo"].map(|name| kind(&root.join(format!("out/{name}.png")))),
        [(ColorType::Rgba16, 33, 20), (ColorType::Rgba8, 33, 20)]
    );
}

#[test]
fn photos_learn_their_own_colours() {
    let folder = temporary();
    let root = folder.path();
    (0..2).for_each(|i| {
        save(
            &root.join(format!("photos/train/{i}.png")),
            colourful(41 + i, 40),
        )
    });
    let lab = "--input lab-l --output lab-ab";
    train(root, "photos", "c", lab);
    let grid = open(&root.join("runs/c/samples/step-000002.png")).to_rgb8();
    let column = |left: u32| grid.get_pixel(left + 20, 20).0;
    let [input, target] = [column(0), column(2 * (32 + 2))];
    assert!(
        input[0] == input[1] && input[1] == input[2],
        "the input has no colour: {input:?}"
    );
    assert!(
        target[0].abs_diff(target[2]) > 10,
        "the target has: {target:?}"
    );

    save(
        &root.join("in/grey.png"),
        image::GrayImage::from_fn(30, 40, |x, y| Luma([(40 + x + 4 * y) as u8])),
    );
    succeed(root, "translate in --model runs/c --out out");
    let painted = open(&root.join("out/grey.png"));
    assert_eq!(painted.color(), ColorType::Rgb8);
    let (luma, grey) = (
        painted.to_luma8(),
        open(&root.join("in/grey.png")).to_luma8(),
    );
    let pairs = luma.iter().zip(grey.iter());
    let apart: u32 = pairs.map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
    let apart = apart / (30 * 40);
    assert!(apart < 25, "its lightness is the input's: {apart}");

    save(
        &root.join("photos/train/0.png"),
        image::GrayImage::new(40, 40),
    );
    let message = fail_cleanly(root, 1, &format!("train photos --name d {TINY} {lab}"));
    assert!(
        message.contains("0.png: is grey") && message.contains("--output lab-ab"),
        "{message}"
    );
}

/// What sees no images builds networks for any.
#[test]
fn inspect_and_bench_count_channels_and_refuse_what_would_do_nothing() {
    let folder = temporary();
    let root = folder.path();
    fs::write(root.join("two.txt"), "#000000 void\n#c8000a car\n").unwrap();
    for (options, channels) in [
        (
            "--input labels --palette two.txt --stack 3 --output gray",
            [6, 1],
        ),
        ("--input lab-l --output lab-ab", [1, 2]),
        ("--output rgba --output-stack 2", [3, 8]),
    ] {
        let text = stdout(&succeed(root, &format!("inspect {TINY} {options}")));
        let holds = |operation: &str, shape: String| {
            text.lines()
                .any(|line| line.contains(operation) && line.contains(&shape))
        };
        let [input, output] = channels;
        assert!(
            holds("generator.up1: ", format!("[1, 32, 32, {output}]")),
            "{options}: {text}"
        );
        assert!(
            holds("assemble", format!("[2, 32, 32, {}]", input + output)),
            "{options}: {text}"
        );
    }
    succeed(
        root,
        &format!("bench step --quick --stack 2 --preprocess crop {TINY}"),
    );
    for (line, expected) in [
        ("inspect --input labels", "--palette FILE"),
        ("inspect --input lab-ab", "--input lab-l"),
        ("inspect --preprocess crop", "--preprocess"),
        ("bench kernels --load-size 300", "--load-size"),
        (
            "bench kernels --shape 'conv2d k4s2p1 1x64x64x64 32x32x128' --stack 2",
            "--stack",
        ),
    ] {
        let output = run(root, line);
        let message = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{line}");
        assert!(message.contains(expected), "{line}: {message}");
    }
}

#[test]
fn depth_and_format_are_the_inputs_or_as_asked() {
    let folder = temporary();
    let root = folder.path();
    let deep = ImageBuffer::from_fn(20, 30, |x, y| {
        Rgb([(x * 3000) as u16, (y * 2000) as u16, 77])
    });
    save(&root.join("in/deep.tiff"), deep);
    save(&root.join("in/flat.png"), colourful(20, 30));
    let model = generator();
    let translate = |options: &str| {
        succeed(root, &format!("translate in --model '{model}' {options}"));
    };
    let open = |path: &str| open(&root.join(path));
    translate("--out own");
    let [deep, flat] = ["own/deep.png", "own/flat.png"].map(open);
    assert_eq!(
        (deep.color(), flat.color()),
        (ColorType::Rgb16, ColorType::Rgb8)
    );
    translate("--out tiff --format tiff --depth 16");
    assert_eq!(open("tiff/deep.tiff"), deep);
    let DynamicImage::ImageRgb16(words) = open("tiff/flat.tiff") else {
        panic!("16 bits")
    };
    // The same outputs with more steps between: 8 bits are truncated.
    let mut pairs = words.as_raw().iter().zip(flat.as_bytes());
    assert!(
        pairs.all(|(&word, &byte)| (u32::from(word) * 255 / 65_535).abs_diff(byte.into()) <= 1)
    );
    translate("--out eight --depth 8");
    assert_eq!(open("eight/deep.png").color(), ColorType::Rgb8);
}

/// The data sets are not read, for they are not there.
const REFUSED: [(&str, &str); 7] = [
    ("train --input gray --output lab-ab", "--input lab-l"),
    ("train --input lab-ab --output rgb", "--input rgb"),
    ("train --input rgb --output lab-l", "--output gray"),
    (
        "train nonexist --input labels --norm instance --test-norm running",
        "use --test-norm image",
    ),
    (
        "train nonexist --input channels --test-dropout --no-dropout",
        "with --dropout",
    ),
    (
        "train nonexist --input channels --output lab-ab",
        "--input lab-l",
    ),
    (
        "train nonexist --input channels --palette f",
        "--palette does nothing",
    ),
];

#[test]
fn kinds_that_no_network_maps_are_refused_with_the_nearest() {
    let folder = temporary();
    refuse(folder.path(), 2, &REFUSED);
    // Before the data set is read, which is not there.
    refuse(
        folder.path(),
        1,
        &[(
            "train nonexist --input labels --output channels --palette f",
            "f: cannot read",
        )],
    );
}
