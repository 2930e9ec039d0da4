//! Twin of `shaders/loss_scale/`: what Adam over states of precision f16 does to gradients, copy
//! and loss scale.

use pix2pix::gpu::Gpu;
use pix2pix::ops::adam::Adam;
use pix2pix::ops::loss_scale::{LossScale, MOST_SCALES, Scaling, monitor_offset};
use pix2pix::state::{ArenaId, Init, StateList};
use pix2pix::tape::{ArenaPart, Op, ShapeError, StepState};
use pix2pix::tensor::{DType, Shape};
use pix2pix_harness::twins::loss_scale::{GROWTH, LARGEST, LossScale as Twin};
use pix2pix_harness::{Arenas, Surroundings, Tensor, Tolerance, compare, gpu, precisions, run};

const BETAS: [f64; 2] = [0.5, 0.999];
const PARTS: [ArenaPart; 5] = [
    ArenaPart::Value,
    ArenaPart::Half,
    ArenaPart::Gradient,
    ArenaPart::Moment1,
    ArenaPart::Moment2,
];

/// Two trainable arenas with one that is not between them; the second trainable one is updated.
fn states(precision: DType) -> (StateList, ArenaId) {
    let mut states = StateList::new(precision);
    states.arena("another", true);
    states.arena("statistics", false);
    let arena = states.arena("network", true);
    states.add(
        arena,
        "weight".to_owned(),
        Shape::hwio(4, 4, 8, 12),
        Init::Constant(0.0),
    );
    states.add(
        arena,
        "bias".to_owned(),
        Shape::vector(12),
        Init::Constant(0.0),
    );
    (states, arena)
}

/// The arenas before an update; gradients of about `scale`, exact in f16, the one at `bad`
/// replaced.
fn arenas(states: &StateList, arena: ArenaId, scale: f32, bad: Option<(usize, f32)>) -> Arenas {
    let count = states.get_arena(arena).bytes as usize / 4;
    let draws = |seed, factor: f32| -> Vec<f32> {
        Tensor::random(Shape::vector(count), seed)
            .values
            .iter()
            .map(|v| v * factor)
            .collect()
    };
    let unscaled = Tensor::random(Shape::vector(count), 2)
        .stored(DType::F16)
        .values;
    let mut gradient: Vec<f32> = unscaled.iter().map(|value| value * scale).collect();
    if let Some((index, value)) = bad {
        gradient[index] = value;
    }
    let parts = [
        draws(1, 0.1),
        vec![0.0; count],
        gradient,
        draws(3, 0.01),
        draws(4, 0.01).iter().map(|v| v.abs()).collect(),
    ];
    PARTS
        .into_iter()
        .zip(parts)
        .map(|(part, values)| ((arena, part), values))
        .collect()
}

fn monitor(scaling: Scaling) -> Vec<u32> {
    let mut words = vec![0; 16];
    let first = monitor_offset(1) as usize / 4;
    words[first..first + 4].copy_from_slice(bytemuck::cast_slice(&[scaling]));
    words
}

fn scaling_of(monitor: &[u32]) -> Scaling {
    let first = monitor_offset(1) as usize / 4;
    bytemuck::cast_slice(&monitor[first..first + 4])[0]
}

/// Arenas and monitor after one update with the gradients of `arenas`.
fn update(
    gpu: &Gpu,
    precision: DType,
    arenas: Arenas,
    monitor: Vec<u32>,
    range: Option<u64>,
) -> (Arenas, Vec<u32>) {
    update_in(
        gpu,
        precision,
        arenas,
        monitor,
        range,
        Surroundings::default().step,
    )
}

/// The same in a given step.
fn update_in(
    gpu: &Gpu,
    precision: DType,
    arenas: Arenas,
    monitor: Vec<u32>,
    range: Option<u64>,
    step: StepState,
) -> (Arenas, Vec<u32>) {
    let (states, arena) = states(precision);
    let mut profile = gpu.profile().clone();
    profile.max_binding_bytes = range.unwrap_or(profile.max_binding_bytes);
    let around = Surroundings {
        step,
        states,
        arenas,
        monitor,
        profile: Some(profile),
    };
    let outcome = run(
        gpu,
        "scaled adam",
        &Adam::new(arena, BETAS, 1e-8),
        &[],
        false,
        &around,
    );
    (outcome.arenas, outcome.monitor)
}

