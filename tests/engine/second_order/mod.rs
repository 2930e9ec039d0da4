//! Gradients of gradients: what each rule of differentiation records is differentiated once more
//! and meets finite differences of the operation itself, in f64.

mod elementwise;
mod normalisation;
mod views;

use pix2pix::gpu::Gpu;
use pix2pix::program::{Program, Store};
use pix2pix::state::StateList;
use pix2pix::tape::{Op, StepState};
use pix2pix::tape::{Tape, TapeError, Var};
use pix2pix::tensor::Shape;
use pix2pix_harness::reduction::places;
use pix2pix_harness::{Tensor, Tolerance, compare, gpu};
use pollster::block_on;

const MAP: Shape = Shape::nhwc(2, 3, 3, 3);

const VECTOR: Shape = Shape::vector(3);

const PIXELS: Shape = Shape::nhwc(2, 1, 1, 3);

const IMAGES: Shape = Shape::nhwc(2, 1, 1, 1);

type Values = Vec<Vec<f64>>;

type Record = Box<dyn Fn(&mut Tape, &[Var]) -> Result<Var, TapeError>>;

type Twin = Box<dyn Fn(&Values) -> Vec<f64>>;

/// An operation on inputs of these shapes, and its twin.
struct SecondOrderCase {
    name: &'static str,
    shapes: Vec<Shape>,
    record: Record,
    twin: Twin,
}

fn case(
    name: &'static str,
    shapes: &[Shape],
    record: impl Fn(&mut Tape, &[Var]) -> Result<Var, TapeError> + 'static,
    twin: impl Fn(&Values) -> Vec<f64> + 'static,
) -> SecondOrderCase {
    SecondOrderCase {
        name,
        shapes: shapes.to_vec(),
        record: Box::new(record),
        twin: Box::new(twin),
    }
}

/// A case of an operation that is recorded as it is.
fn plain(
    name: &'static str,
    shapes: &[Shape],
    op: impl Op + Clone + 'static,
    twin: impl Fn(&Values) -> Vec<f64> + 'static,
) -> SecondOrderCase {
    case(
        name,
        shapes,
        move |tape, inputs| tape.record(op.clone(), inputs),
        twin,
    )
}

fn map(values: &[f64], f: impl Fn(f64) -> f64) -> Vec<f64> {
    values.iter().map(|&value| f(value)).collect()
}

/// The twin of a sum over what `shape` leaves of [`MAP`].
fn sum(shape: Shape, terms: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut sums = vec![0.0; shape.len()];
    places(MAP, shape)
        .into_iter()
        .zip(terms)
        .for_each(|(place, term)| sums[place] += term);
    sums
}

/// Values in -1..1 that keep away from the kink of a leaky ReLU.
fn draw(shape: Shape, seed: u32) -> Vec<f32> {
    Tensor::random(shape, seed)
        .values
        .into_iter()
        .map(|value| if value.abs() < 0.01 { 0.25 } else { value })
        .collect()
}

/// The same values, moved by `width` along `direction`.
fn moved(values: &[f64], direction: &[f64], width: f64) -> Vec<f64> {
    values
        .iter()
        .zip(direction)
        .map(|(value, slope)| value + width * slope)
        .collect()
}

/// Gradients of `sum(v * d sum(u * f(x)) / dx_k)` with respect to each input and to `u`, from
/// differences of `f` alone.
fn differences(twin: &Twin, x: &Values, u: &[f64], v: &[f64], k: usize) -> Values {
    let width = 1e-4;
    let slope = |x: &Values| -> Vec<f64> {
        let [up, down] = [width, -width].map(|width| {
            let mut x = x.clone();
            x[k] = moved(&x[k], v, width);
            twin(&x)
        });
        up.iter()
            .zip(&down)
            .map(|(up, down)| (up - down) / (2.0 * width))
            .collect()
    };
    let along = |x: &Values| {
        slope(x)
            .iter()
            .zip(u)
            .map(|(slope, u)| slope * u)
            .sum::<f64>()
    };
    let by = |j: usize, i: usize| {
        let at = |width: f64| {
            let mut x = x.clone();
            x[j][i] += width;
            along(&x)
        };
        (at(width) - at(-width)) / (2.0 * width)
    };
    let mut expected: Values = x
        .iter()
        .enumerate()
        .map(|(j, values)| (0..values.len()).map(|i| by(j, i)).collect())
        .collect();
    expected.push(slope(x));
    expected
}

