//! What is compared: as it was asked for, or as the folder of a comparison remembers it.

use super::super::train::{TrainArgs, base_name};
use super::super::{CliError, note};
use super::arguments::{CompareArgs, OwnArgs};
use super::cells::{self, CellSettings};
use crate::cli::options::option_of;
use crate::compare::{Axis, CompareError, ComparisonFolder, ComparisonPlan, Grid, Paper};
use crate::data::Split;
use crate::train::Config;
use crate::train::run::{check_name, quote};
use std::path::{Path, PathBuf};

/// A comparison as somebody asked for it.
pub struct Asked {
    /// Its folder.
    pub path: PathBuf,
    /// The command.
    pub command: String,
    /// Arguments of `train` that all cells share.
    pub arguments: Vec<String>,
    /// The cells.
    pub grid: Grid,
    /// The seeds of each.
    pub seeds: Vec<u64>,
    /// Sizes that are scored.
    pub test_sizes: Vec<u32>,
    /// Pairs that are shown.
    pub shown: usize,
    /// The split that is scored, where somebody named it.
    pub split: Option<Split>,
    /// The data set, as somebody called it.
    pub dataset: String,
    /// Where the data set was when runs began, if it has moved.
    pub places: Vec<String>,
    /// What is not as somebody would expect.
    pub remarks: Vec<String>,
}

impl Asked {
    /// What the command line asks for.
    ///
    /// # Errors
    /// What no comparison can be made of.
    pub fn of(args: &CompareArgs) -> Result<Self, CliError> {
        match &args.own.resume {
            Some(name) => Self::resumed(args, name),
            None => Self::new(args),
        }
    }

    fn new(args: &CompareArgs) -> Result<Self, CliError> {
        let own = &args.own;
        let typed = args.typed.iter().map(|typed| typed.argument());
        let arguments = typed.collect::<Result<Vec<_>, _>>()?;
        let dataset = args.typed.iter().find_map(|typed| typed.dataset());
        let dataset = dataset.map(|dataset| PathBuf::from(dataset.clone()));
        let mut axes = own
            .vary
            .iter()
            .map(|given| Axis::parse(given))
            .collect::<Result<Vec<_>, _>>()?;
        let mut test_sizes = own.test_sizes.clone();
        refuse_doubled(&test_sizes)?;
        let mut remarks = Vec::new();
        let seed = cells::parse(&arguments)?.device.seed;
        if let Some(paper) = own.paper {
            let of_paper = of_paper(paper, &arguments, &test_sizes, &mut remarks)?;
            axes.splice(0..0, of_paper.0);
            test_sizes.extend(of_paper.1);
        }
        if axes.is_empty() && test_sizes.len() < 2 {
            return Err(CliError::Usage(
                "nothing varies; name what to compare, as in --vary objective=l1,l1+cgan, or a \
                 comparison of the paper with --paper"
                    .to_owned(),
            ));
        }
        let axes = axes.into_iter().map(|axis| cells::known(axis, &arguments));
        let grid = Grid::new(axes.collect::<Result<_, _>>()?)?;
        let called = dataset.as_deref().map_or("demo".to_owned(), base_name);
        own.name.as_deref().map_or(Ok(()), check_name)?;
        let name = own
            .name
            .clone()
            .unwrap_or_else(|| default_name(own, &grid, &called));
        let seeds = (0..own.seeds).map(|number| seed.checked_add(number));
        let seeds = seeds.collect::<Option<Vec<u64>>>().ok_or_else(|| {
            CliError::Usage(format!(
                "--seed {seed} leaves no room to count up {}",
                own.seeds
            ))
        })?;
        Ok(Self {
            path: own.out.clone().unwrap_or_else(|| own.runs.join(name)),
            command: typed_command(),
            arguments,
            grid,
            seeds,
            test_sizes: unique(&test_sizes),
            shown: own.shown as usize,
            split: own.split,
            dataset: match dataset {
                Some(_) => called,
                None => "the bundled pairs".to_owned(),
            },
            places: Vec::new(),
            remarks,
        })
    }

