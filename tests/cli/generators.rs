//! Every generator runs end to end, on images of any size and through PyTorch's files.

use crate::train_cases::{TrainCase, resume_and_translate, train_and_remember};
use crate::{open, picture, succeed, temporary};
use std::fs;
use std::path::Path;

const GENERATORS: [TrainCase; 9] = [
    (
        "encoder",
        "--generator encoder-decoder --dropout-at torch",
        "architecture=encoder-decoder",
    ),
    ("shallow", "--depth 3", "num_downs=3"),
    ("lua", "--dropout-at torch --depth 4", "dropout_at=torch"),
    (
        "resnet9",
        "--generator resnet9 --norm instance",
        "architecture=resnet9",
    ),
    (
        "resnet6",
        "--generator resnet6 --no-dropout",
        "architecture=resnet6",
    ),
    ("nearest", "--upsample nearest", "upsample=nearest"),
    (
        "bilinear",
        "--generator resnet6 --upsample bilinear",
        "upsample=bilinear",
    ),
    ("odd", "--size 40 --depth 3", "num_downs=3"),
    (
        "rest",
        "--size 36 --generator resnet6",
        "architecture=resnet6",
    ),
];

#[test]
#[ignore = "second tier: every generator in a run of its own"]
fn every_generator_trains_and_its_run_remembers_it() {
    let folder = temporary();
    let root = folder.path();
    train_and_remember(root, &GENERATORS);
    resume_and_translate(
        root,
        &["encoder", "odd", "resnet9", "rest", "nearest", "bilinear"],
    );
    translate_small_images(root);
    for (name, said) in [
        ("encoder", ""),
        ("resnet9", ""),
        ("rest", ""),
        ("nearest", "--upsample nearest"),
        ("bilinear", "--upsample bilinear"),
    ] {
        translate_from_pytorch(root, name, said);
    }
}

/// Images of any size, in one piece and in tiles: a ResNet's maps are reflected more than once.
fn translate_small_images(root: &Path) {
    for (name, [width, height], tile) in [
        ("one", [1, 1], ""),
        ("flat", [60, 3], ""),
        ("tiled", [60, 3], "--tile 8 --overlap 0"),
    ] {
        picture(&root.join(format!("{name}.png")), width, height);
        succeed(
            root,
            &format!("translate {name}.png --model runs/resnet9 --out small {tile}"),
        );
        let result = open(&root.join(format!("small/{name}.png")));
        assert_eq!((result.width(), result.height()), (width, height), "{name}");
    }
}

/// PyTorch's file says how a network is built, but not how maps are resized.
fn translate_from_pytorch(root: &Path, name: &str, said: &str) {
    succeed(root, &format!("convert runs/{name} {name}.pth"));
    succeed(
        root,
        &format!("translate a.png --model {name}.pth --out theirs --force {said}"),
    );
    assert_eq!(
        fs::read(root.join("theirs/a.png")).unwrap(),
        fs::read(root.join(name).join("a.png")).unwrap(),
        "{name}"
    );
}
