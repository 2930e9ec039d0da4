//! The configuration of each cell. Each is made by the options of `train`, so their rules hold here
//! too, and no other ones do.

use super::super::network::configure;
use super::super::train::{TrainArgs, settings};
use super::super::{CliError, note, tips, usage};
use crate::cli::options::{field_of, option_of};
use crate::compare::{Axis, Cell, CompareError, Grid, first_difference};
use crate::train::{Config, Range, Settings, check_pretrained};
use clap::{Arg, ArgAction, Args, Command, FromArgMatches};

/// A cell with what its runs have in common.
pub struct CellSettings {
    /// The cell.
    pub cell: Cell,
    /// What was asked for.
    pub settings: Settings,
    /// What that makes. The seed is the first one.
    pub config: Config,
}

/// The options of `train`.
fn command() -> Command {
    TrainArgs::augment_args(Command::new("train").no_binary_name(true))
}

/// The arguments of `train`.
///
/// # Errors
/// What clap says, in one line.
pub fn parse(arguments: &[String]) -> Result<TrainArgs, CliError> {
    let program = command();
    let parsed = program
        .clone()
        .try_get_matches_from(arguments)
        .and_then(|matches| TrainArgs::from_arg_matches(&matches));
    parsed.map_err(|error| {
        let answer = tips::answer(&error, &program, &program);
        CliError::Usage(answer.unwrap_or_else(|| tips::one_line(&error)))
    })
}

/// The axis with what the options of `train` know of it.
///
/// # Errors
/// A setting that is none, or that does not go into one comparison.
pub fn known(axis: Axis, base: &[String]) -> Result<Axis, CliError> {
    let fail = |reason: String| {
        let given = axis.to_string();
        CliError::from(CompareError::Axis { given, reason })
    };
    let command = command();
    let Some(arg) = find(&command, &axis.setting) else {
        let setting = &axis.setting;
        let reason = format!("train has no option --{setting}; see pix2pix train --help");
        return Err(fail(reason));
    };
    let field = field_of(arg);
    match (arg.get_id().as_str(), field) {
        ("seed", _) => {
            return Err(fail(
                "use --seeds N, which counts up from --seed".to_owned(),
            ));
        }
        ("adapter", _) => {
            return Err(fail(
                "all cells are trained on one device; leave it out".to_owned(),
            ));
        }
        // It has two options.
        ("dropout", _) | (_, Some(_)) => {}
        (_, None) => return Err(fail("it is no setting of a run; leave it out".to_owned())),
    }
    let option = format!("--{}", axis.setting);
    let is_given = |argument: &String| argument.split('=').next() == Some(&option);
    if base.iter().any(is_given) {
        return Err(fail(format!(
            "{option} is given for all cells as well; leave one out"
        )));
    }
    let switch = is_switch(arg);
    if let Some(other) = axis
        .values
        .iter()
        .find(|value| switch && on(value).is_none())
    {
        return Err(fail(format!(
            "{option} is a switch, and {other} is neither on nor off"
        )));
    }
    let speaks = field.is_some_and(|field| matches!(field.range, Range::OneOf(_)));
    Ok(Axis { speaks, ..axis })
}

fn find<'a>(command: &'a Command, setting: &str) -> Option<&'a Arg> {
    let mut all = command.get_arguments();
    all.find(|arg| arg.get_long() == Some(setting))
}

fn is_switch(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::SetTrue)
}

fn on(value: &str) -> Option<bool> {
    match value {
        "on" | "true" => Some(true),
        "off" | "false" => Some(false),
        _ => None,
    }
}

/// The argument that gives a setting this value, if one is needed.
fn argument(command: &Command, setting: &str, value: &str) -> Option<String> {
    let is_switched = find(command, setting).is_some_and(is_switch);
    let opposite = format!("no-{setting}");
    match (is_switched, on(value)) {
        (false, _) => Some(format!("--{setting}={value}")),
        (true, Some(true)) => Some(format!("--{setting}")),
        (true, _) => find(command, &opposite).map(|_| format!("--{opposite}")),
    }
}

/// All cells of a grid over the arguments `base`, which all of them share. What does nothing in a
/// cell is left out there, and told.
///
/// # Errors
/// The first cell that breaks a rule, cells that are the same, and cells whose pictures differ.
pub fn cells(grid: &Grid, base: &[String]) -> Result<Vec<CellSettings>, CliError> {
    let mut made: Vec<(Cell, TrainArgs, Settings)> = Vec::new();
    // Options, and the cells in which all of them do nothing.
    let mut left_out: Vec<(Vec<String>, Vec<String>)> = Vec::new();
    for cell in grid.cells() {
        let fail = |error| of_cell(cell, error);
        let (arguments, idle) = without_idle(grid, cell, base).map_err(fail)?;
        match left_out.iter_mut().find(|(known, _)| *known == idle) {
            Some((_, labels)) => labels.push(cell.label.clone()),
            None => left_out.push((idle, vec![cell.label.clone()])),
        }
        let train = parse(&arguments).map_err(fail)?;
        let settings = settings(&train).map_err(fail)?;
        made.push((cell.clone(), train, settings));
    }
    left_out.iter().for_each(tell_left_out);
    configured(made)
}

/// Tells of options that do nothing in some cells.
fn tell_left_out((options, labels): &(Vec<String>, Vec<String>)) {
    let words = match options.as_slice() {
        [] => return,
        [one] => format!("{one} does nothing in {}, and is", labels.join(" | ")),
        several => {
            let options = several.join(" and ");
            format!("{options} do nothing in {}, and are", labels.join(" | "))
        }
    };
    note(&format!("note: {words} left out there"));
}