    /// What a comparison was asked for that is there.
    fn resumed(args: &CompareArgs, name: &Path) -> Result<Self, CliError> {
        let named = args.own.runs.join(name);
        // A path is one as it stands, and a name is that of a folder among all runs.
        let is_path = name.components().count() > 1 || name.is_absolute();
        let path = match named.is_dir() || !(is_path || name.is_dir()) {
            true => named,
            false => name.to_owned(),
        };
        let (_, plan) = ComparisonFolder::find(&path)?;
        let Some(plan) = plan else {
            return Err(CompareError::Missing { path }.into());
        };
        let mut arguments = plan.arguments;
        let mut dataset = plan.dataset;
        let mut places = plan.places;
        // The device may be another one, and the data set may lie elsewhere.
        for typed in &args.typed {
            let argument = typed.argument()?;
            if let Some(given) = typed.dataset() {
                if let Some(at) = arguments.iter().position(|known| is_dataset(known)) {
                    places.push(arguments.remove(at));
                }
                arguments.insert(0, argument);
                dataset = base_name(Path::new(given));
                continue;
            }
            let option = argument.split('=').next().unwrap_or_default().to_owned();
            if option != "--adapter" {
                return Err(CliError::Usage(format!(
                    "--resume goes on as it was asked for, without {option}; a comparison with \
                     another one needs a --name of its own"
                )));
            }
            arguments.retain(|known| known.split('=').next() != Some(&option));
            arguments.push(argument);
        }
        let gone = arguments.iter().find(|known| is_dataset(known));
        if let Some(gone) = gone.filter(|gone| !Path::new(gone).exists()) {
            return Err(CompareError::Gone {
                dataset: gone.into(),
                comparison: path,
            }
            .into());
        }
        Ok(Self {
            path,
            command: plan.command,
            arguments,
            grid: Grid::new(plan.axes)?,
            seeds: plan.seeds,
            test_sizes: plan.test_sizes,
            shown: plan.shown,
            split: plan.split,
            dataset,
            places,
            remarks: plan.remarks,
        })
    }

    /// With the cells, seeds and sizes of an older plan of the same folder, which stay.
    ///
    /// # Errors
    /// A comparison that varies something else, or scores another split.
    pub fn with_older(mut self, older: Option<&ComparisonPlan>) -> Result<Self, CliError> {
        let Some(older) = older else { return Ok(self) };
        match self.grid.with_older(&older.axes)? {
            Some(grid) => self.grid = grid,
            None => {
                return Err(CompareError::OtherAxes {
                    path: self.path,
                    there: Grid::describe(&older.axes),
                    asked: Grid::describe(self.grid.axes()),
                }
                .into());
            }
        }
        // Files of the same names may lie in several splits.
        match (self.split, older.pairs.split) {
            (Some(asked), Some(there)) if asked != there => {
                return Err(CompareError::OtherSplit {
                    path: self.path,
                    there,
                    asked,
                }
                .into());
            }
            (asked, there) => self.split = asked.or(there),
        }
        for place in &older.places {
            if !self.places.contains(place) {
                self.places.push(place.clone());
            }
        }
        let stay = older.seeds.iter().any(|seed| !self.seeds.contains(seed));
        self.seeds.extend(&older.seeds);
        self.seeds.sort_unstable();
        self.seeds.dedup();
        if stay {
            let seeds: Vec<String> = self.seeds.iter().map(ToString::to_string).collect();
            note(&format!(
                "note: the seeds that are there stay, so each cell has these: {}",
                seeds.join(", ")
            ));
        }
        self.test_sizes = joined_sizes(older, &self.test_sizes);
        Ok(self)
    }

    /// The arguments that all cells share.
    ///
    /// # Errors
    /// What clap says.
    pub fn train(&self) -> Result<TrainArgs, CliError> {
        cells::parse(&self.arguments)
    }

    /// The configurations of all cells.
    ///
    /// # Errors
    /// Those of [`cells::cells`], and sizes that no model is used at.
    pub fn cells(&self) -> Result<Vec<CellSettings>, CliError> {
        let cells = cells::cells(&self.grid, &self.arguments)?;
        if !self.test_sizes.is_empty() && cells[0].config.preprocess.is_whole() {
            return Err(CliError::Usage(
                "--test-sizes are those of squares, and with this --preprocess pictures keep their \
                 own; leave it out"
                    .to_owned(),
            ));
        }
        Ok(cells)
    }
}

