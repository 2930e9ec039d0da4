//! The numbers of one run, as its evaluation left them.

use super::error::CompareError;
use crate::data::fnv1a;
use crate::eval::Subject;
use crate::metrics::number::of_json;
use crate::metrics::{Better, Metric};
use serde_json::Value;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// A number that a table has of each run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// The mean of a metric over the held-out pairs.
    Metric(Metric),
    /// What the histograms of outputs share with those of targets, in a channel of Lab.
    Colour(usize),
    /// The time of training, in seconds.
    Time,
}

/// Channels of Lab.
const LAB: [&str; 3] = ["L", "a", "b"];

impl Measure {
    /// All of them, in the order of tables.
    pub fn all() -> Vec<Self> {
        let metrics = Metric::ALL.into_iter().map(Self::Metric);
        let colours = (0..LAB.len()).map(Self::Colour);
        metrics.chain(colours).chain([Self::Time]).collect()
    }

    /// The name in tables.
    pub fn title(self) -> String {
        match self {
            Self::Metric(metric) => metric.title().to_owned(),
            Self::Colour(channel) => format!("colours {}", LAB[channel]),
            Self::Time => "time".to_owned(),
        }
    }

    /// What it is, in a few words.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Metric(metric) => metric.meaning(),
            Self::Colour(_) => {
                "what the histograms of all outputs share with those of all targets, in Lab"
            }
            Self::Time => "seconds of training, with its scores and sample grids",
        }
    }

    /// Which values are good. None are where a table does not say which is best.
    pub fn better(self) -> Option<Better> {
        match self {
            Self::Metric(metric) => Some(metric.better()),
            Self::Colour(_) => Some(Better::Higher),
            Self::Time => None,
        }
    }

    /// Digits behind the point that say something.
    pub fn digits(self) -> usize {
        match self {
            Self::Metric(metric) => metric.digits(),
            Self::Colour(_) => 3,
            Self::Time => 1,
        }
    }
}

/// The means of an evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct Measures {
    /// The data set, its split and the size of its pictures.
    pub pairs: String,
    /// The names of the pairs.
    pub names: Vec<String>,
    /// A number for all that the file says. Other scores have another one.
    pub number: u64,
    summary: Value,
    colours: Value,
}

impl Measures {
    /// Reads them from the folder of an evaluation. `None` if there is none.
    ///
    /// # Errors
    /// [`CompareError::Scores`] for a file that is not an evaluation.
    pub fn read(folder: &Path) -> Result<Option<Self>, CompareError> {
        let fail = |reason: String| CompareError::Scores {
            path: folder.to_owned(),
            reason,
        };
        let text = match fs::read(folder.join("scores.json")) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(fail(error.to_string())),
        };
        let json: Value = serde_json::from_slice(&text).map_err(|error| fail(error.to_string()))?;
        let images = json["images"].as_array().into_iter().flatten();
        let names: Vec<String> = images
            .filter_map(|image| Some(image["name"].as_str()?.to_owned()))
            .collect();
        let (Some(pairs), false) = (json["pairs"].as_str(), names.is_empty()) else {
            return Err(fail("scores.json is no evaluation".to_owned()));
        };
        Ok(Some(Self {
            pairs: pairs.to_owned(),
            names,
            number: fnv1a(&text),
            summary: json["summary"].clone(),
            colours: json["lab_histogram_intersection"].clone(),
        }))
    }

    /// A value of the outputs, or of what they are compared with. `None` where it is not defined.
    pub fn get(&self, measure: Measure, subject: Subject) -> Option<f64> {
        match measure {
            Measure::Metric(metric) => of_json(&self.summary[metric.key()][subject.key()]["mean"]),
            Measure::Colour(channel) => of_json(&self.colours[subject.key()][channel]),
            Measure::Time => None,
        }
    }
}
