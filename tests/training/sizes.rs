//! Training on whole pictures of several sizes: a program each over one store, in one workspace.

use crate::runs::assert_same_tensors;
use crate::runs::{session_after, wave};
use image::{Rgb, RgbImage};
use pix2pix::data::{Dataset, Preprocess, Split};
use pix2pix::gpu::{DeviceOptions, Gpu, Profile};
use pix2pix::interop::TensorFile;
use pix2pix::nn::Fit;
use pix2pix::tape::ArenaPart;
use pix2pix::train::run::RunDir;
use pix2pix::train::{Config, Length, Sizes, TrainError, Trainer, checkpoint};
use pix2pix_harness::config::small_config;
use pix2pix_harness::{gpu, open};
use pollster::block_on;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// A dataset of combined pictures whose halves have these sizes; the last one is held out.
fn dataset(root: &Path, sizes: &[(u32, u32)]) {
    let (held_out, training) = sizes.split_last().unwrap();
    for (index, &(width, height)) in training.iter().chain([held_out]).enumerate() {
        let folder = root.join(if index < training.len() {
            "train"
        } else {
            "val"
        });
        fs::create_dir_all(&folder).unwrap();
        let pixel = |x: u32, y: u32| {
            Rgb([
                (x * 5 + 31 * index as u32) as u8,
                (y * 7) as u8,
                (x * y) as u8,
            ])
        };
        RgbImage::from_fn(2 * width, height, pixel)
            .save(folder.join(format!("{index}-{width}x{height}.png")))
            .unwrap();
    }
}

fn whole(root: &Path) -> Config {
    let (preprocess, load_size) = (Preprocess::None, 32);
    let every = Config {
        checkpoint_every: 2,
        sample_every: 2,
        length: Length::Steps(6),
        ..small_config(32, 4)
    };
    Config {
        preprocess,
        load_size,
        dataset: Some(root.to_owned()),
        ..every
    }
}

fn open_set(config: &Config) -> Dataset {
    Dataset::open(config.dataset.as_ref().unwrap(), &config.data_options()).unwrap()
}

fn start<'a>(
    gpu: &'a Gpu,
    config: &Config,
    root: &Path,
    name: &str,
) -> Result<(Trainer<'a>, RunDir), TrainError> {
    let run = RunDir::create(root, name).unwrap();
    Ok((
        block_on(Trainer::start(
            gpu,
            config.clone(),
            &open_set(config),
            run.clone(),
        ))?,
        run,
    ))
}

fn train(gpu: &Gpu, config: &Config, root: &Path, name: &str) -> RunDir {
    let (mut trainer, run) = start(gpu, config, root, name).unwrap();
    block_on(trainer.train(&AtomicBool::new(false), &mut |_| {})).unwrap();
    run
}

#[test]
#[ignore = "second tier: two runs on three sizes"]
fn a_resumed_run_on_three_sizes_has_the_bits_of_one_that_never_stopped() {
    let gpu = gpu();
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    dataset(&root.join("set"), &[(40, 33), (24, 64), (32, 32), (50, 27)]);
    for fit in [Fit::Pad, Fit::Crop] {
        if fit == Fit::Crop {
            // Its sides are at least those that the generator divides.
            fs::remove_dir_all(root.join("set")).unwrap();
            dataset(&root.join("set"), &[(40, 33), (33, 70), (32, 32), (50, 36)]);
        }
        let config = Config {
            fit,
            seed: 5,
            ..whole(&root.join("set"))
        };
        let whole = train(&gpu, &config, root, &format!("whole-{fit:?}"));
        // Without the first checkpoints, which the run has dropped: a run that is stopped after two
        // steps.
        let (mut trainer, stopped) =
            start(&gpu, &config, root, &format!("stopped-{fit:?}")).unwrap();
        assert_eq!(trainer.sizes().training.len(), 3);
        let stop = AtomicBool::new(false);
        block_on(trainer.train(&stop, &mut |report| {
            stop.store(
                report.losses.step >= 2,
                std::sync::atomic::Ordering::Relaxed,
            )
        }))
        .unwrap();
        let reached = trainer.step();
        assert!((2..6).contains(&reached), "{reached}");
        drop(trainer);
        let file = TensorFile::open(&stopped.checkpoints().unwrap().pop().unwrap().path).unwrap();
        let progress = checkpoint::read_progress(&file).unwrap();
        let mut trainer =
            Trainer::resume(&gpu, progress, &file, &open_set(&config), stopped.clone()).unwrap();
        assert_eq!(trainer.notes(), &[] as &[String]);
        block_on(trainer.train(&AtomicBool::new(false), &mut |_| {})).unwrap();
        assert_same_tensors(&whole.checkpoint_path(6), &stopped.checkpoint_path(6));
        let scores = |run: &RunDir| {
            run.metrics()
                .unwrap()
                .iter()
                .map(|row| (row.step, row.g_l1, row.val_l1))
                .collect::<Vec<_>>()
        };
        assert_eq!(scores(&whole), scores(&stopped));
    }
}

