//! Ways of training in whole runs: what they keep is part of a checkpoint, and what they say is so
//! in numbers.

use crate::runs::{assert_same_tensors, bundled, copy_of, resume, session_after, train, wave};
use pix2pix::data::Split;
use pix2pix::gpu::Gpu;
use pix2pix::interop::TensorFile;
use pix2pix::nn::Norm;
use pix2pix::state::ArenaId;
use pix2pix::tape::{ArenaPart, MONITOR_COLUMNS, MONITOR_HEAD, MONITOR_ROWS};
use pix2pix::tensor::DType;
use pix2pix::train::run::RunDir;
use pix2pix::train::{
    Config, Objective, Optimizer, Recipe, Recording, Session, TrainError, Trainer, UpdateOrder,
    plan_training,
};
use pix2pix_harness::config::{penalised, small_config};
use pix2pix_harness::gpu;
use safetensors::SafeTensors;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

fn values(gpu: &Gpu, session: &Session, arena: ArenaId, part: ArenaPart) -> Vec<f32> {
    session
        .store
        .states()
        .in_arena(arena)
        .flat_map(|state| session.store.read(gpu, state.id, part).unwrap())
        .collect()
}

/// The tensors under a prefix, as bytes.
fn tensors(path: &Path, prefix: &str) -> BTreeMap<String, Vec<u8>> {
    let bytes = fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    file.tensors()
        .into_iter()
        .filter_map(|(key, view)| {
            Some((key.strip_prefix(prefix)?.to_owned(), view.data().to_vec()))
        })
        .collect()
}

#[test]
fn every_recipe_resumes_with_the_bits_of_a_run_that_never_stopped() {
    let gpu = gpu();
    let root = tempfile::tempdir().unwrap();
    let pooled = Recipe {
        pool: 3,
        ema: Some(0.9),
        accumulate: 2,
        ..Recipe::default()
    };
    let momentum = Recipe {
        optimizer: Optimizer::Sgd { momentum: 0.9 },
        ..Recipe::default()
    };
    let plain = Recipe {
        optimizer: Optimizer::Sgd { momentum: 0.0 },
        pool: 2,
        ..Recipe::default()
    };
    let distance_only = Objective {
        lambda_gan: 0.0,
        ..Objective::default()
    };
    let unconditional = Objective {
        conditional: false,
        ..Objective::default()
    };
    let mut runs = vec![
        ("pool and average", pooled, Objective::default(), DType::F32),
        ("momentum", momentum.clone(), distance_only, DType::F32),
        ("plain", plain, unconditional, DType::F32),
    ];
    if gpu.profile().f16 {
        let half = Recipe {
            pool: 2,
            ema: Some(0.9),
            ..momentum
        };
        runs.push(("half", half, Objective::default(), DType::F16));
    }
    for (name, recipe, objective, precision) in runs {
        let base = Config {
            checkpoint_every: 4,
            recipe,
            objective,
            precision,
            ..small_config(32, 2)
        };
        let config = Config {
            batch_size: 2,
            learning_rate: 1e-3,
            ..base
        };
        let whole = train(&gpu, &config, root.path(), name);
        let resumed = copy_of(
            &whole.checkpoint_path(4),
            root.path(),
            &format!("{name} again"),
        );
        resume(&gpu, &resumed)
            .train(&AtomicBool::new(false), &mut |_| {})
            .unwrap();
        assert_same_tensors(&whole.checkpoint_path(6), &resumed.checkpoint_path(6));
        assert_same_tensors(
            &whole.path().join("generator.safetensors"),
            &resumed.path().join("generator.safetensors"),
        );
        assert_eq!(
            whole.path().join("discriminator.safetensors").exists(),
            objective.lambda_gan != 0.0,
            "{name}"
        );
    }
    // What is exported is the average, and the weights behind it are something else.
    let run = RunDir::open(root.path(), "pool and average").unwrap();
    let (exported, checkpoint) = (
        tensors(&run.path().join("generator.safetensors"), ""),
        run.checkpoint_path(6),
    );
    let (used, trained) = (
        tensors(&checkpoint, ""),
        tensors(&checkpoint, "training_G."),
    );
    let weights = || trained.keys().filter(|key| key.ends_with("weight"));
    assert!(weights().count() > 10 && exported.iter().all(|(key, value)| used[key] == *value));
    assert!(weights().all(|key| used[key] != trained[key]));
    assert_eq!(
        tensors(&checkpoint, "image_pool.")
            .into_keys()
            .collect::<Vec<_>>(),
        ["fake", "input"]
    );
}

