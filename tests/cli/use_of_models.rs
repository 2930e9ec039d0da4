//! How a trained generator is used: statistics and dropout at test time, several results, several
//! images at once, any size.

use crate::{fail, fail_cleanly, generator, picture, run, stderr, stdout, succeed, temporary};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn config(root: &Path, name: &str) -> serde_json::Value {
    serde_json::from_slice(&fs::read(root.join("runs").join(name).join("config.json")).unwrap())
        .unwrap()
}

/// The bytes of each of `names` in a folder.
fn files(folder: &Path, names: &[&str]) -> Vec<Vec<u8>> {
    names
        .iter()
        .map(|name| fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}")))
        .collect()
}

#[test]
fn a_run_records_how_its_model_is_used_and_translate_overrides_it() {
    let folder = temporary();
    let root = folder.path();
    let options = [
        "--size",
        "64",
        "--ngf",
        "2",
        "--steps",
        "3",
        "--batch-size",
        "2",
        "--test-dropout",
        "--name",
        "r",
        "--test-norm",
    ];
    succeed(root, &[&["train"], &options[..], &["batch"]].concat());
    assert_eq!(
        config(root, "r")["test"],
        serde_json::json!({ "norm": "batch", "dropout": true })
    );
    picture(&root.join("in/a.png"), 64, 64);
    // Of the first one's size, with statistics of its own.
    image::RgbImage::from_fn(64, 64, |x, y| {
        image::Rgb([(x * x) as u8, 30, (y * 3) as u8])
    })
    .save(root.join("in/b.png"))
    .unwrap();
    picture(&root.join("in/c.png"), 64, 70);
    let translate = |out: &str, options: &[&str]| {
        succeed(
            root,
            &[
                &["translate", "in", "--model", "runs/r", "--out", out],
                options,
            ]
            .concat(),
        );
        files(&root.join(out), &["a.png", "b.png", "c.png"])
    };
    let modes: [&[&str]; 5] = [
        &[],
        &["--seed", "7"],
        &["--no-dropout"],
        &["--no-dropout", "--batch", "2"],
        &["--no-dropout", "--test-norm", "running"],
    ];
    let results: Vec<_> = modes
        .iter()
        .enumerate()
        .map(|(i, options)| translate(&format!("out{i}"), options))
        .collect();
    let different: BTreeSet<&Vec<u8>> = results.iter().map(|files| &files[0]).collect();
    assert_eq!(
        different.len(),
        modes.len(),
        "each mode has a result of its own"
    );
    // The third is of another size and so alone in its batch: the statistics are its own.
    assert_eq!(results[3][2], results[2][2]);
    // What is not named is as recorded, and images that share nothing do not care for the batch.
    assert_eq!(
        translate("again", &["--test-norm", "batch", "--dropout"]),
        results[0]
    );
    assert_eq!(
        translate(
            "apart",
            &["--no-dropout", "--test-norm", "image", "--batch", "3"]
        ),
        results[2]
    );
}

#[test]
fn samples_have_a_seed_each_that_gives_the_same_picture_again() {
    let folder = temporary();
    let root = folder.path();
    succeed(
        root,
        &[
            "train", "--size", "64", "--ngf", "2", "--steps", "1", "--name", "r",
        ],
    );
    picture(&root.join("a.png"), 60, 70);
    let from = |seed: &str, samples: &str, out: &str| {
        succeed(
            root,
            &[
                "translate",
                "a.png",
                "--model",
                "runs/r",
                "--out",
                out,
                "--seed",
                seed,
                "--samples",
                samples,
            ],
        )
    };
    let printed = stdout(&from("4", "3", "three"));
    let names = ["a-seed4.png", "a-seed5.png", "a-seed6.png"];
    assert_eq!(
        printed
            .lines()
            .map(|line| line.rsplit('/').next().unwrap())
            .collect::<Vec<_>>(),
        names
    );
    let three = files(&root.join("three"), &names);
    assert!(three[0] != three[1] && three[1] != three[2] && three[0] != three[2]);
    from("5", "1", "one");
    assert_eq!(files(&root.join("one"), &names[1..2]), three[1..2]);
    succeed(
        root,
        &[
            "translate",
            "a.png",
            "--model",
            "runs/r",
            "--out",
            "dropout",
            "--seed",
            "6",
            "--dropout",
        ],
    );
    assert_eq!(files(&root.join("dropout"), &["a.png"]), three[2..]);
}

