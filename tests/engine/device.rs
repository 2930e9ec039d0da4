//! Opening a device without what it offers: nothing is offered then, and the kernels do without.

use pix2pix::contraction::Geometry;
use pix2pix::gpu::{DeviceOptions, Profile};
use pix2pix::ops::conv2d::Conv2d;
use pix2pix_harness::contraction::{check_rungs, gather, shapes};
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
    check_rungs(
        &gpu,
        "conv2d",
        "reduced device",
        &op,
        &inputs,
        &expected,
        16 * large.channels(),
    );
    gpu.profile().clone()
}

#[test]
fn what_is_switched_off_is_not_offered() {
    let whole = gpu();
    let whole = whole.profile();
    let off = DeviceOptions::default();

    let profile = profile_with(DeviceOptions {
        no_matrix: true,
        ..off.clone()
    });
    assert_eq!(
        profile,
        Profile {
            matrix: None,
            ..whole.clone()
        }
    );
    // Matrix units need operands in f16 and subgroups of a known size.
    let profile = profile_with(DeviceOptions {
        no_f16: true,
        ..off.clone()
    });
    assert_eq!(
        profile,
        Profile {
            f16: false,
            matrix: None,
            ..whole.clone()
        }
    );
    let profile = profile_with(DeviceOptions {
        no_subgroups: true,
        ..off.clone()
    });
    assert_eq!(
        profile,
        Profile {
            subgroup: None,
            matrix: None,
            ..whole.clone()
        }
    );
    let profile = profile_with(DeviceOptions {
        no_int64: true,
        ..off.clone()
    });
    assert_eq!(
        profile,
        Profile {
            int64: false,
            ..whole.clone()
        }
    );
    let profile = profile_with(DeviceOptions {
        no_timestamps: true,
        ..off
    });
    assert_eq!(
        profile,
        Profile {
            timestamps: false,
            ..whole.clone()
        }
    );
}