#[test]
fn the_average_is_that_of_the_weights_after_every_step() {
    let gpu = gpu();
    let recipe = Recipe {
        ema: Some(0.6),
        ..Recipe::default()
    };
    let config = Config {
        learning_rate: 1e-2,
        recipe,
        ..small_config(32, 2)
    };
    let batch = wave(&config);
    let mut session = session_after(&gpu, &config, 0, &batch);
    let arena = session.generator.parameters();
    let mut expected: Vec<f64> = values(&gpu, &session, arena, ArenaPart::Value)
        .iter()
        .map(|&v| v.into())
        .collect();
    for step in 1..=20 {
        session
            .submit(&gpu, step, config.learning_rate, &batch)
            .unwrap();
        let kept = f64::min(0.6, step as f64 / (step as f64 + 9.0));
        let now = values(&gpu, &session, arena, ArenaPart::Value);
        expected.iter_mut().zip(&now).for_each(|(average, &value)| {
            *average = kept * *average + (1.0 - kept) * f64::from(value)
        });
    }
    let average = values(&gpu, &session, arena, ArenaPart::Average);
    assert!(
        average
            .iter()
            .zip(&expected)
            .all(|(&got, expected)| (f64::from(got) - expected).abs() < 1e-6)
    );
    let value = values(&gpu, &session, arena, ArenaPart::Value);
    assert_ne!(average, value);
    let within = session
        .with_used_weights(&gpu, || Ok(values(&gpu, &session, arena, ArenaPart::Value)))
        .unwrap();
    assert!(
        within == average && values(&gpu, &session, arena, ArenaPart::Value) == value,
        "used, and put back"
    );
}

/// A discriminator with a pool that is never full is the one without; with a full one it sees older
/// fakes, and the generator's loss does not know of either.
#[test]
fn an_image_pool_changes_what_the_discriminator_learns_from() {
    let gpu = gpu();
    let after = |objective: Objective, pool: usize, steps: u64| {
        let recipe = Recipe {
            pool,
            ..Recipe::default()
        };
        let config = Config {
            recipe,
            objective,
            learning_rate: 1e-3,
            ..small_config(32, 4)
        };
        let session = session_after(&gpu, &config, steps, &wave(&config));
        let discriminator = session.discriminator.as_ref().unwrap().parameters();
        [
            values(&gpu, &session, discriminator, ArenaPart::Value),
            values(
                &gpu,
                &session,
                session.generator.parameters(),
                ArenaPart::Value,
            ),
        ]
    };
    for objective in [
        Objective::default(),
        penalised(small_config(32, 4)).objective,
    ] {
        let without = after(objective, 0, 5);
        assert!(
            without == after(objective, 9, 5),
            "{objective:?}: a pool that is not full"
        );
        assert!(
            without != after(objective, 1, 5),
            "{objective:?}: one that is"
        );
    }
}

#[test]
fn a_run_starts_from_pretrained_networks_and_only_from_such_as_fit() {
    let gpu = gpu();
    let root = tempfile::tempdir().unwrap();
    let config = Config {
        learning_rate: 1e-3,
        ..small_config(32, 4)
    };
    let first = train(&gpu, &config, root.path(), "first");
    let started = |name: &str, recipe: Recipe, change: &dyn Fn(Config) -> Config| {
        let config = change(Config {
            recipe,
            ..config.clone()
        });
        let run = RunDir::create(root.path(), name).unwrap();
        Trainer::start(&gpu, config.clone(), &bundled(&config), run)
    };
    let same = |config| config;
    let [checkpoint, generator, discriminator] = [
        first.checkpoint_path(6),
        first.path().join("generator.safetensors"),
        first.path().join("discriminator.safetensors"),
    ];
    for (name, generator, discriminator) in [
        ("checkpoint", &checkpoint, &checkpoint),
        ("files", &generator, &discriminator),
    ] {
        let recipe = Recipe {
            pretrained: Some(generator.clone()),
            pretrained_discriminator: Some(discriminator.clone()),
            ema: Some(0.9),
            ..Recipe::default()
        };
        let trainer = started(name, recipe, &same).unwrap();
        let session = trainer.session();
        let file = TensorFile::open(&checkpoint).unwrap();
        let discriminator = session.discriminator.as_ref().unwrap();
        for (prefix, arena) in [
            ("", session.generator.parameters()),
            ("net_D.", discriminator.parameters()),
            ("net_D.", discriminator.statistics()),
        ] {
            for state in session.store.states().in_arena(arena) {
                let shape = pix2pix::interop::reference_shape(state.shape, state.transposed);
                let mut expected = file
                    .values(&format!("{prefix}{}", state.name), &shape)
                    .unwrap();
                let mut got = session
                    .store
                    .read(&gpu, state.id, ArenaPart::Value)
                    .unwrap();
                // Another order of axes.
                expected.sort_by(f32::total_cmp);
                got.sort_by(f32::total_cmp);
                assert_eq!(got, expected, "{name}: {}", state.name);
            }
        }
        let [arena, part] = [session.generator.parameters(); 2];
        assert_eq!(
            values(&gpu, session, arena, ArenaPart::Average),
            values(&gpu, session, part, ArenaPart::Value)
        );
        assert!(
            values(&gpu, session, arena, ArenaPart::Moment1)
                .iter()
                .all(|&moment| moment == 0.0),
            "a fresh optimiser"
        );
    }
    let recipe = || Recipe {
        pretrained: Some(generator.clone()),
        ..Recipe::default()
    };
    let refused = |name: &str, recipe: Recipe, change: &dyn Fn(Config) -> Config| {
        let error = started(name, recipe, change).unwrap_err();
        assert!(matches!(error, TrainError::Pretrained { .. }), "{error}");
        error.to_string()
    };
    let message = refused("width", recipe(), &|config| Config { ngf: 8, ..config });
    assert!(
        message.contains("[4, 3, 4, 4]")
            && message.contains("[8, 3, 4, 4]")
            && message.contains("`ngf`"),
        "{message}"
    );
    let message = refused("norm", recipe(), &|config| Config {
        norm: Norm::None,
        ..config
    });
    assert!(message.contains("none of this network's"), "{message}");
    let swapped = Recipe {
        pretrained: Some(discriminator.clone()),
        ..Recipe::default()
    };
    refused("other", swapped, &same);
    let only_discriminator = Recipe {
        pretrained_discriminator: Some(discriminator),
        ..Recipe::default()
    };
    refused("layers", only_discriminator, &|config| Config {
        d_layers: 2,
        ..config
    });
    assert!(bundled(&config).get(Split::Train).is_some());
}

