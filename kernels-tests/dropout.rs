//! Twin of `shaders/dropout/`.

use pix2pix::ops::dropout::{Dropout, dropout};
use pix2pix::tape::{ShapeError, StepState};
use pix2pix::tape::{Tape, TapeError};
use pix2pix::tensor::Shape;
use pix2pix_harness::twins::dropout::mask;
use pix2pix_harness::{Surroundings, Tensor, Tolerance, check, gpu, precisions, run};

const EXACT: Tolerance = Tolerance {
    absolute: 0.0,
    relative: 3e-7,
};

fn recorded(p: f32, layer: &str) -> Result<Tape, TapeError> {
    let mut tape = Tape::default();
    let input = tape.input("input", Shape::vector(4));
    dropout(&mut tape, input, p, layer).map(|_| tape)
}

#[test]
fn dropout_matches_its_twin() {
    let gpu = gpu();
    let step = Surroundings::default().step;
    let shapes = [
        Shape::scalar(),
        Shape::vector(6),
        Shape::nhwc(2, 3, 5, 3),
        Shape::nhwc(1, 5, 7, 5),
        Shape::nhwc(2, 8, 8, 16),
        Shape::nhwc(1, 7, 9, 64),
        Shape::nhwc(1, 2, 2, 10),
    ];
    let cases = precisions(&gpu, "dropout")
        .into_iter()
        .flat_map(|dtype| shapes.map(|shape| (shape, dtype)));
    for (shape, dtype) in cases {
        for p in [0.0, 0.1, 0.5] {
            let op = Dropout {
                p,
                key: 0x1234_5678,
            };
            let input = Tensor::random(shape, 1).stored(dtype);
            let mask = mask(op.p.into(), op.key, shape.len(), step.step, step.seed);
            let at = |x: &[f64]| -> Vec<f64> { x.iter().zip(&mask).map(|(x, m)| x * m).collect() };
            check(
                &gpu,
                &format!("{op:?} {shape}"),
                &op,
                std::slice::from_ref(&input),
                &at(&input.f64()),
                EXACT,
            );

            // The gradient is the same op on grad_output: by a central difference of the twin, each
            // element by itself.
            let grad_output = Tensor::random(shape, 2).stored(dtype);
            let shifted = |h: f64| at(&input.f64().iter().map(|x| x + h).collect::<Vec<_>>());
            let slopes = shifted(0.5)
                .into_iter()
                .zip(shifted(-0.5))
                .map(|(up, down)| up - down);
            let expected: Vec<f64> = slopes
                .zip(grad_output.f64())
                .map(|(slope, g)| slope * g)
                .collect();
            check(
                &gpu,
                &format!("{op:?} {shape} backward"),
                &op,
                &[grad_output],
                &expected,
                EXACT,
            );
        }
    }
}

#[test]
fn masks_differ_between_steps_layers_and_seeds_and_keep_their_share() {
    let gpu = gpu();
    let shape = Shape::nhwc(1, 16, 16, 64);
    let ones = Tensor::new(shape, vec![1.0; shape.len()]);
    let draw = |seed, step, key| {
        let around = Surroundings {
            step: StepState::new(seed, step, 0.0, [0.5, 0.999]),
            ..Default::default()
        };
        run(
            &gpu,
            "dropout",
            &Dropout { p: 0.5, key },
            std::slice::from_ref(&ones),
            false,
            &around,
        )
        .output
    };
    let first = draw(7, 1, 1);
    assert_eq!(first, draw(7, 1, 1), "the same bits again");
    let share =
        |values: &[f32]| values.iter().filter(|&&v| v == 2.0).count() as f64 / shape.len() as f64;
    // Five standard errors of a share of 16 384.
    let bound = 5.0 * 0.5 / (shape.len() as f64).sqrt();
    assert!(
        (share(&first) - 0.5).abs() < bound,
        "{} kept",
        share(&first)
    );
    for other in [
        draw(8, 1, 1),
        draw(7 | 1 << 32, 1, 1),
        draw(7, 2, 1),
        draw(7, 1, 2),
    ] {
        let agree =
            first.iter().zip(&other).filter(|(a, b)| a == b).count() as f64 / shape.len() as f64;
        assert!((agree - 0.5).abs() < bound, "two masks agree in {agree}");
    }
}

#[test]
fn a_nan_passes_whatever_the_mask() {
    let gpu = gpu();
    let input = Tensor::new(Shape::vector(64), vec![f32::NAN; 64]);
    let got = run(
        &gpu,
        "dropout",
        &Dropout { p: 0.5, key: 1 },
        &[input],
        false,
        &Surroundings::default(),
    )
    .output;
    assert!(got.iter().all(|v| v.is_nan()));
}

#[test]
fn the_layer_keys_the_mask_and_a_wrong_probability_is_refused() {
    let line = |layer| format!("{:?}", recorded(0.5, layer).unwrap().nodes()[1]);
    assert_eq!(line("up1"), line("up1"));
    assert_ne!(line("up1"), line("up2"));
    for p in [-0.1, 1.0, f32::NAN] {
        let error = recorded(p, "up1").unwrap_err();
        assert!(
            matches!(
                error,
                TapeError::Shape {
                    op: "dropout",
                    source: ShapeError::Invalid { .. },
                    ..
                }
            ),
            "{error}"
        );
    }
}
