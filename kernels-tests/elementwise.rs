//! Twins of `shaders/elementwise/`.

use pix2pix::gpu::Gpu;
use pix2pix::ops::elementwise::{Binary, Power, Scale, scale};
use pix2pix::ops::{Assemble, BatchPad, BatchSlice, ChannelPad, Concat, Fill, Slice};
use pix2pix::program::{Program, Store};
use pix2pix::state::StateList;
use pix2pix::tape::StepState;
use pix2pix::tape::Tape;
use pix2pix::tensor::{DType, Shape};
use pix2pix_harness::block_on;
use pix2pix_harness::reduction::{places, reduced};
use pix2pix_harness::twins::elementwise as twins;
use pix2pix_harness::{Tensor, Tolerance, check, gpu, maps, precisions};

const EXACT: Tolerance = Tolerance {
    absolute: 0.0,
    relative: 1e-7,
};

/// Shapes in every type that activations can be stored as.
fn cases(gpu: &Gpu) -> Vec<(Shape, DType)> {
    let shapes = [Shape::scalar(), Shape::vector(5)]
        .into_iter()
        .chain(maps(twins::MAPS));
    precisions(gpu, "elementwise")
        .into_iter()
        .flat_map(|dtype| shapes.clone().map(move |shape| (shape, dtype)))
        .collect()
}

#[test]
fn binary_matches_its_twin() {
    let gpu = gpu();
    for (shape, dtype) in cases(&gpu) {
        let (left, right) = (
            Tensor::random(shape, 1).stored(dtype),
            Tensor::random(shape, 2).stored(dtype),
        );
        for product in [false, true] {
            let op = Binary {
                product,
                scale: 0.5,
            };
            let expected = twins::binary(&left.f64(), &right.f64(), product, 0.5);
            check(
                &gpu,
                &format!("{op:?} {shape}"),
                &op,
                &[left.clone(), right.clone()],
                &expected,
                EXACT,
            );
        }
    }
}

#[test]
fn scale_and_fill_match_their_twins() {
    let gpu = gpu();
    for (shape, dtype) in cases(&gpu) {
        let input = Tensor::random(shape, 3).stored(dtype);
        let expected = twins::scale(&input.f64(), 100.0);
        check(
            &gpu,
            &format!("scale {shape}"),
            &Scale { scale: 100.0 },
            &[input],
            &expected,
            EXACT,
        );
        check(
            &gpu,
            &format!("fill {shape}"),
            &Fill { value: 3.0, shape },
            &[],
            &vec![3.0; shape.len()],
            EXACT,
        );
    }
}

#[test]
fn concat_and_slice_copy_any_channels() {
    let gpu = gpu();
    let widths = [(3, 3), (1, 3), (4, 8), (5, 2), (16, 16)];
    let cases = precisions(&gpu, "concat and slice")
        .into_iter()
        .flat_map(|dtype| widths.map(|widths| (widths, dtype)));
    for ((a, b), dtype) in cases {
        let rows = Shape::nhwc(2, 3, 5, 1);
        let random =
            |channels, seed| Tensor::random(rows.with_channels(channels), seed).stored(dtype);
        let (left, right) = (random(a, 4), random(b, 5));
        let joined = twins::concat(&left.f64(), &right.f64(), [a, b]);
        check(
            &gpu,
            &format!("concat {a} and {b}"),
            &Concat,
            &[left, right.clone()],
            &joined,
            EXACT,
        );
        let whole = Tensor::new(
            rows.with_channels(a + b),
            joined.iter().map(|&v| v as f32).collect(),
        )
        .stored(dtype);
        check(
            &gpu,
            &format!("slice {a}.."),
            &Slice {
                start: a,
                channels: b,
            },
            &[whole],
            &right.f64(),
            EXACT,
        );
        let padded = twins::pad_channels(&right.f64(), b, a, 3);
        check(
            &gpu,
            &format!("pad {a}.."),
            &ChannelPad {
                start: a,
                channels: a + b + 3,
            },
            &[right],
            &padded,
            EXACT,
        );
    }
}

#[test]
fn the_right_side_is_broadcast_over_groups_of_pixels() {
    let gpu = gpu();
    for (shape, dtype) in cases(&gpu) {
        let left = Tensor::random(shape, 1).stored(dtype);
        for small in reduced(shape) {
            // Statistics stay f32 beside maps of f16.
            for right in [
                Tensor::random(small, 2),
                Tensor::random(small, 2).stored(dtype),
            ] {
                for product in [false, true] {
                    let values = right.f64();
                    let broadcast: Vec<f64> = places(shape, small)
                        .into_iter()
                        .map(|place| values[place])
                        .collect();
                    let expected = twins::binary(&left.f64(), &broadcast, product, 0.5);
                    let op = Binary {
                        product,
                        scale: 0.5,
                    };
                    let close = Tolerance {
                        absolute: 1e-7,
                        relative: 2e-7,
                    };
                    check(
                        &gpu,
                        &format!("{shape} with {small}, product {product}"),
                        &op,
                        &[left.clone(), right.clone()],
                        &expected,
                        close,
                    );
                }
            }
        }
    }
}

