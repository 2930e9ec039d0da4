//! Scores of label maps: each pixel counts as the label whose colour is nearest (the paper's table
//! of photo → labels, section 4.4).

use super::subject::Subject;
use crate::data::{Depth, NamedPalette, Palette, Picture};
use crate::metrics::{Confusion, class_mean};
use serde_json::{Value, json};

/// Pixels of a cell of the confusion picture.
const CELL: u32 = 24;

/// A pixel is far from a label whose red, green or blue differs by more, in steps of 255. What
/// resizing and JPEG do at edges is mostly less.
const FAR: u8 = 32;
/// The share of far pixels above which a palette is told not to fit.
const MOST_FAR: f64 = 1.0 / 3.0;

/// How often labels were painted right.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelScores {
    palette: Palette,
    /// The name of each label; empty where it has none.
    names: Vec<String>,
    /// Of each of [`Subject::ALL`]; `None` for what makes no sense here.
    confusions: [Option<Confusion>; Subject::ALL.len()],
    /// Pixels of targets that are far from every label, and all.
    far: [u64; 2],
}

impl LabelScores {
    /// Of nothing yet.
    pub fn new(NamedPalette { palette, names }: NamedPalette) -> Self {
        Self {
            palette,
            names,
            confusions: Default::default(),
            far: [0; 2],
        }
    }

    /// Counts the pixels of the picture of each of [`Subject::ALL`], and of their target.
    pub fn add(&mut self, pictures: [Option<&Picture>; Subject::ALL.len()], target: &Picture) {
        let labels = self.palette.nearest_labels(target);
        for (confusion, picture) in self.confusions.iter_mut().zip(pictures) {
            let Some(picture) = picture else { continue };
            let painted = self.palette.nearest_labels(picture);
            confusion
                .get_or_insert_with(|| Confusion::new(self.palette.len()))
                .add(&painted, &labels);
        }
        let far = labels
            .iter()
            .zip(target.bytes().chunks_exact(3))
            .filter(|&(&label, pixel)| {
                let colour = self.colour(label.into());
                let mut steps = colour.iter().zip(pixel).map(|(a, b)| a.abs_diff(*b));
                steps.any(|steps| steps > FAR)
            });
        self.far[0] += far.count() as u64;
        self.far[1] += labels.len() as u64;
    }

    /// One line about a palette that does not fit the targets.
    pub fn remark(&self) -> Option<String> {
        let share = self.far[0] as f64 / self.far[1].max(1) as f64;
        (share > MOST_FAR).then(|| {
            format!(
                "{:.0} % of the targets' pixels are more than {FAR} steps from every colour of the \
                 palette, and count as the nearest one; it is the palette of other label maps, or \
                 resizing or JPEG has blended colours",
                100.0 * share
            )
        })
    }

    /// The share of pixels that have their right label; the mean over labels of the share of their
    /// pixels that are right; and the mean over labels of the intersection over the union.
    pub fn of(&self, subject: Subject) -> [Option<f64>; 3] {
        let confusion = self.confusions[subject as usize].as_ref();
        confusion.map_or([None; 3], |confusion| {
            [
                confusion.pixel_accuracy(),
                class_mean(&confusion.class_accuracies()),
                class_mean(&confusion.class_ious()),
            ]
        })
    }

    /// How often a label was painted as another one by the generator.
    fn count(&self, target: usize, output: usize) -> u64 {
        let confusion = self.confusions[Subject::Output as usize].as_ref();
        confusion.map_or(0, |confusion| confusion.count(target, output))
    }

    /// The numbers and the counts, `[target][output]`.
    pub fn json(&self) -> Value {
        let labels = 0..self.palette.len();
        let none = Confusion::new(self.palette.len());
        let confusion = self.confusions[Subject::Output as usize].as_ref();
        let confusion = confusion.unwrap_or(&none);
        let (accuracies, ious) = (confusion.class_accuracies(), confusion.class_ious());
        let each: Vec<Value> = labels
            .clone()
            .map(|label| {
                let counts: Vec<u64> = labels
                    .clone()
                    .map(|output| confusion.count(label, output))
                    .collect();
                json!({
                    "colour": self.colour(label),
                    "name": self.names.get(label).filter(|name| !name.is_empty()),
                    "accuracy": accuracies[label],
                    "iou": ious[label],
                    "painted_as": counts,
                })
            })
            .collect();
        let mut json = self.scores_json(Subject::Output);
        json["labels"] = each.into();
        for subject in [Subject::Copy, Subject::MeanTarget] {
            if self.confusions[subject as usize].is_some() {
                json[subject.key()] = self.scores_json(subject);
            }
        }
        json
    }

    fn scores_json(&self, subject: Subject) -> Value {
        let [pixel_accuracy, class_accuracy, class_iou] = self.of(subject);
        json!({
            "pixel_accuracy": pixel_accuracy,
            "class_accuracy": class_accuracy,
            "class_iou": class_iou,
        })
    }

    /// The confusion as a picture. A row for each target label, a column for each output label;
    /// the first cell of both is the label's colour. The darker, the larger the share of the
    /// target's pixels.
    pub fn picture(&self) -> Picture {
        let labels = self.palette.len();
        let side = (labels as u32 + 1) * CELL;
        let shade = |target: usize, output: usize| {
            let all: u64 = (0..labels).map(|to| self.count(target, to)).sum();
            let share = self.count(target, output) as f64 / all.max(1) as f64;
            let light = |full: f64| (255.0 + (full - 255.0) * share.sqrt()).round() as u8;
            [light(8.0), light(48.0), light(107.0)]
        };
        let colour_at = |row: usize, column: usize| match (row, column) {
            (0, 0) => [255; 3],
            (0, label) | (label, 0) => self.colour(label - 1),
            (target, output) => shade(target - 1, output - 1),
        };
        let bytes: Vec<u8> = (0..side)
            .flat_map(|y| (0..side).map(move |x| ((y / CELL) as usize, (x / CELL) as usize)))
            .flat_map(|(row, column)| colour_at(row, column))
            .collect();
        // As many bytes as pixels, so the default is never taken.
        Picture::from_bytes(side, side, 3, Depth::Eight, bytes).unwrap_or_default()
    }

    fn colour(&self, label: usize) -> [u8; 3] {
        self.palette.colour(label).map(|sample| (sample >> 8) as u8)
    }
}