fn has_f16(gpu: &Gpu) -> bool {
    precisions(gpu, "loss_scale").contains(&DType::F16)
}

#[test]
fn the_gradient_starts_from_the_scale() {
    let gpu = gpu();
    let around = Surroundings {
        monitor: monitor(Scaling {
            scale: 4096.0,
            ..Default::default()
        }),
        ..Default::default()
    };
    assert_eq!(
        run(
            &gpu,
            "loss_scale",
            &LossScale { slot: 1 },
            &[],
            false,
            &around
        )
        .output,
        [4096.0]
    );
    assert!(matches!(
        LossScale { slot: MOST_SCALES }.output_shape(&[]),
        Err(ShapeError::Invalid { .. })
    ));
}

#[test]
fn a_good_step_is_that_of_f32_on_unscaled_gradients_and_rounds_the_copy() {
    let gpu = gpu();
    if !has_f16(&gpu) {
        return;
    }
    let (list, arena) = states(DType::F16);
    let plain = arenas(&list, arena, 1.0, None);
    // In one range, and in ranges that end inside of states.
    for range in [None, Some(1100)] {
        let scaling = Scaling {
            scale: 1024.0,
            good_steps: 3,
            ..Default::default()
        };
        let (after, words) = update(
            &gpu,
            DType::F16,
            arenas(&list, arena, 1024.0, None),
            monitor(scaling),
            range,
        );
        let (expected, _) = update(&gpu, DType::F32, plain.clone(), Vec::new(), None);
        for part in [ArenaPart::Value, ArenaPart::Moment1, ArenaPart::Moment2] {
            // A power of two divides without rounding.
            assert!(
                after[&(arena, part)] == expected[&(arena, part)],
                "{part:?}"
            );
        }
        let rounded = DType::F16.decode(&DType::F16.encode(&after[&(arena, ArenaPart::Value)]));
        assert!(
            after[&(arena, ArenaPart::Half)] == rounded,
            "the copy is the rounded value"
        );
        assert_eq!(
            scaling_of(&words),
            Scaling {
                good_steps: 4,
                ..scaling
            }
        );
        assert_eq!(words[0], 0);
    }
}

/// At a learning rate of 1, where an update is far larger than what the value rounds off.
#[test]
fn skipped_steps_do_not_count_in_the_bias_corrections() {
    let gpu = gpu();
    if !has_f16(&gpu) {
        return;
    }
    let (list, arena) = states(DType::F16);
    let start = arenas(&list, arena, 1.0, None);
    for (updates, skipped_steps) in [(1, 6), (2, 1), (10, 6), (999, 3), (123_456, 40)] {
        let scaling = Scaling {
            scale: 1.0,
            skipped_steps,
            ..Default::default()
        };
        let step = |number| StepState::new(7, number, 1.0, BETAS);
        let counted = updates + u64::from(skipped_steps);
        let (after, _) = update_in(
            &gpu,
            DType::F16,
            start.clone(),
            monitor(scaling),
            None,
            step(counted),
        );
        let (expected, _) = update_in(
            &gpu,
            DType::F32,
            start.clone(),
            Vec::new(),
            None,
            step(updates),
        );
        let expected: Vec<f64> = expected[&(arena, ArenaPart::Value)]
            .iter()
            .map(|&value| value.into())
            .collect();
        // A correction rounds up to four times a bit of the number of updates: the root of 70
        // roundings of 6e-8, four times that.
        let tolerance = Tolerance {
            absolute: 2e-6,
            relative: 2e-6,
        };
        compare(
            &format!("{updates} updates of {counted} steps"),
            &after[&(arena, ArenaPart::Value)],
            &expected,
            tolerance,
        );
    }
}

