//! Every objective and network of the paper and of the references; what cannot be combined is
//! refused at once.

use crate::train_cases::{TrainCase, column, resume_and_translate, train_and_remember};
use crate::{refuse, run, stderr, temporary};
use std::fs;

const OBJECTIVES: [TrainCase; 8] = [
    ("l1", "--objective l1", "objective/lambda_gan=0.0"),
    (
        "l2",
        "--objective l1 --distance l2",
        "objective/distance=l2",
    ),
    ("gan", "--objective gan", "objective/conditional=false"),
    (
        "cgan",
        "--objective cgan --lambda-gan 0.5",
        "objective/lambda_l1=0.0",
    ),
    (
        "l1gan",
        "--objective l1+gan --order torch",
        "objective/order=torch",
    ),
    ("lsgan", "--gan-mode lsgan", "objective/gan_loss=lsgan"),
    ("hinge", "--gan-mode hinge", "objective/gan_loss=hinge"),
    (
        "torch",
        "--order torch --batch-size 2",
        "objective/order=torch",
    ),
];

const NETWORKS: [TrainCase; 8] = [
    ("instance", "--norm instance", "norm=instance"),
    ("none", "--norm none --no-dropout", "dropout=false"),
    ("pixel", "--patch 1", "d_layers=0"),
    ("patch16", "--d-layers 1", "d_layers=1"),
    ("patch34", "--patch 34", "d_layers=2"),
    (
        "scales",
        "--discriminators 2 --lambda-feat 10 --d-layers 2 --recompute --accumulate 2",
        "discriminators=2",
    ),
    (
        "scales16",
        "--discriminators 3 --patch 1 --lambda-feat 5 --precision f16 --order torch",
        "discriminators=3",
    ),
    // On a device that offers nothing beside what all have.
    (
        "layers2",
        "--d-layers 2 --no-subgroups --no-int64 --no-matrix --no-f16 --no-timestamps --no-fusion",
        "d_layers=2",
    ),
];

/// Trains in each case, and looks at the last losses.
fn train(cases: &[TrainCase], resumed: &[&str]) {
    let folder = temporary();
    let root = folder.path();
    train_and_remember(root, cases);
    for (name, ..) in cases {
        let last = |title| *column(root, name, title).last().unwrap();
        let distance = last("g_l1");
        assert!(
            distance.is_some_and(|distance| distance > 0.0 && (*name == "l2" || distance < 2.0)),
            "{name}"
        );
        // Without a discriminator the cells are empty, not zero.
        let has_discriminator = !["l1", "l2"].contains(name);
        for title in ["g_gan", "d_real", "d_fake"] {
            let loss = last(title);
            assert_eq!(loss.is_some(), has_discriminator, "{name}: {title}");
            assert_ne!(loss, Some(0.0), "{name}: {title}");
        }
    }
    resume_and_translate(root, resumed);
}

#[test]
#[ignore = "second tier: every objective in a run of its own"]
fn every_objective_trains_and_its_run_remembers_it() {
    train(&OBJECTIVES, &["l1", "l2", "l1gan"]);
}

#[test]
#[ignore = "second tier: every norm and discriminator in a run of its own"]
fn every_norm_and_discriminator_trains_and_its_run_remembers_it() {
    train(&NETWORKS, &["instance", "pixel", "scales", "scales16"]);
}

#[test]
#[ignore = "second tier: a step with a gradient of a gradient"]
fn a_critic_with_a_gradient_penalty_trains_and_shows_it() {
    const PENALTIES: [TrainCase; 4] = [
        (
            "scales",
            "--gan-mode wgangp --discriminators 2 --lambda-feat 10 --d-layers 2 --norm instance",
            "discriminators=2",
        ),
        (
            "wgangp",
            "--gan-mode wgangp --recompute",
            "objective/lambda_gp=10.0",
        ),
        (
            "torch",
            "--gan-mode wgangp --order torch --lambda-gp 5",
            "objective/lambda_gp=5.0",
        ),
        (
            "wgan",
            "--gan-mode wgangp --lambda-gp 0",
            "objective/lambda_gp=0.0",
        ),
    ];
    let folder = temporary();
    let root = folder.path();
    train_and_remember(root, &PENALTIES);
    for (name, ..) in PENALTIES {
        let file = root.join("runs").join(name).join("metrics.csv");
        let has_column = fs::read_to_string(file).unwrap().contains(",d_gp,");
        assert_eq!(has_column, name != "wgan", "{name}");
    }
    resume_and_translate(root, &["wgangp"]);
    refuse(
        root,
        2,
        &[
            ("train --lambda-gp 5", "only --gan-mode wgangp"),
            ("train --gan-mode wgangp --lambda-gp -1", "--lambda-gp"),
        ],
    );
}

