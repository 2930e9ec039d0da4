//! Scores of label maps: each pixel counts as the label whose colour is nearest (the paper's table
//! of photo → labels, section 4.4).

use crate::data::{Depth, Palette, Picture};
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
    confusion: Confusion,
    /// Pixels of targets that are far from every label, and all.
    far: [u64; 2],
}

impl LabelScores {
    /// Of nothing yet.
    pub fn new(palette: Palette) -> Self {
        let confusion = Confusion::new(palette.len());
        Self {
            palette,
            confusion,
            far: [0; 2],
        }
    }

    /// Counts the pixels of an output and its target.
    pub fn add(&mut self, output: &Picture, target: &Picture) {
        let [painted, labels] = [output, target].map(|map| self.palette.nearest_labels(map));
        self.confusion.add(&painted, &labels);
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

    /// The share of pixels that have their right label.
    pub fn pixel_accuracy(&self) -> Option<f64> {
        self.confusion.pixel_accuracy()
    }

    /// The mean over labels of the share of their pixels that are right.
    pub fn class_accuracy(&self) -> Option<f64> {
        class_mean(&self.confusion.class_accuracies())
    }

    /// The mean over labels of the intersection over the union.
    pub fn class_iou(&self) -> Option<f64> {
        class_mean(&self.confusion.class_ious())
    }

    /// The numbers and the counts, `[target][output]`.
    pub fn json(&self) -> Value {
        let labels = 0..self.palette.len();
        let accuracies = self.confusion.class_accuracies();
        let ious = self.confusion.class_ious();
        let each: Vec<Value> = labels
            .clone()
            .map(|label| {
                let counts: Vec<u64> = labels
                    .clone()
                    .map(|output| self.confusion.count(label, output))
                    .collect();
                json!({
                    "colour": self.colour(label),
                    "accuracy": accuracies[label],
                    "iou": ious[label],
                    "painted_as": counts,
                })
            })
            .collect();
        json!({
            "pixel_accuracy": self.pixel_accuracy(),
            "class_accuracy": self.class_accuracy(),
            "class_iou": self.class_iou(),
            "labels": each,
        })
    }

    /// The confusion as a picture. A row for each target label, a column for each output label;
    /// the first cell of both is the label's colour. The darker, the larger the share of the
    /// target's pixels.
    pub fn picture(&self) -> Picture {
        let labels = self.palette.len();
        let side = (labels as u32 + 1) * CELL;
        let shade = |target: usize, output: usize| {
            let all: u64 = (0..labels).map(|to| self.confusion.count(target, to)).sum();
            let share = self.confusion.count(target, output) as f64 / all.max(1) as f64;
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
