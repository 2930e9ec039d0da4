//! The operations that fusion makes, against the twins of what they are made of.

use pix2pix::gpu::{DeviceClass, Gpu, Profile};
use pix2pix::ops::batch_norm::{
    FusedNorm, GradInput, Groups, MaskedGradInput, MaskedGradSums, NormGrad, Normalize,
    NormalizeActivate, RunningStatistics, Statistics, StatisticsOf,
};
use pix2pix::ops::loss::{Loss, LossBackward, LossKind, LossWithGradient};
use pix2pix::tape::Op;
use pix2pix::tensor::{DType, Shape};
use pix2pix_harness::batch_norm::{
    CLOSE, EPS, GROUPS, count, grad_input, grad_sums, image, normalize, scaled, shapes, statistics,
    stats_tensor,
};
use pix2pix_harness::{
    Surroundings, Tensor, Tolerance, check, compare, gpu, precisions, run, run_beside,
};

/// No activation, ReLU and LeakyReLU.
const SLOPES: [f32; 3] = [1.0, 0.0, 0.2];

fn leaky_relu(y: f64, slope: f32) -> f64 {
    if y > 0.0 { y } else { y * f64::from(slope) }
}

/// What a leaky ReLU with this output lets through.
fn masked(grad: &[f64], value: &[f64], slope: f32) -> Vec<f64> {
    grad.iter()
        .zip(value)
        .map(|(g, &v)| if v > 0.0 { *g } else { g * f64::from(slope) })
        .collect()
}

/// Runs `op` as it is split for CPU adapters and for GPUs, dense and sliced, and compares what it
/// writes: `expected` is the output, unless it is left unwritten, and then the byproducts.
fn check_beside(
    gpu: &Gpu,
    name: &str,
    op: &dyn Op,
    inputs: &[Tensor],
    expected: &[(Shape, Option<Vec<f64>>)],
    tolerance: Tolerance,
) {
    let shapes: Vec<Shape> = expected[1..].iter().map(|(shape, _)| *shape).collect();
    for class in [DeviceClass::Cpu, DeviceClass::Gpu] {
        for sliced in [false, true] {
            let around = Surroundings {
                profile: Some(Profile {
                    class,
                    ..gpu.profile().clone()
                }),
                ..Default::default()
            };
            let got = run_beside(gpu, name, op, inputs, &shapes, sliced, &around);
            let values = [got.output].into_iter().chain(got.byproducts);
            for (i, (values, (_, expected))) in values.zip(expected).enumerate() {
                if let Some(expected) = expected {
                    let dtype = if i > 0 { inputs[0].dtype } else { DType::F32 };
                    let name = format!(
                        "{name}: value {i} in {dtype}, split for {class:?}, sliced {sliced}"
                    );
                    compare(&name, &values, expected, tolerance.stored(dtype));
                }
            }
        }
    }
}

/// The operations round statistics and sums before they use them, besides the roundings that
/// `scaled` grants.
fn twice(tolerance: Tolerance) -> Tolerance {
    Tolerance {
        absolute: 2.0 * tolerance.absolute,
        relative: 2.0 * tolerance.relative,
    }
}

/// Shapes and groups in every type that activations can be stored as.
fn cases(gpu: &Gpu, what: &str) -> Vec<(Shape, Groups, DType)> {
    let shapes = || {
        shapes()
            .into_iter()
            .flat_map(|shape| GROUPS.map(|kind| (shape, kind)))
    };
    precisions(gpu, what)
        .into_iter()
        .flat_map(|dtype| shapes().map(move |(shape, kind)| (shape, kind, dtype)))
        .collect()
}

