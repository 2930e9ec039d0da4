//! Twin of `shaders/window/`, and what windows are for: sizes that a U-Net does not divide.

use pix2pix::gpu::{Gpu, Profile};
use pix2pix::nn::{DropoutMode, Fit, Generator, Mode, Norm, StatisticsFrom};
use pix2pix::ops::window::{Outside, Window};
use pix2pix::program::{Plan, Program, Store};
use pix2pix::state::{StateList, StateSpec};
use pix2pix::tape::{ArenaPart, StepState};
use pix2pix::tape::{Tape, TapeError, Var};
use pix2pix::tensor::Shape;
use pix2pix::train::{Config, Recording};
use pix2pix_harness::block_on;
use pix2pix_harness::config::small_config;
use pix2pix_harness::{Tensor, Tolerance, check, gpu, precisions, twins};

fn twin(window: &Window, shape: Shape, input: &[f64]) -> Vec<f64> {
    let twin = twins::window::Window {
        top: window.top.into(),
        left: window.left.into(),
        height: window.height,
        width: window.width,
        reflects: window.outside == Outside::Reflection,
    };
    twin.of(shape.dims(), input)
}

fn windows() -> impl Iterator<Item = (Window, Shape)> {
    let places = [
        (0, 0, 1, 1),
        (0, 0, 5, 7),
        (1, 2, 3, 2),
        (-2, -1, 9, 9),
        (3, -4, 2, 17),
        (-40, 30, 3, 5),
    ];
    let shapes = [
        Shape::nhwc(1, 1, 1, 3),
        Shape::nhwc(2, 5, 7, 3),
        Shape::nhwc(1, 6, 4, 8),
        Shape::nhwc(2, 1, 9, 6),
        Shape::nhwc(1, 33, 2, 1),
    ];
    let window = |(top, left, height, width), outside| Window {
        top,
        left,
        height,
        width,
        outside,
    };
    let kinds = [Outside::Zero, Outside::Reflection];
    let windows = places
        .into_iter()
        .flat_map(move |place| kinds.map(|outside| window(place, outside)));
    windows.flat_map(move |window| shapes.map(|shape| (window, shape)))
}

#[test]
fn windows_match_their_twin_and_their_gradient_is_the_transpose() {
    let gpu = gpu();
    for dtype in precisions(&gpu, "window") {
        for (window, shape) in windows() {
            let input = Tensor::random(shape, 1).stored(dtype);
            check(
                &gpu,
                &format!("{window:?} {shape}"),
                &window,
                std::slice::from_ref(&input),
                &twin(&window, shape, &input.f64()),
                Tolerance::EXACT,
            );
            if window.outside == Outside::Reflection {
                continue;
            }
            // By a central difference of the twin of sum(window(x) * g), which is exact: it is
            // linear.
            let opposite = Window {
                top: -window.top,
                left: -window.left,
                height: shape.height(),
                width: shape.width(),
                ..window
            };
            let shown = Shape::nhwc(shape.batch(), window.height, window.width, shape.channels());
            let grad_output = Tensor::random(shown, 2).stored(dtype);
            let dot = |x: &[f64]| {
                twin(&window, shape, x)
                    .iter()
                    .zip(grad_output.f64())
                    .map(|(a, b)| a * b)
                    .sum::<f64>()
            };
            let slope = |i: usize| {
                let at = |h: f64| {
                    dot(&(0..shape.len())
                        .map(|j| if i == j { h } else { 0.0 })
                        .collect::<Vec<_>>())
                };
                (at(0.5) - at(-0.5)) / 1.0
            };
            let expected: Vec<f64> = (0..shape.len()).map(slope).collect();
            check(
                &gpu,
                &format!("{window:?} {shape} backward"),
                &opposite,
                &[grad_output],
                &expected,
                Tolerance::EXACT,
            );
        }
    }
}

