//! The paper's perceptual study (section 4.1): real and generated pictures, side by side for a
//! second. How often is the generated one taken for the real one?
//!
//! A [`Study`] is one page, which holds its pictures and asks for nothing from elsewhere. Each
//! participant saves a file of answers. [`Results`] puts them together.

mod draw;
mod error;
mod page;
mod results;

pub use draw::{StudyPlan, Trial, draw};
pub use error::StudyError;
pub use results::Results;

use super::folder::picture_path;
use crate::data::{list_images, read_rgb};
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder, RgbImage};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The files of a pair.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pair {
    name: String,
    real: PathBuf,
    fake: PathBuf,
}

/// Pairs of a real and a generated picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StudyPairs {
    /// What the study is of.
    model: String,
    pairs: Vec<Pair>,
}

/// The pictures of a folder by their names without the ending. What the folder holds besides goes
/// to the notes.
fn named(
    folder: &Path,
    notes: &mut Vec<String>,
) -> Result<BTreeMap<OsString, PathBuf>, StudyError> {
    let listed = list_images(&[folder.to_owned()])?;
    notes.extend(listed.remarks.iter().map(ToString::to_string));
    let mut named = BTreeMap::new();
    for path in listed.images {
        let below = path
            .strip_prefix(folder)
            .unwrap_or(&path)
            .with_extension("");
        if below.as_os_str().is_empty() {
            continue;
        }
        if let Some(other) = named.insert(below.into_os_string(), path.clone()) {
            return Err(StudyError::OneName { path, other });
        }
    }
    Ok(named)
}

impl StudyPairs {
    /// Those of a folder that `pix2pix eval` wrote.
    ///
    /// # Errors
    /// [`StudyError::NoEvaluation`].
    pub fn of_evaluation(folder: &Path) -> Result<Self, StudyError> {
        let refuse = |reason: String| StudyError::NoEvaluation {
            path: folder.to_owned(),
            reason,
        };
        let scores = fs::read_to_string(folder.join("scores.json"))
            .map_err(|error| refuse(format!("scores.json: {error}")))?;
        let scores: Value = serde_json::from_str(&scores)
            .map_err(|error| refuse(format!("scores.json: {error}")))?;
        let (Some(images), Some(model)) = (scores["images"].as_array(), scores["model"].as_str())
        else {
            return Err(refuse("scores.json names no images".to_owned()));
        };
        let file = |index, kind| picture_path(folder, index, kind);
        let pair = |(index, image): (usize, &Value)| Pair {
            name: image["name"].as_str().unwrap_or_default().to_owned(),
            real: file(index, "target"),
            fake: file(index, "output"),
        };
        Ok(Self {
            model: model.to_owned(),
            pairs: images.iter().enumerate().map(pair).collect(),
        })
    }

    /// Those of two folders whose files have the same names, whatever their endings. Returns notes
    /// of what is not used, too.
    ///
    /// # Errors
    /// Those of listing, [`StudyError::OneName`], and [`StudyError::NoPairs`].
    pub fn of_folders(real: &Path, fake: &Path) -> Result<(Self, Vec<String>), StudyError> {
        let mut notes = Vec::new();
        let (reals, mut fakes) = (named(real, &mut notes)?, named(fake, &mut notes)?);
        let all = reals.len() + fakes.len();
        let pair = |(name, real): (OsString, PathBuf)| {
            let fake = fakes.remove(&name)?;
            let name = name.to_string_lossy().into_owned();
            Some(Pair { name, real, fake })
        };
        let pairs: Vec<Pair> = reals.into_iter().filter_map(pair).collect();
        if pairs.is_empty() {
            return Err(StudyError::NoPairs {
                real: real.to_owned(),
                fake: fake.to_owned(),
            });
        }
        let alone = all - 2 * pairs.len();
        if alone > 0 {
            let pairs = pairs.len();
            notes.push(format!(
                "{pairs} pairs; pictures without a partner of the same name: {alone}"
            ));
        }
        let model = fake.display().to_string();
        Ok((Self { model, pairs }, notes))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }
}

/// A trial with the names of its pictures and their PNG files.
#[derive(Debug)]
struct Shown {
    trial: Trial,
    names: [String; 2],
    /// Left, then right.
    pictures: [Vec<u8>; 2],
}

/// A study with all its pictures.
#[derive(Debug)]
pub struct Study {
    model: String,
    plan: StudyPlan,
    milliseconds: u32,
    shown: Vec<Shown>,
}

impl Study {
    /// Draws the trials, and reads their pictures. All are written again as PNG of 8-bit RGB, so
    /// that nothing but the pixels tells them apart. They are shown for so many `milliseconds`.
    ///
    /// # Errors
    /// Those of [`draw`] and of reading, and [`StudyError::Sizes`].
    pub fn new(pairs: &StudyPairs, plan: StudyPlan, milliseconds: u32) -> Result<Self, StudyError> {
        let mut shown = Vec::new();
        for trial in draw(pairs.len(), &plan)? {
            let [real, fake] = [&pairs.pairs[trial.real], &pairs.pairs[trial.fake]];
            let pictures = [read_rgb(&real.real)?, read_rgb(&fake.fake)?];
            let [real_size, fake_size] = [&pictures[0], &pictures[1]].map(RgbImage::dimensions);
            if real_size != fake_size {
                return Err(StudyError::Sizes {
                    real_name: real.name.clone(),
                    fake_name: fake.name.clone(),
                    real: real_size,
                    fake: fake_size,
                });
            }
            let mut pictures = pictures.map(|picture| png(&picture));
            if trial.fake_is_left {
                pictures.swap(0, 1);
            }
            let [left, right] = pictures;
            shown.push(Shown {
                trial,
                names: [real.name.clone(), fake.name.clone()],
                pictures: [left?, right?],
            });
        }
        Ok(Self {
            model: pairs.model.clone(),
            plan,
            milliseconds,
            shown,
        })
    }

    /// The page.
    pub fn page(&self) -> String {
        page::render(self)
    }
}

fn png(picture: &RgbImage) -> Result<Vec<u8>, StudyError> {
    let mut bytes = Vec::new();
    let (width, height) = picture.dimensions();
    PngEncoder::new(&mut bytes)
        .write_image(picture, width, height, ExtendedColorType::Rgb8)
        .map_err(|error| {
            let error = io::Error::other(error);
            crate::train::run::RunError::write(Path::new("the page"), error)
        })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
