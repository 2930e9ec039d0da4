//! Configurations that break a rule, at every door of the library.

use crate::runs::bundled;
use pix2pix::train::run::RunDir;
use pix2pix::train::{
    Config, Objective, Recipe, Recording, Session, TrainError, Trainer, UpdateOrder, plan_training,
};
use pix2pix_harness::config::small_config;
use pix2pix_harness::gpu;

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