#[test]
fn whole_pictures_of_one_size_train_as_crops_of_that_size() {
    let gpu = gpu();
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    dataset(&root.join("set"), &[(32, 32); 4]);
    let modes = [
        Preprocess::None,
        Preprocess::ScaleWidth,
        Preprocess::ResizeAndCrop,
    ];
    let runs = modes.map(|preprocess| {
        let config = Config {
            preprocess,
            mirror: false,
            ..whole(&root.join("set"))
        };
        train(&gpu, &config, root, &format!("{preprocess:?}"))
    });
    for run in &runs[..2] {
        assert_same_tensors(&run.checkpoint_path(6), &runs[2].checkpoint_path(6));
        let grid = |run: &RunDir| fs::read(run.sample_path(6)).unwrap();
        assert_eq!(grid(run), grid(&runs[2]));
    }
}

#[test]
#[ignore = "second tier: kernels of many sizes"]
fn a_run_on_several_sizes_takes_what_was_planned() {
    // A device of its own, whose peak is this run's.
    let gpu = open(DeviceOptions::default());
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    dataset(
        &root.join("set"),
        &[(64, 96), (128, 40), (32, 32), (70, 50)],
    );
    let (mut trainer, _) = start(&gpu, &whole(&root.join("set")), root, "planned").unwrap();
    block_on(trainer.train(&AtomicBool::new(false), &mut |_| {})).unwrap();
    let batch = open_set(&whole(&root.join("set")))
        .require(Split::Train)
        .unwrap()
        .plain(&[2])
        .unwrap();
    assert_eq!(batch.sides, (32, 32));
    block_on(trainer.session().find_failure(&gpu, 7, &batch)).unwrap();
    let (peak, planned) = (gpu.peak_memory_bytes(), trainer.session().memory());
    assert!(peak <= planned.total(), "planned {planned:?}, taken {peak}");
}

#[test]
fn a_picture_that_does_not_fit_is_named_before_anything_is_allocated() {
    let device = open(DeviceOptions::default());
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    dataset(&root.join("set"), &[(32, 32), (160, 96), (32, 32)]);
    let config = whole(&root.join("set"));
    // The discriminator sees two pairs of 8 channels in memory: 480 KiB for 160x96.
    let profile = Profile {
        max_binding_bytes: 600 << 10,
        ..device.profile().clone()
    };
    let device = device.with_profile(profile.clone());
    let error = start(&device, &config, root, "large").unwrap_err();
    assert_eq!(
        device.peak_memory_bytes(),
        0,
        "allocated before it was refused"
    );
    let TrainError::DoesNotFit { fitting, .. } = &error else {
        panic!("{error}")
    };
    let text = error.to_string();
    assert!(
        text.contains("1-160x96.png (160x96 pixels)") && text.contains("`ngf` 4 does not fit"),
        "{text}"
    );
    let width = fitting
        .iter()
        .find_map(|field| field.strip_prefix("`preprocess` scale-width `load_size` "))
        .expect("a width");
    let scaled = Config {
        preprocess: Preprocess::ScaleWidth,
        load_size: width.parse().unwrap(),
        ..config
    };
    let sizes = Trainer::sizes_of(&scaled, &open_set(&scaled)).unwrap();
    assert!(
        pix2pix::train::RunPlan::new(&scaled, &sizes, &profile).is_ok(),
        "{width}"
    );
}

