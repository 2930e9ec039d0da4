//! What the networks of today do not use: other geometries, both orientations of a weight,
//! remaining losses and activations; and every tile of every rung.

use crate::profiles::{profiles, with_each_rung};
use crate::variants::Search;
use pix2pix::contraction::{ContractionKey, Family, Geometry, Rung, candidates};
use pix2pix::gpu::Profile;
use pix2pix::ops::Fill;
use pix2pix::ops::activation::{Activation, activate};
use pix2pix::ops::batch_norm::{batch_norm, batch_norm_running, instance_norm};
use pix2pix::ops::conv_transpose2d::conv_transpose2d;
use pix2pix::ops::conv2d::conv2d;
use pix2pix::ops::elementwise::{Power, add, multiply};
use pix2pix::ops::loss::{Loss, LossKind};
use pix2pix::ops::random::{RandomNormal, RandomUniform};
use pix2pix::ops::reduction::Sum;
use pix2pix::ops::resample::{AveragePool, Resample};
use pix2pix::state::StateList;
use pix2pix::tape::{Tape, Var};
use pix2pix::tensor::{DType, Shape};
use pix2pix_harness::batch_norm::GROUPS;

const PRECISIONS: [DType; 2] = [DType::F32, DType::F16];

/// Kernel, stride and padding of the contractions.
const GEOMETRIES: [(usize, usize, usize); 6] = [
    (4, 2, 1),
    (4, 1, 1),
    (3, 1, 1),
    (1, 1, 0),
    (7, 1, 3),
    (3, 2, 1),
];

/// Every operation on every device, the contractions also by each rung.
pub fn operations() -> Vec<Search> {
    let on_each_device = || {
        let devices = profiles().into_iter();
        devices.flat_map(|profile| PRECISIONS.map(|precision| (profile.clone(), precision)))
    };
    let contractions = on_each_device().map(|(profile, precision)| -> Search {
        Box::new(move |found| {
            let states = StateList::new(precision);
            let rungs = [vec![profile.clone()], with_each_rung(&profile)].concat();
            for geometry in GEOMETRIES {
                let (tape, outputs) = contractions(geometry);
                found.add(&tape, &states, &outputs, &rungs);
            }
        })
    });
    let pointwise = PRECISIONS.into_iter().map(|precision| -> Search {
        Box::new(move |found| {
            let (tape, outputs) = pointwise();
            found.add(&tape, &StateList::new(precision), &outputs, &profiles());
        })
    });
    contractions.chain(pointwise).collect()
}

/// The contractions of a geometry with their gradients and the gradients of these. A tape for each
/// geometry: planning a tape takes more than twice as long for twice as many operations.
fn contractions((kernel, stride, padding): (usize, usize, usize)) -> (Tape, Vec<Var>) {
    let mut tape = Tape::default();
    let mut outputs = Vec::new();
    let geometry = Geometry::new(kernel, stride, padding);
    for (pixels, [a, b]) in [(8, [3, 5]), (16, [64, 32])] {
        let input = tape.input("input", Shape::nhwc(2, pixels, pixels, a));
        let weight = tape.input("weight", Shape::hwio(kernel, kernel, a, b));
        let bias = tape.input("bias", Shape::vector(b));
        for bias in [None, Some(bias)] {
            let wrt: Vec<Var> = [input, weight].into_iter().chain(bias).collect();
            for output in [
                conv2d(&mut tape, input, weight, bias, geometry).unwrap(),
                conv_transpose2d(&mut tape, input, weight, bias, geometry).unwrap(),
            ] {
                outputs.extend(second_order(&mut tape, output, &wrt));
            }
        }
    }
    (tape, outputs)
}

/// Every tile of every rung, on a layer that is large enough for all of them.
pub fn candidates_of_all() -> Vec<Search> {
    let of_device = |profile: Profile| -> Search {
        Box::new(move |found| {
            for dtype in PRECISIONS {
                let (tape, outputs, forced) = large_layer(&profile, dtype);
                found.add(&tape, &StateList::new(dtype), &outputs, &forced);
            }
        })
    };
    profiles().into_iter().map(of_device).collect()
}

/// The layer, and the device with each candidate of a family forced. One profile forces a candidate
/// of each family.
fn large_layer(profile: &Profile, dtype: DType) -> (Tape, Vec<Var>, Vec<Profile>) {
    let geometry = Geometry::new(4, 2, 1);
    let (large, small) = (Shape::nhwc(1, 32, 32, 64), Shape::nhwc(1, 16, 16, 128));
    let mut tape = Tape::default();
    let [input, weight] = [("input", large), ("weight", Shape::hwio(4, 4, 64, 128))]
        .map(|(name, shape)| tape.input(name, shape));
    let output = conv2d(&mut tape, input, weight, None, geometry).unwrap();
    let outputs = second_order(&mut tape, output, &[input, weight]);
    let mut forced: Vec<Profile> = Vec::new();
    for family in Family::ALL {
        let key = ContractionKey {
            dtype,
            ..ContractionKey::new(family, geometry, large, small)
        };
        let matrix = profile.clone().force(family.name(), Rung::Matrix.name());
        for (number, candidate) in candidates(&key, &matrix).into_iter().enumerate() {
            if number == forced.len() {
                forced.push(profile.clone());
            }
            let profile = forced[number].clone();
            forced[number] = profile.force(family.name(), &candidate.name);
        }
    }
    (tape, outputs, forced)
}