#[test]
fn uses_that_cannot_be_are_refused() {
    let folder = temporary();
    let root = folder.path();
    picture(&root.join("a.png"), 32, 32);
    picture(&root.join("a-seed0.png"), 32, 32);
    let model = generator();
    let translate = ["translate", "a.png", "--model", &model, "--out", "out"];
    for (arguments, expected) in [
        (
            vec!["train", "--norm", "instance", "--test-norm", "running"],
            "use --test-norm image",
        ),
        (
            vec!["train", "--norm", "none", "--test-norm", "batch"],
            "needs --norm batch",
        ),
        (
            vec!["train", "--size", "32", "--test-dropout"],
            "or train with --dropout-at torch",
        ),
        (
            vec!["train", "--size", "64", "--no-dropout", "--test-dropout"],
            "or train without --no-dropout\n",
        ),
        (
            vec!["train", "--size", "32", "--no-dropout", "--test-dropout"],
            "without --no-dropout and with --dropout-at torch",
        ),
        (
            [&translate[..], &["--samples", "2"]].concat(),
            "or train with --dropout-at torch",
        ),
        ([&translate[..], &["--dropout"]].concat(), "no dropout"),
    ] {
        let message = fail_cleanly(root, 2, &arguments);
        assert!(message.contains(expected), "{arguments:?}: {message}");
    }
    let clash = fail_cleanly(
        root,
        1,
        &[
            "translate",
            "a.png",
            "a-seed0.png",
            "--model",
            &model,
            "--out",
            ".",
            "--samples",
            "1",
        ],
    );
    assert!(clash.contains("a-seed0.png"), "{clash}");
}

#[test]
fn any_size_is_trained_and_translated_by_either_fit() {
    let folder = temporary();
    let root = folder.path();
    picture(&root.join("a.png"), 77, 61);
    let size = |path: &str| image::image_dimensions(root.join(path)).unwrap();
    for (fit, other, result, overridden) in [
        ("pad", "crop", (77, 61), (64, 32)),
        ("crop", "pad", (64, 32), (77, 61)),
    ] {
        let train = [
            "train",
            "--size",
            "50",
            "--ngf",
            "2",
            "--steps",
            "2",
            "--d-layers",
            "1",
            "--pool",
            "2",
            "--fit",
            fit,
            "--name",
            fit,
        ];
        succeed(root, &train);
        assert_eq!(config(root, fit)["fit"], fit);
        succeed(root, &["train", "--resume", fit]);
        let translate = [
            "translate",
            "a.png",
            "--model",
            &format!("runs/{fit}"),
            "--out",
            fit,
        ];
        let output = succeed(root, &translate);
        assert_eq!(size(&format!("{fit}/a.png")), result);
        assert_eq!(
            stderr(&output).contains("the middle 64x32 of 77x61"),
            fit == "crop"
        );
        succeed(root, &[&translate[..], &["--fit", other]].concat());
        assert_eq!(size(&format!("{fit}/a.png")), overridden);
    }
    // A grid of what the results show.
    let samples = image::open(root.join("runs/crop/samples/step-000002.png")).unwrap();
    assert!(
        (3 * 32..3 * 50).contains(&samples.width()),
        "{}",
        samples.width()
    );

    // Fully convolutional: trained at 32, used at 512.
    picture(&root.join("large.png"), 512, 512);
    succeed(
        root,
        &[
            "translate",
            "large.png",
            "--model",
            &generator(),
            "--out",
            "large",
        ],
    );
    assert_eq!(size("large/large.png"), (512, 512));

    picture(&root.join("small.png"), 31, 80);
    let message = fail(
        root,
        1,
        &[
            "translate",
            "small.png",
            "--model",
            &generator(),
            "--out",
            "small",
            "--fit",
            "crop",
        ],
    );
    assert!(
        message.contains("sides of at least 32 are needed; scale it up, or use --fit pad"),
        "{message}"
    );
    let message = fail_cleanly(root, 2, &["train", "--size", "50"]);
    assert!(
        message.contains("32 and 64, or say how it shall fit: --fit pad"),
        "{message}"
    );
    let message = fail_cleanly(
        root,
        2,
        &["train", "--size", "47", "--fit", "crop", "--d-layers", "4"],
    );
    assert!(message.contains("--d-layers 3"), "{message}");
}

