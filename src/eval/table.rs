//! An evaluation as a table for a terminal.

use super::scores::Evaluation;
use super::subject::Subject;
use crate::metrics::{Mean, Metric};
use std::fmt;

/// Columns of a name.
const NAME: usize = 19;
/// Columns of a mean with its interval.
const CELL: usize = 27;

impl fmt::Display for Evaluation {
    /// A line for each metric: the mean and its interval of 95 %, of each subject.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let images = match self.images.len() {
            1 => "1 image".to_owned(),
            images => format!("{images} images, means with intervals of 95 %"),
        };
        writeln!(f, "{} on {}: {images}", self.model, self.pairs)?;
        let subjects: Vec<Subject> = Subject::ALL
            .into_iter()
            .filter(|&subject| self.images.iter().any(|image| image.of(subject).is_some()))
            .collect();
        let mut line = format!("{:NAME$}", "");
        for subject in &subjects {
            line += &format!("{:<CELL$}", subject.title());
        }
        write!(f, "{}", line.trim_end())?;
        for summary in &self.summary {
            let mut line = format!("{:NAME$}", summary.metric.title());
            for &subject in &subjects {
                let mean = summary.means[subject as usize];
                line += &format!("{:<CELL$}", interval(summary.metric, mean));
            }
            write!(f, "\n{line}{}", summary.metric.better().words())?;
        }
        let mut line = format!("{:NAME$}", "colours L, a, b");
        for &subject in &subjects {
            let shared = self.colours[subject as usize].map_or_else(
                || "not defined".to_owned(),
                |[l, a, b]| format!("{l:.3} {a:.3} {b:.3}"),
            );
            line += &format!("{shared:<CELL$}");
        }
        write!(f, "\n{line}shared with the targets")?;
        if let Some(labels) = &self.labels {
            for (at, name) in ["pixel accuracy", "class accuracy", "class IoU"]
                .iter()
                .enumerate()
            {
                let mut line = format!("{name:NAME$}");
                for &subject in &subjects {
                    let score = labels.of(subject)[at];
                    let score = score.map_or("not defined".to_owned(), |one| format!("{one:.4}"));
                    line += &format!("{score:<CELL$}");
                }
                write!(f, "\n{line}higher is better")?;
            }
        }
        Ok(())
    }
}

/// A mean with its interval, with as many digits as say something. One value has no interval, and
/// neither has what is infinite.
fn interval(metric: Metric, mean: Option<Mean>) -> String {
    let digits = metric.digits();
    match mean {
        Some(Mean { mean, count, .. }) if count == 1 || !mean.is_finite() => {
            format!("{mean:.digits$}")
        }
        Some(Mean {
            mean, low, high, ..
        }) => {
            format!("{mean:.digits$} ({low:.digits$}..{high:.digits$})")
        }
        None => "not defined".to_owned(),
    }
}
