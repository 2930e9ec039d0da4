//! What is said before, between and after the runs of a comparison.

use super::super::note;
use super::super::scoring::{HeldOutPairs, size_words};
use super::Comparison;
use super::cells::CellSettings;
use crate::compare::{Cell, Grid, Pairs};
use crate::gpu::Gpu;
use crate::train::{Config, Length};
use std::time::{Duration, Instant};

/// What holds for all runs, as the report says it.
pub fn facts(
    dataset: &str,
    held_out: &[(Option<u32>, HeldOutPairs)],
    cells: &[CellSettings],
    pairs: &Pairs,
) -> Vec<(String, String)> {
    let sets = held_out.iter().map(|(_, scored)| &*scored.pairs);
    let sizes: Vec<String> = sets.clone().map(size_words).collect();
    let splits = sets.take(1).map(|set| set.split().to_string());
    let scored: Vec<String> = splits.chain([sizes.join(" and ")]).collect();
    let scored = scored.join(", ");
    let first = &cells[0].config;
    let budgets: Vec<String> = cells
        .iter()
        .map(|cell| budget(&cell.config, pairs.training))
        .collect();
    let is_one = budgets.iter().all(|budget| *budget == budgets[0]);
    let budget = match is_one {
        true => budgets[0].clone(),
        false => {
            let each = cells.iter().zip(&budgets);
            let each = each.map(|(cell, budget)| format!("{}: {budget}", cell.cell.label));
            each.collect::<Vec<_>>().join("; ")
        }
    };
    let size = format!("{0}×{0} pixels", first.size);
    [
        ("data", format!("{dataset}, {scored}; {pairs}")),
        (
            "trained at",
            if first.preprocess.is_whole() {
                String::new()
            } else {
                size
            },
        ),
        ("budget of a run", budget),
    ]
    .map(|(name, text)| (name.to_owned(), text))
    .to_vec()
}

/// How long a run is.
fn budget(config: &Config, training: usize) -> String {
    let pairs = config.pairs_per_step().max(1);
    let per_epoch = (training / pairs) as u64;
    let steps = config.schedule(per_epoch).total_steps;
    let of = match pairs {
        1 => "one pair".to_owned(),
        pairs => format!("{pairs} pairs"),
    };
    let epochs = match config.length {
        Length::Epochs(epochs) => format!("{epochs} epochs"),
        Length::Steps(_) => {
            let epochs = steps as f64 / per_epoch.max(1) as f64;
            let digits = if epochs < 1.0 { 2 } else { 1 };
            format!("{epochs:.digits$} epochs")
        }
    };
    format!("{steps} steps of {of}, {epochs}")
}

impl Comparison {
    /// Tells that other runs had another device.
    pub fn tell_device(&self, gpu: &Gpu) {
        let here = device(gpu);
        let mut records = self.plan.records.values();
        if let Some(other) = records.find(|record| record.device != here) {
            note(&format!(
                "note: runs that are there were trained on {}, and the others are on {here}; the \
                 last bits may differ, and times say nothing",
                other.device
            ));
        }
    }

    /// Tells what is going to be trained.
    pub fn tell_plan(&self) {
        let (cells, seeds) = (self.cells.len(), self.plan.seeds.len());
        let runs = self.all_runs();
        let done = runs
            .iter()
            .filter(|&&(cell, seed)| self.has_ended(cell, seed).unwrap_or(false));
        let done = done.count();
        let steps: u64 = runs.iter().map(|&(cell, _)| self.steps[cell]).sum();
        let count = |number: usize, word: &str| match number {
            1 => format!("1 {word}"),
            number => format!("{number} {word}s"),
        };
        note(&format!(
            "comparison of {}: {} × {} = {}, {steps} steps in all; folder {}",
            Grid::describe(self.grid.axes()),
            count(cells, "cell"),
            count(seeds, "seed"),
            count(runs.len(), "run"),
            self.folder.path().display()
        ));
        let labels: Vec<&str> = self
            .cells
            .iter()
            .map(|cell| cell.cell.label.as_str())
            .collect();
        note(&format!("cells: {}", labels.join(" | ")));
        if done > 0 {
            note(&format!(
                "{} of {} are there already",
                done,
                count(runs.len(), "run")
            ));
        }
        for (name, text) in &self.plan.facts {
            if !text.is_empty() {
                note(&format!("{name}: {text}"));
            }
        }
    }
}

/// The device as reports name it.
pub fn device(gpu: &Gpu) -> String {
    let info = gpu.info();
    format!("{} ({} {})", info.name, info.driver, info.driver_info)
}

/// Says which run begins.
pub fn begin(place: usize, of: usize, cell: &Cell, seed: u64) {
    note(&format!(
        "run {} of {of}: {}, seed {seed}",
        place + 1,
        cell.label
    ));
}

