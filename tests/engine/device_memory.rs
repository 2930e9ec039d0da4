//! What a run takes of the device: planned before it begins, refused with what would fit, and
//! uploads that allocate nothing.

use crate::values::bits;
use pix2pix::data::{Batch, Dataset};
use pix2pix::gpu::{DeviceOptions, GpuError, Profile, UploadRing};
use pix2pix::nn::{Generator, Mode};
use pix2pix::program::ProgramError;
use pix2pix::state::StateList;
use pix2pix::tensor::{DType, Shape};
use pix2pix::train::run::RunDir;
use pix2pix::train::{
    Config, Length, Recipe, Session, TrainError, Trainer, explain, largest_image, plan_training,
};
use pix2pix_harness::config::{small_config, two_scales};
use pix2pix_harness::{gpu, open, precisions};
use pollster::block_on;
use std::sync::atomic::AtomicBool;

/// Size, channels, batch, and whether values are repeated. A run that repeats them has two
/// discriminators, whose features the generator learns from.
type PlannedRun = (u32, usize, usize, bool);

const REPEATING: PlannedRun = (64, 4, 3, true);
const BATCHED: PlannedRun = (32, 8, 2, false);
const WIDE: PlannedRun = (64, 16, 1, false);

#[test]
#[ignore = "second tier: the plan of every run in every precision"]
fn every_run_takes_what_was_planned() {
    for precision in precisions(&gpu(), "planned memory") {
        for run in [REPEATING, BATCHED, WIDE] {
            check_plan(run, precision);
        }
    }
}

fn check_plan((size, ngf, batch_size, recompute): PlannedRun, precision: DType) {
    // A device of its own, whose peak is this run's.
    let gpu = open(DeviceOptions::default());
    let root = tempfile::tempdir().unwrap();
    let every = Config {
        sample_every: 2,
        checkpoint_every: 2,
        ..small_config(size, ngf)
    };
    let config = Config {
        batch_size,
        recompute,
        length: Length::Steps(4),
        precision,
        ..if recompute { two_scales(every) } else { every }
    };
    let dataset = Dataset::bundled(&config.data_options()).unwrap();
    let run = RunDir::create(root.path(), "planned").unwrap();
    let mut trainer = block_on(Trainer::start(&gpu, config.clone(), &dataset, run)).unwrap();
    block_on(trainer.train(&AtomicBool::new(false), &mut |_| {})).unwrap();
    // The search for a failure reads back any value: the plan has room for it.
    let values = vec![0.5; batch_size * (size as usize).pow(2) * 3];
    let batch = Batch {
        sides: (size, size),
        input: values.clone(),
        target: values,
    };
    block_on(trainer.session().find_failure(&gpu, 5, &batch)).unwrap();
    let planned = plan_training(&config, gpu.profile()).unwrap();
    assert_eq!(trainer.session().memory(), &planned);
    let (peak, total) = (gpu.peak_memory_bytes(), planned.total());
    assert!(
        peak <= total && total * 9 <= peak * 10,
        "{size} pixels in {precision}: planned {total}, taken {peak}: {planned:?}"
    );
}

/// The configuration after one of the fields that a refusal names.
fn with_field(config: &Config, field: &str) -> Config {
    let mut changed = config.clone();
    match field.split_once(' ') {
        None if field == "`recompute`" => changed.recompute = true,
        Some(("`size`", size)) => {
            changed.size = size.parse().unwrap();
            changed.num_downs = Config::downs_for(changed.size).unwrap();
        }
        Some(("`recipe.pool`", pool)) => changed.recipe.pool = pool.parse().unwrap(),
        Some(("`batch_size`", batch_size)) => changed.batch_size = batch_size.parse().unwrap(),
        Some(("`ngf`", ngf)) => {
            changed.ngf = ngf.parse().unwrap();
            changed.ndf = changed.ngf;
        }
        _ => panic!("{field}"),
    }
    changed
}

