//! The training steps and translations of today's networks, at the sizes and widths that change the
//! choice of a kernel.

use crate::profiles::{profiles, with_each_rung};
use crate::variants::Search;
use pix2pix::nn::{DropoutMode, Fit, Mode, Norm, StatisticsFrom, Upsample};
use pix2pix::ops::ema::Swap;
use pix2pix::tape::Tape;
use pix2pix::tensor::DType;
use pix2pix::train::{
    Architecture, Config, Distance, GanLoss, Objective, Optimizer, Recipe, Recording, UpdateOrder,
};
use pix2pix_harness::config::{penalised, small_config};

/// Size of the image, filters of the first layer, images a batch.
const SIZES: [(u32, usize, usize); 6] = [
    (32, 2, 1),
    (32, 16, 2),
    (64, 16, 1),
    (96, 8, 1),
    (128, 32, 1),
    (256, 64, 1),
];

/// Every network on every device.
pub fn networks() -> Vec<Search> {
    SIZES.into_iter().flat_map(configs).map(network).collect()
}

/// Forced rungs see the networks' own shapes as well, where tiles and splits differ.
pub fn forced_networks() -> Vec<Search> {
    let one = |(precision, profile)| -> Search {
        Box::new(move |found| {
            let config = Config {
                precision,
                ..small_config(64, 16)
            };
            let recording = Recording::new(&config).unwrap();
            let outputs = [recording.vars.fake];
            let forced = with_each_rung(&profile);
            found.add(&recording.tape, &recording.states, &outputs, &forced);
        })
    };
    [DType::F32, DType::F16]
        .into_iter()
        .flat_map(|precision| {
            profiles()
                .into_iter()
                .map(move |profile| (precision, profile))
        })
        .map(one)
        .collect()
}

/// The step of a configuration and the two ways to translate.
fn network(config: Config) -> Search {
    Box::new(move |found| {
        let profiles = profiles();
        let Recording {
            states,
            generator,
            tape,
            vars,
            ..
        } = Recording::new(&config).unwrap();
        found.add(&tape, &states, &[vars.fake], &profiles);
        if config.recipe.ema.is_some() {
            let arena = generator.parameters();
            let mut tape = Tape::default();
            let swap = tape.record(Swap { arena }, &[]).unwrap();
            found.add(&tape, &states, &[swap], &profiles);
        }
        let image = tape.shape(vars.input);
        let running = Mode {
            statistics: StatisticsFrom::Running,
            dropout: DropoutMode::Random,
        };
        for mode in [Mode::translation(), running] {
            let mut tape = Tape::default();
            let input = tape.input("input", image);
            let output = generator.forward(&mut tape, &states, input, &mode).unwrap();
            found.add(&tape, &states, &[output], &profiles);
        }
    })
}

/// The configurations of one size.
pub fn configs((size, ngf, batch_size): (u32, usize, usize)) -> Vec<Config> {
    let base = Config {
        batch_size,
        ..small_config(size, ngf)
    };
    let shallow = Config {
        d_layers: 0,
        ..base.clone()
    };
    // With instance norm the innermost map of 1×1 would be normalised alone.
    let by_instance = Config {
        norm: Norm::Instance,
        num_downs: 5,
        size: size.max(64),
        load_size: base.load_size.max(72),
        ..base.clone()
    };
    let without_norm = Config {
        norm: Norm::None,
        ..base.clone()
    };
    let with_penalty = penalised(by_instance.clone());
    let in_halves = [&base, &with_penalty].map(halves);
    let mut configs = vec![
        base.clone(),
        shallow,
        without_norm,
        by_instance,
        with_penalty,
    ];
    configs.extend(in_halves);
    configs.extend(objectives(&base));
    configs.extend(recipes(&base));
    if size == 32 {
        configs.extend(odd_ones(&base));
    }
    configs
}

/// The same stored in f16.
fn halves(config: &Config) -> Config {
    Config {
        precision: DType::F16,
        ..config.clone()
    }
}

/// Every loss of the discriminator, and an objective that differs in everything else.
fn objectives(base: &Config) -> Vec<Config> {
    let losses = [GanLoss::Lsgan, GanLoss::Hinge, GanLoss::Wgangp].map(|gan_loss| Objective {
        gan_loss,
        ..base.objective
    });
    let torch = Objective {
        order: UpdateOrder::Torch,
        conditional: false,
        distance: Distance::L2,
        lambda_gan: 0.5,
        ..base.objective
    };
    losses
        .into_iter()
        .chain([torch])
        .map(|objective| Config {
            objective,
            ..base.clone()
        })
        .collect()
}

/// Gradient descent without and with momentum, a pool, an average of the weights, accumulation.
fn recipes(base: &Config) -> Vec<Config> {
    [0.0, 0.9]
        .map(|momentum| Config {
            recipe: Recipe {
                optimizer: Optimizer::Sgd { momentum },
                pool: 2,
                ema: Some(0.99),
                accumulate: base.batch_size,
                ..Recipe::default()
            },
            ..base.clone()
        })
        .to_vec()
}

/// A ResNet, and sizes that the U-Net does not divide.
fn odd_ones(base: &Config) -> Vec<Config> {
    let resnet = Config {
        architecture: Architecture::ResNet6,
        num_downs: 2,
        upsample: Upsample::Bilinear,
        ..base.clone()
    };
    let odd = [Fit::Pad, Fit::Crop].map(|fit| Config {
        size: 50,
        load_size: 50,
        d_layers: 1,
        fit,
        ..base.clone()
    });
    let in_halves = odd.each_ref().map(halves);
    [resnet].into_iter().chain(odd).chain(in_halves).collect()
}
