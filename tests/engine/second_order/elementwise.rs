//! Elementwise operations, reductions and activations.

use super::{IMAGES, MAP, PIXELS, SecondOrderCase, VECTOR, Values, case, map, plain, sum};
use pix2pix::ops::activation::{Activate, Activation, activate};
use pix2pix::ops::elementwise::{Binary, Power, scale};
use pix2pix::ops::reduction::{Broadcast, Sum};
use pix2pix::tape::Op;
use pix2pix::tape::{Tape, Var};
use pix2pix::tensor::Shape;
use pix2pix_harness::activation;
use pix2pix_harness::reduction::places;

pub(super) fn elementwise() -> Vec<SecondOrderCase> {
    let broadcasts = [MAP, PIXELS, VECTOR, IMAGES, Shape::scalar()];
    let mut cases: Vec<SecondOrderCase> = broadcasts.into_iter().flat_map(binary).collect();
    cases.extend(broadcasts[1..].iter().copied().flat_map(reductions));
    cases.extend([-2, -1, 1, 3, 4].map(power));
    cases.extend(activations());
    cases.push(case(
        "scale",
        &[MAP],
        |tape, x| scale(tape, x[0], 0.5),
        |x| map(&x[0], |value| 0.5 * value),
    ));
    cases
}

/// Values of `small`, repeated over a map.
fn broadcast(small: Shape, values: &[f64]) -> Vec<f64> {
    if small == MAP {
        return values.to_vec();
    }
    let places = places(MAP, small).into_iter();
    places.map(|place| values[place]).collect()
}

/// A map with what is broadcast over it.
fn binary(small: Shape) -> [SecondOrderCase; 2] {
    let both = move |of: fn(f64, f64) -> f64| {
        move |x: &Values| {
            let pairs = x[0].iter().zip(broadcast(small, &x[1]));
            pairs.map(|(&a, b)| of(a, b)).collect()
        }
    };
    let op = |product| Binary {
        product,
        scale: 0.5,
    };
    let shapes = [MAP, small];
    [
        plain("add", &shapes, op(false), both(|a, b| 0.5 * (a + b))),
        plain("multiply", &shapes, op(true), both(|a, b| 0.5 * a * b)),
    ]
}

/// Sums of a map to `small`, and the way back.
fn reductions(small: Shape) -> [SecondOrderCase; 3] {
    let op = Sum {
        shape: small,
        scale: 0.5,
    };
    let half = |values: &[f64]| map(values, |value| 0.5 * value);
    let sums = move |x: &Values| half(&sum(small, x[0].iter().copied()));
    let products = move |x: &Values| half(&sum(small, x[0].iter().zip(&x[1]).map(|(a, b)| a * b)));
    let back = Broadcast {
        shape: MAP,
        scale: 0.5,
    };
    let repeated = move |x: &Values| half(&broadcast(small, &x[0]));
    [
        plain("sum", &[MAP], op, sums),
        plain("sum of products", &[MAP, MAP], op, products),
        plain("broadcast", &[small], back, repeated),
    ]
}

fn power(halves: i32) -> SecondOrderCase {
    let power = move |value: f64| 0.5 * (value + 2.0).powf(f64::from(halves) / 2.0);
    let op = Power {
        halves,
        shift: 2.0,
        scale: 0.5,
    };
    plain("power", &[MAP], op, move |x: &Values| map(&x[0], power))
}

fn activations() -> [SecondOrderCase; Activation::ALL.len()] {
    Activation::ALL.map(|kind| {
        let record = move |tape: &mut Tape, x: &[Var]| activate(tape, x[0], kind);
        let twin = move |x: &Values| map(&x[0], |value| activation::twin(kind, value));
        let name = Activate { activation: kind }.name();
        case(name, &[MAP], record, twin)
    })
}
