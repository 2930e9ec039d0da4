//! The option of each field. This is the only place that knows both names. Errors and help texts
//! name fields in backticks. Here these become the names of options.

use crate::train::{Field, Range, find};
use clap::{Arg, Command};

/// Fields, and the options that set them.
const OPTIONS: &[(&str, &str)] = &[
    ("preset", "--preset"),
    ("direction", "--direction"),
    ("input", "--input"),
    ("output", "--output"),
    ("stack", "--stack"),
    ("output_stack", "--output-stack"),
    ("palette", "--palette"),
    ("size", "--size"),
    ("fit", "--fit"),
    ("preprocess", "--preprocess"),
    ("load_size", "--load-size"),
    ("mirror", "--no-flip"),
    ("reading.ignore_orientation", "--ignore-orientation"),
    ("reading.max_pixels", "--max-pixels"),
    ("reading.value_range", "--value-range"),
    ("reading.output_value_range", "--output-value-range"),
    ("reading.nodata", "--nodata"),
    ("ngf", "--ngf"),
    ("ndf", "--ndf"),
    ("num_downs", "--depth"),
    ("d_layers", "--d-layers"),
    ("patch", "--patch"),
    ("discriminators", "--discriminators"),
    ("norm", "--norm"),
    ("architecture", "--generator"),
    ("upsample", "--upsample"),
    ("dropout", "--no-dropout"),
    ("dropout_at", "--dropout-at"),
    ("test.norm", "--test-norm"),
    ("test.dropout", "--test-dropout"),
    ("precision", "--precision"),
    ("batch_size", "--batch-size"),
    ("recompute", "--recompute"),
    ("epochs", "--epochs"),
    ("steps", "--steps"),
    ("learning_rate", "--lr"),
    ("objective", "--objective"),
    ("objective.gan_loss", "--gan-mode"),
    ("objective.lambda_gp", "--lambda-gp"),
    ("objective.lambda_gan", "--lambda-gan"),
    ("objective.distance", "--distance"),
    ("objective.lambda_l1", "--lambda-l1"),
    ("objective.lambda_feat", "--lambda-feat"),
    ("objective.order", "--order"),
    ("beta1", "--beta1"),
    ("beta2", "--beta2"),
    ("recipe.schedule", "--schedule"),
    ("lr_step", "--lr-step"),
    ("recipe.init", "--init"),
    ("recipe.init_gain", "--init-gain"),
    ("recipe.optimizer", "--optimizer"),
    ("momentum", "--momentum"),
    ("recipe.pool", "--pool"),
    ("recipe.accumulate", "--accumulate"),
    ("recipe.ema", "--ema"),
    ("recipe.pretrained", "--pretrained"),
    (
        "recipe.pretrained_discriminator",
        "--pretrained-discriminator",
    ),
    ("seed", "--seed"),
    ("sample_every", "--sample-every"),
    ("checkpoint_every", "--checkpoint-every"),
    ("eval_metric", "--eval-metric"),
    ("patience", "--patience"),
    ("tensorboard", "--tensorboard"),
];

/// Names in the errors of lower floors that are not fields of a configuration, and their options.
const OTHERS: &[(&str, &str)] = &[
    ("adapter", "--adapter"),
    ("batch", "--batch"),
    ("blur", "--blur"),
    ("format", "--format"),
    ("fraction", "--fraction"),
    ("high", "--high"),
    ("json", "--json"),
    ("low", "--low"),
    ("memory", "--memory"),
    ("name", "--name"),
    ("network", "--network"),
    ("no_timestamps", "--no-timestamps"),
    ("overlap", "--overlap"),
    ("per_op", "--per-op"),
    ("port", "--port"),
    ("practice", "--practice"),
    ("resume", "--resume"),
    ("same_input", "--same-input"),
    ("samples", "--samples"),
    ("split", "--split"),
    ("test", "--test"),
    ("threads", "--threads"),
    ("tile", "--tile"),
    ("trials", "--trials"),
    ("val", "--val"),
    ("vary", "--vary"),
];

/// Phrases where the name of an option alone is not enough: most of these options say the opposite
/// of their field.
const PHRASES: &[(&str, &str)] = &[
    ("with `dropout` true", "with --dropout"),
    ("use `dropout` true", "use --dropout"),
    ("`dropout` true does nothing", "--dropout does nothing"),
    ("use `test.dropout` false", "use --no-dropout"),
    ("use `test.dropout` true", "add --dropout"),
    // Of a conversion, where two options set this field.
    (
        "`test.dropout`, `fit` and `seed`",
        "--dropout, --no-dropout, --fit and --seed",
    ),
];