#[test]
fn what_no_binding_can_hold_is_refused_with_the_next_that_fits_before_anything_is_allocated() {
    let gpu = open(DeviceOptions::default());
    // The discriminator sees two pairs of 8 channels in memory for each of the batch: 1 MiB at 128
    // pixels.
    let profile = Profile {
        max_binding_bytes: 1280 << 10,
        ..gpu.profile().clone()
    };
    let gpu = gpu.with_profile(profile.clone());
    let config = Config {
        batch_size: 2,
        ..small_config(128, 4)
    };
    let error = Session::new(&gpu, &config).unwrap_err();
    assert_eq!(
        gpu.peak_memory_bytes(),
        0,
        "allocated before it was refused"
    );
    let TrainError::DoesNotFit {
        source, fitting, ..
    } = &error
    else {
        panic!("{error}")
    };
    assert!(
        matches!(**source, TrainError::Program(ProgramError::TooLarge { .. })),
        "{error}"
    );
    assert!(
        error.to_string().contains("`size` 128 `batch_size` 2"),
        "{error}"
    );
    assert_eq!(fitting[..], ["`size` 96", "`batch_size` 1"], "{error}");
    for field in fitting {
        assert!(
            plan_training(&with_field(&config, field), &profile).is_ok(),
            "{field}"
        );
    }
}

#[test]
fn a_pool_or_an_arena_that_nothing_can_hold_is_refused_by_its_name() {
    let gpu = open(DeviceOptions::default());
    let profile = Profile {
        max_binding_bytes: 1280 << 10,
        ..gpu.profile().clone()
    };
    let gpu = gpu.with_profile(profile.clone());
    // Older fakes and their inputs, 16 KiB each: what does not fit is the pool.
    let pooled = |pool| Config {
        recipe: Recipe {
            pool,
            ..Recipe::default()
        },
        ..small_config(32, 4)
    };
    let error = Session::new(&gpu, &pooled(100)).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("`ngf` 4 `recipe.pool` 100 does not fit"),
        "{error}"
    );
    let TrainError::DoesNotFit { fitting, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(fitting[0], "`recipe.pool` 80", "{error}");
    assert!(
        plan_training(&pooled(80), &profile).is_ok()
            && plan_training(&pooled(81), &profile).is_err()
    );
    // An arena that no buffer can hold.
    let narrow = Profile {
        max_buffer_bytes: 1 << 20,
        ..profile
    };
    let error = plan_training(&small_config(32, 16), &narrow).unwrap_err();
    assert!(
        matches!(error, TrainError::Gpu(GpuError::Limit { .. })),
        "{error}"
    );
}

#[test]
fn a_device_that_runs_out_of_memory_is_asked_for_less() {
    let config = Config {
        batch_size: 4,
        ..small_config(64, 8)
    };
    let full = plan_training(&config, gpu().profile()).unwrap().total();
    for part in [2, 9] {
        let limited = open(DeviceOptions::default()).with_memory_limit(full * part / 10);
        let error = Session::new(&limited, &config).unwrap_err();
        let TrainError::DoesNotFit {
            source, fitting, ..
        } = &error
        else {
            panic!("{error}")
        };
        let out_of_memory = |error: &GpuError| match error {
            GpuError::OutOfMemory { held, .. } => *held <= full * part / 10,
            _ => false,
        };
        let refused = match &**source {
            TrainError::Gpu(error) | TrainError::Program(ProgramError::Gpu(error)) => {
                out_of_memory(error)
            }
            _ => false,
        };
        assert!(refused, "{error}");
        assert_eq!(limited.memory_bytes(), 0, "everything is given back");
        // What it had given by then is all that is sure: enough for advice only when nearly
        // everything was there.
        assert!(!fitting.is_empty() || part < 9, "{error}");
        for field in fitting {
            Session::new(&limited, &with_field(&config, field))
                .unwrap_or_else(|error| panic!("{field}: {error}"));
        }
    }
}

