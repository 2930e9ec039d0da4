//! The training step, in the order of the authors' PyTorch code.

use crate::network::{PatchGan, UNet};
use burn::module::Param;
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer};
use burn::prelude::*;
use burn::tensor::activation::log_sigmoid;

const LEARNING_RATE: f64 = 2e-4;
const LAMBDA_L1: f32 = 100.0;

/// The losses of a step: G's adversarial one, L1 without its weight, D's on the real and on the
/// fake pair.
pub struct Losses([Tensor<1>; 4]);

impl Losses {
    /// Waits for the values.
    pub fn read(self) -> [f32; 4] {
        self.0.map(|loss| loss.into_scalar())
    }

    pub const L1: usize = 1;
}

/// Networks and optimisers.
pub struct Training {
    pub generator: UNet,
    pub discriminator: PatchGan,
    adam_g: ModuleOptimizer,
    adam_d: ModuleOptimizer,
    device: Device,
}

impl Training {
    pub fn new(size: usize, ngf: usize, device: &Device) -> Self {
        let adam = || {
            AdamConfig::new()
                .with_beta_1(0.5)
                .with_beta_2(0.999)
                .with_epsilon(1e-8)
                .init()
        };
        Self {
            generator: UNet::new(size, ngf, device),
            discriminator: PatchGan::new(ngf, device),
            adam_g: adam(),
            adam_d: adam(),
            device: device.clone(),
        }
    }

    /// Uploads the images, D learns to tell the pairs apart, then G learns from the updated D
    /// and to stay near the target.
    pub fn step(self, input: TensorData, target: TensorData) -> (Self, Losses) {
        let Self {
            generator,
            discriminator,
            mut adam_g,
            mut adam_d,
            device,
        } = self;
        let input = Tensor::<4>::from_data(input, &device);
        let target = Tensor::<4>::from_data(target, &device);
        let pair = |image: Tensor<4>| Tensor::cat(vec![input.clone(), image], 1);
        let fake = generator.forward(input.clone());

        let d_fake = gan(discriminator.forward(pair(fake.clone().detach())), false);
        let d_real = gan(discriminator.forward(pair(target.clone())), true);
        let d_loss = (d_fake.clone() + d_real.clone()) * 0.5;
        let mut gradients = GradientsParams::from_grads(d_loss.backward(), &discriminator);
        reshape_gradient(&mut gradients, discriminator.last_weight());
        let discriminator = adam_d.step(LEARNING_RATE, discriminator, gradients);

        // A clone shares the running statistics, so they move in this pass too, as in the
        // reference; its weights get no gradient.
        let frozen_discriminator = discriminator.clone().no_grad();
        let g_gan = gan(frozen_discriminator.forward(pair(fake.clone())), true);
        let g_l1 = (fake - target).abs().mean();
        let g_loss = g_gan.clone() + g_l1.clone() * LAMBDA_L1;
        let gradients = GradientsParams::from_grads(g_loss.backward(), &generator);
        let generator = adam_g.step(LEARNING_RATE, generator, gradients);

        let losses = Losses([g_gan, g_l1, d_real, d_fake].map(Tensor::detach));
        (
            Self {
                generator,
                discriminator,
                adam_g,
                adam_d,
                device,
            },
            losses,
        )
    }
}

/// Through a flat shape and back: without it burn 0.22.1's Adam step leaves elements of the
/// gradient in a weight `[1, channels, 4, 4]`, even with a learning rate of 0. Seen on lavapipe;
/// see README.md.
fn reshape_gradient(gradients: &mut GradientsParams, weight: &Param<Tensor<4>>) {
    if let Some(gradient) = gradients.remove::<4>(weight.id) {
        let shape = gradient.dims();
        gradients.register(weight.id, gradient.reshape([-1]).reshape(shape));
    }
}

/// Mean binary cross-entropy of logits against all real or all fake.
fn gan(logits: Tensor<4>, real: bool) -> Tensor<1> {
    let logits = if real { logits } else { logits.neg() };
    log_sigmoid(logits).mean().neg()
}
