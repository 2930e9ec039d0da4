//! The gradient penalty of a whole discriminator and its gradients, against a twin in f64: loops
//! forward and backward for the slope, and finite differences of that for the gradient of the
//! gradient.

use pix2pix::contraction::Geometry;
use pix2pix::nn::{Mode, Norm, PatchGan, PatchGanConfig};
use pix2pix::program::{Program, Store};
use pix2pix::state::{StateId, StateList};
use pix2pix::tape::{ArenaPart, StepState};
use pix2pix::tape::{Tape, TapeError, Var};
use pix2pix::tensor::Shape;
use pix2pix::train::gradient_penalty;
use pix2pix_harness::batch_norm::{grad_input, normalize, statistics};
use pix2pix_harness::contraction::for_each_connection;
use pix2pix_harness::{Tensor, Tolerance, compare, gpu};
use pollster::block_on;

const IMAGE: Shape = Shape::nhwc(2, 16, 16, 2);

/// Half of what a finite difference goes along.
const WIDTH: f64 = 1e-6;

/// A PatchGAN with two strided convolutions; parameters by layer in the order of the states.
#[derive(Clone)]
struct Twin {
    norm: Norm,
    parameters: Vec<Vec<f64>>,
    image: Vec<f64>,
    /// A layer, a place in what it convolves, and what is added there in front of its
    /// normalisation.
    nudge: (usize, usize, f64),
}

/// What a layer leaves for the way back.
struct Trace {
    geometry: Geometry,
    shapes: [Shape; 2],
    weight: Vec<f64>,
    convolved: Vec<f64>,
    norm_weight: Option<Vec<f64>>,
    output: Vec<f64>,
}

/// Calls `f` with the places of every product of a convolution in the large map, the weight and the
/// small map.
fn products(
    geometry: Geometry,
    [large, small]: [Shape; 2],
    mut f: impl FnMut(usize, usize, usize),
) {
    let [a, b] = [large.channels(), small.channels()];
    for_each_connection(geometry, large, small, |from, to, tap| {
        for (i, o) in (0..a).flat_map(|i| (0..b).map(move |o| (i, o))) {
            f(from * a + i, (tap * a + i) * b + o, to * b + o);
        }
    });
}

impl Twin {
    fn groups(&self) -> usize {
        if self.norm == Norm::Instance {
            IMAGE.batch()
        } else {
            1
        }
    }

    /// All layers forward.
    fn trace(&self) -> Vec<Trace> {
        let mut parameters = self.parameters.iter().cloned();
        let mut layers: Vec<Trace> = Vec::new();
        for (layer, (stride, channels)) in [(2, 2), (2, 4), (1, 8), (1, 1)].into_iter().enumerate()
        {
            let geometry = Geometry::new(4, stride, 1);
            let (large, input) = layers.last().map_or((IMAGE, self.image.clone()), |last| {
                (last.shapes[1], last.output.clone())
            });
            let small = geometry.small_shape(large, channels).unwrap();
            let weight = parameters.next().unwrap();
            let has_bias = layer == 0 || layer == 3 || self.norm == Norm::Instance;
            let bias = if has_bias {
                parameters.next().unwrap()
            } else {
                vec![0.0; channels]
            };
            let mut convolved: Vec<f64> = (0..small.len()).map(|i| bias[i % channels]).collect();
            products(geometry, [large, small], |from, tap, to| {
                convolved[to] += input[from] * weight[tap]
            });
            if self.nudge.0 == layer {
                convolved[self.nudge.1] += self.nudge.2;
            }
            let affine = (self.is_normalised(layer) && self.norm == Norm::Batch)
                .then(|| [(); 2].map(|()| parameters.next().unwrap()));
            let mut output = convolved.clone();
            if self.is_normalised(layer) {
                let stats = statistics(&convolved, small, self.groups());
                let affine = affine
                    .as_ref()
                    .map(|[weight, bias]| (&weight[..], &bias[..]));
                output = normalize(&convolved, small, &stats, self.groups(), affine);
            }
            if layer < 3 {
                output
                    .iter_mut()
                    .filter(|value| **value <= 0.0)
                    .for_each(|value| *value *= f64::from(0.2f32));
            }
            let norm_weight = affine.map(|[weight, _]| weight);
            layers.push(Trace {
                geometry,
                shapes: [large, small],
                weight,
                convolved,
                norm_weight,
                output,
            });
        }
        layers
    }

    fn is_normalised(&self, layer: usize) -> bool {
        (1..3).contains(&layer) && self.norm != Norm::None
    }