/// Gradients of both networks as one step of gradient descent leaves them in the velocity, the
/// losses, and the fakes.
fn accumulated(gpu: &Gpu, config: &Config) -> ([Vec<f32>; 2], Vec<f32>) {
    let session = session_after(gpu, config, 1, &wave(config));
    let discriminator = session
        .discriminator
        .as_ref()
        .map(|d| values(gpu, &session, d.parameters(), ArenaPart::Moment1));
    let monitor: Vec<f32> = bytemuck::pod_collect_to_vec(
        &gpu.read(session.store.monitor(), 0, session.store.monitor().size())
            .unwrap(),
    );
    let first = (MONITOR_HEAD + 1 % MONITOR_ROWS * MONITOR_COLUMNS) as usize;
    let generator = values(
        gpu,
        &session,
        session.generator.parameters(),
        ArenaPart::Moment1,
    );
    (
        [generator, discriminator.unwrap_or_default()],
        monitor[first..first + 5].to_vec(),
    )
}

/// Without statistics and dropout a batch is the mean of its images, whatever makes the mean; each
/// image has its own share of the gradient penalty's mixture.
#[test]
fn accumulated_gradients_are_those_of_one_large_batch() {
    let gpu = gpu();
    let torch = Objective {
        order: UpdateOrder::Torch,
        ..Objective::default()
    };
    let distance_only = Objective {
        lambda_gan: 0.0,
        ..Objective::default()
    };
    for objective in [
        Objective::default(),
        torch,
        distance_only,
        penalised(small_config(32, 4)).objective,
    ] {
        let config = |accumulate, batch_size| {
            let recipe = Recipe {
                accumulate,
                optimizer: Optimizer::Sgd { momentum: 0.9 },
                init_gain: 0.2,
                ..Recipe::default()
            };
            let base = Config {
                objective,
                recipe,
                batch_size,
                ..small_config(32, 4)
            };
            Config {
                norm: Norm::None,
                dropout: false,
                learning_rate: 0.1,
                ..base
            }
        };
        let (whole, losses) = accumulated(&gpu, &config(1, 6));
        for (accumulate, batch_size) in [(2, 3), (3, 2), (6, 1)] {
            let (gradients, shown) = accumulated(&gpu, &config(accumulate, batch_size));
            for (got, expected) in gradients.iter().zip(&whole) {
                let norm = |values: &mut dyn Iterator<Item = f64>| {
                    values.map(|v| v * v).sum::<f64>().sqrt()
                };
                let off = norm(
                    &mut got
                        .iter()
                        .zip(expected)
                        .map(|(&a, &b)| f64::from(a) - f64::from(b)),
                );
                // Sums in another order.
                let size = norm(&mut expected.iter().map(|&v| v.into()));
                assert!(
                    off <= 1e-5 * size,
                    "{accumulate} times {batch_size}, {objective:?}: off by {off} of {size}"
                );
            }
            let close = shown
                .iter()
                .zip(&losses)
                .all(|(a, b)| (a - b).abs() <= 1e-5 * b.abs().max(1.0));
            assert!(
                close,
                "{accumulate} times {batch_size}: {shown:?} for {losses:?}"
            );
        }
    }
}

