//! The table of fields is that of the configuration, and every way to a configuration meets the same
//! rules.

use super::*;
use crate::nn::TestNorm;
use crate::train::objective::{PaperObjective, UpdateOrder};
use crate::train::recipe::Optimizer;
use crate::train::schedule::Policy;
use serde_json::Value;
use std::collections::BTreeMap;

/// The fields of a configuration as JSON, with dots in the names of nested ones. What is a choice
/// with a value of its own is one field.
fn leaves(config: &Config) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    let text = serde_json::to_string(config).unwrap();
    let Value::Object(fields) = serde_json::from_str(&text).unwrap() else {
        panic!("a configuration is an object");
    };
    for (name, value) in fields {
        match (name.as_str(), value) {
            ("test" | "objective" | "recipe", Value::Object(inner)) => found.extend(
                inner
                    .into_iter()
                    .map(|(field, value)| (format!("{name}.{field}"), value)),
            ),
            (_, value) => {
                found.insert(name, value);
            }
        }
    }
    found
}

#[test]
fn the_table_has_every_field_once_with_its_default() {
    let mut expected = leaves(&Config::default());
    for field in FIELDS {
        let default: Value = serde_json::from_str(field.default).unwrap();
        assert_eq!(expected.remove(field.name), Some(default), "{}", field.name);
    }
    assert!(expected.is_empty(), "not in the table: {expected:?}");
}

#[test]
fn defaults_are_in_their_ranges() {
    for field in FIELDS.iter().chain(SHORTHANDS) {
        let default: Value = serde_json::from_str(field.default).unwrap();
        let inside = match (field.range, &default) {
            (_, Value::Null) => true,
            (Range::Whole(least, most), value) => value
                .as_u64()
                .is_some_and(|value| (least..=most).contains(&value)),
            (Range::FromZero, value) => value.as_f64().is_some_and(|value| value >= 0.0),
            (Range::AboveZero, value) => value.as_f64().is_some_and(|value| value > 0.0),
            (Range::Share, value) => value
                .as_f64()
                .is_some_and(|value| (0.0..1.0).contains(&value)),
            (Range::Switch, value) => value.is_boolean(),
            (Range::OneOf(names), value) => {
                value.as_str().is_some_and(|name| names.contains(&name))
            }
            (Range::Path | Range::Text, _) => true,
        };
        assert!(inside, "{}: {default}", field.name);
        assert!(!field.help.is_empty(), "{}", field.name);
    }
}

/// A numeric field without a number would never be held against its range.
#[test]
fn every_numeric_field_has_its_number() {
    let config = Config::default();
    for field in FIELDS {
        let default: Value = serde_json::from_str(field.default).unwrap();
        if let (
            Range::Whole(..) | Range::FromZero | Range::AboveZero | Range::Share,
            Some(default),
        ) = (field.range, default.as_f64())
        {
            let number = config.number(field.name).map(|number| number as f32);
            assert_eq!(number, Some(default as f32), "{}", field.name);
        }
    }
}

/// Every name of a choice can be read, so that a form may offer it.
#[test]
fn every_name_of_a_choice_makes_a_configuration() {
    for field in FIELDS {
        let Range::OneOf(names) = field.range else {
            continue;
        };
        for name in names {
            let mut config: Value =
                serde_json::from_str(&serde_json::to_string(&Config::default()).unwrap()).unwrap();
            let place = format!("/{}", field.name.replace('.', "/"));
            // These carry a value of their own.
            let value = match *name {
                "labels" => serde_json::json!({"labels": []}),
                "channels" => serde_json::json!({"channels": 2}),
                "step" => serde_json::json!({"step": {"epochs": 3}}),
                "sgd" => serde_json::json!({"sgd": {"momentum": 0.5}}),
                name => name.into(),
            };
            *config.pointer_mut(&place).unwrap() = value;
            let read: Result<Config, _> = serde_json::from_value(config);
            assert!(
                name == &"labels" || read.is_ok(),
                "{} {name}: {read:?}",
                field.name
            );
        }
    }
}

#[test]
fn the_presets_keep_every_rule() {
    for preset in [Preset::Paper, Preset::Bundled] {
        assert_eq!(preset.config().check(), Ok(()));
        let settings = Settings {
            preset,
            ..Settings::default()
        };
        assert_eq!(settings.config().unwrap(), preset.config());
    }
}

/// A change, the field that its error names, and a part of its text.
type Case = (fn(&mut Config), &'static str, &'static str);

