//! One comparison as rows and facts. The table on the terminal, the Markdown and the page are made
//! of it.

use super::error::CompareError;
use super::grid::{Cell, Grid};
use super::measures::{Measure, Measures};
use super::plan::{ComparisonPlan, evaluation_folder};
use super::spread::{Spread, best};
use super::tiles::{TileRow, Tiles};
use crate::eval::{Subject, evenly_spaced, picture_path};
use std::path::{Path, PathBuf};

/// How far a run is.
#[derive(Debug, Clone, PartialEq)]
pub enum RunState {
    /// It has not ended.
    Waiting,
    /// It ended without scores, for this reason.
    Failed(String),
    /// It is trained and scored.
    Done {
        /// Seconds of training.
        seconds: f64,
        /// The step at which `patience` ended it, if it did.
        early: Option<u64>,
        /// Its scores.
        measures: Box<Measures>,
    },
}

/// A run of a row.
#[derive(Debug, Clone, PartialEq)]
pub struct RowRun {
    /// Its seed.
    pub seed: u64,
    /// Its folder, in that of the comparison.
    pub folder: String,
    /// Its evaluation, in that of the comparison.
    pub evaluation: PathBuf,
    /// How far it is.
    pub state: RunState,
}

/// A cell at one size of pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its name.
    pub label: String,
    /// The name of its cell, which other groups have too.
    pub cell: String,
    /// Its runs by seed.
    pub runs: Vec<RowRun>,
    /// Of each of the report's measures.
    pub spreads: Vec<Option<Spread>>,
    /// Whether it is the best of its group in each of them, beyond the spread.
    pub best: Vec<bool>,
}

/// Rows whose scores are of the same pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// What tells it from the other groups. Empty if there is one group.
    pub title: String,
    /// The cells.
    pub rows: Vec<Row>,
    /// What needs no training: a name, and a value of each measure.
    pub references: Vec<(&'static str, Vec<Option<f64>>)>,
}

/// A whole comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The name of its folder.
    pub name: String,
    /// What it varies, in words.
    pub varied: String,
    /// The command.
    pub command: String,
    /// What holds for all runs: a name and a text each.
    pub facts: Vec<(String, String)>,
    /// Numbers that are defined for at least one run.
    pub measures: Vec<Measure>,
    /// Rows by size of the pictures.
    pub groups: Vec<Group>,
    /// Lines below the table.
    pub remarks: Vec<String>,
}

impl Report {
    /// Reads what the runs have left in the folder of their comparison.
    ///
    /// # Errors
    /// [`CompareError::Scores`].
    pub fn read(root: &Path, plan: &ComparisonPlan, grid: &Grid) -> Result<Self, CompareError> {
        let sizes = match plan.test_sizes.as_slice() {
            [] => vec![None],
            sizes => sizes.iter().copied().map(Some).collect(),
        };
        let mut groups = Vec::new();
        for size in sizes {
            let rows = grid.cells().iter().map(|cell| row(root, plan, cell, size));
            groups.push(Group {
                title: size.map_or_else(String::new, |side| format!("{side}×{side} pixels")),
                rows: rows.collect::<Result<_, _>>()?,
                references: Vec::new(),
            });
        }
        let mut measures = Measure::all();
        measures.retain(|&measure| {
            let mut rows = groups.iter().flat_map(|group| &group.rows);
            rows.any(|row| !values(row, measure).is_empty())
        });
        groups
            .iter_mut()
            .for_each(|group| group.complete(&measures));
        let name = root.file_name().unwrap_or_default();
        let mut report = Self {
            name: name.to_string_lossy().into_owned(),
            varied: Grid::describe(grid.axes()),
            command: plan.command.clone(),
            facts: plan.facts.clone(),
            measures,
            groups,
            remarks: plan.remarks.clone(),
        };
        report.add_facts(plan, grid);
        report.add_remarks();
        Ok(report)
    }

    fn add_facts(&mut self, plan: &ComparisonPlan, grid: &Grid) {
        let axes = grid.axes().iter().map(|axis| {
            let name = format!("{}, varied", axis.setting);
            (name, axis.values.join(", "))
        });
        let mut facts: Vec<(String, String)> = axes.collect();
        facts.append(&mut self.facts);
        let seeds: Vec<String> = plan.seeds.iter().map(ToString::to_string).collect();
        facts.push(("seeds".to_owned(), seeds.join(", ")));
        let mut devices: Vec<&str> = Vec::new();
        for record in plan.records.values() {
            if !devices.contains(&record.device.as_str()) {
                devices.push(&record.device);
            }
        }
        facts.push(("device".to_owned(), devices.join("; ")));
        facts.retain(|(_, text)| !text.is_empty());
        self.facts = facts;
    }

    /// Adds what the runs have shown.
    fn add_remarks(&mut self) {
        self.remarks.extend(self.early());
        let mut runs = self.groups.iter().flat_map(|group| &group.rows);
        let has_scores = runs.any(|row| row.runs.iter().any(|run| run.state.measures().is_some()));
        let all = Measure::all().into_iter();
        let missing = all.filter(|measure| !self.measures.contains(measure));
        let missing: Vec<String> = missing.map(Measure::title).collect();
        if has_scores && !missing.is_empty() {
            self.remarks.push(format!(
                "without a column, because not defined for these pictures: {}",
                missing.join(", ")
            ));
        }
    }