const REFUSED: [(&str, &str); 30] = [
    ("train --patch 71", "the nearest is 70"),
    ("train --patch 286 --size 64", "--patch 142"),
    ("train --d-layers 4 --size 32", "--d-layers 3"),
    ("train --depth 7 --size 96", "the nearest is --depth 5"),
    (
        "train --depth 1 --size 64",
        "--depth 1 must lie between 2 and 16",
    ),
    (
        "train --depth 3 --size 34",
        "--size 34 is no multiple of 8; the nearest are 32 and 40,",
    ),
    (
        "train --depth 6 --size 33",
        "--depth 5 with --fit pad or --fit crop",
    ),
    (
        "train --depth 1 --size 33",
        "--depth 1 must lie between 2 and 16",
    ),
    (
        "train --depth 3 --size 31",
        "--size 31 must lie between 32 and 16384",
    ),
    (
        "train --generator resnet6 --size 50",
        "the nearest are 48 and 52",
    ),
    (
        "train --generator resnet9 --depth 5",
        "--depth does nothing with a ResNet",
    ),
    (
        "inspect --generator resnet9 --dropout-at torch",
        "--dropout-at does nothing",
    ),
    (
        "train --generator resnet6 --size 66",
        "it shall fit: --fit pad\n",
    ),
    (
        "train --d-layers 9 --size 64",
        "--d-layers 9 must lie between 0 and 4",
    ),
    (
        "train --d-layers 9 --preprocess none",
        "--d-layers 9 must lie between 0 and 8",
    ),
    ("train --d-layers 8 --size 512", "has 7 (--d-layers 7)"),
    (
        "train --discriminators 5",
        "--discriminators 5 must lie between 1 and 4",
    ),
    (
        "train --discriminators 3 --size 64 --patch 70",
        "the last one sees 16 pixels a side of images of 64, too few for its 3 strided \
         convolutions; use --discriminators 2, or --d-layers 2",
    ),
    (
        "train --objective l1 --discriminators 2",
        "--discriminators does nothing",
    ),
    (
        "train --objective l1 --lambda-feat 10",
        "--lambda-feat does nothing with --objective l1",
    ),
    (
        "train --lambda-feat -1",
        "--lambda-feat -1 must be a number from 0 on",
    ),
    ("train --objective l1 --patch 70", "--patch does nothing"),
    ("train --objective l1 --ndf 8", "--ndf does nothing"),
    (
        "train --lambda-gan 0 --d-layers 2",
        "--d-layers does nothing",
    ),
    (
        "train --lambda-gan 0 --gan-mode hinge",
        "--gan-mode does nothing with --lambda-gan 0",
    ),
    (
        "train --lambda-l1 0 --distance l2",
        "--distance does nothing with --lambda-l1 0",
    ),
    ("train --objective cgan --lambda-gan 0", "weight 0"),
    ("train --lambda-gan -1", "--lambda-gan"),
    (
        "train --objective l1 --gan-mode hinge",
        "--gan-mode does nothing",
    ),
    (
        "inspect --objective cgan --distance l2",
        "--distance does nothing",
    ),
];

#[test]
fn what_cannot_be_is_refused_with_the_nearest_that_can() {
    let folder = temporary();
    refuse(folder.path(), 2, &REFUSED);
    let output = run(folder.path(), "train --objective l2");
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("l1+cgan"), "{}", stderr(&output));
}