#[test]
fn large_images_go_through_in_tiles() {
    let folder = temporary();
    let root = folder.path();
    picture(&root.join("large.png"), 300, 170);
    picture(&root.join("small.png"), 100, 60);
    let model = generator();
    let translate = |out: &str, options: &[&str]| {
        succeed(
            root,
            &[
                &[
                    "translate",
                    "large.png",
                    "small.png",
                    "--model",
                    &model,
                    "--out",
                    out,
                ],
                options,
            ]
            .concat(),
        );
        ["large.png", "small.png"]
            .map(|name| image::open(root.join(out).join(name)).unwrap().into_rgb8())
    };
    let off = |left: &image::RgbImage, right: &image::RgbImage| {
        assert_eq!(left.dimensions(), right.dimensions());
        left.iter()
            .zip(right.iter())
            .map(|(a, b)| a.abs_diff(*b))
            .max()
            .unwrap()
    };
    for norm in ["image", "running"] {
        let [large, small] = translate("whole", &["--test-norm", norm]);
        let [tiled, untouched] = translate("tiled", &["--test-norm", norm, "--tile", "160"]);
        assert!(off(&large, &tiled) <= 1 && small == untouched, "{norm}");
    }
    translate("blended", &["--tile", "96", "--overlap", "32"]);

    let base = ["translate", "large.png", "--model", &model, "--out", "no"];
    for (options, expected) in [
        (&["--tile", "96"][..], "use --tile 160"),
        (&["--tile", "100"], "96 and 128"),
        (&["--tile", "160", "--fit", "crop"], "--fit pad"),
        (&["--tile", "160", "--batch", "2"], "leave out --batch"),
        (&["--overlap", "32"], "--tile"),
    ] {
        let output = run(root, &[&base[..], options].concat());
        assert_eq!(output.status.code(), Some(2), "{options:?}");
        assert!(
            stderr(&output).contains(expected),
            "{options:?}: {}",
            stderr(&output)
        );
    }

    // Higher than what is read whole.
    ["long.png", "long.bmp"]
        .iter()
        .for_each(|name| picture(&root.join(name), 1, 16_385));
    for (file, options, expected) in [
        ("long.png", &[][..], "shrink it, or use --tile PIXELS"),
        ("long.png", &["--batch", "2"], "shrink it\n"),
        (
            "long.bmp",
            &[],
            "or save it as a PNG that is not interlaced and use --tile",
        ),
        (
            "long.bmp",
            &["--tile", "160"],
            "or save it as a PNG that is not interlaced and use --tile",
        ),
    ] {
        let output = run(
            root,
            &[
                &["translate", file, "--model", &model, "--out", "no"],
                options,
            ]
            .concat(),
        );
        assert!(
            stderr(&output).contains(expected),
            "{file} {options:?}: {}",
            stderr(&output)
        );
    }
}

