//! Small configurations of whole runs.

use pix2pix::nn::{DropoutAt, Fit, Norm, TestTime, Upsample};
use pix2pix::tensor::DType;
use pix2pix::train::{Architecture, Config, EvalMetric, GanLoss, Length, Objective, Recipe};

/// The same with the Wasserstein loss and its gradient penalty.
pub fn penalised(config: Config) -> Config {
    Config {
        objective: Objective {
            gan_loss: GanLoss::Wgangp,
            ..config.objective
        },
        ..config
    }
}

/// The same with two discriminators, whose features the generator learns from.
pub fn two_scales(config: Config) -> Config {
    Config {
        discriminators: 2,
        objective: Objective {
            lambda_feat: 10.0,
            ..config.objective
        },
        ..config
    }
}

/// The smallest run that has every part of the network.
pub fn small_config(size: u32, ngf: usize) -> Config {
    Config {
        adapter: None,
        dataset: None,
        direction: pix2pix::data::Direction::AtoB,
        input: Default::default(),
        output: Default::default(),
        size,
        fit: Fit::Pad,
        preprocess: Default::default(),
        load_size: pix2pix::data::default_load_size(size),
        mirror: true,
        reading: Default::default(),
        ngf,
        ndf: ngf,
        num_downs: Config::downs_for(size).unwrap(),
        d_layers: 3,
        discriminators: 1,
        norm: Norm::Batch,
        architecture: Architecture::UNet,
        upsample: Upsample::Deconv,
        dropout: true,
        dropout_at: DropoutAt::Pytorch,
        test: TestTime::default(),
        precision: DType::F32,
        batch_size: 1,
        recompute: false,
        length: Length::Steps(6),
        learning_rate: 2e-4,
        objective: Objective::default(),
        recipe: Recipe::default(),
        seed: 0,
        sample_every: 1000,
        checkpoint_every: 1000,
        eval_metric: EvalMetric::default(),
        patience: None,
        tensorboard: false,
    }
}
