//! Twins of the running statistics: their update, its exceptions, and statistics made of them.

use pix2pix::ops::batch_norm::{RunningStatistics, RunningToStats};
use pix2pix::tensor::Shape;
use pix2pix_harness::batch_norm::{CLOSE, EPS, rows, tensor};
use pix2pix_harness::{Surroundings, Tensor, check, compare, gpu, run};

/// Mean, variance and statistics of `groups` groups, and what the running statistics become.
fn running_case(channels: usize, groups: usize) -> ([Tensor; 3], [Vec<f64>; 2]) {
    let vector = Shape::vector(channels);
    let stats = rows(vector, groups, |group, c| {
        [group as f64 - 0.1 * c as f64, 0.5 + 0.3 * (c % 5) as f64]
    });
    let stats = tensor(Shape::nhwc(groups, 1, 2, channels), &stats);
    let mean = Tensor::random(vector, 12);
    let var = Tensor::new(vector, vec![1.5; channels]);
    let (mut new_mean, mut new_var, s) = (mean.f64(), var.f64(), stats.f64());
    for group in 0..groups {
        for c in 0..channels {
            let (m, inv_std) = (
                s[2 * group * channels + c],
                s[(2 * group + 1) * channels + c],
            );
            let unbiased = (1.0 / (inv_std * inv_std) - f64::from(EPS)) * 12.0 / 11.0;
            new_mean[c] += 0.1 * (m - new_mean[c]);
            new_var[c] += 0.1 * (unbiased - new_var[c]);
        }
    }
    ([stats, mean, var], [new_mean, new_var])
}

const UPDATE: RunningStatistics = RunningStatistics {
    momentum: 0.1,
    count: 12,
    eps: EPS,
};

#[test]
fn running_statistics_move_by_the_momentum() {
    let gpu = gpu();
    for (channels, groups) in [(1, 1), (3, 1), (6, 2), (64, 1), (516, 3)] {
        let (inputs, [mean, var]) = running_case(channels, groups);
        for sliced in [false, true] {
            let after = run(
                &gpu,
                "running statistics",
                &UPDATE,
                &inputs,
                sliced,
                &Surroundings::default(),
            )
            .inputs;
            compare(
                &format!("running mean, {channels} channels, {groups} groups"),
                &after[1],
                &mean,
                CLOSE,
            );
            compare(
                &format!("running variance, {channels} channels, {groups} groups"),
                &after[2],
                &var,
                CLOSE,
            );
        }
    }
}

#[test]
fn running_statistics_keep_what_is_finite() {
    let gpu = gpu();
    let ([mut stats, mean, var], [new_mean, new_var]) = running_case(6, 1);
    stats.values[1] = f32::NAN; // channel 1's mean, channel 2's and 3's inv_std, channel 4's mean
    stats.values[6 + 2] = f32::NAN;
    stats.values[6 + 3] = 0.0;
    stats.values[4] = f32::INFINITY;
    let after = run(
        &gpu,
        "kept",
        &UPDATE,
        &[stats, mean.clone(), var.clone()],
        false,
        &Surroundings::default(),
    )
    .inputs;
    let kept = |old: &Tensor, new: &[f64]| -> Vec<f64> {
        (0..6)
            .map(|c| {
                if (1..5).contains(&c) {
                    old.f64()[c]
                } else {
                    new[c]
                }
            })
            .collect()
    };
    compare("running mean", &after[1], &kept(&mean, &new_mean), CLOSE);
    compare("running variance", &after[2], &kept(&var, &new_var), CLOSE);
}

#[test]
fn running_statistics_obey_the_failure_flag() {
    let gpu = gpu();
    let (inputs, _) = running_case(6, 1);
    let around = Surroundings {
        monitor: vec![3],
        ..Default::default()
    };
    let after = run(&gpu, "running statistics", &UPDATE, &inputs, false, &around).inputs;
    assert_eq!(
        [&after[1], &after[2]],
        [&inputs[1].values, &inputs[2].values]
    );
}

#[test]
fn running_statistics_become_statistics() {
    let gpu = gpu();
    for channels in [1, 3, 6, 64, 516] {
        let vector = Shape::vector(channels);
        let mut var = Tensor::random(vector, 13);
        var.values.iter_mut().for_each(|v| *v = v.abs() + 0.01);
        let mean = Tensor::random(vector, 14);
        let expected = rows(vector, 1, |_, c| {
            [mean.f64()[c], 1.0 / (var.f64()[c] + f64::from(EPS)).sqrt()]
        });
        check(
            &gpu,
            &format!("{channels} channels"),
            &RunningToStats { eps: EPS },
            &[mean, var],
            &expected,
            CLOSE,
        );
    }
}
