//! Runs that start from networks of another run.

use crate::runs::{bundled, train, values};
use pix2pix::gpu::Gpu;
use pix2pix::interop::{TensorFile, reference_shape};
use pix2pix::nn::Norm;
use pix2pix::tape::ArenaPart;
use pix2pix::train::run::RunDir;
use pix2pix::train::{Config, Recipe, Session, TrainError, Trainer};
use pix2pix_harness::config::small_config;
use pix2pix_harness::gpu;
use pollster::block_on;
use std::path::Path;

fn config() -> Config {
    Config {
        learning_rate: 1e-3,
        ..small_config(32, 4)
    }
}

/// A trainer of a run called `name` that starts as `recipe` says.
fn started<'a>(
    gpu: &'a Gpu,
    root: &Path,
    name: &str,
    recipe: Recipe,
    change: impl Fn(Config) -> Config,
) -> Result<Trainer<'a>, TrainError> {
    let config = change(Config { recipe, ..config() });
    let run = RunDir::create(root, name).unwrap();
    block_on(Trainer::start(gpu, config.clone(), &bundled(&config), run))
}

#[test]
fn a_run_starts_from_pretrained_networks_and_only_from_such_as_fit() {
    let gpu = gpu();
    let root = tempfile::tempdir().unwrap();
    let first = train(&gpu, &config(), root.path(), "first");
    assert_starts_from(&gpu, root.path(), &first);
    assert_refuses_what_does_not_fit(&gpu, root.path(), &first);
}

fn assert_starts_from(gpu: &Gpu, root: &Path, first: &RunDir) {
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
        let trainer = started(gpu, root, name, recipe, |config| config).unwrap();
        let session = trainer.session();
        assert_holds(gpu, session, &TensorFile::open(&checkpoint).unwrap());
        let arena = session.generator.parameters();
        assert_eq!(
            values(gpu, session, arena, ArenaPart::Average),
            values(gpu, session, arena, ArenaPart::Value)
        );
        assert!(
            values(gpu, session, arena, ArenaPart::Moment1)
                .iter()
                .all(|&moment| moment == 0.0),
            "a fresh optimiser"
        );
    }
}

/// Both networks have the values of a checkpoint.
fn assert_holds(gpu: &Gpu, session: &Session, file: &TensorFile) {
    let discriminator = session.discriminator.as_ref().unwrap();
    for (prefix, arena) in [
        ("", session.generator.parameters()),
        ("net_D.", discriminator.parameters()),
        ("net_D.", discriminator.statistics()),
    ] {
        for state in session.store.states().in_arena(arena) {
            let key = format!("{prefix}{}", state.name);
            let shape = reference_shape(state.shape, state.transposed);
            let mut expected = file.values(&key, &shape).unwrap();
            let mut got = block_on(session.store.read(gpu, state.id, ArenaPart::Value)).unwrap();
            // Another order of axes.
            expected.sort_by(f32::total_cmp);
            got.sort_by(f32::total_cmp);
            assert_eq!(got, expected, "{key}");
        }
    }
}

fn assert_refuses_what_does_not_fit(gpu: &Gpu, root: &Path, first: &RunDir) {
    let of_generator = |file: &str| Recipe {
        pretrained: Some(first.path().join(file)),
        ..Recipe::default()
    };
    let refused = |name: &str, recipe: Recipe, change: &dyn Fn(Config) -> Config| {
        let error = started(gpu, root, name, recipe, change).unwrap_err();
        assert!(matches!(error, TrainError::Pretrained { .. }), "{error}");
        error.to_string()
    };
    let recipe = of_generator("generator.safetensors");
    let message = refused("width", recipe.clone(), &|config| Config {
        ngf: 8,
        ..config
    });
    assert!(
        message.contains("[4, 3, 4, 4]")
            && message.contains("[8, 3, 4, 4]")
            && message.contains("`ngf`"),
        "{message}"
    );
    let message = refused("norm", recipe, &|config| Config {
        norm: Norm::None,
        ..config
    });
    assert!(message.contains("none of this network's"), "{message}");
    let swapped = of_generator("discriminator.safetensors");
    refused("other", swapped, &|config| config);
    let discriminator = Recipe {
        pretrained_discriminator: Some(first.path().join("discriminator.safetensors")),
        ..Recipe::default()
    };
    refused("layers", discriminator.clone(), &|config| Config {
        d_layers: 2,
        ..config
    });
    let message = refused("scales", discriminator, &|config| Config {
        size: 64,
        load_size: 64,
        discriminators: 2,
        ..config
    });
    assert!(
        message.contains("scale0.model.0.weight is missing")
            && message.contains("`discriminators`"),
        "{message}"
    );
}
