//! What is told of a bundled model.

use super::alone::without_folders;
use crate::data::Background;
use crate::metrics::{Metric, number};
use serde::Deserialize;
use std::collections::BTreeMap;

/// All that is known of a bundled model: the content of its `model.json`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelCard {
    /// What it is, in a few words.
    pub title: String,
    /// What it takes.
    pub input: String,
    /// What it makes.
    pub output: String,
    /// Side of the pictures that it is for, in pixels: those of its last training run.
    pub size: u32,
    /// What lay behind the drawings that it was trained on. Images with opacity are laid on it.
    #[serde(default)]
    pub background: Option<Background>,
    /// How it was trained.
    pub training: Training,
    /// What it was trained on.
    pub data: DataSource,
    /// How good it is on each split that it was not trained on.
    pub scores: BTreeMap<String, SplitScores>,
    /// What it is bad at.
    pub weaknesses: Vec<String>,
}

/// How a model was trained.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// The command lines, from the data set on.
    pub commands: Vec<String>,
    /// The adapter and its driver.
    pub device: String,
    /// Pairs for training.
    pub pairs: usize,
    /// The seed.
    pub seed: u64,
    /// The runs, each of which began with the weights of the one before.
    pub runs: Vec<TrainingRun>,
    /// What a longer training would bring, as far as the curves tell.
    pub outlook: String,
}

/// One run of a training.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingRun {
    /// Side of the pictures, in pixels.
    pub size: u32,
    /// Steps.
    pub steps: u64,
    /// How long they took, in seconds.
    pub seconds: f64,
}

impl Training {
    /// The runs in one line.
    fn line(&self) -> String {
        let Self {
            device,
            pairs,
            seed,
            ..
        } = self;
        let runs = self.runs.iter().map(|run| {
            let TrainingRun { size, steps, .. } = run;
            let minutes = run.seconds / 60.0;
            format!("{steps} steps at {size}×{size} ({minutes:.0} minutes)")
        });
        let runs: Vec<String> = runs.collect();
        format!(
            "{}, on {pairs} pairs, with seed {seed}, on {device}.",
            runs.join(", then ")
        )
    }
}

/// Where the pairs come from.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSource {
    /// Their name.
    pub name: String,
    /// Where they are from.
    pub source: String,
    /// Their licence.
    pub licence: String,
    /// The notice that the licence asks for.
    pub notice: String,
}

/// Scores of one split, as `pix2pix eval` found them.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitScores {
    /// How many pairs.
    pub images: usize,
    /// By metric, then by whose pictures are compared with the targets: `output`, `copy`,
    /// `mean_target`.
    pub summary: BTreeMap<String, BTreeMap<String, CardMean>>,
}

/// A mean with its interval of 95 %.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct CardMean {
    /// The mean.
    #[serde(deserialize_with = "number::deserialize")]
    pub mean: f64,
    /// Where the interval begins.
    #[serde(deserialize_with = "number::deserialize")]
    pub low: f64,
    /// Where it ends.
    #[serde(deserialize_with = "number::deserialize")]
    pub high: f64,
}

/// Whose pictures are compared, and their titles.
const SUBJECTS: [(&str, &str); 3] = [
    ("output", "output"),
    ("copy", "copying the input"),
    ("mean_target", "the mean target"),
];

impl SplitScores {
    /// The mean of a metric over the outputs, or over `copy` or `mean_target`.
    pub fn mean(&self, metric: Metric, subject: &str) -> Option<CardMean> {
        self.summary.get(metric.key())?.get(subject).copied()
    }

    /// A table in Markdown: a row for each metric.
    fn table(&self) -> String {
        let mut text = "| metric |".to_owned();
        SUBJECTS
            .iter()
            .for_each(|(_, title)| text += &format!(" {title} |"));
        text += " |\n|---|---|---|---|---|\n";
        for &metric in Metric::ALL.iter() {
            let mut row = format!("| {} |", metric.title());
            for (subject, _) in SUBJECTS {
                let mean = self.mean(metric, subject);
                let cell = mean.map_or_else(|| "not defined".to_owned(), |mean| mean.show(metric));
                row += &format!(" {cell} |");
            }
            text += &format!("{row} {} |\n", metric.better().words());
        }
        text
    }
}

impl CardMean {
    /// The mean with its interval, with as many digits as say something.
    pub fn show(self, metric: Metric) -> String {
        let digits = metric.digits();
        let Self { mean, low, high } = self;
        format!("{mean:.digits$} ({low:.digits$}..{high:.digits$})")
    }
}

impl ModelCard {
    /// What the model takes and makes.
    pub fn use_line(&self) -> String {
        let Self {
            input,
            output,
            size,
            ..
        } = self;
        format!("{input} → {output}, trained at {size}×{size}")
    }

    /// The test split in one line: what matters most, beside what is reached without a model.
    pub fn test_line(&self) -> Option<String> {
        let test = self.scores.get("test")?;
        let mut parts = Vec::new();
        for metric in [Metric::Mae, Metric::Ssim, Metric::Sharpness] {
            let mean = test.mean(metric, "output")?;
            parts.push(format!("{} {}", metric.title(), mean.show(metric)));
        }
        let own = test.mean(Metric::Mae, "output")?.mean;
        let shares = SUBJECTS[1..].iter().filter_map(|(subject, title)| {
            let other = test.mean(Metric::Mae, subject)?;
            Some(format!("{:.2} of that of {title}", own / other.mean))
        });
        let shares: Vec<String> = shares.collect();
        if !shares.is_empty() {
            parts.push(format!("the MAE is {}", shares.join(" and ")));
        }
        Some(format!("{} test pairs: {}", test.images, parts.join("; ")))
    }

