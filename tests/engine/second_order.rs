//! Gradients of gradients: what each rule of differentiation records is differentiated once more
//! and meets finite differences of the operation itself, in f64.

use pix2pix::contraction::Geometry;
use pix2pix::ops::activation::{Activation, activate};
use pix2pix::ops::batch_norm::{
    Groups, InvStd, RowPad, SelectRow, Statistics, batch_norm, batch_norm_running, instance_norm,
};
use pix2pix::ops::channel_sum::ChannelSum;
use pix2pix::ops::conv_transpose2d::conv_transpose2d;
use pix2pix::ops::conv2d::conv2d;
use pix2pix::ops::conv2d_grad_weight::Conv2dGradWeight;
use pix2pix::ops::elementwise::{Binary, Power, scale};
use pix2pix::ops::loss::{Loss, LossKind};
use pix2pix::ops::reduction::{Broadcast, Sum};
use pix2pix::ops::resample::Resample;
use pix2pix::ops::{Assemble, BatchSlice, Concat, Fill, Slice};
use pix2pix::program::{Program, Store};
use pix2pix::state::StateList;
use pix2pix::tape::{Op, StepState};
use pix2pix::tape::{Tape, TapeError, Var};
use pix2pix::tensor::Shape;
use pix2pix_harness::batch_norm::{EPS, normalize, statistics};
use pix2pix_harness::contraction::for_each_connection;
use pix2pix_harness::loss;
use pix2pix_harness::reduction::places;
use pix2pix_harness::resample::enlarged;
use pix2pix_harness::{Tensor, Tolerance, compare, gpu};

const MAP: Shape = Shape::nhwc(2, 3, 3, 3);
const VECTOR: Shape = Shape::vector(3);
const PIXELS: Shape = Shape::nhwc(2, 1, 1, 3);
const IMAGES: Shape = Shape::nhwc(2, 1, 1, 1);
const SMALL: Shape = Shape::nhwc(2, 2, 2, 4);
const LARGE: Shape = Shape::nhwc(2, 5, 5, 2);
const WEIGHT: Shape = Shape::hwio(3, 3, 2, 4);
const GEOMETRY: Geometry = Geometry::new(3, 2, 0);

type Values = Vec<Vec<f64>>;
type Record = Box<dyn Fn(&mut Tape, &[Var]) -> Result<Var, TapeError>>;
type Twin = Box<dyn Fn(&Values) -> Vec<f64>>;