#[test]
fn an_overflow_moves_nothing_and_halves_the_scale() {
    let gpu = gpu();
    if !has_f16(&gpu) {
        return;
    }
    let (list, arena) = states(DType::F16);
    let count = list.get_arena(arena).bytes as usize / 4;
    for (index, value) in [
        (0, f32::INFINITY),
        (count - 1, f32::NEG_INFINITY),
        (count / 2 + 1, f32::NAN),
    ] {
        for range in [None, Some(1100)] {
            let before = arenas(&list, arena, 1.0, Some((index, value)));
            let scaling = Scaling {
                scale: 512.0,
                good_steps: 7,
                overflow: 0,
                skipped_steps: 2,
            };
            let (after, words) = update(&gpu, DType::F16, before.clone(), monitor(scaling), range);
            for part in PARTS {
                let bits = |arenas: &Arenas| {
                    arenas[&(arena, part)]
                        .iter()
                        .map(|v| v.to_bits())
                        .collect::<Vec<_>>()
                };
                assert!(
                    part == ArenaPart::Gradient || bits(&after) == bits(&before),
                    "{part:?} moved"
                );
            }
            assert_eq!(
                scaling_of(&words),
                Scaling {
                    scale: 256.0,
                    good_steps: 0,
                    overflow: 0,
                    skipped_steps: 3
                }
            );
            assert_eq!(words[0], 0, "an overflow is no failure");
        }
    }
}

#[test]
fn many_good_steps_double_the_scale_up_to_a_bound() {
    let gpu = gpu();
    if !has_f16(&gpu) {
        return;
    }
    let (list, arena) = states(DType::F16);
    let after = |scale, good_steps| {
        let scaling = Scaling {
            scale,
            good_steps,
            ..Default::default()
        };
        scaling_of(
            &update(
                &gpu,
                DType::F16,
                arenas(&list, arena, 1.0, None),
                monitor(scaling),
                None,
            )
            .1,
        )
    };
    assert_eq!(
        after(64.0, GROWTH - 2),
        Scaling {
            scale: 64.0,
            good_steps: GROWTH - 1,
            ..Default::default()
        }
    );
    assert_eq!(
        after(64.0, GROWTH - 1),
        Scaling {
            scale: 128.0,
            good_steps: 0,
            ..Default::default()
        }
    );
    assert_eq!(
        after(16_777_216.0, GROWTH - 1),
        Scaling {
            scale: 16_777_216.0,
            good_steps: 0,
            ..Default::default()
        }
    );
}

/// From every kind of state, by a finite gradient and by one that is not.
#[test]
fn the_scale_is_that_of_the_twin() {
    let gpu = gpu();
    if !has_f16(&gpu) {
        return;
    }
    let (list, arena) = states(DType::F16);
    let states = [1.0, 2.0, 4096.0, LARGEST]
        .into_iter()
        .flat_map(|scale| [0, 5, GROWTH - 2, GROWTH - 1].map(|good_steps| (scale, good_steps)));
    for (scale, good_steps) in states {
        for bad in [None, Some((9, f32::INFINITY))] {
            let before = Scaling {
                scale,
                good_steps,
                overflow: 0,
                skipped_steps: 3,
            };
            let gradients = arenas(&list, arena, 1.0, bad);
            let (_, words) = update(&gpu, DType::F16, gradients, monitor(before), None);
            let (expected, failed) = Twin {
                scale,
                good_steps,
                skipped_steps: 3,
            }
            .after(bad.is_none());
            let after = scaling_of(&words);
            let got = Twin {
                scale: after.scale,
                good_steps: after.good_steps,
                skipped_steps: after.skipped_steps,
            };
            assert_eq!(
                (got, words[0] != 0),
                (expected, failed),
                "{before:?}, {bad:?}"
            );
        }
    }
}

#[test]
fn gradients_that_nothing_scales_and_are_not_finite_raise_the_flag() {
    let gpu = gpu();
    if !has_f16(&gpu) {
        return;
    }
    let (list, arena) = states(DType::F16);
    let before = arenas(&list, arena, 1.0, Some((5, f32::NAN)));
    let (_, words) = update(
        &gpu,
        DType::F16,
        before,
        monitor(Scaling {
            scale: 1.0,
            ..Default::default()
        }),
        None,
    );
    assert_eq!(words[..2], [16, 1], "column 15, in step 1");
    let (after, again) = update(
        &gpu,
        DType::F16,
        arenas(&list, arena, 1.0, None),
        words.clone(),
        None,
    );
    assert!(
        after == arenas(&list, arena, 1.0, None),
        "nothing moves once the flag is up"
    );
    assert_eq!(again[..16], words[..16]);
}