    /// Its row in the README's table of models: what matters most of the test split.
    pub fn row(&self, name: &str) -> Option<String> {
        let test = self.scores.get("test")?;
        let mean = |metric, subject| test.mean(metric, subject);
        let (mae, copy) = (mean(Metric::Mae, "output")?, mean(Metric::Mae, "copy"));
        let other = |mean: Option<CardMean>| {
            mean.map_or_else(|| "not defined".to_owned(), |mean| mean.show(Metric::Mae))
        };
        Some(format!(
            "| [{name}](assets/models/{name}/README.md) | {} → {} | {} | {} | {} | {} | {} |",
            self.input,
            self.output,
            mae.show(Metric::Mae),
            other(copy),
            other(mean(Metric::Mae, "mean_target")),
            mean(Metric::Ssim, "output")?.show(Metric::Ssim),
            mean(Metric::Sharpness, "output")?.show(Metric::Sharpness),
        ))
    }

    /// The page of the model for somebody who has the program alone.
    pub fn page_alone(&self, name: &str, bytes: usize) -> String {
        without_folders(&self.page(name, bytes), name)
    }

    /// The page of the model, in Markdown, as it lies in the model's folder.
    pub fn page(&self, name: &str, bytes: usize) -> String {
        let (training, data) = (&self.training, &self.data);
        let mut text = format!(
            "# {}\n\n![Pictures of the test split: input, output, target](grid.png)\n\n{}; {:.2} MB.\n",
            self.title,
            self.use_line(),
            bytes as f64 / 1e6
        );
        let laid = self.background.map_or_else(String::new, |colour| {
            format!(", and lays images with opacity on {colour}")
        });
        text += &format!("\n`pix2pix translate` takes it by its name, `{name}`{laid}.\n");
        text += "\n## What it is bad at\n\n";
        for weakness in &self.weaknesses {
            text += &format!("- {weakness}\n");
        }
        for (split, scores) in &self.scores {
            text += &format!(
                "\n## Scores on {split}\n\n{} pairs, means with intervals of 95 %.\n\n{}",
                scores.images,
                scores.table()
            );
        }
        text += &format!(
            "\n## How it was trained\n\n{}\n\n```sh\n{}\n```\n\n{}\n",
            training.line(),
            training.commands.join("\n"),
            training.outlook
        );
        text += &format!(
            "\n## Data\n\n{}: {}. Licence: {}. {}\n",
            data.name, data.source, data.licence, data.notice
        );
        text
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const CARD: &str = r#"{
        "title": "Dots to lines", "input": "dots", "output": "lines", "size": 64,
        "training": {"commands": ["pix2pix train dots"], "device": "a device", "pairs": 3,
            "seed": 1, "runs": [{"size": 32, "steps": 20, "seconds": 125},
            {"size": 64, "steps": 10, "seconds": 5400}], "outlook": "Longer is better."},
        "data": {"name": "Dots", "source": "drawn", "licence": "MIT", "notice": "Copyright"},
        "scores": {"test": {"images": 2, "summary": {
            "mae": {"output": {"mean": 6.0, "low": 5.0, "high": 7.0, "images": 2},
                "copy": {"mean": 12.0, "low": 11.0, "high": 13.0, "images": 2}},
            "psnr": {"copy": {"mean": "Infinity", "low": "Infinity", "high": "Infinity"}},
            "ssim": {"output": {"mean": 0.5, "low": 0.25, "high": 0.75}},
            "sharpness": {"output": {"mean": 1.0, "low": 0.9, "high": 1.125}}}}},
        "weaknesses": ["Curves."]
    }"#;

    #[test]
    fn a_card_says_it_in_a_line_and_on_a_page() {
        let card: ModelCard = serde_json::from_str(CARD).unwrap();
        assert_eq!(card.use_line(), "dots → lines, trained at 64×64");
        assert_eq!(
            card.test_line().unwrap(),
            "2 test pairs: MAE 6.00 (5.00..7.00); SSIM 0.5000 (0.2500..0.7500); sharpness 1.000 \
             (0.900..1.125); the MAE is 0.50 of that of copying the input"
        );
        assert_eq!(
            card.row("dots").unwrap(),
            "| [dots](assets/models/dots/README.md) | dots → lines | 6.00 (5.00..7.00) | 12.00 \
             (11.00..13.00) | not defined | 0.5000 (0.2500..0.7500) | 1.000 (0.900..1.125) |"
        );
        let page = card.page("dots", 1_234_567);
        for part in [
            "# Dots to lines\n",
            "1.23 MB",
            "takes it by its name, `dots`.",
            "- Curves.\n",
            "| MAE | 6.00 (5.00..7.00) | 12.00 (11.00..13.00) | not defined | lower is better |\n",
            "| PSNR | not defined | inf (inf..inf) |",
            "20 steps at 32×32 (2 minutes), then 10 steps at 64×64 (90 minutes), on 3 pairs, \
             with seed 1, on a device.",
            "pix2pix train dots\n```\n\nLonger is better.\n",
            "Dots: drawn. Licence: MIT. Copyright\n",
        ] {
            assert!(page.contains(part), "{part} is not in {page}");
        }
        let on_white = CARD.replace(r#""lines","#, r#""lines", "background": "white","#);
        let card: ModelCard = serde_json::from_str(&on_white).unwrap();
        let page = card.page("dots", 1);
        assert!(page.contains("by its name, `dots`, and lays images with opacity on white."));
        let other = CARD.replace("title", "tittle");
        assert!(serde_json::from_str::<ModelCard>(&other).is_err());
    }
}
