//! A loss and its gradient in one operation.

use pix2pix::gpu::Gpu;
use pix2pix::ops::loss::{Loss, LossBackward, LossKind, LossWithGradient};
use pix2pix::tensor::Shape;
use pix2pix_harness::{Surroundings, Tensor, Tolerance, compare, gpu, run, run_beside};

const KINDS: [LossKind; 6] = [
    LossKind::BceWithLogits { target: 1.0 },
    LossKind::BceWithLogits { target: 0.0 },
    LossKind::Mse { target: 1.0 },
    LossKind::WganMean { sign: -1.0 },
    LossKind::L1,
    LossKind::MsePair,
];
const SHAPES: [Shape; 3] = [
    Shape::nhwc(1, 6, 6, 1),
    Shape::nhwc(2, 3, 5, 3),
    Shape::nhwc(1, 64, 65, 6),
];

#[test]
fn a_loss_with_its_gradient_is_both() {
    let gpu = gpu();
    for (shape, kind) in SHAPES
        .into_iter()
        .flat_map(|shape| KINDS.map(|kind| (shape, kind)))
    {
        let pair = matches!(kind, LossKind::L1 | LossKind::MsePair);
        let inputs: Vec<Tensor> = (0..if pair { 2 } else { 1 })
            .map(|seed| Tensor::random(shape, seed))
            .collect();
        for sliced in [false, true] {
            let name = format!("{kind:?} {shape}, sliced {sliced}");
            compare_with_both(&gpu, &name, kind, &inputs, sliced);
        }
    }
}

fn compare_with_both(gpu: &Gpu, name: &str, kind: LossKind, inputs: &[Tensor], sliced: bool) {
    let around = Surroundings::default();
    let op = LossWithGradient {
        kind,
        grad_output: 0.5,
    };
    let got = run_beside(gpu, name, &op, inputs, &[inputs[0].shape], sliced, &around);
    let loss = run(gpu, name, &Loss { kind }, inputs, sliced, &around).output;
    let seed = Tensor::new(Shape::scalar(), vec![0.5]);
    let with_seed = [inputs, &[seed]].concat();
    let gradient = LossBackward { kind };
    let gradient = run(gpu, name, &gradient, &with_seed, sliced, &around).output;
    // The same expressions, which a compiler may contract differently.
    let within = |absolute| Tolerance {
        absolute,
        relative: 1e-6,
    };
    let wide = |values: &[f32]| values.iter().map(|&v| v.into()).collect::<Vec<f64>>();
    compare(name, &got.output, &wide(&loss), within(1e-7));
    let name = format!("{name}: gradient");
    compare(&name, &got.byproducts[0], &wide(&gradient), within(1e-9));
}