#[test]
fn windows_that_show_nothing_are_refused_and_reflections_have_no_gradient() {
    let mut tape = Tape::default();
    let input = tape.input("input", Shape::nhwc(1, 4, 4, 3));
    for window in [
        Window::crop(0, 0, 0, 4),
        Window::crop(0, 0, 4, 0),
        Window::crop(0, 0, 1 << 25, 1),
        Window::crop(1 << 25, 0, 1, 1),
    ] {
        let error = tape.record(window, &[input]).unwrap_err();
        assert!(
            matches!(error, TapeError::Shape { op: "window", .. }),
            "{error}"
        );
    }
    assert_eq!(
        Window::crop(0, 0, 4, 4).of(&mut tape, input).unwrap(),
        input,
        "all of it is it"
    );
    let padded = Window {
        outside: Outside::Reflection,
        ..Window::crop(0, 0, 5, 5)
    }
    .of(&mut tape, input)
    .unwrap();
    let error = tape.backward(padded, &[input]).unwrap_err();
    assert!(
        matches!(
            error,
            TapeError::NoGradient {
                op: "reflect_window",
                ..
            }
        ),
        "{error}"
    );
}

/// Without what is not linear in places or not differentiable: no normalisation, no dropout.
const PLAIN: Mode = Mode {
    statistics: StatisticsFrom::Image,
    dropout: DropoutMode::Off,
};

#[test]
fn odd_sizes_halve_and_the_gradients_of_a_cropping_u_net_meet_finite_differences() {
    let gpu = gpu();
    // Odd maps on several levels, whose skips are cropped.
    for [height, width] in [[47, 65], [33, 33]] {
        check_gradients(&gpu, height, width);
    }
}

fn dot(left: &[f32], right: &[f32]) -> f64 {
    left.iter()
        .zip(right)
        .map(|(a, b)| f64::from(*a) * f64::from(*b))
        .sum()
}

/// A U-Net that crops its skips, with the gradients of its parameters.
struct Cropping<'a> {
    gpu: &'a Gpu,
    states: StateList,
    generator: Generator,
    store: Store,
    program: Program,
    output: Var,
    gradients: Vec<Var>,
    /// The output's own gradient.
    direction: Vec<f32>,
    /// The values of the parameters.
    weights: Vec<Vec<f32>>,
}

impl<'a> Cropping<'a> {
    fn new(gpu: &'a Gpu, height: usize, width: usize) -> Self {
        let config = Config {
            norm: Norm::None,
            ..small_config(32, 4)
        };
        let mut states = StateList::default();
        let generator = Generator::new(&mut states, &config.generator()).unwrap();
        let mut tape = Tape::default();
        let image = tape.input("image", Shape::nhwc(1, height, width, 3));
        let output = generator
            .forward(&mut tape, &states, image, &PLAIN)
            .unwrap();
        let shape = Shape::nhwc(1, height / 32 * 32, width / 32 * 32, 3);
        assert_eq!(tape.shape(output), shape);
        let seed = tape.input("seed", shape);
        let in_arena = || states.in_arena(generator.parameters());
        let parameters: Vec<Var> = in_arena()
            .map(|state| tape.state(&states, state.id))
            .collect();
        let gradients = tape.backward_from(output, seed, &parameters).unwrap();
        // Ten times the usual weights, so that the innermost layers matter; the biases start at
        // zero.
        let weights = in_arena().zip(1..).map(|(state, seed)| {
            let values = Tensor::random(state.shape, seed).values;
            values.iter().map(|v| 0.2 * v).collect()
        });
        let weights = weights.collect();
        let store = Store::new(gpu, states.clone(), false).unwrap();
        let read = [&[output], &gradients[..]].concat();
        let program = Program::compile(gpu, &store, &tape, &read).unwrap();
        let direction = Tensor::random(shape, 98).values;
        let pixels = Tensor::random(tape.shape(image), 99).values;
        program.write(gpu, image, &pixels).unwrap();
        program.write(gpu, seed, &direction).unwrap();
        Self {
            gpu,
            states,
            generator,
            store,
            program,
            output,
            gradients,
            direction,
            weights,
        }
    }

    /// The parameters of the generator.
    fn parameters(&self) -> impl Iterator<Item = &StateSpec> {
        self.states.in_arena(self.generator.parameters())
    }