/// Kinds of pixels, depths and formats go through tiles as they go through whole; nothing
/// half-written is left.
#[test]
fn tiles_take_every_kind_of_image() {
    let folder = temporary();
    let root = folder.path();
    let noisy = |x: u32, y: u32| [(x * 7 + y * 3) as u8, (x ^ y) as u8, (y * 5) as u8];
    fs::create_dir_all(root.join("in")).unwrap();
    fs::create_dir_all(root.join("in2")).unwrap();
    for name in ["in/deep", "in2/deep"] {
        let deep = image::ImageBuffer::from_fn(130, 250, |x, y| {
            image::Rgb(noisy(x, y).map(|byte| u16::from(byte) * 250))
        });
        deep.save(root.join(name).with_extension("png")).unwrap();
        image::RgbImage::from_fn(250, 130, |x, y| image::Rgb(noisy(x, y)))
            .save(
                root.join(name.replace("deep", "flat"))
                    .with_extension("png"),
            )
            .unwrap();
    }
    let tiny = [
        "--size", "32", "--ngf", "2", "--norm", "none", "--steps", "1",
    ];
    let sets: [(&str, &[&str], &[&str]); 3] = [
        ("lab", &["in"], &["--input", "lab-l", "--output", "lab-ab"]),
        (
            "stack",
            &["in", "in2"],
            &["--input", "gray", "--stack", "2", "--output-stack", "2"],
        ),
        ("rgba", &["in"], &["--output", "rgba"]),
    ];
    for part in ["set/train", "set/val"] {
        for side in ["A", "A2", "B", "B2"] {
            picture(&root.join(part).join(side).join("a.png"), 40, 40);
        }
    }
    picture(&root.join("photos/train/a.png"), 40, 40);
    for (name, inputs, options) in sets {
        let data = if name == "lab" { "photos" } else { "set" };
        succeed(
            root,
            &[&["train", data, "--name", name], &tiny[..], options].concat(),
        );
        let model = format!("runs/{name}");
        for format in ["png", "tiff"] {
            let translate = |out: &str, options: &[&str]| {
                succeed(
                    root,
                    &[
                        &["translate"],
                        inputs,
                        &["--model", &model, "--format", format, "--out", out],
                        options,
                    ]
                    .concat(),
                );
                let mut names: Vec<_> = fs::read_dir(root.join(out))
                    .unwrap()
                    .map(|entry| entry.unwrap().file_name())
                    .collect();
                names.sort();
                names
                    .into_iter()
                    .map(|name| (image::open(root.join(out).join(&name)).unwrap(), name))
                    .collect::<Vec<_>>()
            };
            let (whole, tiled) = (
                translate(&format!("{name}-{format}"), &[]),
                translate(&format!("{name}-{format}-t"), &["--tile", "160"]),
            );
            assert_eq!(whole.len(), if name == "stack" { 4 } else { 2 });
            for ((whole, name), (tiled, other)) in whole.iter().zip(&tiled) {
                assert_eq!(
                    (name, whole.color(), whole.width()),
                    (other, tiled.color(), tiled.width())
                );
                let off = whole
                    .to_rgba16()
                    .iter()
                    .zip(tiled.to_rgba16().iter())
                    .map(|(a, b)| a.abs_diff(*b))
                    .max()
                    .unwrap();
                assert!(off <= 257, "{name:?}: off by {off} of 65535");
            }
        }
    }
}

#[test]
fn a_batch_that_cannot_be_translated_names_all_its_images_and_does_not_stop_the_others() {
    let folder = temporary();
    let root = folder.path();
    // Two that `--fit crop` leaves nothing of, one that is no image, and one that is large enough.
    ["a", "b"]
        .iter()
        .for_each(|name| picture(&root.join(format!("in/{name}.png")), 20, 31));
    fs::write(root.join("in/c.png"), "no image").unwrap();
    picture(&root.join("in/d.png"), 40, 32);
    let output = run(
        root,
        &[
            "translate",
            "in",
            "--model",
            &generator(),
            "--out",
            "out",
            "--batch",
            "3",
            "--fit",
            "crop",
        ],
    );
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("error: in/a.png, in/b.png: ") && text.contains("error: in/c.png: "),
        "{text}"
    );
    assert!(text.contains("3 of 4 files failed"), "{text}");
    assert!(root.join("out/d.png").exists());
}
