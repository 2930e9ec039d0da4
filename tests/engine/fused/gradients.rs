//! Gradients of normalisations through activations.

use super::{cases, check_beside, twice};
use pix2pix::gpu::Gpu;
use pix2pix::ops::batch_norm::{
    GradInput, MaskedGradInput, MaskedGradSums, NormGrad, StatisticsOf,
};
use pix2pix::tensor::{DType, Shape};
use pix2pix_harness::batch_norm::{
    count, grad_input, grad_sums, image, scaled, statistics, stats_tensor,
};
use pix2pix_harness::{Tensor, Tolerance, check, gpu};

/// What a leaky ReLU with this output lets through.
fn masked(grad: &[f64], value: &[f64], slope: f32) -> Vec<f64> {
    grad.iter()
        .zip(value)
        .map(|(g, &v)| if v > 0.0 { *g } else { g * f64::from(slope) })
        .collect()
}

/// The operands of the gradients of a normalisation, and these gradients in f64.
struct Operands {
    name: String,
    shape: Shape,
    groups: usize,
    slope: Option<f32>,
    affine: bool,
    grad_output: Tensor,
    input: Tensor,
    stats: Tensor,
    /// The weight, where there is one.
    weight: Vec<Tensor>,
    /// What the activation's mask is read from, where there is one.
    value: Vec<Tensor>,
    /// The sums of each group and channel.
    sums: Vec<f64>,
    /// The gradient of the input.
    grads: Vec<f64>,
    /// Of the gradient of the input.
    tolerance: Tolerance,
}

impl Operands {
    fn new(
        shape: Shape,
        dtype: DType,
        groups: usize,
        (slope, affine): (Option<f32>, bool),
    ) -> Self {
        let [input, grad_output, value] = [
            image(shape, 4),
            Tensor::random(shape, 5),
            Tensor::random(shape, 6),
        ]
        .map(|tensor| tensor.stored(dtype));
        let weight = Tensor::random(Shape::vector(shape.channels()), 7);
        let stats = stats_tensor(shape, groups, &statistics(&input.f64(), shape, groups));
        let (x, s, w) = (input.f64(), stats.f64(), weight.f64());
        let grad = match slope {
            Some(slope) => masked(&grad_output.f64(), &value.f64(), slope),
            None => grad_output.f64(),
        };
        Self {
            name: format!("{shape} in {groups} groups, slope {slope:?}, affine {affine}"),
            shape,
            groups,
            slope,
            affine,
            sums: grad_sums(&grad, &x, shape, &s, groups),
            grads: grad_input(&grad, &x, shape, &s, groups, affine.then_some(&w)),
            tolerance: scaled(&s),
            grad_output,
            input,
            stats,
            weight: affine.then_some(weight).into_iter().collect(),
            value: slope.map(|_| value).into_iter().collect(),
        }
    }

    /// A row of the sums, added over the groups.
    fn channel_sums(&self, row: usize) -> Vec<f64> {
        let channels = self.shape.channels();
        let sum = |c: usize| -> f64 {
            (0..self.groups)
                .map(|group| self.sums[(2 * group + row) * channels + c])
                .sum()
        };
        (0..channels).map(sum).collect()
    }

    /// The gradients of input, weight and bias as one operation.
    fn check_together(&self, gpu: &Gpu) {
        let op = NormGrad {
            affine: self.affine,
            slope: self.slope,
        };
        let inputs = [
            &[
                self.grad_output.clone(),
                self.input.clone(),
                self.stats.clone(),
            ],
            &self.weight[..],
            &self.value,
        ]
        .concat();
        let mut expected = vec![
            (self.stats.shape, None),
            (self.shape, Some(self.grads.clone())),
        ];
        let close = twice(self.tolerance);
        let name = format!("{}, only the input's", self.name);
        check_beside(gpu, &name, &op, &inputs, &expected, close);
        if self.affine {
            let vector = Shape::vector(self.shape.channels());
            expected.extend([1, 0].map(|row| (vector, Some(self.channel_sums(row)))));
            // The sums of a channel, added over its groups, count more terms than those of one
            // group.
            let terms = Tolerance::sum_of(self.shape.rows(), 4.0);
            let tolerance = Tolerance {
                absolute: terms.absolute.max(close.absolute),
                relative: terms.relative.max(close.relative),
            };
            check_beside(gpu, &self.name, &op, &inputs, &expected, tolerance);
        }
    }

    /// The sums and the gradient of the input, each as an operation that applies the mask.
    fn check_masked(&self, gpu: &Gpu, slope: f32) {
        let (name, stats) = (&self.name, &self.stats);
        let [grad_output, input] = [&self.grad_output, &self.input].map(Tensor::clone);
        let inputs = [
            &[grad_output.clone(), input.clone(), stats.clone()],
            &self.value[..],
        ]
        .concat();
        let tolerance = Tolerance::sum_of(self.shape.rows() / self.groups, 4.0);
        let op = MaskedGradSums { slope };
        check(gpu, name, &op, &inputs, &self.sums, tolerance);
        let sums = stats_tensor(self.shape, self.groups, &self.sums);
        let inputs = [
            &[grad_output, stats.clone(), input, sums],
            &self.weight[..],
            &self.value,
        ]
        .concat();
        let op = MaskedGradInput {
            grad: GradInput {
                from: StatisticsOf::Input,
                affine: self.affine,
            },
            slope,
        };
        check(gpu, name, &op, &inputs, &self.grads, self.tolerance);
    }
}

#[test]
#[ignore = "second tier: every pair of activation and normalisation"]
fn gradients_through_activation_and_normalisation_match_their_twins() {
    let gpu = gpu();
    for (shape, kind, dtype) in cases(&gpu, "fused gradients of normalisation") {
        for (slope, affine) in [
            (None, true),
            (Some(0.0), true),
            (Some(0.2), false),
            (Some(0.2), true),
        ] {
            let operands = Operands::new(shape, dtype, count(kind, shape), (slope, affine));
            operands.check_together(&gpu);
            if let Some(slope) = slope {
                operands.check_masked(&gpu, slope);
            }
        }
    }
}
