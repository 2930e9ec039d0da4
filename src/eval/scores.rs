//! The result of an evaluation: the scores of each image, and their means.

use super::labels::LabelScores;
use super::subject::Subject;
use crate::metrics::{Mean, Metric, number};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value, json};

/// The value of each of [`Metric::ALL`]; `None` where it is not defined.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Scores(pub [Option<f64>; Metric::ALL.len()]);

impl Scores {
    /// The value of a metric.
    pub fn get(&self, metric: Metric) -> Option<f64> {
        Metric::ALL
            .iter()
            .zip(self.0)
            .find_map(|(&found, value)| (found == metric).then_some(value))
            .flatten()
    }
}

/// By the keys of the metrics. JSON has no infinity; the PSNR of equal pictures is the text
/// `Infinity`.
impl Serialize for Scores {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (metric, value) in Metric::ALL.iter().zip(self.0) {
            map.serialize_entry(metric.key(), &json_of(value))?;
        }
        map.end()
    }
}

/// A number as JSON: null where there is none.
fn json_of(value: Option<f64>) -> Value {
    value.map_or(Value::Null, number::to_json)
}

/// The scores of one image.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageScores {
    /// The pair.
    pub name: String,
    /// Width and height of the pictures that were compared, in pixels.
    pub size: (u32, u32),
    /// Of each of [`Subject::ALL`]; `None` for what makes no sense here.
    pub scores: [Option<Scores>; Subject::ALL.len()],
}

impl ImageScores {
    /// The scores of a subject.
    pub fn of(&self, subject: Subject) -> Option<&Scores> {
        self.scores[subject as usize].as_ref()
    }

    fn json(&self) -> Value {
        let mut fields = Map::new();
        fields.insert("name".to_owned(), json!(self.name));
        fields.insert("size".to_owned(), json!([self.size.0, self.size.1]));
        for subject in Subject::ALL {
            if let Some(scores) = self.of(subject) {
                fields.insert(subject.key().to_owned(), json!(scores));
            }
        }
        Value::Object(fields)
    }
}

/// The mean of a metric over all images, with its interval of 95 %, of each of [`Subject::ALL`].
#[derive(Debug, Clone, PartialEq)]
pub struct MetricMeans {
    /// The metric.
    pub metric: Metric,
    /// `None` where there is no value.
    pub means: [Option<Mean>; Subject::ALL.len()],
}

/// A metric that is not defined for some images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undefined {
    /// The metric.
    pub metric: Metric,
    /// How many images of outputs.
    pub images: usize,
    /// One of them, and why.
    pub example: String,
}

/// How good a generator is on a set of pairs.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// The model's file or run.
    pub model: String,
    /// The data set and the part of it.
    pub pairs: String,
    /// The scores of each image, in the order of the pairs.
    pub images: Vec<ImageScores>,
    /// The mean of each metric.
    pub summary: Vec<MetricMeans>,
    /// What the colours of all pictures share with those of all targets: lightness, a and b in Lab
    /// (the paper's section 4.2), of each of [`Subject::ALL`].
    pub colours: [Option<[f64; 3]>; Subject::ALL.len()],
    /// The scores of label maps, if a palette was given.
    pub labels: Option<LabelScores>,
    /// What is not defined for some images.
    pub undefined: Vec<Undefined>,
    /// What the reader has to know of these numbers.
    pub notes: Vec<String>,
}

impl Evaluation {
    /// The mean of a metric over the outputs.
    pub fn mean(&self, metric: Metric) -> Option<Mean> {
        let summary = self.summary.iter().find(|summary| summary.metric == metric);
        summary.and_then(|summary| summary.means[Subject::Output as usize])
    }

    /// All of it as JSON.
    pub fn json(&self) -> Value {
        let images: Vec<Value> = self.images.iter().map(ImageScores::json).collect();
        let summary: Map<String, Value> = self
            .summary
            .iter()
            .map(|summary| {
                let means = Subject::ALL.iter().zip(summary.means);
                let means: Map<String, Value> = means
                    .filter_map(|(subject, mean)| Some((subject.key().to_owned(), of_mean(mean?))))
                    .collect();
                (summary.metric.key().to_owned(), Value::Object(means))
            })
            .collect();
        let colours: Map<String, Value> = Subject::ALL
            .iter()
            .zip(self.colours)
            .filter_map(|(subject, shared)| Some((subject.key().to_owned(), json!(shared?))))
            .collect();
        let metrics: Vec<Value> = Metric::ALL
            .iter()
            .map(|metric| {
                json!({
                    "key": metric.key(),
                    "title": metric.title(),
                    "meaning": metric.meaning(),
                    "better": metric.better(),
                })
            })
            .collect();
        json!({
            "model": self.model,
            "pairs": self.pairs,
            "metrics": metrics,
            "summary": summary,
            "lab_histogram_intersection": colours,
            "labels": self.labels.as_ref().map(LabelScores::json),
            "notes": self.all_notes(),
            "images": images,
        })
    }

    /// One row for each image: name, size, then each metric of each subject. What is not defined is
    /// empty.
    pub fn csv(&self) -> String {
        let subjects: Vec<Subject> = Subject::ALL
            .into_iter()
            .filter(|&subject| self.images.iter().any(|image| image.of(subject).is_some()))
            .collect();
        let mut lines = vec!["name,width,height".to_owned()];
        for &subject in &subjects {
            for metric in Metric::ALL {
                lines[0] += &match subject {
                    Subject::Output => format!(",{}", metric.key()),
                    other => format!(",{}_{}", other.key(), metric.key()),
                };
            }
        }
        for image in &self.images {
            let (width, height) = image.size;
            let mut line = format!("{},{width},{height}", cell(&image.name));
            for &subject in &subjects {
                for metric in Metric::ALL {
                    let value = image.of(subject).and_then(|scores| scores.get(metric));
                    line += &value.map_or_else(|| ",".to_owned(), |value| format!(",{value}"));
                }
            }
            lines.push(line);
        }
        lines.join("\n") + "\n"
    }

    /// The notes, and what is not defined.
    pub fn all_notes(&self) -> Vec<String> {
        let undefined = self.undefined.iter().map(|undefined| {
            let metric = undefined.metric.title();
            match (undefined.images, self.images.len()) {
                (1, 1) => format!("{metric} is not defined: {}", undefined.example),
                (some, all) => format!(
                    "{metric} is not defined for {some} of {all} images, such as {}",
                    undefined.example
                ),
            }
        });
        self.notes.iter().cloned().chain(undefined).collect()
    }
}

/// A mean with the ends of its interval. One value has no interval.
fn of_mean(mean: Mean) -> Value {
    let end = |end| json_of((mean.count > 1).then_some(end));
    json!({
        "mean": number::to_json(mean.mean),
        "low": end(mean.low),
        "high": end(mean.high),
        "images": mean.count,
    })
}

/// A text as one cell of CSV (RFC 4180).
fn cell(text: &str) -> String {
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}