const CASES: &[Case] = &[
    (
        |c| c.size = 16385,
        "size",
        "`size` 16385 must lie between 32 and 16384",
    ),
    (|c| c.load_size = 255, "load_size", "between 256 and 16384"),
    (|c| c.ngf = 0, "ngf", "`ngf` 0"),
    (|c| c.d_layers = 9, "d_layers", "between 0 and"),
    (|c| c.d_layers = 7, "d_layers", "the deepest that fits has"),
    (
        |c| c.num_downs = 9,
        "num_downs",
        "the nearest is `num_downs` 8",
    ),
    (|c| c.batch_size = 0, "batch_size", "between 1 and"),
    (
        |c| c.learning_rate = -0.1,
        "learning_rate",
        "-0.1 must be a number from 0 on",
    ),
    (
        |c| c.learning_rate = 1e300,
        "learning_rate",
        "1e300 is too large",
    ),
    (
        |c| c.objective.lambda_l1 = f32::NAN,
        "objective.lambda_l1",
        "from 0 on",
    ),
    (|c| c.objective.betas[1] = 1.0, "beta2", "below 1"),
    (
        |c| (c.objective.lambda_l1, c.objective.lambda_gan) = (0.0, 0.0),
        "objective.lambda_l1",
        "every loss",
    ),
    (|c| c.recipe.init_gain = 0.0, "recipe.init_gain", "above 0"),
    (|c| c.recipe.ema = Some(1.0), "recipe.ema", "below 1"),
    (
        |c| c.recipe.optimizer = Optimizer::Sgd { momentum: 1.0 },
        "momentum",
        "below 1",
    ),
    (
        |c| c.recipe.accumulate = 129,
        "recipe.accumulate",
        "between 1 and 128",
    ),
    (
        |c| (c.recipe.pool, c.objective.order) = (1, UpdateOrder::Torch),
        "recipe.pool",
        "`objective.order` pytorch",
    ),
    (
        |c| (c.recipe.pool, c.objective.lambda_gan) = (1, 0.0),
        "recipe.pool",
        "l1+cgan",
    ),
    (
        |c| c.recipe.schedule = Policy::Step { epochs: 201 },
        "lr_step",
        "use `lr_step` 200",
    ),
    (|c| c.length = Length::Steps(0), "steps", "at least 1"),
    (
        |c| (c.preprocess, c.batch_size) = (Preprocess::None, 2),
        "batch_size",
        "use `batch_size` 1",
    ),
    (
        |c| (c.preprocess, c.recipe.accumulate) = (Preprocess::ScaleWidth, 2),
        "recipe.accumulate",
        "one at a time",
    ),
    (
        |c| (c.architecture, c.fit) = (Architecture::ResNet9, Fit::Crop),
        "fit",
        "`fit` pad",
    ),
    (
        |c| (c.norm, c.test.norm) = (Norm::Instance, TestNorm::Running),
        "test.norm",
        "`norm` batch",
    ),
    (
        |c| (c.dropout, c.test.dropout) = (false, true),
        "test.dropout",
        "`dropout` true",
    ),
    (|c| c.output = Pixels::LabL, "output", "`output` gray"),
];

#[test]
fn a_caller_of_the_library_meets_the_field_the_rule_and_the_nearest_choice() {
    for (change, field, part) in CASES {
        let mut config = Config::default();
        change(&mut config);
        let error = config.check().unwrap_err();
        assert_eq!(error.field, *field, "{error}");
        assert!(error.to_string().contains(part), "{error}");
        assert!(find(error.field).is_some(), "{error}");
    }
}

#[test]
fn settings_that_would_do_nothing_are_refused() {
    let plain = Settings::default;
    let cases = [
        (
            Settings {
                lambda_gp: Some(1.0),
                ..plain()
            },
            "objective.lambda_gp",
        ),
        (
            Settings {
                lr_step: Some(3),
                ..plain()
            },
            "lr_step",
        ),
        (
            Settings {
                momentum: Some(0.5),
                ..plain()
            },
            "momentum",
        ),
        (
            Settings {
                patch: Some(71),
                ..plain()
            },
            "patch",
        ),
        (
            Settings {
                patch: Some(70),
                d_layers: Some(3),
                ..plain()
            },
            "patch",
        ),
        (
            Settings {
                dropout: Some(false),
                dropout_at: Some(DropoutAt::Torch),
                ..plain()
            },
            "dropout_at",
        ),
        (
            Settings {
                size: Some(100),
                ..plain()
            },
            "size",
        ),
        (
            Settings {
                objective: Some(PaperObjective::L1),
                ndf: Some(8),
                ..plain()
            },
            "ndf",
        ),
        (
            Settings {
                architecture: Some(Architecture::ResNet6),
                num_downs: Some(3),
                ..plain()
            },
            "num_downs",
        ),
        (
            Settings {
                preprocess: Some(Preprocess::None),
                size: Some(64),
                ..plain()
            },
            "size",
        ),
        (
            Settings {
                preprocess: Some(Preprocess::Crop),
                load_size: Some(300),
                ..plain()
            },
            "load_size",
        ),
        (
            Settings {
                optimizer: Some(Optimizer::Sgd { momentum: 0.0 }),
                beta1: Some(0.9),
                ..plain()
            },
            "beta1",
        ),
    ];
    for (settings, field) in cases {
        assert_eq!(settings.config().unwrap_err().field, field);
    }
}