/// What a comparison of the paper stands for: axes and sizes.
fn of_paper(
    paper: Paper,
    arguments: &[String],
    test_sizes: &[u32],
    remarks: &mut Vec<String>,
) -> Result<(Vec<Axis>, Vec<u32>), CliError> {
    let alone = |extra: &[String]| -> Result<Config, CliError> {
        let arguments = [arguments, extra].concat();
        Ok(super::super::train::settings(&cells::parse(&arguments)?)?.config()?)
    };
    // What is wrong with the other settings is told first.
    let config = match paper {
        Paper::Sizes | Paper::Patches => Some(alone(&[])?),
        Paper::Objectives | Paper::Architectures => None,
    };
    let fits = |patch: usize| alone(&[format!("--patch={patch}")]).is_ok();
    let mut axes = Vec::new();
    for (field, values) in paper.axes(fits) {
        let option = option_of(field).unwrap_or(field);
        // Values that the paper has, and that the other settings leave no room for.
        if values.is_empty() {
            let why = alone(&[format!("{option}=1")]).err();
            let why = why.map_or_else(String::new, |why| format!(" ({why})"));
            return Err(CliError::Usage(format!(
                "--paper {} varies {option}, and no value of it goes with the other \
                 options{why}; leave out what speaks against it",
                paper.name()
            )));
        }
        axes.push(Axis::parse(&format!("{option}={}", values.join(",")))?);
    }
    let sizes = config
        .as_ref()
        .map_or(Vec::new(), |config| paper.test_sizes(config));
    if !sizes.is_empty() && !test_sizes.is_empty() {
        return Err(CliError::Usage(format!(
            "--paper {} has --test-sizes of its own; leave one of the two out",
            paper.name()
        )));
    }
    let mut stands: Vec<String> = axes.iter().map(|axis| format!("--vary {axis}")).collect();
    if !sizes.is_empty() {
        let sizes: Vec<String> = sizes.iter().map(ToString::to_string).collect();
        stands.push(format!("--test-sizes {}", sizes.join(",")));
    }
    note(&format!(
        "--paper {} stands for {}",
        paper.name(),
        stands.join(" ")
    ));
    let side = config.map_or(0, |config| config.size);
    if let Some(remark) = paper.remark(side, fits) {
        note(&format!("note: {remark}"));
        remarks.push(remark);
    }
    Ok((axes, sizes))
}

/// The name of a comparison that nobody named: the same for the same command, so that it goes on.
fn default_name(own: &OwnArgs, grid: &Grid, dataset: &str) -> String {
    let varied = match own.paper {
        Some(paper) => paper.name().to_owned(),
        None => {
            let settings = grid.axes().iter().map(|axis| axis.setting.as_str());
            settings.collect::<Vec<_>>().join("-")
        }
    };
    match varied.is_empty() {
        true => format!("{dataset}-sizes"),
        false => format!("{dataset}-{varied}"),
    }
}

/// The sizes of an older plan and those that are asked for now. None means that of training.
fn joined_sizes(older: &ComparisonPlan, asked: &[u32]) -> Vec<u32> {
    let mut sizes = [&older.test_sizes[..], asked].concat();
    if older.test_sizes.is_empty() != asked.is_empty() {
        sizes.push(older.size);
    }
    unique(&sizes)
}

fn unique(sizes: &[u32]) -> Vec<u32> {
    let mut unique: Vec<u32> = sizes.to_vec();
    unique.sort_unstable();
    unique.dedup();
    unique
}

/// Whether an argument of `train` is the data set.
fn is_dataset(argument: &str) -> bool {
    !argument.starts_with("--")
}

/// Refuses a size that is given twice.
fn refuse_doubled(sizes: &[u32]) -> Result<(), CliError> {
    let doubled = (1..sizes.len()).find(|&at| sizes[..at].contains(&sizes[at]));
    match doubled {
        None => Ok(()),
        Some(at) => Err(CliError::Usage(format!(
            "--test-sizes: {} stands there twice; write it once",
            sizes[at]
        ))),
    }
}

/// The command of this process, as words of a shell.
fn typed_command() -> String {
    let words = std::env::args_os().skip(1);
    let words = words.map(|word| quote(Path::new(&word)));
    format!("pix2pix {}", words.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::Pairs;

    #[test]
    fn the_size_of_training_stays_beside_sizes_that_are_added() {
        let pairs = Pairs {
            training: 1,
            training_names: 1,
            scored: 1,
            scored_names: 1,
            split: None,
        };
        let mut older = ComparisonPlan::new(32, pairs);
        assert_eq!(joined_sizes(&older, &[]), [0; 0]);
        assert_eq!(joined_sizes(&older, &[64]), [32, 64]);
        older.test_sizes = vec![64, 128];
        assert_eq!(joined_sizes(&older, &[256]), [64, 128, 256]);
        assert_eq!(joined_sizes(&older, &[]), [32, 64, 128]);
    }
}