/// With statistics and dropout each batch has its own: they are those of the same batches one after
/// the other.
#[test]
fn accumulated_batches_have_statistics_of_their_own_and_move_them_once_each() {
    let gpu = gpu();
    let statistics = |accumulate, steps| {
        let recipe = Recipe {
            accumulate,
            ..Recipe::default()
        };
        // Without learning and without dropout a second step sees what a second batch sees.
        let config = Config {
            learning_rate: 0.0,
            dropout: false,
            recipe,
            ..small_config(32, 4)
        };
        let mut batch = wave(&Config {
            recipe: Recipe::default(),
            ..config.clone()
        });
        if accumulate == 2 {
            batch.input.extend(batch.input.clone());
            batch.target.extend(batch.target.clone());
        }
        let session = session_after(&gpu, &config, steps, &batch);
        let discriminator = session.discriminator.as_ref().unwrap().statistics();
        [session.generator.statistics(), discriminator]
            .map(|arena| values(&gpu, &session, arena, ArenaPart::Value))
    };
    let [together, apart] = [statistics(2, 1), statistics(1, 2)];
    // The discriminator sees fake, real, fake, real, fake, fake instead of fake, real, fake twice.
    assert_eq!(together[0], apart[0], "the generator's");
    assert!(together[1] != apart[1] && together[1].iter().all(|v| v.is_finite()));
}

#[test]
fn accumulation_takes_the_memory_of_one_batch() {
    let memory = |accumulate, batch_size| {
        let recipe = Recipe {
            accumulate,
            ..Recipe::default()
        };
        let config = Config {
            recipe,
            batch_size,
            ..small_config(64, 8)
        };
        plan_training(&config, gpu().profile()).unwrap()
    };
    let [one, eight, accumulated] = [memory(1, 1), memory(1, 8), memory(8, 1)];
    // Beside the values of one batch there are all images, and one more set of gradients.
    let beside = accumulated.activations.saturating_sub(one.activations);
    assert!(
        eight.activations > 5 * one.activations,
        "{} of {}",
        eight.activations,
        one.activations
    );
    assert!(
        beside < 2 * one.weights + 2 * 8 * 64 * 64 * 16,
        "{} above {}",
        accumulated.activations,
        one.activations
    );
}

/// A configuration that no command line made meets the rules at every door.
#[test]
fn a_configuration_that_breaks_a_rule_is_refused_before_anything_is_made() {
    let config = Config {
        recipe: Recipe {
            pool: 2,
            ..Recipe::default()
        },
        objective: Objective {
            order: UpdateOrder::Torch,
            ..Objective::default()
        },
        ..small_config(32, 2)
    };
    let root = tempfile::tempdir().unwrap();
    let run = RunDir::create(root.path(), "pooled").unwrap();
    let (gpu, data) = (gpu(), bundled(&config));
    let errors = [
        Trainer::start(&gpu, config.clone(), &data, run).unwrap_err(),
        plan_training(&config, gpu.profile()).unwrap_err(),
        Recording::new(&config).unwrap_err(),
        Session::new(&gpu, &config).unwrap_err(),
    ];
    for error in errors {
        let TrainError::Config(error) = error else {
            panic!("{error}")
        };
        assert_eq!(error.field, "recipe.pool");
    }
}

/// What somebody wrote into `config.json` meets the same errors, with the name of the file.
#[test]
fn an_edited_configuration_is_refused_with_the_name_of_its_file() {
    let root = tempfile::tempdir().unwrap();
    let run = RunDir::create(root.path(), "edited").unwrap();
    let config = small_config(32, 2);
    run.write_config(&config).unwrap();
    assert_eq!(Trainer::read_config(&run).unwrap(), config);
    for (field, change) in [
        ("ngf", (|c| c.ngf = 0) as fn(&mut Config)),
        ("recipe.accumulate", |c| c.recipe.accumulate = 129),
        ("learning_rate", |c| c.learning_rate = -1.0),
    ] {
        let mut edited = config.clone();
        change(&mut edited);
        assert_eq!(edited.differences(&config), [field]);
        run.write_config(&edited).unwrap();
        let error = Trainer::read_config(&run).unwrap_err();
        assert!(error.to_string().contains("config.json"), "{error}");
        let TrainError::ConfigFile { source, .. } = error else {
            panic!("{error}")
        };
        assert_eq!(source.field, field);
    }
}
