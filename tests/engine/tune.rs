//! Trials of candidates, and choices of kernels that are replayed.

use pix2pix::contraction::Geometry;
use pix2pix::contraction::{Candidate, ContractionKey, Family, candidates, choose};
use pix2pix::gpu::{Gpu, Profile};
use pix2pix::program::{Agreement, Budget, Clock, Trial, TrialOptions};
use pix2pix::tensor::Shape;
use pix2pix::train::Recording;
use pix2pix_harness::config::small_config;
use pix2pix_harness::{gpu, precisions};
use pollster::block_on;
use std::collections::BTreeMap;

const HALVE: Geometry = Geometry::new(4, 2, 1);
const PATCH: Geometry = Geometry::new(4, 1, 1);

fn key(family: Family, bias: bool) -> ContractionKey {
    let (large, small) = (Shape::nhwc(1, 12, 12, 24), Shape::nhwc(1, 6, 6, 40));
    ContractionKey {
        bias,
        ..ContractionKey::new(family, HALVE, large, small)
    }
}

fn clock() -> Clock {
    Clock::Host {
        reason: "a test".to_owned(),
    }
}

/// Convolutions that halve and that look at patches, in every type.
fn keys(gpu: &Gpu) -> Vec<ContractionKey> {
    let halving = [
        key(Family::Conv2d, true),
        key(Family::ConvTranspose2d, false),
        key(Family::Conv2dGradWeight, false),
    ];
    let patch = |family| ContractionKey {
        geometry: PATCH,
        small: Shape::nhwc(1, 11, 11, 40),
        ..key(family, false)
    };
    let keys: Vec<ContractionKey> = halving.into_iter().chain(Family::ALL.map(patch)).collect();
    precisions(gpu, "trials")
        .into_iter()
        .flat_map(|dtype| keys.iter().map(move |&key| ContractionKey { dtype, ..key }))
        .collect()
}

/// Each of `candidates` agrees with the naive kernel, and the default one can be timed.
fn check_trial(gpu: &Gpu, key: &ContractionKey, candidates: &[Candidate]) {
    let trial = block_on(Trial::new(gpu, &clock(), key, &TrialOptions::default())).unwrap();
    for candidate in candidates {
        let agreement = block_on(trial.check(candidate)).unwrap();
        assert!(agreement.holds(), "{key} {}: {agreement:?}", candidate.name);
    }
    let budget = Budget {
        seconds: 0.0,
        hopeless: f64::INFINITY,
    };
    let timing = block_on(trial.time(&choose(key, gpu.profile()), &budget)).unwrap();
    assert!(
        timing.samples >= 3
            && 0.0 < timing.min
            && timing.min <= timing.median
            && timing.median <= timing.max,
        "{timing:?}"
    );
}

#[test]
fn the_default_of_a_trial_agrees_and_can_be_timed() {
    let gpu = gpu();
    for key in keys(&gpu) {
        check_trial(&gpu, &key, &[choose(&key, gpu.profile())]);
    }
}

#[test]
#[ignore = "second tier: every candidate of a trial"]
fn every_candidate_of_a_trial_agrees_and_can_be_timed() {
    let gpu = gpu();
    for key in keys(&gpu) {
        check_trial(&gpu, &key, &candidates(&key, gpu.profile()));
    }
}

/// The naive kernel computes a part only; a candidate is held to that part and must have written
/// the rest.
#[test]
fn a_large_contraction_is_checked_in_part() {
    let gpu = gpu();
    let large = ContractionKey {
        large: Shape::nhwc(1, 64, 64, 64),
        small: Shape::nhwc(1, 32, 32, 96),
        ..key(Family::Conv2d, false)
    };
    assert!(large.macs() > 40_000_000, "more than a check takes");
    let agreement = block_on(
        block_on(Trial::new(&gpu, &clock(), &large, &TrialOptions::default()))
            .unwrap()
            .check(&choose(&large, gpu.profile())),
    )
    .unwrap();
    assert!(agreement.holds(), "{agreement:?}");
}

#[test]
fn a_candidate_that_is_off_or_leaves_gaps_does_not_hold() {
    assert!(
        !Agreement {
            difference: 1e-3,
            tolerance: 1e-5
        }
        .holds()
    );
    assert!(
        !Agreement {
            difference: f32::INFINITY,
            tolerance: 1e-5
        }
        .holds()
    );
    assert!(
        !Agreement {
            difference: f32::NAN,
            tolerance: 1e-5
        }
        .holds()
    );
}

/// What a checkpoint remembers makes the same plan again, although the table would choose
/// otherwise.
#[test]
fn choices_are_replayed() {
    let gpu = gpu();
    let recording = Recording::new(&small_config(32, 8)).unwrap();
    let choices = |profile: &Profile| -> BTreeMap<String, String> {
        let choices = recording.plan(profile).unwrap().choices();
        choices
            .into_iter()
            .map(|choice| (choice.key.to_string(), choice.kernel))
            .collect()
    };
    let forced = gpu
        .profile()
        .clone()
        .force("conv2d", "1_naive")
        .force("conv2d_grad_weight", "1_naive");
    let then = choices(&forced);
    let mut now = gpu.profile().clone();
    assert_ne!(choices(&now), then);
    now.tuned = then.clone();
    assert_eq!(choices(&now), then);
}