    /// The gradient of the sum of all logits with respect to the images.
    fn slope(&self) -> Vec<f64> {
        let layers = self.trace();
        let mut grad = vec![1.0; layers[3].output.len()];
        for (number, layer) in layers.iter().enumerate().rev() {
            let small = layer.shapes[1];
            if number < 3 {
                grad.iter_mut()
                    .zip(&layer.output)
                    .filter(|(_, value)| **value <= 0.0)
                    .for_each(|(grad, _)| *grad *= f64::from(0.2f32));
            }
            if self.is_normalised(number) {
                let stats = statistics(&layer.convolved, small, self.groups());
                grad = grad_input(
                    &grad,
                    &layer.convolved,
                    small,
                    &stats,
                    self.groups(),
                    layer.norm_weight.as_deref(),
                );
            }
            let mut below = vec![0.0; layer.shapes[0].len()];
            products(layer.geometry, layer.shapes, |from, tap, to| {
                below[from] += grad[to] * layer.weight[tap]
            });
            grad = below;
        }
        grad
    }

    fn penalty(&self) -> f64 {
        let slope = self.slope();
        let norms = slope
            .chunks(slope.len() / IMAGE.batch())
            .map(|slope| slope.iter().map(|v| v * v).sum::<f64>().sqrt());
        norms.map(|norm| (norm - 1.0).powi(2)).sum::<f64>() / IMAGE.batch() as f64
    }

    /// The gradient of the penalty with respect to `count` values, to the `i`-th of which `add`
    /// adds something.
    fn gradient(&self, count: usize, add: impl Fn(&mut Self, usize, f64)) -> Vec<f64> {
        let at = |i: usize, width: f64| {
            let mut twin = self.clone();
            add(&mut twin, i, width);
            twin.penalty()
        };
        (0..count)
            .map(|i| (at(i, WIDTH) - at(i, -WIDTH)) / (2.0 * WIDTH))
            .collect()
    }

    /// The magnitudes of the terms that add up to the gradient of a layer's bias, which are those
    /// of its pixels, added up.
    fn bias_terms(&self, layer: usize) -> Vec<f64> {
        let small = self.trace()[layer].shapes[1];
        let mut sums = vec![0.0; small.channels()];
        let by_pixel = self.gradient(small.len(), |twin, i, width| twin.nudge = (layer, i, width));
        by_pixel
            .iter()
            .enumerate()
            .for_each(|(i, term)| sums[i % small.channels()] += term.abs());
        sums
    }
}

/// What the device finds for the values that the twin has.
struct Found {
    twin: Twin,
    penalty: Vec<f32>,
    /// The gradients of the parameters by their names; none where the penalty does not depend on
    /// them.
    gradients: Vec<(String, Option<Vec<f32>>)>,
    by_image: Option<Vec<f32>>,
}

/// A small discriminator, the penalty of its logits, and the penalty's gradients.
struct Recorded {
    states: StateList,
    tape: Tape,
    input: Var,
    penalty: Var,
    /// By parameter.
    gradients: Vec<(StateId, Option<Var>)>,
    by_image: Option<Var>,
}

fn record(norm: Norm) -> Recorded {
    let mut states = StateList::default();
    let config = PatchGanConfig {
        in_channels: 2,
        ndf: 2,
        n_layers: 2,
        norm,
    };
    let network = PatchGan::new(&mut states, &config).unwrap();
    let mut tape = Tape::default();
    let input = tape.input("image", IMAGE);
    let logits = network
        .forward(&mut tape, &states, input, &Mode::training())
        .unwrap();
    let penalty = gradient_penalty(&mut tape, logits, input).unwrap();
    let parameters: Vec<(StateId, Var)> = states
        .in_arena(network.parameters())
        .map(|state| (state.id, tape.state(&states, state.id)))
        .collect();
    let mut gradient = |wrt: Var| match tape.backward(penalty, &[wrt]) {
        Ok(gradients) => Some(gradients[0]),
        Err(TapeError::Unconnected { .. }) => None,
        Err(error) => panic!("{norm:?}: {error}"),
    };
    let gradients = parameters
        .into_iter()
        .map(|(id, var)| (id, gradient(var)))
        .collect();
    let by_image = gradient(input);
    Recorded {
        states,
        tape,
        input,
        penalty,
        gradients,
        by_image,
    }
}

/// Weights of about one over the root of what is added up, so that no slope vanishes.
fn draw(shape: Shape, seed: u32) -> Vec<f32> {
    let middle = if shape.rows() > 1 { 0.0 } else { 1.0 };
    let values = Tensor::random(shape, seed).values.into_iter();
    values.map(|value| middle + 0.5 * value).collect()
}

