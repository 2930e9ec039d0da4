//! How a trained generator is used: statistics and dropout at test time, several results, several
//! images at once, any size.

use crate::{
    config, dataset, fail, fail_cleanly, generator, json, open, picture, refuse, run, stderr,
    stdout, succeed, temporary, with_dropout,
};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

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
    let run = with_dropout();
    assert_eq!(
        json(&Path::new(&run).join("config.json"))["test"],
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
    let translate = |out: &str, options: &str| {
        succeed(
            root,
            &format!("translate in --model '{run}' --out {out} {options}"),
        );
        files(&root.join(out), &["a.png", "b.png", "c.png"])
    };
    let modes = [
        "",
        "--seed 7",
        "--no-dropout",
        "--no-dropout --batch 2",
        "--no-dropout --test-norm running",
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
        translate("again", "--test-norm batch --dropout"),
        results[0]
    );
    assert_eq!(
        translate("apart", "--no-dropout --test-norm image --batch 3"),
        results[2]
    );
}

#[test]
fn samples_have_a_seed_each_that_gives_the_same_picture_again() {
    let folder = temporary();
    let root = folder.path();
    dataset(&root.join("pairs"), 2);
    succeed(root, "train pairs --size 64 --ngf 2 --steps 1 --name r");
    picture(&root.join("a.png"), 60, 70);
    let from = |seed: &str, samples: &str, out: &str| {
        succeed(
            root,
            &format!(
                "translate a.png --model runs/r --out {out} --seed {seed} --samples {samples}"
            ),
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
        "translate a.png --model runs/r --out dropout --seed 6 --dropout",
    );
    assert_eq!(files(&root.join("dropout"), &["a.png"]), three[2..]);
}

const REFUSED: [(&str, &str); 5] = [
    (
        "train --norm instance --test-norm running",
        "use --test-norm image",
    ),
    ("train --norm none --test-norm batch", "needs --norm batch"),
    (
        "train --size 32 --dropout --test-dropout",
        "or train with --dropout-at torch",
    ),
    (
        "train --size 64 --no-dropout --test-dropout",
        "or train with --dropout\n",
    ),
    (
        "train --size 32 --no-dropout --test-dropout",
        "with --dropout and with --dropout-at torch",
    ),
];

#[test]
fn uses_that_cannot_be_are_refused() {
    let folder = temporary();
    let root = folder.path();
    picture(&root.join("a.png"), 32, 32);
    picture(&root.join("a-seed0.png"), 32, 32);
    let model = generator();
    let translate = format!("translate a.png --model '{model}' --out out");
    refuse(root, 2, &REFUSED);
    refuse(
        root,
        2,
        &[
            (
                &format!("{translate} --samples 2"),
                "or train with --dropout-at torch",
            ),
            (&format!("{translate} --dropout"), "no dropout"),
        ],
    );
    let clash = fail_cleanly(
        root,
        1,
        &format!("translate a.png a-seed0.png --model '{model}' --out . --samples 1"),
    );
    assert!(clash.contains("a-seed0.png"), "{clash}");
}

#[test]
#[ignore = "second tier: kernels of many sizes"]
fn any_size_is_trained_and_translated_by_either_fit() {
    let folder = temporary();
    let root = folder.path();
    picture(&root.join("a.png"), 77, 61);
    dataset(&root.join("pairs"), 2);
    let size = |path: &str| image::image_dimensions(root.join(path)).unwrap();
    for (fit, other, result, overridden) in [
        ("pad", "crop", (77, 61), (64, 32)),
        ("crop", "pad", (64, 32), (77, 61)),
    ] {
        let network = "--size 50 --ngf 2 --d-layers 1 --pool 2";
        succeed(
            root,
            &format!("train pairs --steps 2 {network} --fit {fit} --name {fit}"),
        );
        assert_eq!(config(root, fit)["fit"], fit);
        succeed(root, &format!("train --resume {fit}"));
        let translate = format!("translate a.png --model runs/{fit} --out {fit} --force");
        let output = succeed(root, &translate);
        assert_eq!(size(&format!("{fit}/a.png")), result);
        assert_eq!(
            stderr(&output).contains("the middle 64x32 of 77x61"),
            fit == "crop"
        );
        succeed(root, &format!("{translate} --fit {other}"));
        assert_eq!(size(&format!("{fit}/a.png")), overridden);
    }
    // A grid of what the results show.
    let (width, _) = size("runs/crop/samples/step-000002.png");
    assert!((3 * 32..3 * 50).contains(&width), "{width}");
    let message = fail_cleanly(root, 2, "train --size 50");
    assert!(
        message.contains("32 and 64, or say how it shall fit: --fit pad"),
        "{message}"
    );
    let message = fail_cleanly(root, 2, "train --size 47 --fit crop --d-layers 4");
    assert!(message.contains("--d-layers 3"), "{message}");
}

#[test]
fn a_model_translates_other_sizes_than_it_was_trained_at() {
    let folder = temporary();
    let root = folder.path();
    let model = generator();
    // Fully convolutional: trained at 32, used at 512.
    picture(&root.join("large.png"), 512, 512);
    succeed(
        root,
        &format!("translate large.png --model '{model}' --out large"),
    );
    let large = open(&root.join("large/large.png"));
    assert_eq!((large.width(), large.height()), (512, 512));

    picture(&root.join("small.png"), 31, 80);
    let message = fail(
        root,
        1,
        &format!("translate small.png --model '{model}' --out small --fit crop"),
    );
    assert!(
        message.contains("sides of at least 32 are needed; scale it up, or use --fit pad"),
        "{message}"
    );
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
    let model = generator();
    let output = run(
        root,
        &format!("translate in --model '{model}' --out out --batch 3 --fit crop"),
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