#[test]
fn fewer_discriminators_are_named_where_they_would_do() {
    let config = Config {
        d_layers: 2,
        discriminators: 3,
        recompute: true,
        ..small_config(64, 8)
    };
    let planned = |discriminators| {
        let config = Config {
            discriminators,
            ..config.clone()
        };
        plan_training(&config, gpu().profile()).unwrap().total()
    };
    let error = GpuError::OutOfMemory {
        doing: "a test".to_owned(),
        held: planned(2),
    };
    assert!(planned(1) < planned(2) && planned(2) < planned(3));
    let error = explain(&config, gpu().profile(), error.into());
    let TrainError::DoesNotFit { fitting, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(fitting[0], "`discriminators` 2", "{error}");
}

#[test]
fn repeated_values_are_the_first_advice_where_they_would_do() {
    let config = Config {
        batch_size: 4,
        ..small_config(64, 8)
    };
    let saving = plan_training(
        &Config {
            recompute: true,
            ..config.clone()
        },
        gpu().profile(),
    )
    .unwrap()
    .total();
    let error = GpuError::OutOfMemory {
        doing: "a test".to_owned(),
        held: saving,
    };
    let error = explain(&config, gpu().profile(), error.into());
    assert!(
        matches!(&error, TrainError::DoesNotFit { fitting, .. } if fitting[0] == "`recompute`"),
        "{error}"
    );
    let other = explain(
        &config,
        gpu().profile(),
        GpuError::DeviceLost {
            reason: String::new(),
        }
        .into(),
    );
    assert!(matches!(
        other,
        TrainError::Gpu(GpuError::DeviceLost { .. })
    ));
}

#[test]
fn an_image_too_large_to_translate_has_a_largest_that_is_not() {
    let mut states = StateList::default();
    let generator = Generator::new(&mut states, &small_config(64, 4).generator()).unwrap();
    let profile = Profile {
        max_binding_bytes: 1 << 20,
        ..Profile::portable()
    };
    let error = TrainError::Gpu(GpuError::DeviceLost {
        reason: String::new(),
    });
    let largest = |height, width| {
        let shape = Shape::nhwc(1, height, width, 3);
        largest_image(
            &states,
            &generator,
            shape,
            &Mode::translation(),
            &profile,
            &error,
        )
    };
    // An image has 16 bytes a pixel, so 256×256 pixels fill the binding; sides are multiples of 64.
    assert_eq!(largest(1024, 1024), Some([256, 256]));
    assert_eq!(largest(512, 1024), Some([320, 128]));
    let source = Box::new(TrainError::Gpu(GpuError::DeviceLost {
        reason: String::new(),
    }));
    let too_large = TrainError::ImageTooLarge {
        source,
        size: [320, 128],
        remedy: "scale it down".to_owned(),
    }
    .to_string();
    assert!(
        too_large.ends_with("is 320x128 pixels, so scale it down"),
        "{too_large}"
    );
}

#[test]
fn uploads_take_turns_and_arrive_in_order() {
    let gpu = gpu();
    let target = gpu.storage("target", 64).unwrap();
    let ring = UploadRing::new(&gpu, 48, 2).unwrap();
    let before = gpu.memory_bytes();
    let read = |bytes| block_on(gpu.read(&target, 0, bytes)).unwrap();
    for round in 1..=9u8 {
        // More rounds than the ring is long, without waiting between them.
        ring.write(&gpu, &[(&target, &[round; 32])]).unwrap();
    }
    assert_eq!(read(32), [9; 32]);
    let other = gpu.storage("other", 16).unwrap();
    ring.write(&gpu, &[(&target, &[1; 8]), (&other, &[2; 16])])
        .unwrap();
    assert_eq!(
        (read(12), block_on(gpu.read(&other, 0, 16)).unwrap()),
        ([[1; 4], [1; 4], [9; 4]].concat(), vec![2; 16])
    );
    drop(other);
    assert_eq!(gpu.memory_bytes(), before);
    let error = ring.write(&gpu, &[(&target, &[0; 52])]).unwrap_err();
    assert!(
        matches!(
            error,
            GpuError::Limit {
                needed: 52,
                allowed: 48,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_step_through_the_ring_has_the_bits_of_one_that_is_written_and_run() {
    let gpu = gpu();
    let config = small_config(32, 4);
    let batches: Vec<Batch> = (0..6)
        .map(|i| {
            let wave = |phase: f32| {
                (0..32 * 32 * 3)
                    .map(|k| (k as f32 * 0.37 + phase + i as f32).sin())
                    .collect()
            };
            Batch {
                sides: (32, 32),
                input: wave(0.0),
                target: wave(1.0),
            }
        })
        .collect();
    let after = |through_ring: bool| {
        let mut session = Session::new(&gpu, &config).unwrap();
        block_on(session.store.initialise(&gpu, 1)).unwrap();
        for (step, batch) in (1..).zip(&batches) {
            if through_ring {
                session.submit(&gpu, step, 2e-4, batch).unwrap();
            } else {
                let (program, vars) = (session.program(), session.vars());
                program.write(&gpu, vars.input, &batch.input).unwrap();
                program.write(&gpu, vars.target, &batch.target).unwrap();
                let state =
                    pix2pix::tape::StepState::new(config.seed, step, 2e-4, config.objective.betas);
                program.run(&gpu, &session.store, &state).unwrap();
            }
        }
        bits(&block_on(session.program().read(&gpu, session.vars().fake)).unwrap())
    };
    assert_eq!(after(true), after(false));
}
