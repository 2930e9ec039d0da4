//! Normalisations and losses.

use super::{MAP, PIXELS, SecondOrderCase, VECTOR, Values, case, plain};
use pix2pix::ops::Fill;
use pix2pix::ops::batch_norm::{
    Groups, InvStd, RowPad, SelectRow, Statistics, batch_norm, batch_norm_running, instance_norm,
};
use pix2pix::ops::loss::{Loss, LossKind};
use pix2pix::tape::{Tape, Var};
use pix2pix::tensor::Shape;
use pix2pix_harness::batch_norm::{EPS, GROUPS, count, normalize, statistics};
use pix2pix_harness::loss;

pub(super) fn normalisations() -> Vec<SecondOrderCase> {
    let mut cases: Vec<SecondOrderCase> = GROUPS
        .into_iter()
        .flat_map(|groups| [batch_normalisation(groups), inv_std(groups)])
        .collect();
    let twin = |x: &Values| normalize(&x[0], MAP, &statistics(&x[0], MAP, 2), 2, None);
    cases.push(case(
        "instance_norm",
        &[MAP],
        |tape, x| instance_norm(tape, x[0], EPS),
        twin,
    ));
    let rows = Shape::nhwc(2, 1, 2, 3);
    cases.push(plain("row", &[rows], SelectRow { row: 1 }, |x| {
        second_rows(&x[0])
    }));
    let padded = |x: &Values| {
        x[0].chunks(3)
            .flat_map(|row| [row, &[0.0; 3]].concat())
            .collect()
    };
    cases.push(plain("row_pad", &[PIXELS], RowPad { row: 0 }, padded));
    cases.push(by_running_statistics());
    cases
}

/// The second of each two rows of three channels.
fn second_rows(values: &[f64]) -> Vec<f64> {
    let rows = values.chunks(6).flat_map(|rows| rows[3..].to_vec());
    rows.collect()
}

fn batch_normalisation(groups: Groups) -> SecondOrderCase {
    let parts = count(groups, MAP);
    let twin = move |x: &Values| {
        let stats = statistics(&x[0], MAP, parts);
        normalize(&x[0], MAP, &stats, parts, Some((&x[1], &x[2])))
    };
    let record =
        move |tape: &mut Tape, x: &[Var]| Ok(batch_norm(tape, x[0], [x[1], x[2]], groups, EPS)?.0);
    case("batch_norm", &[MAP, VECTOR, VECTOR], record, twin)
}

fn inv_std(groups: Groups) -> SecondOrderCase {
    let parts = count(groups, MAP);
    let twin = move |x: &Values| second_rows(&statistics(&x[0], MAP, parts));
    let record = move |tape: &mut Tape, x: &[Var]| {
        let stats = tape.record(Statistics { groups, eps: EPS }, x)?;
        tape.record(InvStd, &[x[0], stats])
    };
    case("inv_std", &[MAP], record, twin)
}

/// Running statistics that are constants.
fn by_running_statistics() -> SecondOrderCase {
    let record = |tape: &mut Tape, x: &[Var]| {
        let [mean, variance] = [0.25, 0.5].map(|value| {
            tape.record(
                Fill {
                    value,
                    shape: VECTOR,
                },
                &[],
            )
        });
        batch_norm_running(tape, x[0], [x[1], x[2]], [mean?, variance?], EPS)
    };
    let inv_std = 1.0 / (0.5 + f64::from(EPS)).sqrt();
    let stats = [[0.25; 3], [inv_std; 3]].concat();
    let twin = move |x: &Values| normalize(&x[0], MAP, &stats, 1, Some((&x[1], &x[2])));
    case("batch_norm_running", &[MAP, VECTOR, VECTOR], record, twin)
}

pub(super) fn losses() -> Vec<SecondOrderCase> {
    let single = [
        LossKind::BceWithLogits { target: 0.9 },
        LossKind::Mse { target: 1.0 },
        LossKind::WganMean { sign: -1.0 },
        LossKind::Hinge { sign: 1.0 },
    ];
    let of = |shapes: &[Shape], kind| {
        let twin = move |x: &Values| {
            let desired = x.last().unwrap();
            vec![
                x[0].iter()
                    .zip(desired)
                    .map(|(&value, &desired)| loss::twin(kind, value, desired))
                    .sum::<f64>()
                    / MAP.len() as f64,
            ]
        };
        plain("loss", shapes, Loss { kind }, twin)
    };
    let pairs = [LossKind::L1, LossKind::MsePair].map(|kind| of(&[MAP, MAP], kind));
    single
        .into_iter()
        .map(|kind| of(&[MAP], kind))
        .chain(pairs)
        .collect()
}