fn on_device(norm: Norm) -> Found {
    let Recorded {
        states,
        tape,
        input,
        penalty,
        gradients,
        by_image,
    } = record(norm);
    let shapes = gradients.iter().map(|(id, _)| states.get(*id).shape);
    let values: Vec<Vec<f32>> = shapes
        .zip(10..)
        .map(|(shape, seed)| draw(shape, seed))
        .collect();
    let image = Tensor::random(IMAGE, 1);
    let gpu = gpu();
    let store = Store::new(&gpu, states.clone(), true).unwrap();
    block_on(store.initialise(&gpu, 1)).unwrap();
    for ((id, _), values) in gradients.iter().zip(&values) {
        store.write(&gpu, *id, ArenaPart::Value, values).unwrap();
    }
    let outputs: Vec<Var> = gradients
        .iter()
        .map(|(_, var)| *var)
        .chain([by_image, Some(penalty)])
        .flatten()
        .collect();
    let program = Program::compile(&gpu, &store, &tape, &outputs).unwrap();
    program.write(&gpu, input, &image.values).unwrap();
    program
        .run(&gpu, &store, &StepState::new(1, 1, 0.0, [0.5, 0.999]))
        .unwrap();
    let read = |var: Var| block_on(program.read(&gpu, var)).unwrap();
    let parameters = values
        .iter()
        .map(|v| v.iter().map(|&v| v.into()).collect())
        .collect();
    Found {
        twin: Twin {
            norm,
            parameters,
            image: image.f64(),
            nudge: (0, 0, 0.0),
        },
        penalty: read(penalty),
        gradients: gradients
            .iter()
            .map(|(id, var)| (states.get(*id).name.clone(), var.map(read)))
            .collect(),
        by_image: by_image.map(read),
    }
}

#[test]
#[ignore = "second tier: a gradient of a gradient through whole networks"]
fn the_penalty_and_its_gradients_meet_the_twin() {
    for norm in [Norm::None, Norm::Instance, Norm::Batch] {
        let Found {
            twin,
            penalty,
            gradients,
            by_image,
        } = on_device(norm);
        let expected = twin.penalty();
        assert!(expected > 0.01, "{norm:?}: {expected}");
        compare(
            &format!("{norm:?}"),
            &penalty,
            &[expected],
            Tolerance {
                absolute: 1e-6,
                relative: 1e-5,
            },
        );
        // A difference is wrong by the rounding of two penalties.
        let blur = f64::EPSILON * expected / WIDTH;
        // Sums of up to a thousand products in f32, twice through four layers.
        let near = |name: &str, got: Option<Vec<f32>>, expected: &[f64]| {
            let got = got.unwrap_or(vec![0.0; expected.len()]);
            let largest = expected
                .iter()
                .fold(0.0, |largest: f64, value| largest.max(value.abs()));
            compare(
                &format!("{norm:?}: {name}"),
                &got,
                expected,
                Tolerance {
                    absolute: 2e-5 * largest + blur,
                    relative: 0.0,
                },
            );
        };
        for (number, (name, got)) in gradients.into_iter().enumerate() {
            let count = twin.parameters[number].len();
            let expected =
                twin.gradient(count, |twin, i, width| twin.parameters[number][i] += width);
            // The biases in front of a normalisation, and its layer.
            match [("model.2.bias", 1), ("model.5.bias", 2)]
                .iter()
                .find(|(bias, _)| norm == Norm::Instance && name == *bias)
            {
                Some(&(_, layer)) => {
                    cancels(&name, &got.unwrap(), &expected, &twin.bias_terms(layer))
                }
                None => near(&name, got, &expected),
            }
        }
        near(
            "image",
            by_image,
            &twin.gradient(IMAGE.len(), |twin, i, width| twin.image[i] += width),
        );
    }
}

/// A normalisation takes away what a bias in front of it adds, so the terms of the bias's gradient
/// cancel and leave their roundings. Whatever comes from behind the normalisation cancels as it
/// came: what remains is rounded off in the normalisation's own two rules (means, deviations from
/// them, products with factors, and their sums) and when the pixels are added up. These are no more
/// than 16 operations one after the other, each of them off by up to half of eps of its result,
/// which is of the size of the terms. Seen is one eps of the terms at most, and 400 where a mean in
/// the rule is wrong by 0.01 %.
fn cancels(name: &str, got: &[f32], expected: &[f64], terms: &[f64]) {
    for (channel, ((&got, &expected), terms)) in got.iter().zip(expected).zip(terms).enumerate() {
        assert!(
            expected.abs() < 1e-8 * terms,
            "{name}[{channel}]: the terms add up to {expected} in f64"
        );
        let absolute = 8.0 * f64::from(f32::EPSILON) * terms;
        compare(
            &format!("{name}[{channel}]"),
            &[got],
            &[expected],
            Tolerance {
                absolute,
                relative: 0.0,
            },
        );
    }
}
