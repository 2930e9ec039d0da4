//! Whole programs and runs with weights and activations stored as f16.

use crate::runs::{assert_same_tensors, bundled, copy_of, resume, session_after, train, wave};
use pix2pix::data::Split;
use pix2pix::gpu::{DeviceClass, DeviceOptions, Gpu, GpuError, Profile};
use pix2pix::nn::{Fit, Mode, Norm};
use pix2pix::ops::adam::{Adam, update};
use pix2pix::ops::elementwise::scale;
use pix2pix::ops::loss_scale::Scaling;
use pix2pix::program::{Plan, ProgramError, Store};
use pix2pix::state::{Init, StateList};
use pix2pix::tape::ArenaPart;
use pix2pix::tape::Tape;
use pix2pix::tensor::{DType, Shape};
use pix2pix::train::{Config, Recording, Session, Translator, plan_training};
use pix2pix_harness::config::{penalised, small_config};
use pix2pix_harness::{gpu, open, precisions};
use pollster::block_on;
use std::sync::atomic::AtomicBool;

fn half_config(size: u32, ngf: usize) -> Config {
    Config {
        precision: DType::F16,
        ..small_config(size, ngf)
    }
}

fn has_f16(gpu: &Gpu, what: &str) -> bool {
    precisions(gpu, what).contains(&DType::F16)
}

fn distance(left: &[f32], right: &[f32]) -> f32 {
    left.iter()
        .zip(right)
        .map(|(a, b)| (a - b).abs())
        .sum::<f32>()
        / left.len() as f32
}

/// The bits of all values and moments, and the loss scales.
fn state(gpu: &Gpu, session: &Session) -> (Vec<u32>, Vec<Scaling>) {
    let store = &session.store;
    let parts = [ArenaPart::Value, ArenaPart::Moment1, ArenaPart::Moment2];
    let read = |part| {
        store
            .states()
            .states()
            .iter()
            .flat_map(move |state| block_on(store.read(gpu, state.id, part)).unwrap())
    };
    (
        parts.into_iter().flat_map(read).map(f32::to_bits).collect(),
        block_on(store.scaling(gpu)).unwrap(),
    )
}

