//! Where operands of concatenations and slices lie: in place where that can be, else copied.

use super::{IMAGE, launched, plan, run_on_random};
use crate::values::{inputs, number};
use pix2pix::ops::elementwise::scale;
use pix2pix::ops::{Concat, Slice};
use pix2pix::program::Storage;
use pix2pix::tape::{Tape, Var};
use pix2pix_harness::{Tensor, gpu};

#[test]
fn a_concatenation_of_whole_vec4s_is_written_in_place() {
    let mut tape = Tape::default();
    let [x, y] = ["x", "y"].map(|name| tape.input(name, IMAGE));
    let parts = [
        scale(&mut tape, x, 2.0).unwrap(),
        scale(&mut tape, y, 3.0).unwrap(),
    ];
    let concat = tape.record(Concat, &parts).unwrap();
    let output = scale(&mut tape, concat, 5.0).unwrap();
    let plan = plan(&tape, &[output]);
    assert_eq!(launched(&plan), ["scale", "scale", "scale"], "no copy");
    let places = parts.map(|part| plan.places[number(part)].unwrap());
    assert_eq!(
        places.map(|place| place.storage),
        [Storage::Node(number(concat)); 2]
    );
    assert_eq!(places.map(|place| place.operand.offset), [0, 1]);
    assert_concatenates(&tape, [10.0, 15.0], output);
}

#[test]
fn a_concatenation_of_three_and_three_channels_is_copied() {
    let mut tape = Tape::default();
    let [x, y] = ["x", "y"].map(|name| tape.input(name, IMAGE.with_channels(3)));
    let parts = [
        scale(&mut tape, x, 2.0).unwrap(),
        scale(&mut tape, y, 3.0).unwrap(),
    ];
    let concat = tape.record(Concat, &parts).unwrap();
    let plan = plan(&tape, &[concat]);
    assert_eq!(launched(&plan), ["scale", "scale", "concat"]);
    assert_eq!(plan.steps[2].dispatches.len(), 1);
    assert_concatenates(&tape, [2.0, 3.0], concat);
}

/// The output is `factors[0] * x` and `factors[1] * y` side by side, where x and y are the only
/// inputs.
fn assert_concatenates(tape: &Tape, factors: [f32; 2], output: Var) {
    let gpu = gpu();
    let got = run_on_random(&gpu, tape, &[output]).remove(0);
    let inputs = inputs(tape);
    let channels = inputs[0].1.channels();
    let sides = [1, 2].map(|seed| Tensor::random(inputs[0].1, seed).values);
    for (i, &value) in got.iter().enumerate() {
        let (pixel, channel) = (i / (2 * channels), i % (2 * channels));
        let side = channel / channels;
        let expected = factors[side] * sides[side][pixel * channels + channel % channels];
        assert!(
            (value - expected).abs() <= 1e-6 * expected.abs(),
            "element {i}: {value} and {expected}"
        );
    }
}

#[test]
fn an_operand_of_two_concatenations_lies_in_one_and_is_copied_to_the_other() {
    let mut tape = Tape::default();
    let [x, y] = ["x", "y"].map(|name| tape.input(name, IMAGE));
    let [a, b, c] =
        [(x, 2.0), (y, 3.0), (y, 7.0)].map(|(var, factor)| scale(&mut tape, var, factor).unwrap());
    let first = tape.record(Concat, &[a, b]).unwrap();
    let second = tape.record(Concat, &[a, c]).unwrap();
    let plan = plan(&tape, &[first, second]);
    assert_eq!(
        launched(&plan).iter().filter(|op| *op == "concat").count(),
        1
    );
    assert_concatenates(&tape, [2.0, 3.0], first);
    assert_concatenates(&tape, [2.0, 7.0], second);
}

#[test]
fn an_operand_computed_from_the_other_is_not_written_beside_it() {
    let mut tape = Tape::default();
    let x = tape.input("x", IMAGE);
    let a = scale(&mut tape, x, 2.0).unwrap();
    let b = scale(&mut tape, a, 3.0).unwrap();
    let concat = tape.record(Concat, &[a, b]).unwrap();
    let gpu = gpu();
    let got = run_on_random(&gpu, &tape, &[concat]).remove(0);
    let values = Tensor::random(IMAGE, 1).values;
    let times =
        |factor: f32| move |pixel: &[f32]| pixel.iter().map(|v| factor * v).collect::<Vec<f32>>();
    let expected: Vec<f32> = values
        .chunks(4)
        .flat_map(|pixel| [times(2.0)(pixel), times(6.0)(pixel)].concat())
        .collect();
    assert_eq!(got, expected);
}

#[test]
fn an_aligned_slice_is_a_view_and_an_unaligned_one_a_copy() {
    let gpu = gpu();
    for (start, channels, copies) in [
        (0, 4, 0),
        (4, 4, 0),
        (8, 3, 0),
        (4, 3, 1),
        (1, 4, 1),
        (0, 11, 0),
    ] {
        let mut tape = Tape::default();
        let x = tape.input("x", IMAGE.with_channels(11));
        let whole = scale(&mut tape, x, 2.0).unwrap();
        let part = tape.record(Slice { start, channels }, &[whole]).unwrap();
        let output = scale(&mut tape, part, 0.5).unwrap();
        let slices = launched(&plan(&tape, &[output]))
            .iter()
            .filter(|op| *op == "slice")
            .count();
        assert_eq!(slices, copies, "{channels} channels from {start}");
        let values = Tensor::random(tape.shape(x), 1).values;
        let expected: Vec<f32> = values
            .chunks(11)
            .flat_map(|pixel| pixel[start..start + channels].to_vec())
            .collect();
        assert_eq!(
            run_on_random(&gpu, &tape, &[output])[0],
            expected,
            "{channels} channels from {start}"
        );
    }
}
