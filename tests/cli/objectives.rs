//! Every objective and network of the paper and of the references runs end to end, is recorded with
//! the run, and is resumed and used without being named again; what cannot be combined is refused
//! at once.

use crate::{TINY, dataset, fail_cleanly, picture, run, stderr, succeed, temporary};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// A device that offers nothing beside what all have.
const WITHOUT: [&str; 6] = [
    "--no-subgroups",
    "--no-int64",
    "--no-matrix",
    "--no-f16",
    "--no-timestamps",
    "--no-fusion",
];

/// Columns of the last row of a run's metrics by name; an empty cell has no number.
fn losses(root: &Path, name: &str) -> [Option<f64>; 4] {
    let text = fs::read_to_string(root.join("runs").join(name).join("metrics.csv")).unwrap();
    let header: Vec<&str> = text.lines().next().unwrap().split(',').collect();
    let row: Vec<&str> = text.lines().last().unwrap().split(',').collect();
    ["g_gan", "g_l1", "d_real", "d_fake"].map(|column| {
        row[header.iter().position(|name| *name == column).unwrap()]
            .parse()
            .ok()
    })
}

fn config(root: &Path, name: &str) -> Value {
    serde_json::from_slice(&fs::read(root.join("runs").join(name).join("config.json")).unwrap())
        .unwrap()
}

/// A name, options, where the run's configuration has them and as what.
type Mode<'a> = (&'a str, &'a [&'a str], &'a str, Value);

/// Trains two steps in each mode, on two pairs, and checks that its run remembers it.
fn train_and_remember(root: &Path, modes: &[Mode]) {
    dataset(&root.join("pairs"), 2);
    for (name, options, pointer, value) in modes {
        succeed(
            root,
            &[
                &["train", "pairs", "--steps", "2", "--name", name],
                &TINY[..],
                options,
            ]
            .concat(),
        );
        assert_eq!(config(root, name).pointer(pointer), Some(value), "{name}");
        let [g_gan, distance, d_real, d_fake] = losses(root, name);
        assert!(
            distance.is_some_and(|distance| distance > 0.0 && (*name == "l2" || distance < 2.0)),
            "{name}"
        );
        // Without a discriminator the cells are empty, not zero.
        let is_judged = options[..2] != ["--objective", "l1"];
        for loss in [g_gan, d_real, d_fake] {
            assert_eq!(
                (loss.is_some(), loss.is_some_and(|loss| loss != 0.0)),
                (is_judged, is_judged),
                "{name}: {loss:?}"
            );
        }
    }
}

/// Goes on with runs and translates with them: nothing is named again.
fn resume_and_translate(root: &Path, names: &[&str]) {
    picture(&root.join("a.png"), 40, 33);
    for name in names {
        succeed(root, &["train", "--resume", name]);
        succeed(
            root,
            &[
                "translate",
                "a.png",
                "--model",
                &format!("runs/{name}"),
                "--out",
                name,
            ],
        );
    }
}

#[test]
fn every_objective_trains_and_its_run_remembers_it() {
    let folder = temporary();
    let root = folder.path();
    let modes: [Mode; 8] = [
        (
            "l1",
            &["--objective", "l1"],
            "/objective/lambda_gan",
            0.0.into(),
        ),
        (
            "l2",
            &["--objective", "l1", "--distance", "l2"],
            "/objective/distance",
            "l2".into(),
        ),
        (
            "gan",
            &["--objective", "gan"],
            "/objective/conditional",
            false.into(),
        ),
        (
            "cgan",
            &["--objective", "cgan", "--lambda-gan", "0.5"],
            "/objective/lambda_l1",
            0.0.into(),
        ),
        (
            "l1gan",
            &["--objective", "l1+gan", "--order", "torch"],
            "/objective/order",
            "torch".into(),
        ),
        (
            "lsgan",
            &["--gan-mode", "lsgan"],
            "/objective/gan_loss",
            "lsgan".into(),
        ),
        (
            "hinge",
            &["--gan-mode", "hinge"],
            "/objective/gan_loss",
            "hinge".into(),
        ),
        (
            "torch",
            &["--order", "torch", "--batch-size", "2"],
            "/objective/order",
            "torch".into(),
        ),
    ];
    train_and_remember(root, &modes);
    resume_and_translate(root, &["l1", "l1gan"]);
}

