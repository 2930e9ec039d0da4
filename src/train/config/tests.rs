//! The table of fields is that of the configuration, and every way to a configuration meets the
//! same rules.

use super::*;
use crate::nn::TestNorm;
use crate::train::objective::{PaperObjective, UpdateOrder};
use crate::train::recipe::Optimizer;
use crate::train::schedule::Policy;
use serde_json::Value;

#[test]
fn the_table_has_every_field_once_with_its_default() {
    let mut expected = Config::default().leaves();
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
            (Range::Number, value) => value.is_number(),
            (Range::Interval, value) => value
                .as_str()
                .is_some_and(|text| text.parse::<crate::data::ValueRange>().is_ok()),
            (Range::Switch, value) => value.is_boolean(),
            (Range::OneOf(names), value) => {
                value.as_str().is_some_and(|name| names.contains(&name))
            }
            (Range::Each(parts), value) => value
                .as_array()
                .is_some_and(|values| values.len() == parts.len()),
            (Range::Either(parts), value) => value.as_object().is_some_and(|value| {
                value.len() == 1 && value.keys().all(|key| parts.contains(&key.as_str()))
            }),
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
        // A part is a shorthand with a range of its own.
        for (index, part) in field.range.parts().iter().enumerate() {
            let range = find(part).map(|part| part.range);
            assert!(
                matches!(range, Some(Range::Whole(..) | Range::Share)),
                "{part}"
            );
            let expected = match field.range {
                Range::Each(_) => default[index].as_f64(),
                _ => default[part].as_f64(),
            };
            assert_eq!(config.number(part), expected, "{part}");
        }
    }
}

/// The names of a choice are those of its enum: none is missing, none too many.
#[test]
fn the_names_of_a_choice_are_those_that_can_be_read() {
    for field in FIELDS {
        let Range::OneOf(names) = field.range else {
            continue;
        };
        let mut config = serde_json::to_value(Config::default()).unwrap();
        let place = format!("/{}", field.name.replace('.', "/"));
        *config.pointer_mut(&place).unwrap() = "?".into();
        // The reader of an enum lists all of its names.
        let error = serde_json::from_value::<Config>(config)
            .unwrap_err()
            .to_string();
        let (_, list) = error.split_once("expected ").unwrap();
        let mut readable: Vec<&str> = list.split('`').skip(1).step_by(2).collect();
        // A stack is asked for by `stack` and `output_stack`.
        readable.retain(|name| !(*name == "stack" && ["input", "output"].contains(&field.name)));
        let mut names = names.to_vec();
        names.sort_unstable();
        readable.sort_unstable();
        assert_eq!(names, readable, "{}", field.name);
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
    for preset in [Preset::Paper, Preset::Fast] {
        assert_eq!(preset.config().check(), Ok(()));
        let settings = Settings {
            preset: Some(preset),
            ..Settings::default()
        };
        assert_eq!(settings.config().unwrap(), preset.config());
    }
    // The bundled pairs, unless a data set is named.
    let of = |dataset: Option<&str>| {
        let dataset = dataset.map(PathBuf::from);
        let settings = Settings {
            dataset: dataset.clone(),
            ..Settings::default()
        };
        let config = settings.config().unwrap();
        assert_eq!(config.dataset, dataset);
        config.size
    };
    assert_eq!([of(None), of(Some("facades"))], [64, 256]);
}

#[test]
fn a_short_run_is_not_mostly_scored() {
    let intervals = |settings: Settings, steps| {
        let mut config = settings.config().unwrap();
        config.length = Length::Steps(steps);
        settings.set_intervals(&mut config, 30);
        (config.sample_every, config.checkpoint_every)
    };
    let plain = Settings::default;
    for (steps, expected) in [(10, (50, 1)), (490, (50, 49)), (2800, (280, 280))] {
        assert_eq!(intervals(plain(), steps), expected, "{steps}");
    }
    let patient = Settings {
        patience: Some(3),
        ..plain()
    };
    assert_eq!(intervals(patient, 150), (15, 15));
    let plateau = Settings {
        schedule: Some(Policy::Plateau),
        ..plain()
    };
    assert_eq!(intervals(plateau, 150), (30, 15));
    let named = Settings {
        sample_every: Some(2),
        ..plain()
    };
    assert_eq!(intervals(named, 150), (2, 15));
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
    (
        |c| c.discriminators = 0,
        "discriminators",
        "between 1 and 4",
    ),
    (
        |c| (c.discriminators, c.size, c.num_downs) = (4, 128, 7),
        "discriminators",
        "use `discriminators` 3, or `d_layers` 2",
    ),
    (
        |c| c.objective.lambda_feat = -1.0,
        "objective.lambda_feat",
        "from 0 on",
    ),
    (
        |c| (c.objective.lambda_feat, c.objective.lambda_gan) = (1.0, 0.0),
        "objective.lambda_feat",
        "l1+cgan",
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
    (
        |c| c.reading.max_pixels = Some(0),
        "reading.max_pixels",
        "must be at least 1",
    ),
    (
        |c| c.reading.nodata = Some(0.0),
        "reading.nodata",
        "does nothing without a value range",
    ),
    (
        |c| {
            c.reading.value_range = "0..10".parse().ok();
            c.reading.nodata = Some(-9999.0);
        },
        "reading.nodata",
        "-9999 lies outside of the value range 0..10",
    ),
    (
        |c| {
            (c.input, c.output) = (Pixels::LabL, Pixels::LabAb);
            c.reading.value_range = "0..10".parse().ok();
        },
        "reading.value_range",
        "Lab, which is computed from colours",
    ),
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

/// A setting without use, and the field that its error names.
type Useless = (fn(&mut Settings), &'static str);

const USELESS: &[Useless] = &[
    (|s| s.lambda_gp = Some(1.0), "objective.lambda_gp"),
    (|s| s.lr_step = Some(3), "lr_step"),
    (|s| s.momentum = Some(0.5), "momentum"),
    (|s| s.patch = Some(71), "patch"),
    (|s| (s.patch, s.d_layers) = (Some(70), Some(3)), "patch"),
    (|s| (s.dropout, s.size) = (Some(true), Some(32)), "dropout"),
    (
        |s| (s.dropout, s.dropout_at) = (Some(false), Some(DropoutAt::Torch)),
        "dropout_at",
    ),
    (|s| s.size = Some(100), "size"),
    (
        |s| (s.objective, s.ndf) = (Some(PaperObjective::L1), Some(8)),
        "ndf",
    ),
    (
        |s| (s.architecture, s.num_downs) = (Some(Architecture::ResNet6), Some(3)),
        "num_downs",
    ),
    (
        |s| (s.preprocess, s.size) = (Some(Preprocess::None), Some(64)),
        "size",
    ),
    (
        |s| (s.preprocess, s.load_size) = (Some(Preprocess::Crop), Some(300)),
        "load_size",
    ),
    (
        |s| {
            s.optimizer = Some(Optimizer::Sgd { momentum: 0.0 });
            s.beta1 = Some(0.9);
        },
        "beta1",
    ),
];

#[test]
fn settings_that_would_do_nothing_are_refused() {
    for (change, field) in USELESS {
        let mut settings = Settings {
            preset: Some(Preset::Paper),
            ..Settings::default()
        };
        assert!(settings.config().is_ok());
        change(&mut settings);
        assert_eq!(settings.config().unwrap_err().field, *field);
    }
}