    /// The output times the direction, with one parameter moved along a vector.
    fn run(&self, number: usize, shift: f32, along: &[f32]) -> f64 {
        let Self { gpu, store, .. } = self;
        for (i, (state, values)) in self.parameters().zip(&self.weights).enumerate() {
            let mut moved = values.clone();
            if i == number {
                let by = moved.iter_mut().zip(along);
                by.for_each(|(value, along)| *value += shift * along);
            }
            store
                .write(gpu, state.id, ArenaPart::Value, &moved)
                .unwrap();
        }
        let step = StepState::new(1, 1, 0.0, [0.5, 0.999]);
        self.program.run(gpu, store, &step).unwrap();
        let output = block_on(self.program.read(gpu, self.output)).unwrap();
        dot(&output, &self.direction)
    }

    /// Compares the gradient of a parameter with differences along two directions.
    fn check(&self, name: &str, number: usize, gradient: &[f32], shape: Shape) {
        let length = dot(gradient, gradient).sqrt();
        assert!(length > 0.0, "{name}: parameter {number} has no gradient");
        // Along its own gradient, where the output moves most; kinks of ReLUs and f32 allow a
        // hundredth. Then along a direction that knows nothing of the gradient, which no missing
        // component escapes: its slope is about the length over the root of the components.
        let random = Tensor::random(shape, 200 + number as u32).values;
        let usual = 1.0 / (gradient.len() as f64).sqrt();
        let allowed = (0.1 * usual).min(0.01);
        // The second moves the output less, so its step is wider: else rounding exceeds what is
        // allowed where a device sums in another order.
        for (direction, allowed, wider) in [(gradient, 0.01, 1.0), (&random, allowed, 4.0)] {
            let norm = dot(direction, direction).sqrt();
            let along: Vec<f32> = direction
                .iter()
                .map(|v| (f64::from(*v) / norm) as f32)
                .collect();
            let slope = dot(gradient, &along);
            // A step that moves the output by about the same for each, far above its rounding.
            let width = (wider * 0.002 / length).min(0.01) as f32;
            let numeric = (self.run(number, width, &along) - self.run(number, -width, &along))
                / f64::from(2.0 * width);
            assert!(
                (numeric - slope).abs() < allowed * length,
                "{name}: parameter {number}: {numeric} and {slope} of {length}"
            );
        }
    }
}

fn check_gradients(gpu: &Gpu, height: usize, width: usize) {
    let network = Cropping::new(gpu, height, width);
    network.run(0, 0.0, &network.weights[0]);
    let analytic: Vec<Vec<f32>> = network
        .gradients
        .iter()
        .map(|&gradient| block_on(network.program.read(gpu, gradient)).unwrap())
        .collect();
    for (number, (gradient, state)) in analytic.iter().zip(network.parameters()).enumerate() {
        network.check(&format!("{height}x{width}"), number, gradient, state.shape);
    }
}

#[test]
fn a_cropped_skip_costs_no_more_than_its_copy_with_fusion() {
    let config = Config {
        size: 47,
        load_size: 47,
        num_downs: 5,
        fit: Fit::Crop,
        ..small_config(32, 4)
    };
    let Recording {
        states, tape, vars, ..
    } = Recording::new(&config).unwrap();
    let names = |fusion: bool| -> Vec<&'static str> {
        let plan = Plan::new(
            &tape,
            &states,
            &[vars.fake],
            &Profile {
                fusion,
                ..Profile::portable()
            },
        )
        .unwrap();
        plan.steps
            .iter()
            .map(|step| plan.tape.nodes()[step.node].name())
            .collect()
    };
    let [plain, fused] = [false, true].map(names);
    let count = |names: &[&str], name: &str| names.iter().filter(|other| **other == name).count();
    assert!(
        count(&plain, "concat") <= 1,
        "skips are written in place: {plain:?}"
    );
    // The skips of the first level are read through their activation, windows included.
    assert!(count(&fused, "leaky_relu") < count(&plain, "leaky_relu"));
    assert!(count(&fused, "window") > 0);
}