#[test]
#[ignore = "second tier: three runs in f16"]
fn a_resumed_run_in_f16_has_the_bits_of_one_that_never_stopped() {
    let gpu = gpu();
    if !has_f16(&gpu, "resuming") {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let config = Config {
        batch_size: 2,
        checkpoint_every: 3,
        seed: 11,
        ..half_config(64, 4)
    };
    let whole = train(&gpu, &config, root.path(), "whole");
    let resumed = copy_of(&whole.checkpoint_path(3), root.path(), "resumed");
    let mut trainer = resume(&gpu, &resumed);
    assert_eq!((trainer.step(), trainer.notes()), (3, &[][..]));
    assert_eq!(
        trainer.session().store.states().precision(),
        DType::F16,
        "the checkpoint says so"
    );
    let before = block_on(trainer.session().store.scaling(&gpu)).unwrap();
    assert!(
        before
            .iter()
            .all(|scaling| scaling.good_steps + scaling.skipped_steps > 0),
        "{before:?}"
    );
    let outcome = block_on(trainer.train(&AtomicBool::new(false), &mut |_| {})).unwrap();
    assert_eq!(outcome.scaling.len(), 2);
    assert_same_tensors(&whole.checkpoint_path(6), &resumed.checkpoint_path(6));
    let scaling = |run| block_on(resume(&gpu, run).session().store.scaling(&gpu)).unwrap();
    assert_eq!(scaling(&whole), scaling(&resumed));
}

#[test]
#[ignore = "second tier: sixty steps in f16"]
fn sixty_steps_in_f16_learn_one_pair() {
    let gpu = gpu();
    if !has_f16(&gpu, "learning") {
        return;
    }
    let config = Config {
        learning_rate: 2e-3,
        ..half_config(32, 8)
    };
    let batch = bundled(&config)
        .require(Split::Train)
        .unwrap()
        .plain(&[3])
        .unwrap();
    let mut session = session_after(&gpu, &config, 1, &batch);
    let now = |session: &Session| {
        distance(
            &block_on(session.program().read(&gpu, session.vars().fake)).unwrap(),
            &batch.target,
        )
    };
    let first = now(&session);
    for step in 2..=60 {
        session
            .submit(&gpu, step, config.learning_rate, &batch)
            .unwrap();
    }
    let last = now(&session);
    assert!(
        last < 0.35 * first,
        "L1 {first} at step 1, {last} at step 60"
    );
}

#[test]
fn a_scale_that_overflows_is_halved_until_steps_count_again() {
    let gpu = gpu();
    if !has_f16(&gpu, "overflow") {
        return;
    }
    let config = half_config(32, 4);
    let batch = wave(&config);
    let mut session = session_after(&gpu, &config, 0, &batch);
    let huge = Scaling {
        scale: 2f32.powi(40),
        ..Default::default()
    };
    session.store.set_scaling(&gpu, &[huge; 2]);
    let start = state(&gpu, &session).0;
    session
        .submit(&gpu, 1, config.learning_rate, &batch)
        .unwrap();
    let (bits, scaling) = state(&gpu, &session);
    assert_eq!(
        scaling,
        [Scaling {
            scale: 2f32.powi(39),
            skipped_steps: 1,
            ..Default::default()
        }; 2]
    );
    let statistics = session
        .store
        .states()
        .states()
        .iter()
        .filter(|state| state.name.contains("running"))
        .map(|state| state.shape.len());
    let moved = bits.iter().zip(&start).filter(|(a, b)| a != b).count();
    assert!(
        moved <= statistics.sum(),
        "{moved} values moved in a step that overflowed"
    );
    for step in 2..=40 {
        session
            .submit(&gpu, step, config.learning_rate, &batch)
            .unwrap();
    }
    let (bits, scaling) = state(&gpu, &session);
    assert!(
        scaling
            .iter()
            .all(|s| s.scale < 2f32.powi(30) && s.skipped_steps >= 10 && s.good_steps >= 5),
        "{scaling:?}"
    );
    assert!(bits.iter().all(|&bits| f32::from_bits(bits).is_finite()));
    let moved = bits.iter().zip(&start).filter(|(a, b)| a != b).count();
    assert!(
        moved * 2 > bits.len(),
        "{moved} of {} values moved afterwards",
        bits.len()
    );
}

/// At a loss scale that the slopes of a fresh critic fit.
#[test]
#[ignore = "second tier: a gradient of a gradient in two precisions"]
fn the_penaltys_gradients_in_f16_are_those_of_f32_but_for_rounding() {
    let gpu = gpu();
    if !has_f16(&gpu, "the gradient penalty in f16") {
        return;
    }
    for norm in [Norm::None, Norm::Batch] {
        let [full, half] = [DType::F32, DType::F16].map(|precision| {
            let config = penalised(Config {
                precision,
                norm,
                dropout: false,
                ..small_config(32, 8)
            });
            let mut session = Session::new(&gpu, &config).unwrap();
            block_on(session.store.initialise(&gpu, 3)).unwrap();
            session.store.set_scaling(
                &gpu,
                &[Scaling {
                    scale: 8.0,
                    ..Default::default()
                }; 2],
            );
            session.submit(&gpu, 1, 0.0, &wave(&config)).unwrap();
            let states = session
                .store
                .states()
                .in_arena(session.discriminator.as_ref().unwrap().parameters());
            states
                .flat_map(|state| {
                    block_on(session.store.read(&gpu, state.id, ArenaPart::Moment1)).unwrap()
                })
                .collect::<Vec<f32>>()
        });
        let root = |values: &mut dyn Iterator<Item = f32>| {
            values.map(|value| value * value).sum::<f32>().sqrt()
        };
        let error =
            root(&mut full.iter().zip(&half).map(|(a, b)| a - b)) / root(&mut full.iter().copied());
        // Maps are rounded to 11 bits, and a slope in front of a leaky ReLU may fall on its other
        // side.
        assert!(error < 0.1, "{norm:?}: {error}");
    }
}

#[test]
#[ignore = "second tier: larger networks in two precisions"]
fn a_picture_in_f16_is_that_of_f32_but_for_rounding() {
    let gpu = gpu();
    if !has_f16(&gpu, "translating") {
        return;
    }
    let config = small_config(64, 8);
    let batch = bundled(&config)
        .require(Split::Train)
        .unwrap()
        .plain(&[5])
        .unwrap();
    let session = session_after(
        &gpu,
        &Config {
            learning_rate: 2e-3,
            ..config.clone()
        },
        40,
        &batch,
    );
    let picture = |precision| {
        let mut states = StateList::new(precision);
        let generator = pix2pix::nn::Generator::new(&mut states, &config.generator()).unwrap();
        let store = Store::new(&gpu, states, false).unwrap();
        for state in store.states().in_arena(generator.parameters()) {
            let source = session
                .store
                .states()
                .states()
                .iter()
                .find(|other| other.name == state.name && other.shape == state.shape);
            let values = block_on(
                session
                    .store
                    .read(&gpu, source.unwrap().id, ArenaPart::Value),
            )
            .unwrap();
            store
                .write(&gpu, state.id, ArenaPart::Value, &values)
                .unwrap();
        }
        let shape = Shape::nhwc(1, 64, 64, 3);
        let translator = Translator::new(
            &gpu,
            &store,
            &generator,
            shape,
            Fit::Pad,
            &Mode::translation(),
        )
        .unwrap();
        block_on(translator.translate(&gpu, &store, &batch.input, 0)).unwrap()
    };
    let [single, half] = [DType::F32, DType::F16].map(picture);
    let apart = distance(&single, &half);
    // Each of some twenty layers rounds to 11 bits: a few thousandths of a range of 2, a fraction
    // of a grey level.
    assert!(apart > 0.0 && apart < 4e-3, "{apart} apart");
}

#[test]
fn activations_take_half_the_memory() {
    let plan = |precision| {
        let Recording {
            states, tape, vars, ..
        } = Recording::new(&Config {
            precision,
            ..small_config(128, 16)
        })
        .unwrap();
        // As on a CPU, where the parts of split sums, which stay f32, do not hide the activations.
        let profile = Profile {
            class: DeviceClass::Cpu,
            ..Profile::portable()
        };
        Plan::new(&tape, &states, &[vars.fake], &profile).unwrap()
    };
    let [single, half] = [DType::F32, DType::F16].map(plan);
    assert!(
        half.bytes() * 10 < single.bytes() * 7,
        "{} and {}",
        half.bytes(),
        single.bytes()
    );
    assert!(
        half.unshared_bytes * 10 < single.unshared_bytes * 7,
        "{} and {}",
        half.unshared_bytes,
        single.unshared_bytes
    );
}

#[test]
fn training_takes_less_memory_in_f16() {
    for (class, recompute) in [
        (DeviceClass::Cpu, false),
        (DeviceClass::Gpu, false),
        (DeviceClass::Cpu, true),
    ] {
        let profile = Profile {
            class,
            ..Profile::portable()
        };
        let plan = |precision| {
            plan_training(
                &Config {
                    precision,
                    recompute,
                    ..small_config(256, 64)
                },
                &profile,
            )
            .unwrap()
        };
        let [single, half] = [DType::F32, DType::F16].map(plan);
        assert_eq!(half.gradients * 2, single.gradients);
        assert!(
            half.total() < single.total(),
            "{class:?}: {} and {}",
            half.total(),
            single.total()
        );
    }
}

/// A bias that a tape reads as it lies, and whose gradient no operation for gradients of parameters
/// makes.
#[test]
fn a_gradient_that_would_not_fit_its_arena_is_refused() {
    let plan = |precision| {
        let mut states = StateList::new(precision);
        let arena = states.arena("network", true);
        let bias = states.add(
            arena,
            "bias".to_owned(),
            Shape::scalar(),
            Init::Constant(0.0),
        );
        let mut tape = Tape::default();
        let value = tape.state(&states, bias);
        let loss = scale(&mut tape, value, 2.0).unwrap();
        let gradients = tape.backward(loss, &[value]).unwrap();
        update(
            &mut tape,
            &states,
            Adam::new(arena, [0.5, 0.999], 1e-8),
            &gradients,
        )
        .unwrap();
        Plan::new(
            &tape,
            &states,
            &[],
            &Profile {
                fusion: false,
                ..Profile::portable()
            },
        )
    };
    assert!(plan(DType::F32).is_ok());
    let error = plan(DType::F16).unwrap_err();
    assert!(
        matches!(error, ProgramError::Gradient { position: 0, .. })
            && error.to_string().contains("f16"),
        "{error}"
    );
}

#[test]
fn a_device_without_16_bit_floats_refuses_them() {
    let gpu = open(DeviceOptions {
        no_f16: true,
        ..Default::default()
    });
    assert!(!gpu.profile().f16);
    let error = Store::new(&gpu, StateList::new(DType::F16), true).unwrap_err();
    assert!(
        matches!(error, ProgramError::Gpu(GpuError::NoF16 { .. })),
        "{error}"
    );
    assert!(error.to_string().contains("`precision` f32"), "{error}");
}