/// The gradients of each of the first gradients, by each input and by `u`. `None` where a gradient
/// does not depend on that value: the tape says so.
type Second = Vec<Vec<Option<Var>>>;

/// A case on a tape: its values, `u` behind them, and the `v` of each first gradient.
struct Recorded {
    tape: Tape,
    wrt: Vec<Var>,
    seeds: Vec<Var>,
    second: Second,
}

fn record_twice(case: &SecondOrderCase) -> Recorded {
    let mut tape = Tape::default();
    let inputs = |name, tape: &mut Tape| -> Vec<Var> {
        let shapes = case.shapes.iter();
        shapes.map(|&shape| tape.input(name, shape)).collect()
    };
    let x = inputs("x", &mut tape);
    let output = (case.record)(&mut tape, &x).unwrap();
    let u = tape.input("u", tape.shape(output));
    let first = tape.backward_from(output, u, &x).unwrap();
    let seeds = inputs("v", &mut tape);
    let mut gradient = |k: usize, wrt: Var| match tape.backward_from(first[k], seeds[k], &[wrt]) {
        Ok(gradients) => Some(gradients[0]),
        Err(TapeError::Unconnected { .. }) => None,
        Err(error) => panic!("{}: {error}", case.name),
    };
    let wrt = [&x[..], &[u]].concat();
    let second = (0..x.len())
        .map(|k| wrt.iter().map(|&var| gradient(k, var)).collect())
        .collect();
    Recorded {
        tape,
        wrt,
        seeds,
        second,
    }
}

fn check(gpu: &Gpu, case: &SecondOrderCase) {
    let Recorded {
        tape,
        wrt,
        seeds,
        second,
    } = record_twice(case);
    let draws: Vec<Vec<f32>> = (1..)
        .zip(wrt.iter().chain(&seeds))
        .map(|(seed, &var)| draw(tape.shape(var), seed))
        .collect();
    let store = Store::new(gpu, StateList::default(), false).unwrap();
    let outputs: Vec<Var> = second.iter().flatten().flatten().copied().collect();
    let program = Program::compile(gpu, &store, &tape, &outputs).unwrap();
    wrt.iter()
        .chain(&seeds)
        .zip(&draws)
        .for_each(|(&var, values)| drop(program.write(gpu, var, values)));
    program
        .run(gpu, &store, &StepState::new(1, 1, 0.0, [0.5; 2]))
        .unwrap();

    let values: Values = draws
        .iter()
        .map(|values| values.iter().map(|&value| value.into()).collect())
        .collect();
    let (x, rest) = values.split_at(seeds.len());
    let (u, v) = rest.split_first().unwrap();
    for (k, second) in second.iter().enumerate() {
        let expected = differences(&case.twin, &x.to_vec(), u, &v[k], k);
        for (j, (expected, second)) in expected.iter().zip(second).enumerate() {
            let got = second.map_or(vec![0.0; expected.len()], |second| {
                block_on(program.read(gpu, second)).unwrap()
            });
            // The differences leave some 1e-7 of values of order one, f32 some 1e-6 of what it
            // adds up.
            let scale = expected
                .iter()
                .fold(1.0, |largest: f64, value| largest.max(value.abs()));
            let tolerance = Tolerance {
                absolute: 1e-5 * scale,
                relative: 0.0,
            };
            let (name, shapes) = (case.name, &case.shapes);
            let name = format!("{name} of {shapes:?}: gradient {k} by {j}");
            compare(&name, &got, expected, tolerance);
        }
    }
}

#[test]
fn the_gradients_of_gradients_meet_finite_differences() {
    let gpu = gpu();
    let cases = [
        elementwise::elementwise(),
        views::views(),
        views::contractions(),
        normalisation::normalisations(),
        normalisation::losses(),
    ];
    cases.iter().flatten().for_each(|case| check(&gpu, case));
}