/// An operation on inputs of these shapes, and its twin.
struct Case {
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
) -> Case {
    Case {
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
) -> Case {
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

fn elementwise() -> Vec<Case> {
    let mut cases = Vec::new();
    for small in [MAP, PIXELS, VECTOR, IMAGES, Shape::scalar()] {
        let broadcast_rows = move |values: &[f64]| -> Vec<f64> {
            if small == MAP {
                values.to_vec()
            } else {
                places(MAP, small)
                    .into_iter()
                    .map(|place| values[place])
                    .collect()
            }
        };
        let both = move |of: fn(f64, f64) -> f64| {
            move |x: &Values| {
                x[0].iter()
                    .zip(broadcast_rows(&x[1]))
                    .map(|(&a, b)| of(a, b))
                    .collect()
            }
        };
        cases.push(plain(
            "add",
            &[MAP, small],
            Binary {
                product: false,
                scale: 0.5,
            },
            both(|a, b| 0.5 * (a + b)),
        ));
        cases.push(plain(
            "multiply",
            &[MAP, small],
            Binary {
                product: true,
                scale: 0.5,
            },
            both(|a, b| 0.5 * a * b),
        ));
        if small != MAP {
            let sums = move |x: &Values| map(&sum(small, x[0].iter().copied()), |sum| 0.5 * sum);
            cases.push(plain(
                "sum",
                &[MAP],
                Sum {
                    shape: small,
                    scale: 0.5,
                },
                sums,
            ));
            let products = move |x: &Values| {
                map(
                    &sum(small, x[0].iter().zip(&x[1]).map(|(a, b)| a * b)),
                    |sum| 0.5 * sum,
                )
            };
            cases.push(plain(
                "sum of products",
                &[MAP, MAP],
                Sum {
                    shape: small,
                    scale: 0.5,
                },
                products,
            ));
            let broadcast = move |x: &Values| map(&broadcast_rows(&x[0]), |value| 0.5 * value);
            cases.push(plain(
                "broadcast",
                &[small],
                Broadcast {
                    shape: MAP,
                    scale: 0.5,
                },
                broadcast,
            ));
        }
    }
    for halves in [-2, -1, 1, 3, 4] {
        let twin = move |x: &Values| {
            map(&x[0], |value| {
                0.5 * (value + 2.0).powf(f64::from(halves) / 2.0)
            })
        };
        cases.push(plain(
            "power",
            &[MAP],
            Power {
                halves,
                shift: 2.0,
                scale: 0.5,
            },
            twin,
        ));
    }
    let leaky = |x: &Values| map(&x[0], |value| if value > 0.0 { value } else { 0.2 * value });
    cases.push(case(
        "leaky_relu",
        &[MAP],
        |tape, x| activate(tape, x[0], Activation::LeakyRelu { slope: 0.2 }),
        leaky,
    ));
    cases.push(case(
        "tanh",
        &[MAP],
        |tape, x| activate(tape, x[0], Activation::Tanh),
        |x| map(&x[0], f64::tanh),
    ));
    let sigmoid = |x: &Values| map(&x[0], |value| 1.0 / (1.0 + (-value).exp()));
    cases.push(case(
        "sigmoid",
        &[MAP],
        |tape, x| activate(tape, x[0], Activation::Sigmoid),
        sigmoid,
    ));
    cases.push(case(
        "scale",
        &[MAP],
        |tape, x| scale(tape, x[0], 0.5),
        |x| map(&x[0], |value| 0.5 * value),
    ));
    cases
}

fn views() -> Vec<Case> {
    let joined = |x: &Values| {
        x[0].chunks(3)
            .zip(x[1].chunks(4))
            .flat_map(|(a, b)| a.iter().chain(b).copied().collect::<Vec<_>>())
            .collect()
    };
    let pair = [Shape::nhwc(2, 2, 2, 3), SMALL];
    let sliced = |x: &Values| {
        x[0].chunks(4)
            .flat_map(|pixel| pixel[1..3].to_vec())
            .collect()
    };
    let resamples = [
        ("reflect_pad", Resample::ReflectPad { pad: 1 }),
        ("nearest", Resample::Nearest),
        ("bilinear", Resample::Bilinear),
    ];
    let mut cases: Vec<Case> = resamples
        .map(|(name, kind)| plain(name, &[MAP], kind, move |x| enlarged(kind, MAP, &x[0])))
        .into();
    cases.extend([
        plain("concat", &pair, Concat, joined),
        plain("assemble", &pair, Assemble { columns: 2 }, joined),
        plain(
            "slice",
            &[SMALL],
            Slice {
                start: 1,
                channels: 2,
            },
            sliced,
        ),
        plain(
            "batch_slice",
            &[SMALL],
            BatchSlice { start: 1, batch: 1 },
            |x| x[0][16..].to_vec(),
        ),
        plain("channel_sum", &[MAP], ChannelSum, |x| {
            sum(VECTOR, x[0].iter().copied())
        }),
    ]);
    cases
}

/// Calls `f` with the places of every product of a convolution in the large map, the weight and the
/// small map.
fn products(mut f: impl FnMut(usize, usize, usize)) {
    for_each_connection(GEOMETRY, LARGE, SMALL, |from, to, tap| {
        for (i, o) in (0..2).flat_map(|i| (0..4).map(move |o| (i, o))) {
            f(from * 2 + i, (tap * 2 + i) * 4 + o, to * 4 + o);
        }
    });
}

fn contractions() -> Vec<Case> {
    let convolved = |x: &Values| {
        let mut output: Vec<f64> = (0..SMALL.len()).map(|i| x[2][i % 4]).collect();
        products(|large, weight, small| output[small] += x[0][large] * x[1][weight]);
        output
    };
    let scattered = |x: &Values| {
        let mut output: Vec<f64> = (0..LARGE.len()).map(|i| x[2][i % 2]).collect();
        // The weight of a transposed convolution has the channels of its input first.
        products(|large, weight, small| {
            output[large] += x[0][small] * x[1][weight / 8 * 8 + weight % 4 * 2 + weight / 4 % 2]
        });
        output
    };
    let of_weight = |x: &Values| {
        let mut output = vec![0.0; WEIGHT.len()];
        products(|large, weight, small| output[weight] += x[0][large] * x[1][small]);
        output
    };
    let vectors = [4, 2].map(Shape::vector);
    let transposed = Shape::hwio(3, 3, 4, 2);
    let grad_weight = Conv2dGradWeight {
        geometry: GEOMETRY,
        transposed_output: false,
    };
    let conv = |tape: &mut Tape, x: &[Var]| conv2d(tape, x[0], x[1], Some(x[2]), GEOMETRY);
    let deconv =
        |tape: &mut Tape, x: &[Var]| conv_transpose2d(tape, x[0], x[1], Some(x[2]), GEOMETRY);
    vec![
        case("conv2d", &[LARGE, WEIGHT, vectors[0]], conv, convolved),
        case(
            "conv_transpose2d",
            &[SMALL, transposed, vectors[1]],
            deconv,
            scattered,
        ),
        plain(
            "conv2d_grad_weight",
            &[LARGE, SMALL],
            grad_weight,
            of_weight,
        ),
    ]
}

fn normalisations() -> Vec<Case> {
    let mut cases = Vec::new();
    for (groups, parts) in [(Groups::Batch, 1), (Groups::Instance, 2)] {
        let twin = move |x: &Values| {
            normalize(
                &x[0],
                MAP,
                &statistics(&x[0], MAP, parts),
                parts,
                Some((&x[1], &x[2])),
            )
        };
        let record = move |tape: &mut Tape, x: &[Var]| {
            Ok(batch_norm(tape, x[0], [x[1], x[2]], groups, EPS)?.0)
        };
        cases.push(case("batch_norm", &[MAP, VECTOR, VECTOR], record, twin));
        let inv_std = move |x: &Values| {
            statistics(&x[0], MAP, parts)
                .chunks(6)
                .flat_map(|rows| rows[3..].to_vec())
                .collect()
        };
        let record = move |tape: &mut Tape, x: &[Var]| {
            let stats = tape.record(Statistics { groups, eps: EPS }, x)?;
            tape.record(InvStd, &[x[0], stats])
        };
        cases.push(case("inv_std", &[MAP], record, inv_std));
    }
    let twin = |x: &Values| normalize(&x[0], MAP, &statistics(&x[0], MAP, 2), 2, None);
    cases.push(case(
        "instance_norm",
        &[MAP],
        |tape, x| instance_norm(tape, x[0], EPS),
        twin,
    ));
    let rows = Shape::nhwc(2, 1, 2, 3);
    cases.push(plain("row", &[rows], SelectRow { row: 1 }, |x| {
        x[0].chunks(6).flat_map(|rows| rows[3..].to_vec()).collect()
    }));
    let padded = |x: &Values| {
        x[0].chunks(3)
            .flat_map(|row| [row, &[0.0; 3]].concat())
            .collect()
    };
    cases.push(plain("row_pad", &[PIXELS], RowPad { row: 0 }, padded));
    // Running statistics that are constants.
    let running = |tape: &mut Tape, x: &[Var]| {
        let [mean, variance] = [0.25, 0.5].map(|value| {
            tape.record(
                Fill {
                    value,
                    shape: VECTOR,
                },
                &[],
            )
        });
        batch_norm_running(tape, x[0], [x[1], x[2]], [mean?, variance?], EPS)
    };
    let stats = [0.25, 0.25, 0.25]
        .into_iter()
        .chain([1.0 / (0.5 + f64::from(EPS)).sqrt(); 3])
        .collect::<Vec<f64>>();
    let twin = move |x: &Values| normalize(&x[0], MAP, &stats, 1, Some((&x[1], &x[2])));
    cases.push(case(
        "batch_norm_running",
        &[MAP, VECTOR, VECTOR],
        running,
        twin,
    ));
    cases
}

fn losses() -> Vec<Case> {
    let single = [
        LossKind::BceWithLogits { target: 0.9 },
        LossKind::Mse { target: 1.0 },
        LossKind::WganMean { sign: -1.0 },
        LossKind::Hinge { sign: 1.0 },
    ];
    let of = |shapes: &[Shape], kind| {
        let twin = move |x: &Values| {
            let desired = x.last().unwrap();
            vec![
                x[0].iter()
                    .zip(desired)
                    .map(|(&value, &desired)| loss::twin(kind, value, desired))
                    .sum::<f64>()
                    / MAP.len() as f64,
            ]
        };
        plain("loss", shapes, Loss { kind }, twin)
    };
    let pairs = [LossKind::L1, LossKind::MsePair].map(|kind| of(&[MAP, MAP], kind));
    single
        .into_iter()
        .map(|kind| of(&[MAP], kind))
        .chain(pairs)
        .collect()
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

#[test]
fn the_gradients_of_gradients_meet_finite_differences() {
    let gpu = gpu();
    for Case {
        name,
        shapes,
        record,
        twin,
    } in [
        elementwise(),
        views(),
        contractions(),
        normalisations(),
        losses(),
    ]
    .into_iter()
    .flatten()
    {
        let mut tape = Tape::default();
        let inputs: Vec<Var> = shapes.iter().map(|&shape| tape.input("x", shape)).collect();
        let output = record(&mut tape, &inputs).unwrap();
        let u = tape.input("u", tape.shape(output));
        let first = tape.backward_from(output, u, &inputs).unwrap();
        let seeds: Vec<Var> = shapes.iter().map(|&shape| tape.input("v", shape)).collect();
        // Where a gradient depends on an input not at all, the tape says so.
        let mut second = |k: usize, wrt: Var| match tape.backward_from(first[k], seeds[k], &[wrt]) {
            Ok(gradients) => Some(gradients[0]),
            Err(TapeError::Unconnected { .. }) => None,
            Err(error) => panic!("{name}: {error}"),
        };
        let wrt = [&inputs[..], &[u]].concat();
        let got: Vec<Vec<Option<Var>>> = (0..shapes.len())
            .map(|k| wrt.iter().map(|&var| second(k, var)).collect())
            .collect();

        let draws: Vec<Vec<f32>> = (1..)
            .zip(wrt.iter().chain(&seeds))
            .map(|(seed, &var)| draw(tape.shape(var), seed))
            .collect();
        let store = Store::new(&gpu, StateList::default(), false).unwrap();
        let outputs: Vec<Var> = got.iter().flatten().flatten().copied().collect();
        let program = Program::compile(&gpu, &store, &tape, &outputs).unwrap();
        wrt.iter()
            .chain(&seeds)
            .zip(&draws)
            .for_each(|(&var, values)| drop(program.write(&gpu, var, values)));
        program
            .run(&gpu, &store, &StepState::new(1, 1, 0.0, [0.5; 2]))
            .unwrap();

        let values: Values = draws
            .iter()
            .map(|values| values.iter().map(|&value| value.into()).collect())
            .collect();
        let (x, [u, seeds @ ..]) = (values[..inputs.len()].to_vec(), &values[inputs.len()..])
        else {
            unreachable!()
        };
        for (k, second) in got.iter().enumerate() {
            for (j, (expected, second)) in differences(&twin, &x, u, &seeds[k], k)
                .iter()
                .zip(second)
                .enumerate()
            {
                let got = second.map_or(vec![0.0; expected.len()], |second| {
                    program.read(&gpu, second).unwrap()
                });
                // The differences leave some 1e-7 of values of order one, f32 some 1e-6 of what it
                // adds up.
                let scale = expected
                    .iter()
                    .fold(1.0, |largest: f64, value| largest.max(value.abs()));
                let name = format!("{name} of {shapes:?}: gradient {k} by {j}");
                compare(
                    &name,
                    &got,
                    expected,
                    Tolerance {
                        absolute: 1e-5 * scale,
                        relative: 0.0,
                    },
                );
            }
        }
    }
}
