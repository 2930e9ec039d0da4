//! `pix2pix compare`: a grid of runs, scored and laid side by side.
//!
//! | file | idea |
//! |---|---|
//! | `arguments.rs` | the command line: its own options, and all of `train` |
//! | `cells.rs` | the configuration of each cell, made by the options of `train` |
//! | `asked.rs` | what is compared: as it was asked for, or as a folder remembers it |
//! | `cell_run.rs` | one run: trained or gone on with, then scored |
//! | `data.rs` | the pairs: as cells prepare them, and as they are scored |
//! | `scores.rs` | the scores of one run: which are there, and how it gets the others |
//! | `telling.rs` | what is said before, between and after the runs |

mod arguments;
mod asked;
mod cell_run;
mod cells;
mod data;
mod scores;
mod telling;

pub use arguments::CompareArgs;

use super::options::option_of;
use super::stop::Stop;
use super::train::TrainArgs;
use super::{CliError, note, print};
use crate::compare::{CompareError, ComparisonFolder, ComparisonPlan, Grid, Pairs, Report};
use crate::data::Split;
use crate::gpu::{Gpu, Profile};
use crate::tensor::DType;
use crate::train::run::{RunDir, quote};
use crate::train::{Config, Trainer, check_fits, find};
use asked::Asked;
use cell_run::{CellRun, CellRunEnd};
use cells::CellSettings;
use data::{Data, check_pairs};
use scores::Scores;
use std::path::Path;
use telling::Pace;

/// Trains and scores all cells, and writes the report after each run.
pub fn run(args: &CompareArgs) -> Result<(), CliError> {
    let asked = Asked::of(args)?;
    let (folder, older) = ComparisonFolder::find(&asked.path)?;
    let asked = asked.with_older(older.as_ref())?;
    let stop = Stop::listen(None);
    let train = asked.train()?;
    let mut cells = asked.cells()?;
    let gpu = train.device.open()?;
    let precision = |asked| train.device.precision(&gpu, asked, DType::F32);
    for cell in &mut cells {
        cell.config.precision = precision(cell.settings.precision)?;
        check_fits(&cell.config, gpu.profile())
            .map_err(|error| cells::of_cell(&cell.cell, error.into()))?;
    }
    let profile = gpu.profile().clone();
    let mut comparison = Comparison::open(asked, cells, folder, older, profile)?;
    comparison.check_runs()?;
    comparison.tell_plan();
    comparison.tell_device(&gpu);
    comparison.folder.begin(&comparison.plan)?;
    comparison.run(gpu, &train, &stop)
}

/// Kernels that are kept from run to run. Cells of one size have most of them in common; those of
/// many sizes would fill memory.
const MOST_KERNELS: usize = 500;

/// A comparison whose cells, data and folder are there.
struct Comparison {
    grid: Grid,
    cells: Vec<CellSettings>,
    /// Training steps of each cell.
    steps: Vec<u64>,
    folder: ComparisonFolder,
    plan: ComparisonPlan,
    /// The arguments with which it was begun, if it goes on.
    begun_with: Vec<String>,
    data: Data,
    /// The device's own choice of kernels.
    profile: Profile,
}

impl Comparison {
    fn open(
        asked: Asked,
        mut cells: Vec<CellSettings>,
        folder: ComparisonFolder,
        older: Option<ComparisonPlan>,
        profile: Profile,
    ) -> Result<Self, CliError> {
        let data = Data::open(&cells, &asked.test_sizes, asked.split)?;
        let (_, held_out) = &data.held_out[0];
        let training = data.prepared[0].1.require(Split::Train)?;
        let pairs = Pairs {
            training: training.len(),
            training_names: training.fingerprint(),
            scored: held_out.pairs.len(),
            scored_names: held_out.pairs.fingerprint(),
            split: Some(held_out.pairs.split()),
        };
        if let Some(older) = &older {
            check_pairs(&folder, &older.pairs, &pairs)?;
        }
        let mut steps = Vec::new();
        for cell in &mut cells {
            let schedule = Trainer::schedule_of(&cell.config, data.of(&cell.config))
                .and_then(|schedule| schedule.check().map(|()| schedule));
            let schedule = schedule.map_err(|error| cells::of_cell(&cell.cell, error.into()))?;
            steps.push(schedule.total_steps);
            cell.settings
                .set_intervals(&mut cell.config, training.len());
        }
        let size = cells[0].config.size;
        let mut plan = ComparisonPlan::new(size, pairs);
        plan.facts = telling::facts(&asked.dataset, &data.held_out, &cells, &plan.pairs);
        (plan.command, plan.dataset) = (asked.command, asked.dataset);
        plan.arguments = asked.arguments;
        plan.places = asked.places;
        plan.axes = asked.grid.axes().to_vec();
        plan.seeds = asked.seeds;
        plan.test_sizes = asked.test_sizes;
        (plan.shown, plan.split) = (asked.shown, asked.split);
        plan.remarks = asked.remarks;
        for remark in &held_out.remarks {
            if !plan.remarks.contains(remark) {
                plan.remarks.push(remark.clone());
            }
        }
        let mut begun_with = Vec::new();
        if let Some(older) = older {
            (plan.records, begun_with) = (older.records, older.arguments);
        }
        Ok(Self {
            grid: asked.grid,
            cells,
            steps,
            folder,
            plan,
            begun_with,
            data,
            profile,
        })
    }

