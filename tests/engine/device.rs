//! Opening a device without what it offers: nothing is offered then, and the kernels do without.

use pix2pix::contraction::Geometry;
use pix2pix::gpu::{DeviceOptions, Profile};
use pix2pix::ops::conv2d::Conv2d;
use pix2pix_harness::contraction::{Reach, Rungs, Tested, check_rungs, gather, shapes};
use pix2pix_harness::{Tensor, gpu, open};

/// Opens the device with `options`, runs a convolution with every rung that is left, and gives the
/// profile.
fn profile_with(options: DeviceOptions) -> Profile {
    let gpu = open(options);
    let case = (Geometry::new(4, 2, 1), 2, [9, 7], [4, 6]);
    let (large, small, weight) = shapes(case);
    let inputs = [Tensor::random(large, 1), Tensor::random(weight, 2)];
    let expected = gather(case.0, &inputs[0], small, &inputs[1], None);
    let op = Conv2d {
        geometry: case.0,
        transposed_weight: false,
    };
    let tested = Tested {
        name: "reduced device",
        op: &op,
        inputs: &inputs,
        expected: &expected,
        terms: 16 * large.channels(),
    };
    check_rungs(&gpu, &mut Rungs::new(Reach::All), &tested);
    gpu.profile().clone()
}

/// What switches something off, and what that leaves of a profile.
type SwitchedOff = (fn(&mut DeviceOptions), fn(&mut Profile));

#[test]
fn what_is_switched_off_is_not_offered() {
    let whole = gpu();
    let whole = whole.profile();
    let cases: [SwitchedOff; 5] = [
        (|off| off.no_matrix = true, |left| left.matrix = None),
        // Matrix units need operands in f16 and subgroups of a known size.
        (
            |off| off.no_f16 = true,
            |left| (left.f16, left.matrix) = (false, None),
        ),
        (
            |off| off.no_subgroups = true,
            |left| (left.subgroup, left.matrix) = (None, None),
        ),
        (|off| off.no_int64 = true, |left| left.int64 = false),
        (
            |off| off.no_timestamps = true,
            |left| left.timestamps = false,
        ),
    ];
    for (switch_off, leave) in cases {
        let (mut options, mut expected) = (DeviceOptions::default(), whole.clone());
        switch_off(&mut options);
        leave(&mut expected);
        assert_eq!(profile_with(options), expected);
    }
}
