//! Which models there are: those in the program, those of runs, and those that were sent.

use crate::data::Pixels;
use crate::models::{self, ModelCard};
use crate::nn::GeneratorConfig;
use crate::studio::refusal::Refusal;
use crate::studio::runs::RunsFolder;
use crate::train::ModelConfig;
use crate::train::checkpoint::NetworkKind;
use crate::train::run::RunDir;
use serde_json::{Value, json};

/// In front of the name of a run, as the name of a model.
pub const RUN: &str = "run:";
/// In front of the name of a file that was sent.
pub const FILE: &str = "file:";

/// All models; `files` are those that were sent.
///
/// # Errors
/// A runs' folder that cannot be read, and a card of the program that cannot.
pub fn list(runs: &RunsFolder, files: Vec<Value>) -> Result<Value, Refusal> {
    let mut all = Vec::new();
    for model in models::ALL {
        let card = model.card().map_err(Refusal::failed)?;
        all.push(of_card(model.name, &card));
    }
    for run in runs.list()?.0 {
        if !run.path.join(NetworkKind::Generator.file_name()).is_file() {
            continue;
        }
        // What is wrong with a configuration is said where its run is shown.
        if let Ok(config) = RunDir::config_of(&run.path) {
            all.push(described(
                &format!("{RUN}{}", run.id),
                &run.id,
                ("run", "the newest weights of this run", Value::Null),
                &config.generator(),
                (&config.input, &config.output, config.size),
            ));
        }
    }
    all.extend(files);
    Ok(Value::Array(all))
}

/// What is told of a model in the program before it is opened.
fn of_card(name: &str, card: &ModelCard) -> Value {
    json!({
        "id": name,
        "title": card.title,
        "about": format!("{} → {}", card.input, card.output),
        "from": "box",
        "width": card.size,
        "height": card.size,
        "licence": format!("{}, {}", card.data.licence, card.data.notice),
    })
}

/// What is told of a model that was opened.
pub fn of_config(id: &str, config: &ModelConfig, card: Option<&ModelCard>) -> Value {
    let pixels = (&config.input, &config.output, config.size);
    let generator = &config.generator;
    if let Some(card) = card {
        let mut told = of_card(id, card);
        let more = described(id, "", ("box", "", Value::Null), generator, pixels);
        for field in ["input", "output", "dropout", "palette"] {
            told[field] = more[field].clone();
        }
        return told;
    }
    let (from, title) = match (id.strip_prefix(RUN), id.strip_prefix(FILE)) {
        (Some(run), _) => ("run", run),
        (_, name) => ("file", name.unwrap_or(id)),
    };
    described(id, title, (from, "", Value::Null), generator, pixels)
}

fn described(
    id: &str,
    title: &str,
    (from, about, licence): (&str, &str, Value),
    generator: &GeneratorConfig,
    (input, output, size): (&Pixels, &Pixels, u32),
) -> Value {
    json!({
        "id": id,
        "title": title,
        "about": about,
        "from": from,
        "width": size,
        "height": size,
        "input": kind_of(input),
        "output": kind_of(output),
        "dropout": generator.has_dropout(),
        "palette": palette_of(input),
        "examples": [],
        "licence": licence,
    })
}

/// The colours that inputs have, where they are labels.
fn palette_of(input: &Pixels) -> Value {
    let Pixels::Labels(palette) = input else {
        return Value::Null;
    };
    let colours = (0..palette.len()).map(|label| {
        let [red, green, blue] = palette.colour(label).map(|sample| sample >> 8);
        json!({
            "name": format!("label {label}"),
            "colour": format!("#{red:02x}{green:02x}{blue:02x}"),
        })
    });
    colours.collect()
}

fn kind_of(pixels: &Pixels) -> String {
    match pixels {
        Pixels::Gray => "grey".to_owned(),
        Pixels::Labels(_) => "labels".to_owned(),
        other => other.to_string(),
    }
}