/// `text` with the options in place of the fields that it names in backticks.
pub fn render(text: &str) -> String {
    let mut text = text.to_owned();
    if !text.contains('`') {
        return text;
    }
    for (phrase, said) in PHRASES {
        text = text.replace(phrase, said);
    }
    for (field, option) in OPTIONS.iter().chain(OTHERS) {
        text = text.replace(&format!("`{field}`"), option);
    }
    text
}

/// The field, or the shorthand, that an option sets.
pub fn field_of(arg: &Arg) -> Option<&'static Field> {
    let long = arg.get_long()?;
    let (field, _) = OPTIONS
        .iter()
        .find(|(_, option)| option.strip_prefix("--") == Some(long))?;
    find(field)
}

/// The option that sets a field or a shorthand.
pub fn option_of(field: &str) -> Option<&'static str> {
    let mut options = OPTIONS.iter();
    options.find_map(|(known, option)| (*known == field).then_some(*option))
}

/// Gives each option that sets a field the heading, the help text and the default of this field. An
/// option with a help text of its own keeps it.
pub fn describe(command: Command) -> Command {
    command.mut_args(|arg| {
        let Some(field) = field_of(&arg) else {
            return arg;
        };
        let arg = match field.group.title() {
            Some(title) => arg.help_heading(title),
            None => arg,
        };
        if arg.get_help().is_some() {
            return arg;
        }
        let default = default_text(&arg, field.default, field.default_words, field.range);
        arg.help(render(&format!("{}{default}", field.help)))
    })
}

/// The default, as it stands behind a help text. It is empty if there is none, or if clap writes it
/// itself.
fn default_text(arg: &Arg, json: &str, words: &str, range: Range) -> String {
    if !arg.get_default_values().is_empty() || range == Range::Switch {
        return String::new();
    }
    let value = json.trim_matches('"');
    match (words, value) {
        ("", "null") => String::new(),
        ("", value) => format!(" [default: {}]", value.strip_suffix(".0").unwrap_or(value)),
        // These words say for which case the default is.
        (words, _) if words.starts_with("for ") => format!(" [default {words}]"),
        (words, _) => format!(" [default: {words}]"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn fields_become_options_and_nothing_else_changes() {
        for (text, expected) in [
            ("use `recipe.pool` 0", "use --pool 0"),
            ("train with `dropout` true", "train with --dropout"),
            ("see `pix2pix adapters`", "see `pix2pix adapters`"),
            ("size 3", "size 3"),
            (
                "`objective.order` and `objective`",
                "--order and --objective",
            ),
        ] {
            assert_eq!(render(text), expected);
        }
    }

    #[test]
    fn every_option_is_one_of_a_field_and_of_a_command() {
        let mut program = super::super::command();
        program.build();
        let train = program.find_subcommand("train").map(Command::get_arguments);
        let known: Vec<&str> = train
            .into_iter()
            .flatten()
            .filter_map(Arg::get_long)
            .collect();
        for (field, option) in OPTIONS {
            assert!(find(field).is_some(), "{field} is no field");
            assert!(known.contains(&&option[2..]), "{option} is no option");
        }
    }

    /// What can be typed for a choice is what its field lists.
    #[test]
    fn the_values_of_an_option_are_those_of_its_field() {
        let program = super::super::command();
        let train = program.find_subcommand("train").unwrap();
        let mut choices = 0;
        for arg in train.get_arguments() {
            let Some(Range::OneOf(names)) = field_of(arg).map(|field| field.range) else {
                continue;
            };
            let values = arg.get_possible_values();
            let typed: Vec<&str> = values.iter().map(|value| value.get_name()).collect();
            assert_eq!(typed, names, "{}", arg.get_id());
            choices += 1;
        }
        assert!(choices > 15, "{choices}");
    }

    /// Every option of a training run has the help text of a field, or one of its own.
    #[test]
    fn every_option_has_a_help() {
        for name in ["train", "inspect"] {
            let program = super::super::command();
            let command = program.find_subcommand(name).cloned();
            for arg in command.iter().flat_map(|command| command.get_arguments()) {
                assert!(arg.get_help().is_some(), "{name}: {}", arg.get_id());
            }
        }
    }
}