/// Makes the configurations. What has to be looked up in images is looked up once.
fn configured(made: Vec<(Cell, TrainArgs, Settings)>) -> Result<Vec<CellSettings>, CliError> {
    let mut cells: Vec<CellSettings> = Vec::new();
    let mut told = Vec::new();
    for (cell, train, mut settings) in made {
        let config = match cells.first() {
            None => {
                let values = Some(&train.values);
                configure(&mut settings, &train.pixels, values, &train.device)
            }
            Some(first) => {
                settings.seed = first.settings.seed;
                settings.pixels = first.settings.pixels.clone();
                settings.values = first.settings.values;
                settings.config().map_err(CliError::from)
            }
        };
        let config = config.map_err(|error| of_cell(&cell, error))?;
        let pretrained = check_pretrained(&config).map_err(|error| of_cell(&cell, error.into()))?;
        for (path, found) in pretrained {
            if !told.contains(&(path.clone(), found.clone())) {
                crate::cli::pth::say(&path, &found);
                told.push((path, found));
            }
        }
        cells.push(CellSettings {
            cell,
            settings,
            config,
        });
    }
    check_alike(&cells)?;
    Ok(cells)
}

/// Refuses cells that cannot be compared, and cells that are the same.
fn check_alike(cells: &[CellSettings]) -> Result<(), CliError> {
    for (place, cell) in cells.iter().enumerate() {
        let first = &cells[0];
        let [left, right] = [&first.cell.label, &cell.cell.label];
        if let Some(field) = first_difference(&first.config, &cell.config) {
            let sizes = match field.as_str() {
                "size" => ", or use one model at several sizes with --test-sizes",
                _ => "",
            };
            return Err(usage(&format!(
                "{left} and {right} are scored on other pictures, because they differ in \
                 `{field}`, so they cannot be compared; leave that as it is{sizes}"
            )));
        }
        let same = cells[..place]
            .iter()
            .find(|other| other.config == cell.config);
        if let Some(other) = same {
            return Err(CliError::Usage(format!(
                "{} and {right} are the same run; leave one of them out",
                other.cell.label
            )));
        }
    }
    Ok(())
}

/// The arguments of a cell, and the options among `base` that would do nothing in it.
fn without_idle(
    grid: &Grid,
    cell: &Cell,
    base: &[String],
) -> Result<(Vec<String>, Vec<String>), CliError> {
    let command = command();
    let axes = grid.axes().iter().zip(&cell.values);
    let own: Vec<String> = axes
        .filter_map(|(axis, value)| argument(&command, &axis.setting, value))
        .collect();
    let mut shared = base.to_vec();
    let mut idle = Vec::new();
    loop {
        let arguments = [&shared[..], &own].concat();
        let checked = settings(&parse(&arguments)?)?.config();
        let error = match checked {
            Ok(_) => return Ok((arguments, idle)),
            Err(error) => error,
        };
        let option = option_of(error.field).filter(|_| error.without_use);
        let place = option.and_then(|option| {
            let is_this = |argument: &String| argument.split('=').next() == Some(option);
            shared.iter().position(is_this)
        });
        match place {
            Some(place) => {
                let argument = shared.remove(place);
                idle.push(argument.split('=').next().unwrap_or_default().to_owned());
            }
            None => return Err(error.into()),
        }
    }
}

/// The error with the cell that it is about.
pub fn of_cell(cell: &Cell, error: CliError) -> CliError {
    // A grid without axes has one cell, which needs no name.
    match cell.values.is_empty() {
        true => error,
        false => CliError::Cell {
            label: cell.label.clone(),
            source: Box::new(error),
        },
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The arguments of each cell, and the label.
    fn made(vary: &[&str], base: &[&str]) -> Vec<(String, Vec<String>, Vec<String>)> {
        let base: Vec<String> = base.iter().map(ToString::to_string).collect();
        let axes = vary
            .iter()
            .map(|given| known(Axis::parse(given).unwrap(), &base).unwrap());
        let grid = Grid::new(axes.collect()).unwrap();
        let cells = grid.cells().iter().map(|cell| {
            let (arguments, idle) = without_idle(&grid, cell, &base).unwrap();
            (cell.label.clone(), arguments, idle)
        });
        cells.collect()
    }

    #[test]
    fn each_cell_is_a_command_line_of_train() {
        let cells = made(&["norm=none", "ngf=4,8"], &["pairs", "--size=64"]);
        assert_eq!(cells[1].0, "none, ngf 8");
        assert_eq!(cells[1].1, ["pairs", "--size=64", "--norm=none", "--ngf=8"]);
        assert!(cells[1].2.is_empty());
    }

    #[test]
    fn a_switch_is_on_or_off() {
        let arguments = |vary: &str| -> Vec<Vec<String>> {
            made(&[vary], &[]).into_iter().map(|cell| cell.1).collect()
        };
        let both = arguments("dropout=on,off");
        assert_eq!(both, [["--dropout"], ["--no-dropout"]]);
        let one = arguments("no-flip=true,false");
        assert_eq!(one, [vec!["--no-flip"], vec![]]);
        assert_eq!(made(&["dropout=on"], &[])[0].0, "dropout on");
    }

    #[test]
    fn what_does_nothing_in_a_cell_is_left_out_there_and_only_there() {
        let base = ["--patch=16", "--gan-mode=lsgan", "--lambda-l1=50"];
        let cells = made(&["objective=l1,gan,l1+cgan"], &base);
        assert_eq!(cells[0].1, ["--lambda-l1=50", "--objective=l1"]);
        assert_eq!(cells[0].2, ["--gan-mode", "--patch"]);
        assert_eq!(cells[1].2, ["--lambda-l1"]);
        assert!(cells[2].2.is_empty());
    }
}
