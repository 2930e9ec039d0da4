//! `pix2pix models`.

use super::{CliError, print};
use crate::models::{self, BundledModel};
use clap::Args;

/// Arguments of `models`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: pix2pix models                (all of them)\n         \
                        pix2pix models NAME           (how one was made, and all its scores)"
)]
pub struct ModelsArgs {
    /// One of them: prints all that is known of it
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

/// Lists the models, or prints the page of one.
pub fn run(args: &ModelsArgs) -> Result<(), CliError> {
    let Some(name) = &args.name else {
        return list();
    };
    let model = models::named(name.as_ref()).ok_or_else(|| CliError::NoModel {
        name: name.into(),
        remedy: super::weights::names(),
    })?;
    let page = model.card()?.page_alone(model.name, model.weights.len());
    print(page.trim_end())
}

fn list() -> Result<(), CliError> {
    if models::ALL.is_empty() {
        return print("this program carries no models");
    }
    for model in models::ALL {
        print(&entry(model)?)?;
    }
    Ok(())
}

/// What a model does, how good it is, and how it is used.
fn entry(model: &BundledModel) -> Result<String, CliError> {
    let card = model.card()?;
    let mut lines = vec![format!(
        "{}: {}, {:.1} MB",
        model.name,
        card.use_line(),
        model.weights.len() as f64 / 1e6
    )];
    lines.extend(card.test_line());
    lines.push(format!("data: {}, {}", card.data.name, card.data.licence));
    lines.push(format!(
        "pix2pix translate PICTURES --model {} --out translated",
        model.name
    ));
    Ok(lines.join("\n  "))
}
