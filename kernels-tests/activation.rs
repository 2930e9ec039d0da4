//! Twins of `shaders/activation/`, forward and backward, and the bounds of tanh and sigmoid.

use pix2pix::ops::activation::{Activate, ActivateBackward, Activation};
use pix2pix::tensor::Shape;
use pix2pix_harness::activation::twin;
use pix2pix_harness::{Surroundings, Tensor, Tolerance, check, gpu, precisions, run};

/// WGSL grants tanh and exp an error of some ulp of intermediate results that reach 1.
const CLOSE: Tolerance = Tolerance {
    absolute: 1e-6,
    relative: 1e-6,
};

/// Where to differentiate for a value that the gradient is given: the input itself, or the point
/// whose output it is.
fn inverse(kind: Activation, value: f64) -> f64 {
    match kind {
        Activation::LeakyRelu { .. } => value,
        Activation::Tanh => value.atanh(),
        Activation::Sigmoid => (value / (1.0 - value)).ln(),
    }
}

#[test]
fn activations_match_their_twins() {
    let gpu = gpu();
    let cases = precisions(&gpu, "activation")
        .into_iter()
        .flat_map(|dtype| Activation::ALL.map(|kind| (kind, dtype)));
    for (kind, dtype) in cases {
        for shape in [
            Shape::vector(1),
            Shape::nhwc(1, 1, 1, 6),
            Shape::nhwc(2, 5, 3, 3),
            Shape::nhwc(1, 19, 16, 16),
        ] {
            let mut input = Tensor::random(shape, 1);
            input.values.iter_mut().for_each(|v| *v *= 4.0);
            let input = input.stored(dtype);
            let name = format!("{kind:?} {shape}");
            let expected: Vec<f64> = input.f64().iter().map(|&x| twin(kind, x)).collect();
            check(
                &gpu,
                &name,
                &Activate { activation: kind },
                std::slice::from_ref(&input),
                &expected,
                CLOSE,
            );

            let grad_output = Tensor::random(shape, 2).stored(dtype);
            let value = match kind {
                Activation::LeakyRelu { .. } => input,
                _ => Tensor::new(shape, expected.iter().map(|&y| y as f32).collect()).stored(dtype),
            };
            // Where the function has the value that was stored, which is rounded.
            let finite_difference = |(v, g): (&f64, &f64)| {
                let x = inverse(kind, *v);
                g * (twin(kind, x + 1e-5) - twin(kind, x - 1e-5)) / 2e-5
            };
            let expected: Vec<f64> = value
                .f64()
                .iter()
                .zip(&grad_output.f64())
                .map(finite_difference)
                .collect();
            let op = ActivateBackward { activation: kind };
            check(
                &gpu,
                &format!("{name} backward"),
                &op,
                &[grad_output, value],
                &expected,
                CLOSE,
            );
        }
    }
}

#[test]
fn bounded_activations_stay_finite_and_keep_a_nan() {
    let gpu = gpu();
    let input = Tensor::new(
        Shape::vector(6),
        vec![1e4, -1e4, f32::MAX, f32::MIN, 88.0, f32::NAN],
    );
    for kind in [Activation::Tanh, Activation::Sigmoid] {
        let got = run(
            &gpu,
            "bounds",
            &Activate { activation: kind },
            std::slice::from_ref(&input),
            false,
            &Surroundings::default(),
        )
        .output;
        for (x, y) in input.values.iter().zip(&got) {
            let expected = twin(kind, f64::from(*x));
            assert!(
                expected.is_nan() && y.is_nan() || (f64::from(*y) - expected).abs() < 1e-6,
                "{kind:?}({x}) is {y}"
            );
        }
    }
}