#[test]
fn every_norm_and_discriminator_trains_and_its_run_remembers_it() {
    let folder = temporary();
    let root = folder.path();
    let modes: [Mode; 6] = [
        (
            "instance",
            &["--norm", "instance"],
            "/norm",
            "instance".into(),
        ),
        (
            "none",
            &["--norm", "none", "--no-dropout"],
            "/dropout",
            false.into(),
        ),
        ("pixel", &["--patch", "1"], "/d_layers", 0.into()),
        ("patch16", &["--d-layers", "1"], "/d_layers", 1.into()),
        ("patch34", &["--patch", "34"], "/d_layers", 2.into()),
        (
            "layers2",
            &[&["--d-layers", "2"][..], &WITHOUT].concat(),
            "/d_layers",
            2.into(),
        ),
    ];
    train_and_remember(root, &modes);
    resume_and_translate(root, &["instance", "pixel"]);
}

#[test]
fn every_generator_trains_and_its_run_remembers_it() {
    let folder = temporary();
    let root = folder.path();
    let modes: [Mode; 7] = [
        (
            "encoder",
            &["--generator", "encoder-decoder", "--dropout-at", "torch"],
            "/architecture",
            "encoder-decoder".into(),
        ),
        ("shallow", &["--depth", "3"], "/num_downs", 3.into()),
        (
            "lua",
            &["--dropout-at", "torch", "--depth", "4"],
            "/dropout_at",
            "torch".into(),
        ),
        (
            "resnet9",
            &["--generator", "resnet9", "--norm", "instance"],
            "/architecture",
            "resnet9".into(),
        ),
        (
            "resnet6",
            &["--generator", "resnet6", "--no-dropout"],
            "/architecture",
            "resnet6".into(),
        ),
        (
            "nearest",
            &["--upsample", "nearest"],
            "/upsample",
            "nearest".into(),
        ),
        (
            "bilinear",
            &["--generator", "resnet6", "--upsample", "bilinear"],
            "/upsample",
            "bilinear".into(),
        ),
    ];
    train_and_remember(root, &modes);
    succeed(
        root,
        &[
            "train", "pairs", "--steps", "2", "--name", "odd", "--size", "40", "--depth", "3",
            "--ngf", "2",
        ],
    );
    succeed(
        root,
        &[
            "train",
            "pairs",
            "--steps",
            "2",
            "--name",
            "rest",
            "--size",
            "36",
            "--generator",
            "resnet6",
            "--ngf",
            "2",
        ],
    );
    resume_and_translate(root, &["encoder", "odd", "resnet9", "rest", "nearest"]);
    // Images of any size, in one piece and in tiles: a ResNet's maps are reflected more than once.
    for (name, sides, tile) in [
        ("one", [1, 1], &[][..]),
        ("flat", [60, 3], &[]),
        ("tiled", [60, 3], &["--tile", "8", "--overlap", "0"]),
    ] {
        let file = format!("{name}.png");
        picture(&root.join(&file), sides[0], sides[1]);
        succeed(
            root,
            &[
                &[
                    "translate",
                    &file,
                    "--model",
                    "runs/resnet9",
                    "--out",
                    "small",
                ],
                tile,
            ]
            .concat(),
        );
        assert_eq!(
            image::image_dimensions(root.join("small").join(&file)).unwrap(),
            (sides[0], sides[1]),
            "{name}"
        );
    }
    // Nor where PyTorch's file says it all; how maps are resized it does not say.
    for (name, said) in [
        ("encoder", &[][..]),
        ("resnet9", &[]),
        ("rest", &[]),
        ("nearest", &["--upsample", "nearest"]),
    ] {
        let theirs = format!("{name}.pth");
        succeed(root, &["convert", &format!("runs/{name}"), &theirs]);
        succeed(
            root,
            &[
                &["translate", "a.png", "--model", &theirs, "--out", "theirs"],
                said,
            ]
            .concat(),
        );
        assert_eq!(
            fs::read(root.join("theirs/a.png")).unwrap(),
            fs::read(root.join(name).join("a.png")).unwrap(),
            "{name}"
        );
    }
}

