//! Twins of the normalisation of a map by given statistics, and of its gradients.

use pix2pix::gpu::Gpu;
use pix2pix::ops::batch_norm::{Affine, GradAffine, GradInput, GradSums, Normalize, StatisticsOf};
use pix2pix::tensor::{DType, Shape};
use pix2pix_harness::batch_norm::{
    GROUPS, count, elements, grad_input, grad_sums, image, normalize, scaled, shapes, statistics,
    stats_tensor,
};
use pix2pix_harness::{
    Surroundings, Tensor, Tolerance, check, check_in, check_splits, gpu, precisions,
};

#[test]
fn normalisation_and_its_gradients_match_their_twins() {
    let gpu = gpu();
    for shape in shapes() {
        for groups in GROUPS.map(|groups| count(groups, shape)) {
            for dtype in precisions(&gpu, "normalisation") {
                for affine in [false, true] {
                    let case = NormalisationCase::new(shape, groups, affine, dtype);
                    case.check_output(&gpu);
                    let sums = case.check_sums(&gpu);
                    case.check_grad_affine(&gpu, &sums);
                    case.check_grad_input(&gpu, sums);
                    case.check_grad_of_running(&gpu);
                }
            }
        }
    }
}

/// A map, its statistics and parameters as the operations get them.
struct NormalisationCase {
    name: String,
    shape: Shape,
    groups: usize,
    affine: bool,
    input: Tensor,
    grad_output: Tensor,
    /// Rounded, so that the twins get what the operations get.
    stats: Tensor,
    weight: Tensor,
    bias: Tensor,
}

impl NormalisationCase {
    fn new(shape: Shape, groups: usize, affine: bool, dtype: DType) -> Self {
        let vector = Shape::vector(shape.channels());
        let input = image(shape, 4).stored(dtype);
        let stats = statistics(&input.f64(), shape, groups);
        Self {
            name: format!("{shape} in {groups} groups, affine {affine}"),
            shape,
            groups,
            affine,
            input,
            grad_output: Tensor::random(shape, 5).stored(dtype),
            stats: stats_tensor(shape, groups, &stats),
            weight: Tensor::random(vector, 6),
            bias: Tensor::random(vector, 7),
        }
    }

    /// The weight, if there is one.
    fn weight(&self) -> Option<Tensor> {
        self.affine.then(|| self.weight.clone())
    }

    /// What the sums of a gradient may be off by.
    fn terms(&self) -> Tolerance {
        Tolerance::sum_of(self.shape.rows() / self.groups, 4.0)
    }

    fn check_output(&self, gpu: &Gpu) {
        let (weight, bias) = (self.weight.f64(), self.bias.f64());
        let affine = self.affine.then_some((&weight[..], &bias[..]));
        let (x, stats) = (self.input.f64(), self.stats.f64());
        let expected = normalize(&x, self.shape, &stats, self.groups, affine);
        let mut operands = vec![self.input.clone(), self.stats.clone()];
        if self.affine {
            operands.extend([self.weight.clone(), self.bias.clone()]);
        }
        let op = Normalize {
            from: StatisticsOf::Input,
        };
        check(gpu, &self.name, &op, &operands, &expected, scaled(&stats));
    }

    /// Checks the sums of the gradient and returns them rounded.
    fn check_sums(&self, gpu: &Gpu) -> Tensor {
        let (g, x, stats) = (self.grad_output.f64(), self.input.f64(), self.stats.f64());
        let sums = grad_sums(&g, &x, self.shape, &stats, self.groups);
        let operands = [&self.grad_output, &self.input, &self.stats].map(Tensor::clone);
        let op = GradSums {
            from: StatisticsOf::Input,
        };
        let name = format!("{}: sums", self.name);
        check_splits(gpu, &name, &op, &operands, &sums, self.terms());
        stats_tensor(self.shape, self.groups, &sums)
    }

    /// The gradients of weight and bias, from the sums.
    fn check_grad_affine(&self, gpu: &Gpu, sums: &Tensor) {
        let (channels, values) = (self.shape.channels(), sums.f64());
        for (of, row) in [(Affine::Bias, 0), (Affine::Weight, 1)] {
            let add = |c| {
                (0..self.groups)
                    .map(|group| values[(2 * group + row) * channels + c])
                    .sum()
            };
            let expected: Vec<f64> = (0..channels).map(add).collect();
            check_in(
                gpu,
                &format!("{}: {of:?}", self.name),
                &GradAffine { of },
                std::slice::from_ref(sums),
                false,
                &Surroundings::of(self.input.dtype),
                &expected,
                self.terms(),
            );
        }
    }

    fn check_grad_input(&self, gpu: &Gpu, sums: Tensor) {
        let (g, x, stats) = (self.grad_output.f64(), self.input.f64(), self.stats.f64());
        let weight = self.affine.then(|| self.weight.f64());
        let expected = grad_input(&g, &x, self.shape, &stats, self.groups, weight.as_deref());
        let operands = [&self.grad_output, &self.stats, &self.input].map(Tensor::clone);
        let operands: Vec<Tensor> = operands
            .into_iter()
            .chain([sums])
            .chain(self.weight())
            .collect();
        let op = GradInput {
            from: StatisticsOf::Input,
            affine: self.affine,
        };
        let name = format!("{}: grad_input", self.name);
        check(gpu, &name, &op, &operands, &expected, scaled(&stats));
    }

    /// Running statistics do not depend on the input, so the gradient is a product.
    fn check_grad_of_running(&self, gpu: &Gpu) {
        let (x, stats, weight) = (self.input.f64(), self.stats.f64(), self.weight.f64());
        let of = |c: usize| if self.affine { weight[c] } else { 1.0 };
        let constant = |((_, _, inv_std, c), g)| of(c) * inv_std * g;
        let expected: Vec<f64> = elements(&x, self.shape, &stats, self.groups)
            .into_iter()
            .zip(self.grad_output.f64())
            .map(constant)
            .collect();
        let operands: Vec<Tensor> = [self.grad_output.clone(), self.stats.clone()]
            .into_iter()
            .chain(self.weight())
            .collect();
        let op = GradInput {
            from: StatisticsOf::Running,
            affine: self.affine,
        };
        let name = format!("{}: grad_input of running statistics", self.name);
        check(gpu, &name, &op, &operands, &expected, scaled(&stats));
    }
}
