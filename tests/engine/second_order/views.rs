//! Operations that move values, and contractions.

use super::{MAP, SecondOrderCase, VECTOR, Values, case, plain, sum};
use pix2pix::contraction::Geometry;
use pix2pix::ops::channel_sum::ChannelSum;
use pix2pix::ops::conv_transpose2d::conv_transpose2d;
use pix2pix::ops::conv2d::conv2d;
use pix2pix::ops::conv2d_grad_weight::Conv2dGradWeight;
use pix2pix::ops::resample::{AveragePool, Resample};
use pix2pix::ops::{Assemble, BatchSlice, Concat, Slice};
use pix2pix::tape::{Tape, Var};
use pix2pix::tensor::Shape;
use pix2pix_harness::contraction::for_each_connection;
use pix2pix_harness::resample::{enlarged, pooled};

const SMALL: Shape = Shape::nhwc(2, 2, 2, 4);

const LARGE: Shape = Shape::nhwc(2, 5, 5, 2);

const WEIGHT: Shape = Shape::hwio(3, 3, 2, 4);

const GEOMETRY: Geometry = Geometry::new(3, 2, 0);

pub(super) fn views() -> Vec<SecondOrderCase> {
    let joined = |x: &Values| {
        x[0].chunks(3)
            .zip(x[1].chunks(4))
            .flat_map(|(a, b)| a.iter().chain(b).copied().collect::<Vec<_>>())
            .collect()
    };
    let pair = [Shape::nhwc(2, 2, 2, 3), SMALL];
    let sliced = |x: &Values| {
        x[0].chunks(4)
            .flat_map(|pixel| pixel[1..3].to_vec())
            .collect()
    };
    let resamples = [
        ("reflect_pad", Resample::ReflectPad { pad: 1 }),
        ("nearest", Resample::Nearest),
        ("bilinear", Resample::Bilinear),
    ];
    let mut cases: Vec<SecondOrderCase> = resamples
        .map(|(name, kind)| plain(name, &[MAP], kind, move |x| enlarged(kind, MAP, &x[0])))
        .into();
    cases.extend([
        plain("average_pool", &[LARGE], AveragePool, |x| {
            pooled(LARGE, &x[0])
        }),
        plain("concat", &pair, Concat, joined),
        plain("assemble", &pair, Assemble { columns: 2 }, joined),
        plain(
            "slice",
            &[SMALL],
            Slice {
                start: 1,
                channels: 2,
            },
            sliced,
        ),
        plain(
            "batch_slice",
            &[SMALL],
            BatchSlice { start: 1, batch: 1 },
            |x| x[0][16..].to_vec(),
        ),
        plain("channel_sum", &[MAP], ChannelSum, |x| {
            sum(VECTOR, x[0].iter().copied())
        }),
    ]);
    cases
}

/// Calls `f` with the places of every product of a convolution in the large map, the weight and the
/// small map.
fn products(mut f: impl FnMut(usize, usize, usize)) {
    for_each_connection(GEOMETRY, LARGE, SMALL, |from, to, tap| {
        for (i, o) in (0..2).flat_map(|i| (0..4).map(move |o| (i, o))) {
            f(from * 2 + i, (tap * 2 + i) * 4 + o, to * 4 + o);
        }
    });
}

pub(super) fn contractions() -> Vec<SecondOrderCase> {
    let convolved = |x: &Values| {
        let mut output: Vec<f64> = (0..SMALL.len()).map(|i| x[2][i % 4]).collect();
        products(|large, weight, small| output[small] += x[0][large] * x[1][weight]);
        output
    };
    let scattered = |x: &Values| {
        let mut output: Vec<f64> = (0..LARGE.len()).map(|i| x[2][i % 2]).collect();
        // The weight of a transposed convolution has the channels of its input first.
        products(|large, weight, small| {
            output[large] += x[0][small] * x[1][weight / 8 * 8 + weight % 4 * 2 + weight / 4 % 2]
        });
        output
    };
    let of_weight = |x: &Values| {
        let mut output = vec![0.0; WEIGHT.len()];
        products(|large, weight, small| output[weight] += x[0][large] * x[1][small]);
        output
    };
    let vectors = [4, 2].map(Shape::vector);
    let transposed = Shape::hwio(3, 3, 4, 2);
    let grad_weight = Conv2dGradWeight {
        geometry: GEOMETRY,
        transposed_output: false,
    };
    let conv = |tape: &mut Tape, x: &[Var]| conv2d(tape, x[0], x[1], Some(x[2]), GEOMETRY);
    let deconv =
        |tape: &mut Tape, x: &[Var]| conv_transpose2d(tape, x[0], x[1], Some(x[2]), GEOMETRY);
    vec![
        case("conv2d", &[LARGE, WEIGHT, vectors[0]], conv, convolved),
        case(
            "conv_transpose2d",
            &[SMALL, transposed, vectors[1]],
            deconv,
            scattered,
        ),
        plain(
            "conv2d_grad_weight",
            &[LARGE, SMALL],
            grad_weight,
            of_weight,
        ),
    ]
}
