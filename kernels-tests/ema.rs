//! Twin of `shaders/ema/`: the moving average of an arena, and the swap by which it is used.

use pix2pix::gpu::{Gpu, Profile};
use pix2pix::ops::ema::{Average, Swap};
use pix2pix::state::{ArenaId, Init, StateList};
use pix2pix::tape::{ArenaPart, StepState};
use pix2pix::tensor::{DType, Shape};
use pix2pix_harness::twins::ema::follow;
use pix2pix_harness::{Arenas, Surroundings, Tensor, gpu, precisions, run};

fn states(precision: DType) -> (StateList, ArenaId) {
    let mut states = StateList::new(precision);
    let arena = states.arena("network", true);
    for (i, shape) in [
        Shape::hwio(4, 4, 3, 16),
        Shape::vector(5),
        Shape::hwio(1, 1, 6, 3),
    ]
    .into_iter()
    .enumerate()
    {
        states.add(arena, format!("state {i}"), shape, Init::Constant(0.0));
    }
    states.average(arena);
    (states, arena)
}

/// The words of one part of the arena.
fn words(states: &StateList, arena: ArenaId, seed: u32) -> Vec<f32> {
    Tensor::random(
        Shape::vector(states.get_arena(arena).bytes as usize / 4),
        seed,
    )
    .values
}

/// The device as it is, or with bindings of at most so many bytes.
fn bound(gpu: &Gpu, most: Option<u64>) -> Option<Profile> {
    most.map(|max_binding_bytes| Profile {
        max_binding_bytes,
        ..gpu.profile().clone()
    })
}

#[test]
fn the_average_follows_the_values() {
    let gpu = gpu();
    let (states, arena) = states(DType::F32);
    let arenas = Arenas::from(
        [(ArenaPart::Value, 1), (ArenaPart::Average, 2)]
            .map(|(part, seed)| ((arena, part), words(&states, arena, seed))),
    );
    for (decay, most) in [(0.999, None), (0.5, Some(1000)), (0.0, None)] {
        let mut around = Surroundings {
            states: states.clone(),
            arenas: arenas.clone(),
            profile: bound(&gpu, most),
            ..Default::default()
        };
        let mut expected: Vec<f64> = around.arenas[&(arena, ArenaPart::Average)]
            .iter()
            .map(|&v| v.into())
            .collect();
        for step in [1, 2, 30, 100_000] {
            let value = words(&states, arena, 10 + step as u32);
            around
                .arenas
                .insert((arena, ArenaPart::Value), value.clone());
            around.step = StepState::new(7, step, 0.0, [0.0; 2]);
            around.arenas = run(&gpu, "ema", &Average { arena, decay }, &[], false, &around).arenas;
            for (i, average) in expected.iter_mut().enumerate() {
                *average = follow(*average, value[i].into(), decay, step);
                let got = f64::from(around.arenas[&(arena, ArenaPart::Average)][i]);
                // Numbers below 1, rounded twice a step.
                assert!(
                    (got - *average).abs() < 1e-6,
                    "decay {decay}, step {step}: {got} for {average}"
                );
            }
            assert_eq!(around.arenas[&(arena, ArenaPart::Value)], value);
        }
    }
    let around = Surroundings {
        states,
        arenas: arenas.clone(),
        monitor: vec![1],
        ..Default::default()
    };
    assert_eq!(
        run(
            &gpu,
            "ema",
            &Average { arena, decay: 0.5 },
            &[],
            false,
            &around
        )
        .arenas,
        arenas,
        "once the flag is up"
    );
}

#[test]
fn a_swap_uses_the_ema_and_a_second_one_puts_everything_back() {
    let gpu = gpu();
    for (precision, most) in precisions(&gpu, "ema")
        .into_iter()
        .flat_map(|precision| [(precision, None), (precision, Some(1100))])
    {
        let (states, arena) = states(precision);
        let [value, average] = [1, 2].map(|seed| words(&states, arena, seed));
        let mut arenas = Arenas::from([
            ((arena, ArenaPart::Value), value.clone()),
            ((arena, ArenaPart::Average), average.clone()),
        ]);
        let rounded = |values: &[f32]| DType::F16.decode(&DType::F16.encode(values));
        if precision == DType::F16 {
            arenas.insert((arena, ArenaPart::Half), rounded(&value));
        }
        let around = Surroundings {
            states,
            arenas: arenas.clone(),
            profile: bound(&gpu, most),
            ..Default::default()
        };
        let swapped = run(&gpu, "ema", &Swap { arena }, &[], false, &around).arenas;
        assert_eq!(
            (
                &swapped[&(arena, ArenaPart::Value)],
                &swapped[&(arena, ArenaPart::Average)]
            ),
            (&average, &value)
        );
        if let Some(half) = swapped.get(&(arena, ArenaPart::Half)) {
            assert!(*half == rounded(&average), "the copy is the rounded value");
        }
        assert_eq!(
            run(
                &gpu,
                "ema",
                &Swap { arena },
                &[],
                false,
                &Surroundings {
                    arenas: swapped,
                    ..around
                }
            )
            .arenas,
            arenas
        );
    }
}
