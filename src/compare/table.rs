//! A comparison as a table for a terminal.

use super::measures::Measure;
use super::report::{Group, Report};
use super::spread::Spread;
use crate::metrics::{Better, Metric};
use std::fmt;

/// What the terminal shows. The pages have all.
const SHOWN: [Measure; 5] = [
    Measure::Metric(Metric::Mae),
    Measure::Metric(Metric::Psnr),
    Measure::Metric(Metric::Ssim),
    Measure::Metric(Metric::Sharpness),
    Measure::Time,
];
/// What stands where there is no value.
pub const NONE: &str = "–";

/// A mean with its spread, or one value.
pub fn cell(measure: Measure, spread: Option<Spread>) -> String {
    let digits = measure.digits();
    match spread {
        None => NONE.to_owned(),
        Some(Spread { mean, .. }) if !mean.is_finite() => "∞".to_owned(),
        Some(Spread {
            mean,
            deviation: Some(deviation),
            ..
        }) => format!("{mean:.digits$} ± {deviation:.digits$}"),
        Some(Spread { mean, .. }) => format!("{mean:.digits$}"),
    }
}

/// One value.
pub fn value(measure: Measure, value: Option<f64>) -> String {
    cell(measure, value.and_then(|value| Spread::of(&[value])))
}

/// The head of a column: its name, and which values are good.
pub fn head(measure: Measure) -> String {
    let title = measure.title();
    match measure.better() {
        Some(Better::Lower) => format!("{title} ↓"),
        Some(Better::Higher) => format!("{title} ↑"),
        Some(Better::NearOne) => format!("{title} → 1"),
        None => format!("{title}, s"),
    }
}

/// How many of the runs of a row have scores, where not all have.
pub fn runs_words(group: &Group, row: usize) -> String {
    let runs = &group.rows[row].runs;
    let done = runs
        .iter()
        .filter(|run| run.state.measures().is_some())
        .count();
    match done == runs.len() {
        true => String::new(),
        false => format!(" ({done} of {} runs)", runs.len()),
    }
}

impl fmt::Display for Report {
    /// A line for each row, with a star where pages have bold.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<usize> = (0..self.measures.len())
            .filter(|&place| SHOWN.contains(&self.measures[place]))
            .collect();
        let mut lines = vec![vec![String::new()]];
        lines[0].extend(shown.iter().map(|&place| head(self.measures[place])));
        let mut has_star = false;
        for group in &self.groups {
            for (index, row) in group.rows.iter().enumerate() {
                let mut line = vec![format!("{}{}", row.label, runs_words(group, index))];
                for &place in &shown {
                    let star = if row.best[place] { " *" } else { "" };
                    has_star |= row.best[place];
                    line.push(cell(self.measures[place], row.spreads[place]) + star);
                }
                lines.push(line);
            }
            for (title, values) in &group.references {
                let mut line = vec![match group.title.as_str() {
                    "" => (*title).to_owned(),
                    of => format!("{title}, {of}"),
                }];
                line.extend(shown.iter().map(|&at| value(self.measures[at], values[at])));
                lines.push(line);
            }
        }
        let columns = lines[0].len();
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                lines
                    .iter()
                    .map(|line| line[column].chars().count())
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        for (index, line) in lines.iter().enumerate() {
            let cells = line
                .iter()
                .zip(&widths)
                .map(|(text, width)| format!("{text:width$}"));
            let line = cells.collect::<Vec<_>>().join("  ");
            let end = if index == 0 { "" } else { "\n" };
            write!(f, "{end}{}", line.trim_end())?;
        }
        if let Some(early) = self.early() {
            write!(f, "\n{early}")?;
        }
        match has_star {
            true => write!(
                f,
                "\n* better than every other row by more than both deviations; rows without training \
                 have none"
            ),
            false => Ok(()),
        }
    }
}
