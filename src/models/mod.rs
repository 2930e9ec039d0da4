//! Floor 7: trained generators inside the program, by name, so that it can translate without any
//! files. The feature `assets` puts them there; without it there are none, and their files are
//! opened from bytes: [`TensorFile::parse`] and [`ModelCard::parse`].
//!
//! Each is a folder in `assets/models/`. The build script lists them. A folder has:
//!
//! | file | what it holds |
//! |---|---|
//! | `generator.safetensors` | the weights, stored as f16 |
//! | `model.json` | the [`ModelCard`]: what it does, how it was trained, its scores |
//! | `README.md` | the same to read |
//! | `grid.png` | pictures of the test split: input, output, target |

mod alone;
mod card;

pub use card::{CardMean, DataSource, ModelCard, SplitScores, Training, TrainingRun};

use crate::interop::{InteropError, TensorFile};
use std::path::Path;
use thiserror::Error;

/// A trained generator inside the program.
#[derive(Debug)]
pub struct BundledModel {
    /// Its name.
    pub name: &'static str,
    /// The bytes of its safetensors file.
    pub weights: &'static [u8],
    card: &'static str,
}

/// All of them, in the order of their names. Without the feature `assets` there are none.
pub static ALL: &[BundledModel] = include!(concat!(env!("OUT_DIR"), "/models.rs"));

/// A card that does not say what it should.
#[derive(Debug, Error)]
#[error("the card of the bundled model {name} cannot be read ({reason}); report this")]
pub struct CardError {
    /// The model.
    pub name: String,
    /// What the parser says.
    pub reason: String,
}

impl ModelCard {
    /// The card of the model `name`, of the text of its `model.json`.
    ///
    /// # Errors
    /// A text that is no card.
    pub fn parse(name: &str, text: &str) -> Result<Self, CardError> {
        serde_json::from_str(text).map_err(|error| CardError {
            name: name.to_owned(),
            reason: error.to_string(),
        })
    }
}

impl BundledModel {
    /// What it does, how it was made, and how good it is.
    ///
    /// # Errors
    /// A card that cannot be read, which a test rules out.
    pub fn card(&self) -> Result<ModelCard, CardError> {
        ModelCard::parse(self.name, self.card)
    }

    /// Its weights.
    ///
    /// # Errors
    /// Those of [`TensorFile::parse`], which a test rules out.
    pub fn file(&self) -> Result<TensorFile, InteropError> {
        TensorFile::parse(Path::new(self.name), self.weights.to_vec())
    }
}

/// The bundled model that `path` names. Only a name alone is one: `./NAME` is a file or folder.
pub fn named(path: &Path) -> Option<&'static BundledModel> {
    ALL.iter().find(|model| path.as_os_str() == model.name)
}

/// The weights that `path` names: those of a bundled model, or a file.
///
/// # Errors
/// Those of [`TensorFile::open`].
pub fn open(path: &Path) -> Result<TensorFile, InteropError> {
    match named(path) {
        Some(model) => model.file(),
        None => TensorFile::open(path),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::fs;

    /// Bytes of all weights that the program may carry.
    const MOST_BYTES: usize = 7_000_000;

    #[test]
    fn the_models_stay_small_and_each_has_weights_and_a_card() {
        let bytes: usize = ALL.iter().map(|model| model.weights.len()).sum();
        assert!(bytes <= MOST_BYTES, "{bytes} bytes");
        for model in ALL {
            let card = model.card().unwrap();
            assert!(
                !card.title.is_empty() && !card.weaknesses.is_empty(),
                "{}",
                model.name
            );
            assert!(model.file().unwrap().shapes().count() > 0, "{}", model.name);
            assert_eq!(named(Path::new(model.name)).unwrap().name, model.name);
            assert!(named(&Path::new(".").join(model.name)).is_none());
        }
    }

    #[test]
    fn the_readme_has_a_row_for_each() {
        let readme = include_str!("../../README.md");
        for model in ALL {
            let row = model.card().unwrap().row(model.name).unwrap();
            assert!(readme.lines().any(|line| line == row), "not there: {row}");
        }
    }

    /// The pages say what the cards say. With `PIX2PIX_UPDATE_MODELS` set they are written.
    #[test]
    fn the_pages_are_the_cards() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/models");
        for model in ALL {
            let page = folder.join(model.name).join("README.md");
            let text = model.card().unwrap().page(model.name, model.weights.len());
            if std::env::var_os("PIX2PIX_UPDATE_MODELS").is_some() {
                fs::write(&page, &text).unwrap();
            }
            let found = fs::read_to_string(&page).unwrap_or_default();
            assert!(
                found == text,
                "{} is not what model.json says; write it again with PIX2PIX_UPDATE_MODELS=1",
                page.display()
            );
            assert!(
                folder.join(model.name).join("grid.png").is_file(),
                "{}",
                model.name
            );
        }
    }
}