#[test]
fn normalisation_with_activation_matches_its_twin() {
    let gpu = gpu();
    for (shape, kind, dtype) in cases(&gpu, "fused normalisation") {
        let groups = count(kind, shape);
        let vector = Shape::vector(shape.channels());
        let (input, weight, bias) = (
            image(shape, 1).stored(dtype),
            Tensor::random(vector, 2),
            Tensor::random(vector, 3),
        );
        let stats = statistics(&input.f64(), shape, groups);
        for (slope, affine) in SLOPES.into_iter().zip([true, true, false]) {
            let name = format!("{shape} in {groups} groups, slope {slope}");
            let parameters = if affine {
                vec![weight.clone(), bias.clone()]
            } else {
                Vec::new()
            };
            let (w, b) = (weight.f64(), bias.f64());
            let activated = |stats: &[f64]| -> Vec<f64> {
                let normalized = normalize(
                    &input.f64(),
                    shape,
                    stats,
                    groups,
                    affine.then_some((&w, &b)),
                );
                normalized
                    .into_iter()
                    .map(|y| leaky_relu(y, slope))
                    .collect()
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
            let stats_shape = op
                .output_shape(&inputs.iter().map(|input| input.shape).collect::<Vec<_>>())
                .unwrap();
            let expected = [
                (stats_shape, Some(stats.clone())),
                (shape, Some(activated(&stats))),
            ];
            check_beside(&gpu, &name, &op, &inputs, &expected, twice(scaled(&stats)));

            let rounded = stats_tensor(shape, groups, &stats);
            let op = NormalizeActivate {
                normalize: Normalize {
                    from: StatisticsOf::Input,
                },
                slope,
            };
            let inputs = [&[input.clone(), rounded.clone()], &parameters[..]].concat();
            check(
                &gpu,
                &name,
                &op,
                &inputs,
                &activated(&rounded.f64()),
                scaled(&stats),
            );
        }
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
        let groups = count(kind, shape);
        let (vector, pixels) = (Shape::vector(shape.channels()), shape.rows() / groups);
        let (input, mean, var) = (
            image(shape, 1),
            Tensor::random(vector, 2),
            Tensor::new(vector, vec![1.5; shape.channels()]),
        );
        let stats = statistics(&input.f64(), shape, groups);
        let (mut new_mean, mut new_var) = (mean.f64(), var.f64());
        for (group, c) in
            (0..groups).flat_map(|group| (0..shape.channels()).map(move |c| (group, c)))
        {
            let (m, inv_std) = (
                stats[2 * group * shape.channels() + c],
                stats[(2 * group + 1) * shape.channels() + c],
            );
            let unbiased =
                (inv_std.powi(-2) - f64::from(EPS)) * pixels as f64 / (pixels as f64 - 1.0);
            new_mean[c] += 0.1 * (m - new_mean[c]);
            new_var[c] += 0.1 * (unbiased - new_var[c]);
        }
        let running = RunningStatistics {
            momentum: 0.1,
            count: pixels,
            eps: EPS,
        };
        let statistics = Statistics {
            groups: kind,
            eps: EPS,
        };
        let op = FusedNorm {
            statistics,
            affine: false,
            slope: 0.2,
            running: Some(running),
        };
        let expected: Vec<f64> = normalize(&input.f64(), shape, &stats, groups, None)
            .into_iter()
            .map(|y| leaky_relu(y, 0.2))
            .collect();
        for (class, flag) in [
            (DeviceClass::Cpu, 0),
            (DeviceClass::Gpu, 0),
            (DeviceClass::Cpu, 3),
        ] {
            let profile = Some(Profile {
                class,
                ..gpu.profile().clone()
            });
            let around = Surroundings {
                profile,
                monitor: vec![flag],
                ..Default::default()
            };
            let name = format!("{shape} in {groups} groups, split for {class:?}, flag {flag}");
            let after = run_beside(
                &gpu,
                &name,
                &op,
                &[input.clone(), mean.clone(), var.clone()],
                &[shape],
                true,
                &around,
            );
            compare(
                &name,
                &after.byproducts[0],
                &expected,
                twice(scaled(&stats)),
            );
            let [expected_mean, expected_var] = if flag == 0 {
                [&new_mean, &new_var]
            } else {
                [&mean.f64(), &var.f64()]
            };
            compare(
                &format!("{name}: running mean"),
                &after.inputs[1],
                expected_mean,
                CLOSE,
            );
            // A variance comes from the inverse of its root, which doubles what was rounded there.
            compare(
                &format!("{name}: running variance"),
                &after.inputs[2],
                expected_var,
                twice(CLOSE),
            );
        }
    }
}

#[test]
fn a_loss_with_its_gradient_is_both() {
    let gpu = gpu();
    let kinds = [
        LossKind::BceWithLogits { target: 1.0 },
        LossKind::BceWithLogits { target: 0.0 },
        LossKind::Mse { target: 1.0 },
        LossKind::WganMean { sign: -1.0 },
        LossKind::L1,
        LossKind::MsePair,
    ];
    for shape in [
        Shape::nhwc(1, 6, 6, 1),
        Shape::nhwc(2, 3, 5, 3),
        Shape::nhwc(1, 64, 65, 6),
    ] {
        for kind in kinds {
            let pair = matches!(kind, LossKind::L1 | LossKind::MsePair);
            let inputs: Vec<Tensor> = (0..if pair { 2 } else { 1 })
                .map(|seed| Tensor::random(shape, seed))
                .collect();
            for sliced in [false, true] {
                let name = format!("{kind:?} {shape}, sliced {sliced}");
                let op = LossWithGradient {
                    kind,
                    grad_output: 0.5,
                };
                let got = run_beside(
                    &gpu,
                    &name,
                    &op,
                    &inputs,
                    &[shape],
                    sliced,
                    &Surroundings::default(),
                );
                let loss = run(
                    &gpu,
                    &name,
                    &Loss { kind },
                    &inputs,
                    sliced,
                    &Surroundings::default(),
                )
                .output;
                let seed = Tensor::new(Shape::scalar(), vec![0.5]);
                let gradient = LossBackward { kind };
                let gradient = run(
                    &gpu,
                    &name,
                    &gradient,
                    &[&inputs[..], &[seed]].concat(),
                    sliced,
                    &Surroundings::default(),
                )
                .output;
                // The same expressions, which a compiler may contract differently.
                let wide = |values: &[f32]| values.iter().map(|&v| v.into()).collect::<Vec<f64>>();
                compare(
                    &name,
                    &got.output,
                    &wide(&loss),
                    Tolerance {
                        absolute: 1e-7,
                        relative: 1e-6,
                    },
                );
                compare(
                    &format!("{name}: gradient"),
                    &got.byproducts[0],
                    &wide(&gradient),
                    Tolerance {
                        absolute: 1e-9,
                        relative: 1e-6,
                    },
                );
            }
        }
    }
}

#[test]
fn gradients_through_activation_and_normalisation_match_their_twins() {
    let gpu = gpu();
    for (shape, kind, dtype) in cases(&gpu, "fused gradients of normalisation") {
        for (slope, affine) in [
            (None, true),
            (Some(0.0), true),
            (Some(0.2), false),
            (Some(0.2), true),
        ] {
            check_gradients(&gpu, shape, dtype, count(kind, shape), slope, affine);
        }
    }
}

fn check_gradients(
    gpu: &Gpu,
    shape: Shape,
    dtype: DType,
    groups: usize,
    slope: Option<f32>,
    affine: bool,
) {
    let name = format!("{shape} in {groups} groups, slope {slope:?}, affine {affine}");
    let vector = Shape::vector(shape.channels());
    let [input, grad_output, value] = [
        image(shape, 4),
        Tensor::random(shape, 5),
        Tensor::random(shape, 6),
    ]
    .map(|tensor| tensor.stored(dtype));
    let weight = Tensor::random(vector, 7);
    let stats = stats_tensor(shape, groups, &statistics(&input.f64(), shape, groups));
    let (x, s, w) = (input.f64(), stats.f64(), weight.f64());
    let grad = match slope {
        Some(slope) => masked(&grad_output.f64(), &value.f64(), slope),
        None => grad_output.f64(),
    };
    let sums = grad_sums(&grad, &x, shape, &s, groups);
    let grads = grad_input(&grad, &x, shape, &s, groups, affine.then_some(&w));
    let weights: Vec<Tensor> = affine.then_some(weight).into_iter().collect();
    let values: Vec<Tensor> = slope.map(|_| value).into_iter().collect();

    // The sums of a channel, added over its groups, count more terms than those of one group.
    let terms = Tolerance::sum_of(shape.rows(), 4.0);
    let of_groups = |row: usize| -> Vec<f64> {
        let channels = shape.channels();
        (0..channels)
            .map(|c| {
                (0..groups)
                    .map(|group| sums[(2 * group + row) * channels + c])
                    .sum()
            })
            .collect()
    };
    let close = twice(scaled(&s));
    let tolerance = Tolerance {
        absolute: terms.absolute.max(close.absolute),
        relative: terms.relative.max(close.relative),
    };
    let inputs = [
        &[grad_output.clone(), input.clone(), stats.clone()],
        &weights[..],
        &values,
    ]
    .concat();
    let mut expected = vec![(stats.shape, None), (shape, Some(grads.clone()))];
    check_beside(
        gpu,
        &format!("{name}, the input's alone"),
        &NormGrad { affine, slope },
        &inputs,
        &expected,
        close,
    );
    expected.extend([(vector, Some(of_groups(1))), (vector, Some(of_groups(0)))]);
    if affine {
        check_beside(
            gpu,
            &name,
            &NormGrad { affine, slope },
            &inputs,
            &expected,
            tolerance,
        );
    }

    if let Some(slope) = slope {
        let inputs = [
            &[grad_output.clone(), input.clone(), stats.clone()],
            &values[..],
        ]
        .concat();
        check(
            gpu,
            &name,
            &MaskedGradSums { slope },
            &inputs,
            &sums,
            Tolerance::sum_of(shape.rows() / groups, 4.0),
        );
        let inputs = [
            &[
                grad_output,
                stats,
                input,
                stats_tensor(shape, groups, &sums),
            ],
            &weights[..],
            &values,
        ]
        .concat();
        let op = MaskedGradInput {
            grad: GradInput {
                from: StatisticsOf::Input,
                affine,
            },
            slope,
        };
        check(gpu, &name, &op, &inputs, &grads, scaled(&s));
    }
}

#[test]
fn fused_operations_check_their_shapes() {
    let (map, vector, stats) = (
        Shape::nhwc(2, 3, 3, 6),
        Shape::vector(6),
        Shape::nhwc(2, 1, 2, 6),
    );
    let norm = FusedNorm {
        statistics: Statistics {
            groups: Groups::Instance,
            eps: EPS,
        },
        affine: true,
        slope: 0.2,
        running: None,
    };
    assert_eq!(norm.output_shape(&[map, vector, vector]).unwrap(), stats);
    for inputs in [
        &[][..],
        &[map, vector],
        &[map, vector, stats],
        &[map.with_channels(5), vector, vector],
    ] {
        assert!(norm.output_shape(inputs).is_err(), "{inputs:?}");
    }
    let grad = NormGrad {
        affine: true,
        slope: Some(0.0),
    };
    assert_eq!(
        grad.output_shape(&[map, map, stats, vector, map]).unwrap(),
        stats
    );
    for inputs in [
        &[map, map, stats, vector][..],
        &[map, map, vector, vector, map],
        &[map, map, stats, stats, map],
    ] {
        assert!(grad.output_shape(inputs).is_err(), "{inputs:?}");
    }
    assert!(
        MaskedGradSums { slope: 0.2 }
            .output_shape(&[map, map, stats, vector])
            .is_err()
    );
    let masked = MaskedGradInput {
        grad: GradInput {
            from: StatisticsOf::Running,
            affine: false,
        },
        slope: 0.2,
    };
    assert!(
        masked.output_shape(&[map, stats, map]).is_ok()
            && masked.output_shape(&[map, stats, stats]).is_err()
    );
}