/// Gradients of an output, and the gradients of the first of them.
fn second_order(tape: &mut Tape, output: Var, wrt: &[Var]) -> Vec<Var> {
    let grad_output = tape.input("grad_output", tape.shape(output));
    let mut outputs = tape.backward_from(output, grad_output, wrt).unwrap();
    for first in [outputs[0], outputs[1]] {
        let other = if first == outputs[0] { wrt[1] } else { wrt[0] };
        let seed = tape.input("seed", tape.shape(first));
        outputs.extend(
            tape.backward_from(first, seed, &[other, grad_output])
                .unwrap(),
        );
    }
    outputs
}

/// Everything else, on a small map and on one that is split among many workgroups.
fn pointwise() -> (Tape, Vec<Var>) {
    let mut tape = Tape::default();
    let mut outputs = Vec::new();
    for shape in [Shape::nhwc(2, 4, 4, 6), Shape::nhwc(1, 128, 128, 8)] {
        let [input, target] = ["input", "target"].map(|name| tape.input(name, shape));
        outputs.extend(activations_and_norms(&mut tape, input));
        outputs.extend(losses(&mut tape, input, target));
        outputs.extend(draws_and_powers(&mut tape, input));
        outputs.extend(resamplings(&mut tape, input));
        outputs.extend(reductions(&mut tape, input, target));
    }
    (tape, outputs)
}

/// The gradients of activations, a square, and normalisations.
fn activations_and_norms(tape: &mut Tape, input: Var) -> Vec<Var> {
    let shape = tape.shape(input);
    let [weight, bias, mean, variance] = ["weight", "bias", "mean", "variance"]
        .map(|name| tape.input(name, Shape::vector(shape.channels())));
    let mut values = Activation::ALL
        .map(|activation| activate(tape, input, activation).unwrap())
        .to_vec();
    values.push(multiply(tape, input, input, 2.0).unwrap());
    for groups in GROUPS {
        let (normalised, _) = batch_norm(tape, input, [weight, bias], groups, 1e-5).unwrap();
        values.push(normalised);
    }
    let statistics = [mean, variance];
    values.push(batch_norm_running(tape, input, [weight, bias], statistics, 1e-5).unwrap());
    values.push(instance_norm(tape, input, 1e-5).unwrap());
    let mut outputs = Vec::new();
    for value in values {
        let grad_output = tape.input("grad_output", shape);
        outputs.extend(tape.backward_from(value, grad_output, &[input]).unwrap());
    }
    outputs
}

/// The gradients of every kind of loss.
fn losses(tape: &mut Tape, input: Var, target: Var) -> Vec<Var> {
    let mut outputs = Vec::new();
    for kind in [
        LossKind::BceWithLogits { target: 1.0 },
        LossKind::Mse { target: 0.0 },
        LossKind::WganMean { sign: -1.0 },
    ] {
        let loss = tape.record(Loss { kind }, &[input]).unwrap();
        outputs.extend(tape.backward(loss, &[input]).unwrap());
    }
    for kind in [LossKind::L1, LossKind::MsePair] {
        let loss = tape.record(Loss { kind }, &[input, target]).unwrap();
        outputs.extend(tape.backward(loss, &[input, target]).unwrap());
    }
    outputs
}

/// Random numbers, a constant, and powers.
fn draws_and_powers(tape: &mut Tape, input: Var) -> Vec<Var> {
    let shape = tape.shape(input);
    let power = |halves| Power {
        halves,
        shift: 0.0,
        scale: 1.0,
    };
    let normal = RandomNormal::new(0.0, 1.0, "name", shape);
    [
        tape.record(normal, &[]),
        tape.record(RandomUniform::new("name", shape), &[]),
        tape.record(power(-1), &[input]),
        tape.record(power(2), &[input]),
        tape.record(Fill { value: 1.0, shape }, &[]),
    ]
    .map(Result::unwrap)
    .to_vec()
}

/// Maps that are made larger or smaller, and the gradients of that.
fn resamplings(tape: &mut Tape, input: Var) -> Vec<Var> {
    let mut outputs = Vec::new();
    for resample in [
        Resample::ReflectPad { pad: 1 },
        Resample::Nearest,
        Resample::Bilinear,
    ] {
        let larger = tape.record(resample, &[input]).unwrap();
        let grad_output = tape.input("grad_output", tape.shape(larger));
        outputs.push(larger);
        outputs.extend(tape.backward_from(larger, grad_output, &[input]).unwrap());
    }
    let smaller = tape.record(AveragePool, &[input]).unwrap();
    let grad_output = tape.input("grad_output", tape.shape(smaller));
    outputs.push(smaller);
    outputs.extend(tape.backward_from(smaller, grad_output, &[input]).unwrap());
    outputs
}

/// Sums of each kind and what they broadcast, and the gradients of these.
fn reductions(tape: &mut Tape, input: Var, other: Var) -> Vec<Var> {
    let map = tape.shape(input);
    let mut outputs = Vec::new();
    for shape in [
        Shape::nhwc(map.batch(), 1, 1, map.channels()),
        Shape::scalar(),
    ] {
        let sum = tape.record(Sum { shape, scale: 1.0 }, &[input]).unwrap();
        let of_products = tape
            .record(Sum { shape, scale: 1.0 }, &[input, other])
            .unwrap();
        let shifted = add(tape, other, sum).unwrap();
        let output = multiply(tape, shifted, of_products, 1.0).unwrap();
        let grad_output = tape.input("grad_output", map);
        outputs.extend(
            tape.backward_from(output, grad_output, &[input, other])
                .unwrap(),
        );
    }
    outputs
}
