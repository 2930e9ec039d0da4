//! Kinds of images from the data set to the translation: channels, depth, colours.

use crate::{TINY, fail, fail_cleanly, generator, run, stderr, stdout, succeed, temporary};
use image::{DynamicImage, ImageBuffer, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use pix2pix::data::{Depth, Format, Picture, RowWriter, read_picture};
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

/// Trains two steps on `set` and returns what the run says at its end.
fn train(root: &Path, set: &str, name: &str, options: &[&str]) -> String {
    stdout(&succeed(
        root,
        &[
            &["train", set, "--steps", "2", "--name", name],
            &TINY[..],
            options,
        ]
        .concat(),
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
    let text = train(root, "set", "g", &["--input", "gray", "--output", "rgba"]);
    // Copying grey to RGBA means nothing, so there is no such number.
    assert!(
        text.contains("held-out L1") && !text.contains("copying"),
        "{text}"
    );
    let grid = image::open(root.join("runs/g/samples/step-000002.png"))
        .unwrap()
        .to_rgb8();
    assert!(
        (0..32).all(|x| matches!(grid.get_pixel(x, 9).0, [r, g, b] if r == g && g == b)),
        "the input is shown grey"
    );
    succeed(root, &["train", "--resume", "g"]);

    save(
        &root.join("in/deep.png"),
        ImageBuffer::from_fn(33, 20, |x, y| Luma([(x * 1900 + y) as u16])),
    );
    save(&root.join("in/photo.jpg"), colourful(33, 20));
    succeed(
        root,
        &["translate", "in", "--model", "runs/g", "--out", "out"],
    );
    let open = |name: &str| image::open(root.join("out").join(name)).unwrap();
    assert!(
        matches!(open("deep.png"), DynamicImage::ImageRgba16(image) if image.dimensions() == (33, 20)),
        "as deep as its input"
    );
    assert!(matches!(open("photo.png"), DynamicImage::ImageRgba8(_)));
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
    let lab = ["--input", "lab-l", "--output", "lab-ab"];
    train(root, "photos", "c", &lab);
    let grid = image::open(root.join("runs/c/samples/step-000002.png"))
        .unwrap()
        .to_rgb8();
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
    succeed(
        root,
        &["translate", "in", "--model", "runs/c", "--out", "out"],
    );
    let DynamicImage::ImageRgb8(painted) = image::open(root.join("out/grey.png")).unwrap() else {
        panic!("RGB")
    };
    let grey = image::open(root.join("in/grey.png")).unwrap().to_luma8();
    let luma = image::DynamicImage::from(painted).to_luma8();
    let apart: u32 = luma
        .as_raw()
        .iter()
        .zip(grey.as_raw())
        .map(|(a, b)| u32::from(a.abs_diff(*b)))
        .sum();
    assert!(
        apart / (30 * 40) < 25,
        "its lightness is the input's: {}",
        apart / (30 * 40)
    );

    save(
        &root.join("photos/train/0.png"),
        image::GrayImage::new(40, 40),
    );
    let message = fail_cleanly(
        root,
        1,
        &[&["train", "photos", "--name", "d"], &TINY[..], &lab].concat(),
    );
    assert!(
        message.contains("0.png: is grey") && message.contains("--output lab-ab"),
        "{message}"
    );
}

#[test]
fn label_maps_are_one_hot_by_a_palette_that_travels_with_the_weights() {
    let folder = temporary();
    let root = folder.path();
    let colours = [[0, 0, 0], [200, 0, 10], [9, 9, 250]];
    let map =
        |width: u32| RgbImage::from_fn(width, 40, |x, _| Rgb(colours[(3 * x / width) as usize]));
    save(&root.join("set/A/a.png"), map(40));
    save(&root.join("set/B/a.png"), colourful(40, 40));
    train(root, "set", "l", &["--input", "labels"]);
    let config: serde_json::Value =
        serde_json::from_slice(&fs::read(root.join("runs/l/config.json")).unwrap()).unwrap();
    assert_eq!(
        config["input"]["labels"],
        "#000000 0\n#0909fa 1\n#c8000a 2\n"
    );
    let grid = image::open(root.join("runs/l/samples/step-000002.png"))
        .unwrap()
        .to_rgb8();
    let near = |a: [u8; 3], b: [u8; 3]| a.iter().zip(b).all(|(a, b)| a.abs_diff(b) <= 1);
    assert!(
        (0..32).all(|x| colours
            .iter()
            .any(|&colour| near(grid.get_pixel(x, 5).0, colour))),
        "labels are shown in their colours"
    );

    save(&root.join("maps/b.png"), map(50));
    succeed(
        root,
        &["translate", "maps", "--model", "runs/l", "--out", "out"],
    );
    assert!(
        matches!(image::open(root.join("out/b.png")).unwrap(), DynamicImage::ImageRgb8(image) if image.dimensions() == (50, 40))
    );
    let mut smudged = map(50);
    smudged.put_pixel(7, 3, Rgb([199, 3, 10]));
    save(&root.join("maps/c.png"), smudged);
    let message = stderr(&run(
        root,
        &["translate", "maps", "--model", "runs/l", "--out", "again"],
    ));
    assert!(
        message.contains("c.png: the pixel at (7, 3) is #c7030a")
            && message.contains("nearest there is #c8000a"),
        "{message}"
    );

    fs::write(root.join("two.txt"), "#000000 void\n#c8000a car\n").unwrap();
    let labels = |options: &[&'static str]| {
        [
            &["train", "--name", "m", "--input", "labels"],
            &TINY[..],
            options,
        ]
        .concat()
    };
    let message = fail_cleanly(root, 1, &labels(&["set", "--palette", "two.txt"]));
    assert!(
        message.contains("a.png") && message.contains("#0909fa"),
        "{message}"
    );
    let message = fail_cleanly(root, 2, &labels(&[]));
    assert!(message.contains("name a data set"), "{message}");
    let message = fail_cleanly(
        root,
        2,
        &[&["train", "set", "--palette", "two.txt"], &TINY[..]].concat(),
    );
    assert!(message.contains("--input labels"), "{message}");
    let message = fail_cleanly(
        root,
        2,
        &[&["train", "set", "--output", "labels"], &TINY[..]].concat(),
    );
    assert!(message.contains("--output rgb"), "{message}");
}

#[test]
fn stacked_images_go_in_and_come_out_by_numbered_names() {
    let folder = temporary();
    let root = folder.path();
    for side in ["A", "A2", "A3", "B", "B2"] {
        save(
            &root.join(format!("set/train/{side}/x.png")),
            colourful(40, 40),
        );
        save(
            &root.join(format!("set/val/{side}/y.png")),
            colourful(33, 33),
        );
    }
    let stacks = ["--input", "gray", "--stack", "3", "--output-stack", "2"];
    train(root, "set", "s", &stacks);
    // Three inputs, two outputs and two targets beside each other.
    let grid = image::open(root.join("runs/s/samples/step-000002.png")).unwrap();
    assert_eq!((grid.width(), grid.height()), (7 * 32 + 2 * 2, 32));
    let page = fs::read_to_string(root.join("runs/s/index.html")).unwrap();
    assert!(
        page.contains("3fr 2fr 2fr\"><span>inputs</span><span>outputs</span><span>targets</span>")
            && page.contains("translate A A2 A3 ")
    );
    succeed(root, &["train", "--resume", "s"]);

    let translate = |inputs: &[&'static str]| {
        [
            &["translate"],
            inputs,
            &["--model", "runs/s", "--out", "out"],
        ]
        .concat()
    };
    let text = stdout(&succeed(
        root,
        &translate(&["set/val/A", "set/val/A2", "set/val/A3"]),
    ));
    assert_eq!(text, "out/y.png\nout/y-2.png\n");
    assert!(
        matches!(image::open(root.join("out/y-2.png")).unwrap(), DynamicImage::ImageRgb8(image) if image.dimensions() == (33, 33))
    );
    let message = fail_cleanly(root, 2, &translate(&["set/val/A", "set/val/A2"]));
    assert!(
        message.contains("takes 3 images") && message.contains("not 2"),
        "{message}"
    );
    let message = fail_cleanly(
        root,
        1,
        &translate(&["set/val/A", "set/val/A2", "set/train/A"]),
    );
    assert!(
        message.contains("y.png") && message.contains("set/train/A"),
        "{message}"
    );

    let more = |options: &[&'static str]| [&["train", "--name", "t"], options, &TINY[..]].concat();
    assert!(fail_cleanly(root, 1, &more(&["set", "--stack", "4"])).contains("A4"));
    assert!(fail_cleanly(root, 2, &more(&["--stack", "2"])).contains("name a data set"));
    save(&root.join("combined/x.png"), colourful(80, 40));
    assert!(fail_cleanly(root, 1, &more(&["combined", "--stack", "2"])).contains("folders A, A2"));
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
    train(
        root,
        "set",
        "l",
        &["--input", "labels", "--stack", "2", "--output", "gray"],
    );
    let bytes = fs::read(root.join("runs/l/generator.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(file.tensor("model.model.0.weight").unwrap().shape()[1], 6);
    succeed(
        root,
        &[
            "translate",
            "set/A",
            "set/A2",
            "--model",
            "runs/l",
            "--out",
            "out",
        ],
    );
    assert!(
        matches!(image::open(root.join("out/x.png")).unwrap(), DynamicImage::ImageLuma8(image) if image.dimensions() == (40, 40))
    );
    save(&root.join("other/x.png"), map([[9, 9, 250], [1, 2, 3]]));
    let message = stderr(&run(
        root,
        &[
            "translate",
            "set/A",
            "other",
            "--model",
            "runs/l",
            "--out",
            "again",
        ],
    ));
    assert!(
        message.contains("other/x.png") && message.contains("#010203"),
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
            &[
                "--input",
                "labels",
                "--palette",
                "two.txt",
                "--stack",
                "3",
                "--output",
                "gray",
            ][..],
            [6, 1],
        ),
        (&["--input", "lab-l", "--output", "lab-ab"], [1, 2]),
        (&["--output", "rgba", "--output-stack", "2"], [3, 8]),
    ] {
        let text = stdout(&succeed(root, &[&["inspect"], &TINY[..], options].concat()));
        let holds = |operation: &str, shape: String| {
            text.lines()
                .any(|line| line.contains(operation) && line.contains(&shape))
        };
        let [input, output] = channels;
        assert!(
            holds("generator.up1: ", format!("[1, 32, 32, {output}]")),
            "{options:?}: {text}"
        );
        assert!(
            holds("assemble", format!("[2, 32, 32, {}]", input + output)),
            "{options:?}: {text}"
        );
    }
    succeed(
        root,
        &[
            &[
                "bench",
                "step",
                "--quick",
                "--stack",
                "2",
                "--preprocess",
                "crop",
            ],
            &TINY[..],
        ]
        .concat(),
    );
    for (arguments, expected) in [
        (&["inspect", "--input", "labels"][..], "--palette FILE"),
        (&["inspect", "--input", "lab-ab"], "--input lab-l"),
        (&["inspect", "--preprocess", "crop"], "--preprocess"),
        (&["bench", "kernels", "--load-size", "300"], "--load-size"),
        (
            &[
                "bench",
                "kernels",
                "--shape",
                "conv2d k4s2p1 1x64x64x64 32x32x128",
                "--stack",
                "2",
            ],
            "--stack",
        ),
    ] {
        let message = stderr(&run(root, arguments));
        assert!(message.contains(expected), "{arguments:?}: {message}");
        assert_eq!(run(root, arguments).status.code(), Some(2), "{arguments:?}");
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
    let open = |path: &str| image::open(root.join(path)).unwrap();
    let translate = |options: &[&str]| {
        succeed(
            root,
            &[&["translate", "in", "--model", &generator()], options].concat(),
        )
    };
    translate(&["--out", "own"]);
    assert!(matches!(
        (open("own/deep.png"), open("own/flat.png")),
        (DynamicImage::ImageRgb16(_), DynamicImage::ImageRgb8(_))
    ));
    translate(&["--out", "tiff", "--format", "tiff", "--depth", "16"]);
    let (DynamicImage::ImageRgb16(deep), DynamicImage::ImageRgb16(flat)) =
        (open("tiff/deep.tiff"), open("tiff/flat.tiff"))
    else {
        panic!("16 bits")
    };
    assert_eq!(DynamicImage::from(deep), open("own/deep.png"));
    // The same outputs with more steps between: 8 bits are truncated.
    let bytes = open("own/flat.png").to_rgb8();
    assert!(
        flat.as_raw()
            .iter()
            .zip(bytes.as_raw())
            .all(|(&word, &byte)| (u32::from(word) * 255 / 65_535).abs_diff(byte.into()) <= 1)
    );
    translate(&["--out", "eight", "--depth", "8"]);
    assert!(matches!(open("eight/deep.png"), DynamicImage::ImageRgb8(_)));
}

#[test]
fn kinds_that_no_network_maps_are_refused_with_the_nearest() {
    let folder = temporary();
    for (input, output, nearest) in [
        ("gray", "lab-ab", "--input lab-l"),
        ("lab-ab", "rgb", "--input rgb"),
        ("rgb", "lab-l", "--output gray"),
    ] {
        let message = fail_cleanly(
            folder.path(),
            2,
            &[&["train", "--input", input, "--output", output], &TINY[..]].concat(),
        );
        assert!(message.contains(nearest), "{message}");
    }
    // Before the data set is read, which is not there.
    for (options, expected) in [
        (
            &[
                "--input",
                "labels",
                "--norm",
                "instance",
                "--test-norm",
                "running",
            ][..],
            "use --test-norm image",
        ),
        (
            &["--input", "channels", "--test-dropout", "--no-dropout"],
            "without --no-dropout",
        ),
        (
            &["--input", "channels", "--output", "lab-ab"],
            "--input lab-l",
        ),
        (
            &["--input", "channels", "--palette", "f"],
            "--palette does nothing",
        ),
        (
            &[
                "--input",
                "labels",
                "--output",
                "channels",
                "--palette",
                "f",
            ],
            "f: cannot read",
        ),
    ] {
        let code = if expected.contains("read") { 1 } else { 2 };
        let message = fail_cleanly(
            folder.path(),
            code,
            &[&["train", "nonexist"], options].concat(),
        );
        assert!(message.contains(expected), "{options:?}: {message}");
    }
}

/// Writes a picture of any number of channels that count up, of 16 bits, as a TIFF.
fn save_channels(path: &Path, width: u32, channels: usize) -> Picture {
    let samples = (0..width as usize * 33 * channels).map(|at| (at * 113) as u16);
    let bytes = samples.flat_map(u16::to_ne_bytes).collect();
    let picture = Picture::from_bytes(width, 33, channels, Depth::Sixteen, bytes).unwrap();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut writer = RowWriter::new(
        Format::of(path),
        picture.layout(),
        fs::File::create(path).unwrap(),
    )
    .unwrap();
    writer.push(&picture).unwrap();
    writer.finish().unwrap();
    picture
}

#[test]
fn any_number_of_channels_goes_in_and_comes_out() {
    let folder = temporary();
    let root = folder.path();
    for (name, [of_input, of_output], format) in [
        ("five", [5, 2], "png"),
        ("two", [2, 5], "tiff"),
        ("rgba", [4, 4], "tiff"),
    ] {
        for split in ["train", "val"] {
            save_channels(&root.join(format!("{name}/{split}/A/x.tiff")), 33, of_input);
            save_channels(
                &root.join(format!("{name}/{split}/B/x.tiff")),
                33,
                of_output,
            );
        }
        let kinds = if name == "rgba" {
            ["--input", "rgba", "--output", "rgba"]
        } else {
            ["--input", "channels", "--output", "channels"]
        };
        train(root, name, name, &kinds);
        succeed(root, &["train", "--resume", name]);
        save_channels(&root.join(format!("in-{name}/y.tiff")), 40, of_input);
        let run = format!("runs/{name}");
        succeed(
            root,
            &[
                "translate",
                &format!("in-{name}"),
                "--model",
                &run,
                "--out",
                name,
                "--format",
                format,
            ],
        );
        let result = read_picture(&root.join(format!("{name}/y.{format}"))).unwrap();
        assert_eq!(
            (result.dimensions(), result.channels(), result.depth()),
            ((40, 33), of_output, Depth::Sixteen),
            "{name}"
        );
    }
    let message = fail_cleanly(
        root,
        2,
        &[
            "translate",
            "in-two",
            "--model",
            "runs/two",
            "--out",
            "again",
        ],
    );
    assert!(
        message.contains("5 channels") && message.contains("--format tiff"),
        "{message}"
    );
    let message = fail(
        root,
        1,
        &[
            "translate",
            "in-two",
            "--model",
            "runs/five",
            "--out",
            "again",
        ],
    );
    assert!(
        message.contains("y.tiff: has 2 channels where there are 5"),
        "{message}"
    );
    let message = fail_cleanly(
        root,
        1,
        &[&["train", "five", "--name", "r"], &TINY[..]].concat(),
    );
    assert!(
        message.contains("x.tiff: has 5 channels")
            && message.contains("--input or --output channels"),
        "{message}"
    );
    let message = fail(
        root,
        1,
        &["prepare", "grayscale", "in-five", "--out", "grey"],
    );
    assert!(message.contains("y.tiff: has 5 channels"), "{message}");
    let message = fail_cleanly(
        root,
        2,
        &[&["train", "--input", "channels"], &TINY[..]].concat(),
    );
    assert!(message.contains("name a data set"), "{message}");
    let message = fail_cleanly(root, 2, &["inspect", "--output", "channels"]);
    assert!(message.contains("--stack"), "{message}");
}
