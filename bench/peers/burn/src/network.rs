//! Generator and discriminator (arXiv 1611.07004, section 6.1).

use burn::module::{Initializer, ModuleVisitor, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Dropout, DropoutConfig, PaddingConfig2d};
use burn::prelude::*;
use burn::tensor::activation::{leaky_relu, relu, tanh};

const SLOPE: f64 = 0.2;
const CONV_INIT: Initializer = Initializer::Normal {
    mean: 0.0,
    std: 0.02,
};

fn conv(channels: [usize; 2], stride: usize, bias: bool, device: &Device) -> Conv2d {
    let config = Conv2dConfig::new(channels, [4, 4])
        .with_stride([stride; 2])
        .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1));
    let mut conv = config
        .with_bias(false)
        .with_initializer(CONV_INIT)
        .init(device);
    conv.bias = bias.then(|| Initializer::Zeros.init([channels[1]], device));
    conv
}

fn double(channels: [usize; 2], bias: bool, device: &Device) -> ConvTranspose2d {
    let config = ConvTranspose2dConfig::new(channels, [4, 4])
        .with_stride([2, 2])
        .with_padding([1, 1]);
    let mut conv = config
        .with_bias(false)
        .with_initializer(CONV_INIT)
        .init(device);
    conv.bias = bias.then(|| Initializer::Zeros.init([channels[1]], device));
    conv
}

fn batch_norm(channels: usize, device: &Device) -> BatchNorm {
    let mut norm = BatchNormConfig::new(channels).init(device);
    norm.gamma = Initializer::Normal {
        mean: 1.0,
        std: 0.02,
    }
    .init([channels], device);
    norm
}

/// One resolution of the U-Net: the way down into it and the way up out of it.
#[derive(Module, Debug)]
struct Level {
    down: Conv2d,
    down_norm: Option<BatchNorm>,
    up: ConvTranspose2d,
    up_norm: Option<BatchNorm>,
    dropout: Option<Dropout>,
}

/// `[batch, 3, size, size]` to the same in -1..1, for sizes that are powers of two from 32.
#[derive(Module, Debug)]
pub struct UNet {
    levels: Vec<Level>,
}

impl UNet {
    pub fn new(size: usize, ngf: usize, device: &Device) -> Self {
        let innermost = size.ilog2() as usize - 1;
        let channels = |depth: usize| ngf << depth.min(3);
        let levels = (0..=innermost).map(|depth| {
            let own = channels(depth);
            let outside = if depth == 0 { 3 } else { channels(depth - 1) };
            let has_norm = depth > 0 && depth < innermost;
            let up_channels = if depth < innermost { 2 * own } else { own };
            // The blocks between the innermost and the four outermost ones.
            let has_dropout = (4..innermost).contains(&depth);
            Level {
                down: conv([outside, own], 2, false, device),
                down_norm: has_norm.then(|| batch_norm(own, device)),
                up: double([up_channels, outside], depth == 0, device),
                up_norm: (depth > 0).then(|| batch_norm(outside, device)),
                dropout: has_dropout.then(|| DropoutConfig::new(0.5).init()),
            }
        });
        Self {
            levels: levels.collect(),
        }
    }

    pub fn forward(&self, image: Tensor<4>) -> Tensor<4> {
        let mut skips = Vec::new();
        let mut value = image;
        for (depth, level) in self.levels.iter().enumerate() {
            if depth > 0 {
                // The skip carries the activated value.
                value = leaky_relu(value, SLOPE);
                skips.push(value.clone());
            }
            value = normalise(&level.down_norm, level.down.forward(value));
        }
        for (index, level) in self.levels.iter().rev().enumerate() {
            if index > 0
                && let Some(skip) = skips.pop()
            {
                value = Tensor::cat(vec![skip, value], 1);
            }
            value = normalise(&level.up_norm, level.up.forward(relu(value)));
            if let Some(dropout) = &level.dropout {
                value = dropout.forward(value);
            }
        }
        tanh(value)
    }
}

fn normalise(norm: &Option<BatchNorm>, value: Tensor<4>) -> Tensor<4> {
    match norm {
        Some(norm) => norm.forward(value),
        None => value,
    }
}

/// `[batch, 6, size, size]` to one logit for each patch of 70×70 pixels.
#[derive(Module, Debug)]
pub struct PatchGan {
    convs: Vec<Conv2d>,
    norms: Vec<BatchNorm>,
}

impl PatchGan {
    pub fn new(ndf: usize, device: &Device) -> Self {
        let hidden = |[before, after]: [usize; 2], stride| {
            conv([ndf * before, ndf * after], stride, false, device)
        };
        let convs = vec![
            conv([6, ndf], 2, true, device),
            hidden([1, 2], 2),
            hidden([2, 4], 2),
            hidden([4, 8], 1),
            conv([8 * ndf, 1], 1, true, device),
        ];
        Self {
            convs,
            norms: [2, 4, 8]
                .map(|multiple| batch_norm(multiple * ndf, device))
                .into(),
        }
    }

    pub fn last_weight(&self) -> &Param<Tensor<4>> {
        &self.convs[self.convs.len() - 1].weight
    }

    pub fn forward(&self, pair: Tensor<4>) -> Tensor<4> {
        let last = self.convs.len() - 1;
        let mut value = pair;
        for (index, conv) in self.convs.iter().enumerate() {
            value = conv.forward(value);
            if (1..last).contains(&index) {
                value = self.norms[index - 1].forward(value);
            }
            if index < last {
                value = leaky_relu(value, SLOPE);
            }
        }
        value
    }
}

/// How many numbers Adam trains; running statistics are modules' values too but not among them.
pub fn trained_parameters(module: &impl Module) -> usize {
    struct Count(usize);
    impl ModuleVisitor for Count {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if param.is_require_grad() {
                self.0 += param.shape().num_elements();
            }
        }
    }
    let mut count = Count(0);
    module.visit(&mut count);
    count.0
}