#[test]
fn a_critic_with_a_gradient_penalty_trains_and_shows_it() {
    let folder = temporary();
    let root = folder.path();
    let csv =
        |name: &str| fs::read_to_string(root.join("runs").join(name).join("metrics.csv")).unwrap();
    for (name, options, weight) in [
        ("wgangp", &["--recompute"][..], 10.0),
        ("torch", &["--order", "torch", "--lambda-gp", "5"], 5.0),
        ("wgan", &["--lambda-gp", "0"], 0.0),
    ] {
        succeed(
            root,
            &[
                &[
                    "train",
                    "--steps",
                    "2",
                    "--name",
                    name,
                    "--gan-mode",
                    "wgangp",
                ],
                &TINY[..],
                options,
            ]
            .concat(),
        );
        assert_eq!(
            config(root, name).pointer("/objective/lambda_gp"),
            Some(&weight.into()),
            "{name}"
        );
        assert_eq!(csv(name).contains(",d_gp,"), weight > 0.0, "{name}");
    }
    succeed(root, &["train", "--resume", "wgangp"]);
    picture(&root.join("a.png"), 40, 33);
    succeed(
        root,
        &[
            "translate",
            "a.png",
            "--model",
            "runs/wgangp",
            "--out",
            "translated",
        ],
    );
    for (arguments, expected) in [
        (&["train", "--lambda-gp", "5"][..], "only --gan-mode wgangp"),
        (
            &["train", "--gan-mode", "wgangp", "--lambda-gp", "-1"],
            "--lambda-gp",
        ),
    ] {
        let message = fail_cleanly(root, 2, arguments);
        assert!(message.contains(expected), "{arguments:?}: {message}");
    }
}

#[test]
fn what_cannot_be_is_refused_with_the_nearest_that_can() {
    let folder = temporary();
    for (arguments, expected) in [
        (&["train", "--patch", "71"][..], "the nearest is 70"),
        (&["train", "--patch", "286", "--size", "64"], "--patch 142"),
        (
            &["train", "--d-layers", "4", "--size", "32"],
            "--d-layers 3",
        ),
        (
            &["train", "--depth", "7", "--size", "96"],
            "the nearest is --depth 5",
        ),
        (
            &["train", "--depth", "1", "--size", "64"],
            "--depth 1 must lie between 2 and 16",
        ),
        (
            &["train", "--depth", "3", "--size", "34"],
            "--size 34 is no multiple of 8; the nearest are 32 and 40,",
        ),
        (
            &["train", "--depth", "6", "--size", "33"],
            "--depth 5 with --fit pad or --fit crop",
        ),
        (
            &["train", "--depth", "1", "--size", "33"],
            "--depth 1 must lie between 2 and 16",
        ),
        (
            &["train", "--depth", "3", "--size", "31"],
            "--size 31 must lie between 32 and 16384",
        ),
        (
            &["train", "--generator", "resnet6", "--size", "50"],
            "the nearest are 48 and 52",
        ),
        (
            &["train", "--generator", "resnet9", "--depth", "5"],
            "--depth does nothing with a ResNet",
        ),
        (
            &["inspect", "--generator", "resnet9", "--dropout-at", "torch"],
            "--dropout-at does nothing",
        ),
        (
            &["train", "--generator", "resnet6", "--size", "66"],
            "it shall fit: --fit pad\n",
        ),
        (
            &["train", "--d-layers", "9", "--size", "64"],
            "--d-layers 9 must lie between 0 and 4",
        ),
        (
            &["train", "--d-layers", "9", "--preprocess", "none"],
            "--d-layers 9 must lie between 0 and 8",
        ),
        (
            &["train", "--d-layers", "8", "--size", "512"],
            "has 7 (--d-layers 7)",
        ),
        (
            &["train", "--objective", "l1", "--patch", "70"],
            "--patch does nothing",
        ),
        (
            &["train", "--objective", "l1", "--ndf", "8"],
            "--ndf does nothing",
        ),
        (
            &["train", "--lambda-gan", "0", "--d-layers", "2"],
            "--d-layers does nothing",
        ),
        (
            &["train", "--lambda-gan", "0", "--gan-mode", "hinge"],
            "--gan-mode does nothing with --lambda-gan 0",
        ),
        (
            &["train", "--lambda-l1", "0", "--distance", "l2"],
            "--distance does nothing with --lambda-l1 0",
        ),
        (
            &["train", "--objective", "cgan", "--lambda-gan", "0"],
            "weight 0",
        ),
        (&["train", "--lambda-gan", "-1"], "--lambda-gan"),
        (
            &["train", "--objective", "l1", "--gan-mode", "hinge"],
            "--gan-mode does nothing",
        ),
        (
            &["inspect", "--objective", "cgan", "--distance", "l2"],
            "--distance does nothing",
        ),
    ] {
        let message = fail_cleanly(folder.path(), 2, arguments);
        assert!(message.contains(expected), "{arguments:?}: {message}");
    }
    let output = run(folder.path(), &["train", "--objective", "l2"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("l1+cgan"), "{}", stderr(&output));
}
