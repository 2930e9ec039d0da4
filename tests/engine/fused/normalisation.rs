//! Normalisations with what follows them.

use super::{cases, check_beside, leaky_relu, twice};
use pix2pix::gpu::{DeviceClass, Gpu, Profile};
use pix2pix::ops::batch_norm::{
    FusedNorm, Groups, Normalize, NormalizeActivate, RunningStatistics, Statistics, StatisticsOf,
};
use pix2pix::tape::Op;
use pix2pix::tensor::{DType, Shape};
use pix2pix_harness::batch_norm::{
    CLOSE, EPS, GROUPS, count, image, normalize, scaled, shapes, statistics, stats_tensor,
};
use pix2pix_harness::{Surroundings, Tensor, check, compare, gpu, run_beside};

/// No activation, ReLU and LeakyReLU.
const SLOPES: [f32; 3] = [1.0, 0.0, 0.2];

#[test]
fn normalisation_with_activation_matches_its_twin() {
    let gpu = gpu();
    for (shape, kind, dtype) in cases(&gpu, "fused normalisation") {
        for (slope, affine) in SLOPES.into_iter().zip([true, true, false]) {
            check_with_activation(&gpu, (shape, kind, dtype), slope, affine);
        }
    }
}

fn check_with_activation(
    gpu: &Gpu,
    (shape, kind, dtype): (Shape, Groups, DType),
    slope: f32,
    affine: bool,
) {
    let groups = count(kind, shape);
    let name = format!("{shape} in {groups} groups, slope {slope}");
    let vector = Shape::vector(shape.channels());
    let input = image(shape, 1).stored(dtype);
    let [weight, bias] = [2, 3].map(|seed| Tensor::random(vector, seed));
    let stats = statistics(&input.f64(), shape, groups);
    let (w, b) = (weight.f64(), bias.f64());
    let activated = |stats: &[f64]| -> Vec<f64> {
        let affine = affine.then_some((&w[..], &b[..]));
        let normalized = normalize(&input.f64(), shape, stats, groups, affine);
        let activated = normalized.into_iter().map(|y| leaky_relu(y, slope));
        activated.collect()
    };
    let parameters = if affine {
        vec![weight.clone(), bias.clone()]
    } else {
        Vec::new()
    };
    let inputs = [std::slice::from_ref(&input), &parameters[..]].concat();
    let op = FusedNorm {
        statistics: Statistics {
            groups: kind,
            eps: EPS,
        },
        affine,
        slope,
        running: None,
    };
    let shapes: Vec<Shape> = inputs.iter().map(|input| input.shape).collect();
    let expected = [
        (op.output_shape(&shapes).unwrap(), Some(stats.clone())),
        (shape, Some(activated(&stats))),
    ];
    check_beside(gpu, &name, &op, &inputs, &expected, twice(scaled(&stats)));

    let rounded = stats_tensor(shape, groups, &stats);
    let expected = activated(&rounded.f64());
    let op = NormalizeActivate {
        normalize: Normalize {
            from: StatisticsOf::Input,
        },
        slope,
    };
    let inputs = [&[input.clone(), rounded], &parameters[..]].concat();
    check(gpu, &name, &op, &inputs, &expected, scaled(&stats));
}

/// Running mean and variance after each group in turn has moved them by a tenth.
fn moved(shape: Shape, groups: usize, stats: &[f64], mean: &mut [f64], var: &mut [f64]) {
    let (channels, pixels) = (shape.channels(), (shape.rows() / groups) as f64);
    for (group, c) in (0..groups).flat_map(|group| (0..channels).map(move |c| (group, c))) {
        let [m, inv_std] = [0, 1].map(|row| stats[(2 * group + row) * channels + c]);
        let unbiased = (inv_std.powi(-2) - f64::from(EPS)) * pixels / (pixels - 1.0);
        mean[c] += 0.1 * (m - mean[c]);
        var[c] += 0.1 * (unbiased - var[c]);
    }
}

/// Those of each group in turn, and not at all once the failure flag is up.
#[test]
fn normalisation_updates_its_running_statistics() {
    let gpu = gpu();
    for (shape, kind) in shapes()
        .into_iter()
        .flat_map(|shape| GROUPS.map(|kind| (shape, kind)))
    {
        for (class, flag) in [
            (DeviceClass::Cpu, 0),
            (DeviceClass::Gpu, 0),
            (DeviceClass::Cpu, 3),
        ] {
            check_running(&gpu, shape, kind, class, flag);
        }
    }
}

fn check_running(gpu: &Gpu, shape: Shape, kind: Groups, class: DeviceClass, flag: u32) {
    let groups = count(kind, shape);
    let vector = Shape::vector(shape.channels());
    let (input, mean, var) = (
        image(shape, 1),
        Tensor::random(vector, 2),
        Tensor::new(vector, vec![1.5; shape.channels()]),
    );
    let stats = statistics(&input.f64(), shape, groups);
    let (mut new_mean, mut new_var) = (mean.f64(), var.f64());
    if flag == 0 {
        moved(shape, groups, &stats, &mut new_mean, &mut new_var);
    }
    let op = FusedNorm {
        statistics: Statistics {
            groups: kind,
            eps: EPS,
        },
        affine: false,
        slope: 0.2,
        running: Some(RunningStatistics {
            momentum: 0.1,
            count: shape.rows() / groups,
            eps: EPS,
        }),
    };
    let around = Surroundings {
        profile: Some(Profile {
            class,
            ..gpu.profile().clone()
        }),
        monitor: vec![flag],
        ..Default::default()
    };
    let name = format!("{shape} in {groups} groups, split for {class:?}, flag {flag}");
    let inputs = [input.clone(), mean, var];
    let after = run_beside(gpu, &name, &op, &inputs, &[shape], true, &around);
    let expected: Vec<f64> = normalize(&input.f64(), shape, &stats, groups, None)
        .into_iter()
        .map(|y| leaky_relu(y, 0.2))
        .collect();
    let tolerance = twice(scaled(&stats));
    compare(&name, &after.byproducts[0], &expected, tolerance);
    let mean_name = format!("{name}: running mean");
    compare(&mean_name, &after.inputs[1], &new_mean, CLOSE);
    // A variance comes from the inverse of its root, which doubles what was rounded there.
    let variance_name = format!("{name}: running variance");
    compare(&variance_name, &after.inputs[2], &new_var, twice(CLOSE));
}