#[test]
fn powers_match_their_twin() {
    let gpu = gpu();
    for (shape, dtype) in cases(&gpu) {
        let mut input = Tensor::random(shape, 3);
        input
            .values
            .iter_mut()
            .for_each(|value| *value = value.abs() + 0.25);
        let input = input.stored(dtype);
        for halves in [-3, -2, -1, 0, 1, 2, 3, 4] {
            let expected = twins::power(&input.f64(), halves, 0.5, 0.5);
            // A device's square root and division add some ulp, and products their own.
            let close = Tolerance {
                absolute: 0.0,
                relative: 1e-6,
            };
            check(
                &gpu,
                &format!("power {halves} / 2"),
                &Power {
                    halves,
                    shift: 0.5,
                    scale: 0.5,
                },
                std::slice::from_ref(&input),
                &expected,
                close,
            );
        }
    }
}

#[test]
fn images_are_assembled_sliced_and_padded() {
    let gpu = gpu();
    for (channels, dtype) in precisions(&gpu, "assemble")
        .into_iter()
        .flat_map(|dtype| [[3, 3], [4, 8], [5, 2]].map(|c| (c, dtype)))
    {
        let shape = |batch, channels| Shape::nhwc(batch, 3, 5, channels);
        let [a, b] = channels;
        let parts = [(2, a, 6), (2, b, 7), (1, a, 8), (1, b, 9)].map(|(batch, channels, seed)| {
            Tensor::random(shape(batch, channels), seed).stored(dtype)
        });
        let side_by_side =
            |left: &Tensor, right: &Tensor| twins::concat(&left.f64(), &right.f64(), channels);
        let expected = [
            side_by_side(&parts[0], &parts[1]),
            side_by_side(&parts[2], &parts[3]),
        ]
        .concat();
        check(
            &gpu,
            &format!("assemble {channels:?}"),
            &Assemble { columns: 2 },
            &parts,
            &expected,
            EXACT,
        );

        let image = 15 * (a + b);
        let whole = Tensor::new(
            shape(3, a + b),
            expected.iter().map(|&v| v as f32).collect(),
        )
        .stored(dtype);
        let slice = BatchSlice { start: 1, batch: 2 };
        check(
            &gpu,
            &format!("batch slice {channels:?}"),
            &slice,
            std::slice::from_ref(&whole),
            &expected[image..],
            EXACT,
        );
        let padded = twins::pad_batch(&expected, image, 1, 1);
        check(
            &gpu,
            &format!("batch pad {channels:?}"),
            &BatchPad { start: 1, batch: 5 },
            &[whole],
            &padded,
            EXACT,
        );
    }
}

/// What leads out of a batch in two parts and what comes back: `sum(slice * weights)` moves only
/// its own images.
#[test]
fn the_gradient_of_a_slice_of_images_is_zero_elsewhere() {
    let gpu = gpu();
    let mut tape = Tape::default();
    let [x, y] = ["x", "y"].map(|name| tape.input(name, Shape::nhwc(1, 2, 2, 3)));
    let whole = tape.record(Assemble { columns: 1 }, &[x, y]).unwrap();
    let second = tape
        .record(BatchSlice { start: 1, batch: 1 }, &[whole])
        .unwrap();
    let doubled = scale(&mut tape, second, 2.0).unwrap();
    let ones = tape
        .record(
            Fill {
                value: 1.0,
                shape: tape.shape(doubled),
            },
            &[],
        )
        .unwrap();
    let gradients = tape.backward_from(doubled, ones, &[x, y, whole]).unwrap();
    let store = Store::new(&gpu, StateList::default(), false).unwrap();
    let outputs = [gradients.clone(), vec![second]].concat();
    let program = Program::compile(&gpu, &store, &tape, &outputs).unwrap();
    let values: Vec<f32> = (0..12).map(|i| i as f32).collect();
    program.write(&gpu, y, &values).unwrap();
    program
        .run(&gpu, &store, &StepState::new(0, 1, 0.0, [0.0; 2]))
        .unwrap();
    assert_eq!(
        block_on(program.read(&gpu, second)).unwrap(),
        values,
        "a slice of images is a view"
    );
    assert_eq!(
        block_on(program.read(&gpu, gradients[0])).unwrap(),
        [0.0; 12]
    );
    assert_eq!(
        block_on(program.read(&gpu, gradients[1])).unwrap(),
        [2.0; 12]
    );
    assert_eq!(
        block_on(program.read(&gpu, gradients[2])).unwrap(),
        [[0.0; 12], [2.0; 12]].concat()
    );
}