    /// Refuses to go on with runs that were trained in another way. A record without a folder is
    /// dropped: somebody wants this run again.
    fn check_runs(&mut self) -> Result<(), CliError> {
        for (cell, seed) in self.all_runs() {
            let path = self.folder.run_path(&self.cells[cell].cell, seed);
            if !path.is_dir() {
                self.plan
                    .records
                    .remove(&self.cells[cell].cell.folder(seed));
            }
            if !RunDir::is_run(&path) {
                continue;
            }
            let there = RunDir::config_of(&path)?;
            let fields = there.differences(&self.config(cell, seed));
            let fields = self.telling(&fields, there.patience.is_some());
            match fields.as_slice() {
                [] => {}
                // Its pairs have the same names, which was checked before.
                ["dataset"] if self.was_at(there.dataset.as_deref()) => {}
                ["dataset"] => {
                    let comparison = self.folder.path().to_owned();
                    return Err(CompareError::Moved { path, comparison }.into());
                }
                fields => {
                    let fields = fields.iter().map(|field| named(field)).collect();
                    return Err(CompareError::OtherSettings { path, fields }.into());
                }
            }
        }
        Ok(())
    }

    /// Of the fields in which a run differs, those that say what somebody did.
    fn telling<'a>(&self, fields: &'a [String], is_patient: bool) -> Vec<&'a str> {
        // These do not decide what is learned.
        let idle = ["adapter", "tensorboard"];
        // Where nobody named these, they are as the program chooses them for the length. Only
        // patience counts scores.
        let followers = ["checkpoint_every", "sample_every"];
        let is_longer = fields.iter().any(|field| field == "length");
        let is_given = |field: &str, arguments: &[String]| {
            let option = option_of(field).unwrap_or(field);
            let mut given = arguments.iter();
            given.any(|argument| argument.split('=').next() == Some(option))
        };
        let follows = |field: &str| {
            let is_chosen = !is_patient && !is_given(field, &self.begun_with);
            let is_free = is_longer || is_chosen;
            followers.contains(&field) && is_free && !is_given(field, &self.plan.arguments)
        };
        let fields = fields.iter().map(String::as_str);
        fields
            .filter(|field| !idle.contains(field))
            .filter(|field| !follows(field))
            .collect()
    }

    /// Whether this is where the data set was before it moved.
    fn was_at(&self, path: Option<&Path>) -> bool {
        let mut places = self.plan.places.iter();
        places.any(|place| Some(Path::new(place)) == path)
    }

    /// All runs, cell and seed: every cell with the first seed, then with the next one. So a
    /// comparison that is stopped has something of each.
    fn all_runs(&self) -> Vec<(usize, u64)> {
        let seeds = self.plan.seeds.iter();
        seeds
            .flat_map(|&seed| (0..self.cells.len()).map(move |cell| (cell, seed)))
            .collect()
    }

    fn config(&self, cell: usize, seed: u64) -> Config {
        Config {
            seed,
            ..self.cells[cell].config.clone()
        }
    }

    /// Whether a run is trained and scored on these pairs, or has failed.
    fn has_ended(&self, cell: usize, seed: u64) -> Result<bool, CliError> {
        let folder = self.cells[cell].cell.folder(seed);
        match self.plan.records.get(&folder) {
            None => Ok(false),
            Some(record) if record.failure.is_some() => Ok(true),
            record => {
                let run = self.folder.path().join(folder);
                let scores = Scores::of(&run, self.plan.size, record, &self.data.held_out)?;
                Ok(scores.are_all_there())
            }
        }
    }

    fn run(&mut self, mut gpu: Gpu, train: &TrainArgs, stop: &Stop) -> Result<(), CliError> {
        let runs = self.all_runs();
        // A page is there from the beginning.
        self.report()?;
        let mut pace = Pace::new(runs.iter().map(|&(cell, _)| self.steps[cell]));
        for (place, &(cell, seed)) in runs.iter().enumerate() {
            if self.has_ended(cell, seed)? {
                pace.passed(place);
            }
        }
        for (place, &(cell, seed)) in runs.iter().enumerate() {
            if pace.has_passed(place) {
                continue;
            }
            if stop.check().is_err() {
                return self.stopped();
            }
            let config = self.config(cell, seed);
            telling::begin(place, runs.len(), &self.cells[cell].cell, seed);
            let cell_run = CellRun::open(&self.folder, &self.cells[cell].cell, config)?;
            gpu = gpu.with_profile(cell_run.profile(&self.profile));
            if cell_run.is_new() {
                let sizes = Trainer::sizes_of(&cell_run.config, self.data.of(&cell_run.config))?;
                gpu = train.tune.apply(gpu, &cell_run.config, &sizes)?;
            }
            let steps = match self.run_one(&gpu, cell_run, stop) {
                Ok(CellRunEnd::Stopped) => return self.stopped(),
                Ok(CellRunEnd::Ended(steps)) => steps,
                Err(error) => {
                    // What is there is shown, whatever went wrong.
                    let _ = self.report();
                    return Err(error);
                }
            };
            gpu.forget_kernels(MOST_KERNELS);
            pace.ran(place, cell, steps);
            self.report()?;
            let left: Vec<(usize, usize)> = runs.iter().map(|run| run.0).enumerate().collect();
            pace.tell(&left);
        }
        self.finish()
    }

    /// Trains and scores one run, and notes what becomes of it.
    fn run_one(
        &mut self,
        gpu: &Gpu,
        cell_run: CellRun,
        stop: &Stop,
    ) -> Result<CellRunEnd, CliError> {
        let Self {
            folder, plan, data, ..
        } = self;
        let name = cell_run.name();
        let run = folder.path().join(&name);
        let scores = Scores::of(&run, plan.size, plan.records.get(&name), &data.held_out)?;
        let dataset = data.of(&cell_run.config);
        cell_run.run(gpu, dataset, &scores, stop, &mut |record| {
            plan.records.insert(name.clone(), record.clone());
            Ok(folder.write_plan(plan)?)
        })
    }

    /// Writes the report.
    fn report(&self) -> Result<Report, CliError> {
        let report = Report::read(self.folder.path(), &self.plan, &self.grid)?;
        let tiles = report.tiles(self.folder.path(), self.plan.shown);
        self.folder.write_report(&report, &tiles)?;
        Ok(report)
    }

    fn stopped(&self) -> Result<(), CliError> {
        let report = self.report()?;
        let progress = report.progress();
        let progress = progress.map_or_else(String::new, |progress| format!(": {progress}"));
        note(&format!(
            "stopped and saved{progress}; go on with: pix2pix compare --resume {}",
            quote(self.folder.path())
        ));
        self.tell(&report)
    }

    fn finish(&self) -> Result<(), CliError> {
        let report = self.report()?;
        self.tell(&report)?;
        match report.counts() {
            [_, 0, _] => Ok(()),
            [_, failed, all] => Err(CliError::FailedRuns {
                failed,
                all,
                report: self.folder.markdown_path(),
            }),
        }
    }

    fn tell(&self, report: &Report) -> Result<(), CliError> {
        print(&report.to_string())?;
        print(&format!(
            "all pictures and numbers: {}, {}",
            self.folder.page_path().display(),
            self.folder.markdown_path().display()
        ))
    }
}

/// A field as errors name it. One that is made of several options is named by them.
fn named(field: &str) -> String {
    let parts = find(field).map_or(&[][..], |field| field.range.parts());
    match parts {
        [] if field == "objective.conditional" => "`objective`".to_owned(),
        [] => format!("`{field}`"),
        parts => {
            let parts: Vec<String> = parts.iter().map(|part| format!("`{part}`")).collect();
            parts.join(" or ")
        }
    }
}
