//! Settings as a form has them: every field that somebody can ask for, and settings of a JSON
//! object by the names of fields.

use super::field::{Field, Group, Range};
use super::fields::{FIELDS, SHORTHANDS, find};
use super::pixels::PixelKind;
use super::rules::check_number;
use super::{ConfigError, Length, Preset, Settings};
use crate::data::Palette;
use crate::train::objective::PaperObjective;
use crate::train::recipe::Optimizer;
use crate::train::schedule::Policy;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The fields of one group, under its heading.
#[derive(Debug, Clone, Serialize)]
pub struct FormGroup {
    /// The heading.
    pub group: &'static str,
    /// Its fields.
    pub fields: Vec<FormField>,
}

/// A field that somebody can ask for.
#[derive(Debug, Clone, Serialize)]
pub struct FormField {
    /// Its name, as in [`FIELDS`] or [`SHORTHANDS`].
    pub name: &'static str,
    /// What it does. Other fields are named in backticks.
    pub help: &'static str,
    /// `integer`, `number`, `choice`, `flag` or `text`.
    pub kind: &'static str,
    /// What it is if nothing is asked for, with the paper's preset.
    pub default: Value,
    /// The same in words, where it depends on something.
    pub default_words: &'static str,
    /// The names of a choice; none for other kinds.
    pub choices: &'static [&'static str],
    /// The least number.
    pub least: Option<f64>,
    /// The largest number.
    pub most: Option<f64>,
}

/// What follows from another field, and cannot be asked for by itself.
const FOLLOWS: &str = "objective.conditional";

/// All fields that somebody can ask for, by group.
pub fn form() -> Vec<FormGroup> {
    let asked = |field: &&Field| field.name != FOLLOWS && field.range.parts().is_empty();
    let mut groups: Vec<(Group, Vec<FormField>)> = Vec::new();
    for field in FIELDS.iter().chain(SHORTHANDS).filter(asked) {
        let group = groups.iter_mut().find(|(group, _)| *group == field.group);
        match group {
            Some((_, fields)) => fields.push(form_field(field)),
            None => groups.push((field.group, vec![form_field(field)])),
        }
    }
    groups.sort_by_key(|(group, _)| *group);
    let titled = groups.into_iter().map(|(group, fields)| FormGroup {
        group: group.title().unwrap_or("What matters first"),
        fields,
    });
    titled.collect()
}

fn form_field(field: &Field) -> FormField {
    let (kind, least, most) = match field.range {
        Range::Whole(least, u64::MAX) => ("integer", Some(least as f64), None),
        Range::Whole(least, most) => ("integer", Some(least as f64), Some(most as f64)),
        Range::FromZero | Range::AboveZero => ("number", Some(0.0), None),
        Range::Share => ("number", Some(0.0), Some(1.0)),
        Range::Number => ("number", None, None),
        Range::Switch => ("flag", None, None),
        Range::OneOf(_) => ("choice", None, None),
        Range::Interval | Range::Each(_) | Range::Either(_) | Range::Path | Range::Text => {
            ("text", None, None)
        }
    };
    FormField {
        name: field.name,
        help: field.help,
        kind,
        // The tables are checked in a test.
        default: serde_json::from_str(field.default).unwrap_or_default(),
        default_words: field.default_words,
        choices: match field.range {
            Range::OneOf(names) => names,
            _ => &[],
        },
        least,
        most,
    }
}

impl Settings {
    /// The settings that a JSON object asks for, by the names of [`form`]. `null` asks for nothing.
    /// A palette is given as the lines of its file.
    ///
    /// # Errors
    /// A name that no field has, and a value of another kind. Ranges and rules between fields are
    /// left to [`Settings::config`].
    pub fn of_form(asked: &Map<String, Value>) -> Result<Self, ConfigError> {
        let mut settings = Self::default();
        for (name, value) in asked.iter().filter(|(_, value)| !value.is_null()) {
            let field =
                find(name).filter(|field| field.name != FOLLOWS && field.range.parts().is_empty());
            let Some(field) = field else {
                return Err(ConfigError::new(
                    "config",
                    format!(
                        "`{}` is no field that can be asked for",
                        name.escape_debug()
                    ),
                    "leave it out",
                ));
            };
            let given = Given { field, value };
            if !(settings.set_main(&given)?
                || settings.set_networks(&given)?
                || settings.set_training(&given)?)
            {
                return Err(given.refuse("cannot be asked for here"));
            }
        }
        Ok(settings)
    }