#[test]
fn a_picture_too_small_for_the_networks_is_named_with_the_least_side() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    dataset(&root.join("set"), &[(32, 32), (40, 23), (33, 8)]);
    let config = whole(&root.join("set"));
    let sizes = |config: &Config| Trainer::sizes_of(config, &open_set(config));
    // Three halvings and two rows less leave no patch of 23.
    let error = sizes(&config).unwrap_err();
    assert!(
        matches!(&error, TrainError::TooSmall { least: 24, pair, .. }
            if pair.ends_with("1-40x23.png")),
        "{error}"
    );
    let of_scales = |discriminators| {
        sizes(&Config {
            discriminators,
            d_layers: 2,
            ..config.clone()
        })
    };
    assert!(of_scales(2).is_ok(), "12, the half of 23, holds a patch");
    let error = of_scales(3).unwrap_err();
    assert!(
        matches!(&error, TrainError::TooSmall { least: 45, .. }),
        "{error}"
    );
    assert!(
        sizes(&Config {
            d_layers: 2,
            ..config.clone()
        })
        .is_ok(),
        "the discriminator does not see what is only shown"
    );
    let error = sizes(&Config {
        fit: Fit::Crop,
        d_layers: 0,
        ..config.clone()
    })
    .unwrap_err();
    assert!(
        matches!(&error, TrainError::TooSmall { least: 32, .. }),
        "{error}"
    );
    let found = sizes(&Config {
        d_layers: 0,
        ..config.clone()
    })
    .unwrap();
    assert_eq!(
        found
            .training
            .iter()
            .map(|size| size.sides)
            .collect::<Vec<_>>(),
        [(32, 32), (40, 23)],
        "the largest first"
    );
    assert_eq!(Sizes::one(&small_config(32, 4)).shown.len(), 1);
}

/// One step at a size that is no multiple of 32, by either fit: the same with and without fusion
/// and with repeated values.
#[test]
#[ignore = "second tier: kernels of many sizes"]
fn training_at_any_size_is_the_same_with_fusion_and_with_repeated_values() {
    for fit in [Fit::Pad, Fit::Crop] {
        let config = Config {
            size: 50,
            load_size: 50,
            num_downs: 5,
            fit,
            d_layers: 1,
            batch_size: 2,
            ..small_config(32, 4)
        };
        let batch = wave(&config);
        let after = |gpu: &Gpu, config: &Config| -> Vec<f32> {
            let session = session_after(gpu, config, 1, &batch);
            let states = session.store.states().states();
            states
                .iter()
                .flat_map(|state| {
                    block_on(session.store.read(gpu, state.id, ArenaPart::Moment1))
                        .unwrap_or_default()
                })
                .collect()
        };
        let gpu = gpu();
        let whole = after(&gpu, &config);
        assert!(
            whole.iter().all(|v| v.is_finite())
                && whole.iter().filter(|v| **v != 0.0).count() > whole.len() / 2
        );
        assert_eq!(
            whole,
            after(
                &gpu,
                &Config {
                    recompute: true,
                    ..config.clone()
                }
            ),
            "{fit:?} with repeated values"
        );
        drop(gpu);
        let plain = open(DeviceOptions {
            no_fusion: true,
            ..DeviceOptions::default()
        });
        let most = whole.iter().fold(0.0f32, |most, v| most.max(v.abs()));
        for (fused, plain) in whole.iter().zip(after(&plain, &config)) {
            // Only the order of summation of the smallest maps' weight gradients is another.
            assert!(
                (fused - plain).abs() <= 1e-5 * most,
                "{fit:?}: {fused} and {plain}"
            );
        }
    }
}