    /// The pictures of `shown` pairs, spread evenly over the split, of the first seed that is done
    /// in each cell.
    pub fn tiles(&self, root: &Path, shown: usize) -> Tiles {
        let done = |row: &Row| {
            let run = row.runs.iter().find(|run| run.state.measures().is_some())?;
            Some(root.join(&run.evaluation))
        };
        let rows = || self.groups.iter().flat_map(|group| &group.rows);
        // Inputs and targets in the largest size that has some.
        let largest = self.groups.iter().rev().flat_map(|group| &group.rows);
        let first = largest.flat_map(|row| &row.runs).find_map(|run| {
            let measures = run.state.measures()?;
            Some((root.join(&run.evaluation), &measures.names))
        });
        let Some((first, names)) = first else {
            return Tiles::default();
        };
        let heads = rows().map(|row| row.label.clone());
        let columns: Vec<Option<PathBuf>> = rows().map(done).collect();
        let missing = rows().map(|row| {
            let is_waiting = row.runs.iter().any(|run| run.state == RunState::Waiting);
            if is_waiting { "none yet" } else { "failed" }
        });
        let of_pair = |index: usize| TileRow {
            index,
            name: names[index].clone(),
            files: [("input", Some(&first)), ("target", Some(&first))]
                .into_iter()
                .chain(columns.iter().map(|column| ("output", column.as_ref())))
                .map(|(kind, folder)| Some(picture_path(folder?, index, kind)))
                .collect(),
        };
        let heads = ["input", "target"]
            .map(str::to_owned)
            .into_iter()
            .chain(heads);
        Tiles {
            heads: heads.collect(),
            // Inputs and targets are there once anything is.
            missing: ["", ""].into_iter().chain(missing).collect(),
            rows: evenly_spaced(shown, names.len())
                .into_iter()
                .map(of_pair)
                .collect(),
        }
    }
}

fn row(
    root: &Path,
    plan: &ComparisonPlan,
    cell: &Cell,
    size: Option<u32>,
) -> Result<Row, CompareError> {
    let at = size.unwrap_or(plan.size);
    let mut runs = Vec::new();
    for &seed in &plan.seeds {
        let run = cell.folder(seed);
        let evaluation = evaluation_folder(Path::new(&run), plan.size, size);
        let state = match plan.records.get(&run) {
            None => RunState::Waiting,
            Some(record) => match record.failure_at(at) {
                Some(reason) => RunState::Failed(reason.to_owned()),
                None => match Measures::read(&root.join(&evaluation))? {
                    Some(measures) if record.has_noted(at, &measures) => RunState::Done {
                        seconds: record.seconds,
                        early: record.early,
                        measures: Box::new(measures),
                    },
                    // Those of somebody else are not shown as its own.
                    _ => RunState::Waiting,
                },
            },
        };
        runs.push(RowRun {
            seed,
            folder: run,
            evaluation,
            state,
        });
    }
    let label = match size {
        Some(side) => format!("{} at {side}", cell.label),
        None => cell.label.clone(),
    };
    Ok(Row {
        label,
        cell: cell.label.clone(),
        runs,
        spreads: Vec::new(),
        best: Vec::new(),
    })
}

/// The values of the runs that have one.
fn values(row: &Row, measure: Measure) -> Vec<f64> {
    row.runs
        .iter()
        .filter_map(|run| run.state.get(measure))
        .collect()
}

impl RunState {
    /// Its scores.
    pub fn measures(&self) -> Option<&Measures> {
        match self {
            Self::Done { measures, .. } => Some(measures),
            _ => None,
        }
    }

    /// A value of its outputs.
    pub fn get(&self, measure: Measure) -> Option<f64> {
        match (self, measure) {
            (Self::Done { seconds, .. }, Measure::Time) => Some(*seconds),
            (Self::Done { measures, .. }, _) => measures.get(measure, Subject::Output),
            _ => None,
        }
    }
}

impl Group {
    /// Computes the spreads, the best rows and the references.
    fn complete(&mut self, measures: &[Measure]) {
        let all: Vec<Vec<Vec<f64>>> = measures
            .iter()
            .map(|&measure| self.rows.iter().map(|row| values(row, measure)).collect())
            .collect();
        self.add_references(measures);
        let has_ended = |row: &Row| row.runs.iter().all(|run| run.state != RunState::Waiting);
        let ended = self.rows.iter().all(has_ended);
        for (at, (&measure, values)) in measures.iter().zip(&all).enumerate() {
            let references = self.references.iter();
            let references: Vec<f64> = references.filter_map(|(_, all)| all[at]).collect();
            let with_values: Vec<usize> = (0..values.len())
                .filter(|&row| !values[row].is_empty())
                .collect();
            let found: Vec<Vec<f64>> = with_values.iter().map(|&row| values[row].clone()).collect();
            let better = measure.better().filter(|_| ended);
            let best = better
                .and_then(|better| best(better, &found, &references))
                .map(|place| with_values[place]);
            for (place, (row, values)) in self.rows.iter_mut().zip(values).enumerate() {
                row.spreads.push(Spread::of(values));
                row.best.push(best == Some(place));
            }
        }
    }

    /// Adds what needs no training, as the first run that is done has it.
    fn add_references(&mut self, measures: &[Measure]) {
        let measured = self.rows.iter().flat_map(|row| &row.runs);
        let measured: Option<Measures> = measured
            .filter_map(|run| run.state.measures())
            .next()
            .cloned();
        let Some(measured) = measured else { return };
        for subject in [Subject::Copy, Subject::MeanTarget] {
            let values: Vec<Option<f64>> = measures
                .iter()
                .map(|&measure| measured.get(measure, subject))
                .collect();
            if values.iter().any(Option::is_some) {
                self.references.push((subject.title(), values));
            }
        }
    }
}