    fn set_main(&mut self, given: &Given) -> Result<bool, ConfigError> {
        match given.field.name {
            "preset" => self.preset = given.named(&[Preset::Paper, Preset::Fast])?,
            "dataset" => self.dataset = given.some()?,
            "adapter" => self.adapter = given.some()?,
            "direction" => self.direction = given.some()?,
            "input" => self.pixels.input = given.named(&PixelKind::ALL)?.unwrap_or_default(),
            "output" => self.pixels.output = given.named(&PixelKind::ALL)?.unwrap_or_default(),
            "stack" => self.pixels.stack = given.some()?,
            "output_stack" => self.pixels.output_stack = given.some()?,
            "palette" => self.pixels.palette = Some(given.palette()?),
            "reading.value_range" => self.values.range = Some(given.parsed()?),
            "reading.output_value_range" => self.values.output_range = Some(given.parsed()?),
            "reading.nodata" => self.values.nodata = given.some()?,
            "reading.ignore_orientation" => self.ignore_orientation = given.some()?,
            "reading.max_pixels" => self.max_pixels = given.some()?,
            "size" => self.size = given.some()?,
            "fit" => self.fit = given.some()?,
            "preprocess" => self.preprocess = given.some()?,
            "load_size" => self.load_size = given.some()?,
            "mirror" => self.mirror = given.some()?,
            "test.norm" => self.test_norm = given.some()?,
            "test.dropout" => self.test_dropout = given.some()?,
            "seed" => self.seed = given.some()?,
            "sample_every" => self.sample_every = given.some()?,
            "checkpoint_every" => self.checkpoint_every = given.some()?,
            "eval_metric" => self.eval_metric = given.some()?,
            "patience" => self.patience = given.some()?,
            "tensorboard" => self.tensorboard = given.some()?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn set_networks(&mut self, given: &Given) -> Result<bool, ConfigError> {
        match given.field.name {
            "ngf" => self.ngf = given.some()?,
            "ndf" => self.ndf = given.some()?,
            "num_downs" => self.num_downs = given.some()?,
            "d_layers" => self.d_layers = given.some()?,
            "patch" => self.patch = given.some()?,
            "discriminators" => self.discriminators = given.some()?,
            "norm" => self.norm = given.some()?,
            "architecture" => self.architecture = given.some()?,
            "upsample" => self.upsample = given.some()?,
            "dropout" => self.dropout = given.some()?,
            "dropout_at" => self.dropout_at = given.some()?,
            "precision" => self.precision = given.some()?,
            "batch_size" => self.batch_size = given.some()?,
            "recompute" => self.recompute = given.some()?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn set_training(&mut self, given: &Given) -> Result<bool, ConfigError> {
        match given.field.name {
            // One of the two is asked for. Of both, the steps count, as on the command line.
            "epochs" if matches!(self.length, Some(Length::Steps(_))) => {}
            "epochs" => self.length = given.some()?.map(Length::Epochs),
            "steps" => self.length = given.some()?.map(Length::Steps),
            "learning_rate" => self.learning_rate = given.some()?,
            "objective" => self.objective = given.named(&PaperObjective::ALL)?,
            "objective.gan_loss" => self.gan_loss = given.some()?,
            "objective.lambda_gp" => self.lambda_gp = given.some()?,
            "objective.lambda_gan" => self.lambda_gan = given.some()?,
            "objective.distance" => self.distance = given.some()?,
            "objective.lambda_l1" => self.lambda_l1 = given.some()?,
            "objective.lambda_feat" => self.lambda_feat = given.some()?,
            "objective.order" => self.order = given.some()?,
            "beta1" => self.beta1 = given.some()?,
            "beta2" => self.beta2 = given.some()?,
            "recipe.schedule" if given.value == "step" => self.schedule = Some(Policy::STEP),
            "recipe.schedule" => self.schedule = given.some()?,
            "lr_step" => self.lr_step = given.some()?,
            "recipe.init" => self.init = given.some()?,
            "recipe.init_gain" => self.init_gain = given.some()?,
            "recipe.optimizer" if given.value == "sgd" => {
                self.optimizer = Some(Optimizer::Sgd { momentum: 0.0 });
            }
            "recipe.optimizer" => self.optimizer = given.some()?,
            "momentum" => self.momentum = given.some()?,
            "recipe.pool" => self.pool = given.some()?,
            "recipe.accumulate" => self.accumulate = given.some()?,
            "recipe.ema" => self.ema = given.some()?,
            "recipe.pretrained" => self.pretrained = given.some()?,
            "recipe.pretrained_discriminator" => self.pretrained_discriminator = given.some()?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// A choice that has a name of its own.
trait Named: Copy {
    fn name(self) -> &'static str;
}

impl Named for Preset {
    fn name(self) -> &'static str {
        Preset::name(self)
    }
}

impl Named for PixelKind {
    fn name(self) -> &'static str {
        PixelKind::name(self)
    }
}

impl Named for PaperObjective {
    fn name(self) -> &'static str {
        PaperObjective::name(self)
    }
}

/// A field, and what was given for it.
struct Given<'a> {
    field: &'static Field,
    value: &'a Value,
}

impl Given<'_> {
    /// The error for a value that does not fit.
    fn refuse(&self, why: &str) -> ConfigError {
        let name = self.field.name;
        let remedy = match self.field.range {
            Range::OneOf(names) => format!("it is one of {}", names.join(", ")),
            _ => String::new(),
        };
        ConfigError::new(name, format!("`{name}` {} {why}", self.value), remedy)
    }

    /// What a value of the right kind is.
    fn wanted(&self) -> &'static str {
        match self.field.range {
            Range::Whole(..) => "is no whole number",
            Range::FromZero | Range::AboveZero | Range::Share | Range::Number => "is no number",
            Range::Switch => "is neither true nor false",
            Range::OneOf(_) => "is no such choice",
            _ => "is no text",
        }
    }

    fn some<T: DeserializeOwned>(&self) -> Result<Option<T>, ConfigError> {
        let whole = matches!(self.field.range, Range::Whole(..));
        match self.value.as_f64() {
            Some(number) if !whole || number.fract() == 0.0 => {
                check_number(self.field.name, number)?;
            }
            _ => {}
        }
        let value = serde_json::from_value(self.value.clone());
        value.map(Some).map_err(|_| self.refuse(self.wanted()))
    }

    fn named<T: Named>(&self, all: &[T]) -> Result<Option<T>, ConfigError> {
        let found = all.iter().find(|one| self.value == one.name());
        found
            .copied()
            .map(Some)
            .ok_or_else(|| self.refuse(self.wanted()))
    }

    fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(&self) -> Result<T, ConfigError> {
        let text = self
            .value
            .as_str()
            .ok_or_else(|| self.refuse("is no text"))?;
        text.parse().map_err(|error: T::Err| {
            let name = self.field.name;
            ConfigError::new(name, format!("`{name}`: {error}"), "")
        })
    }

    fn palette(&self) -> Result<Palette, ConfigError> {
        let text = self
            .value
            .as_str()
            .ok_or_else(|| self.refuse("is no text"))?;
        Palette::parse(text)
            .map_err(|problem| ConfigError::new("palette", format!("`palette`: {problem}"), ""))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn settings(json: &str) -> Result<Settings, ConfigError> {
        Settings::of_form(
            serde_json::from_str::<Value>(json)
                .unwrap()
                .as_object()
                .unwrap(),
        )
    }

    /// Each field of the form takes its default, and each of its choices.
    #[test]
    fn every_field_of_the_form_can_be_asked_for() {
        let mut fields = 0;
        for field in form().into_iter().flat_map(|group| group.fields) {
            fields += 1;
            let mut values: Vec<Value> = field.choices.iter().map(|&name| name.into()).collect();
            values.push(field.default.clone());
            values.extend(match (field.kind, field.name) {
                ("integer", _) => Some(1.into()),
                ("number", _) => Some(0.5.into()),
                ("flag", _) => Some(true.into()),
                ("text", name) if name.contains("value_range") => Some("0..1".into()),
                ("text", "palette") => Some("#000000\n#ffffff\n".into()),
                ("text", _) => Some("x".into()),
                _ => None,
            });
            for value in values.into_iter().filter(|value| !value.is_null()) {
                let asked = Map::from_iter([(field.name.to_owned(), value.clone())]);
                let made = Settings::of_form(&asked);
                // One is below the least of some.
                let is_below = field
                    .least
                    .is_some_and(|least| value.as_f64() < Some(least));
                assert_eq!(made.is_err(), is_below, "{} {value}: {made:?}", field.name);
                let kinds = ["input", "output"].contains(&field.name);
                if !(is_below || kinds && value == "rgb") {
                    assert_ne!(made.unwrap(), Settings::default(), "{} {value}", field.name);
                }
            }
        }
        // All but two that are made of others and one that follows from another.
        assert_eq!(fields, FIELDS.len() + SHORTHANDS.len() - 3);
    }

    #[test]
    fn a_form_makes_the_configuration_of_its_settings() {
        let json = r#"{"preset": "paper", "size": 64, "ngf": 8, "recipe.optimizer": "sgd",
            "momentum": 0.5, "recipe.schedule": "step", "lr_step": 7, "steps": 30, "epochs": 5,
            "objective": "l1", "direction": "BtoA", "norm": "instance-affine", "dropout": null}"#;
        let config = settings(json).unwrap().config().unwrap();
        assert_eq!((config.size, config.ngf), (64, 8));
        assert_eq!(config.recipe.optimizer, Optimizer::Sgd { momentum: 0.5 });
        assert_eq!(config.recipe.schedule, Policy::Step { epochs: 7 });
        assert_eq!(config.length, Length::Steps(30));
    }

    #[test]
    fn what_does_not_fit_names_its_field() {
        for (json, field, text) in [
            (r#"{"ngf": 0}"#, "ngf", "`ngf` 0 must lie between 1 and"),
            (r#"{"ngf": 1.5}"#, "ngf", "`ngf` 1.5 is no whole number"),
            (r#"{"ngf": "8"}"#, "ngf", "`ngf` \"8\" is no whole number"),
            (
                r#"{"size": 99999999999}"#,
                "size",
                "must lie between 32 and 16384",
            ),
            (
                r#"{"norm": "group"}"#,
                "norm",
                "is no such choice; it is one of batch, instance",
            ),
            (
                r#"{"input": 3}"#,
                "input",
                "is no such choice; it is one of gray",
            ),
            (
                r#"{"beta1": 1}"#,
                "beta1",
                "`beta1` 1 must be a number from 0 on and below 1",
            ),
            (r#"{"palette": "none"}"#, "palette", "`palette`: "),
            (
                r#"{"reading.value_range": "9"}"#,
                "reading.value_range",
                "`reading.value_range`: ",
            ),
            (
                r#"{"objective.conditional": true}"#,
                "config",
                "no field that can be asked for",
            ),
            (
                r#"{"length": {"steps": 3}}"#,
                "config",
                "no field that can be asked for",
            ),
            (r#"{"nfg": 3}"#, "config", "`nfg` is no field"),
        ] {
            let error = settings(json).unwrap_err();
            assert_eq!(error.field, field, "{json}");
            assert!(error.to_string().contains(text), "{json}: {error}");
        }
    }
}