/// How long the runs take.
pub struct Pace {
    /// Steps of each run, by its place. None for a run that has ended.
    left: Vec<Option<u64>>,
    /// Of the runs that were trained in this process: cell, steps in it, seconds.
    ran: Vec<(usize, u64, f64)>,
    /// Seconds of the last run of this process, well or not.
    last: f64,
    began: Instant,
}

impl Pace {
    /// Of runs of so many steps.
    pub fn new(steps: impl Iterator<Item = u64>) -> Self {
        Self {
            left: steps.map(Some).collect(),
            ran: Vec::new(),
            last: 0.0,
            began: Instant::now(),
        }
    }

    /// A run that had ended before.
    pub fn passed(&mut self, place: usize) {
        self.left[place] = None;
    }

    /// Whether a run has ended.
    pub fn has_passed(&self, place: usize) -> bool {
        self.left[place].is_none()
    }

    /// A run of a cell has ended now, after so many steps in this process. None if it failed.
    pub fn ran(&mut self, place: usize, cell: usize, steps: Option<u64>) {
        let began = std::mem::replace(&mut self.began, Instant::now());
        self.ended(place, cell, steps, began.elapsed().as_secs_f64());
    }

    fn ended(&mut self, place: usize, cell: usize, steps: Option<u64>, seconds: f64) {
        self.left[place] = None;
        self.last = seconds;
        // One that was only scored says nothing of how long steps take.
        let steps = steps.filter(|&steps| steps > 0);
        self.ran.extend(steps.map(|steps| (cell, steps, seconds)));
    }

    /// Tells how long the last run took, and about how long the others take: those of a cell as
    /// others of it, those of new cells as the mean.
    pub fn tell(&self, cells: &[(usize, usize)]) {
        note(&self.told(cells));
    }

    fn told(&self, cells: &[(usize, usize)]) -> String {
        let open: Vec<(usize, u64)> = cells
            .iter()
            .filter_map(|&(place, cell)| Some((cell, self.left[place]?)))
            .collect();
        let text = match self.estimate(&open) {
            Some(left) => format!("; about {} left for {} more", words(left), open.len()),
            None => String::new(),
        };
        format!("took {}{text}", words(self.last))
    }

    /// Seconds for these runs: cell and steps of each.
    fn estimate(&self, open: &[(usize, u64)]) -> Option<f64> {
        let rate = |of: &dyn Fn(usize) -> bool| {
            let ran = self.ran.iter().filter(|(cell, ..)| of(*cell));
            let (steps, seconds) = ran.fold((0, 0.0), |sum, run| (sum.0 + run.1, sum.1 + run.2));
            (steps > 0).then(|| seconds / steps as f64)
        };
        let mean = rate(&|_| true)?;
        let of_run = |&(cell, steps): &(usize, u64)| {
            rate(&|other| other == cell).unwrap_or(mean) * steps as f64
        };
        (!open.is_empty()).then(|| open.iter().map(of_run).sum())
    }
}

/// A time in words.
fn words(seconds: f64) -> String {
    let time = Duration::from_secs_f64(seconds.clamp(0.0, 1e9)).as_secs();
    match (time / 3600, time / 60 % 60) {
        (0, 0) => format!("{time} s"),
        (0, minutes) => format!("{minutes} min {} s", time % 60),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_run_takes_as_long_as_others_of_its_cell_or_as_the_mean() {
        let mut pace = Pace::new([100, 100, 100, 50].into_iter());
        pace.ran = vec![(0, 100, 10.0), (1, 100, 30.0)];
        // A new cell takes 0.2 s a step.
        assert_eq!(pace.estimate(&[(0, 100), (2, 50)]), Some(20.0));
        assert_eq!(pace.estimate(&[]), None);
        pace.ran.clear();
        assert_eq!(pace.estimate(&[(0, 100)]), None);
        assert_eq!(
            [5.0, 125.0, 7325.0].map(words),
            ["5 s", "2 min 5 s", "2 h 2 min"]
        );
    }

    #[test]
    fn the_time_is_that_of_the_last_run_and_steps_are_those_of_this_process() {
        let cells = [(0, 0), (1, 0), (2, 0), (3, 0)];
        let mut pace = Pace::new([100; 4].into_iter());
        // It was only scored.
        pace.ended(0, 0, Some(0), 5.0);
        assert_eq!(pace.told(&cells), "took 5 s");
        // It went on from step 50.
        pace.ended(1, 0, Some(50), 10.0);
        assert_eq!(pace.told(&cells), "took 10 s; about 40 s left for 2 more");
        // It failed.
        pace.ended(2, 0, None, 2.0);
        assert_eq!(pace.told(&cells), "took 2 s; about 20 s left for 1 more");
        pace.ended(3, 0, Some(100), 20.0);
        assert_eq!(pace.told(&cells), "took 20 s");
    }
}
