//! Settings that are varied, the cells that they span, and their names.

use super::error::CompareError;
use serde::{Deserialize, Serialize};
use std::slice::from_ref;

/// The most cells of one comparison. A picture of more columns cannot be read.
pub const MOST_CELLS: usize = 64;
/// The most seeds of one comparison.
pub const MOST_SEEDS: u64 = 100;

/// A setting and the values that it takes, as somebody typed them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Axis {
    /// The setting.
    pub setting: String,
    /// Its values, at least one.
    pub values: Vec<String>,
    /// Whether a value says alone what it is about, as names do and numbers do not.
    pub speaks: bool,
}

/// One cell of a grid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// A value for each axis.
    pub values: Vec<String>,
    /// Its name in tables.
    pub label: String,
}

/// All cells of a comparison, in the order of its tables. The last axis changes fastest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid {
    axes: Vec<Axis>,
    cells: Vec<Cell>,
}

impl Axis {
    /// Reads `setting=value,value`. Dashes before the setting are left out.
    ///
    /// # Errors
    /// [`CompareError::Axis`].
    pub fn parse(given: &str) -> Result<Self, CompareError> {
        let fail = |reason: &str| CompareError::Axis {
            given: given.to_owned(),
            reason: reason.to_owned(),
        };
        let example = "write a setting and its values, as in objective=l1,l1+cgan";
        let (setting, values) = given.split_once('=').ok_or_else(|| fail(example))?;
        let setting = setting.trim().trim_start_matches('-');
        if setting.is_empty() {
            return Err(fail(example));
        }
        let values: Vec<String> = values.split(',').map(|v| v.trim().to_owned()).collect();
        if values.iter().any(String::is_empty) {
            return Err(fail("a value is empty; write one between each two commas"));
        }
        if let Some(doubled) = first_doubled(&values) {
            return Err(fail(&format!(
                "{doubled} stands there twice; write it once"
            )));
        }
        Ok(Self {
            setting: setting.to_owned(),
            values,
            speaks: false,
        })
    }

    /// The value in words.
    fn words(&self, value: &str) -> String {
        match self.speaks {
            true => value.to_owned(),
            false => format!("{} {value}", self.setting),
        }
    }

    /// The values of both. If these have all `others`, they stay in their order.
    fn joined(&self, others: &[String]) -> Vec<String> {
        let has_all = others.iter().all(|value| self.values.contains(value));
        let (first, then) = match has_all {
            true => (&self.values[..], others),
            false => (others, &self.values[..]),
        };
        let new = then.iter().filter(|value| !first.contains(value));
        first.iter().chain(new).cloned().collect()
    }
}

/// As it is typed.
impl std::fmt::Display for Axis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.setting, self.values.join(","))
    }
}

impl Grid {
    /// The grid of these axes. Without any it has one cell.
    ///
    /// # Errors
    /// [`CompareError::Axis`] for a setting that is there twice, [`CompareError::TooMany`].
    pub fn new(axes: Vec<Axis>) -> Result<Self, CompareError> {
        let settings: Vec<String> = axes.iter().map(|axis| axis.setting.clone()).collect();
        if let Some(doubled) = first_doubled(&settings) {
            return Err(CompareError::Axis {
                given: doubled,
                reason: "it is varied twice; write all of its values behind one".to_owned(),
            });
        }
        let counts = axes.iter().map(|axis| axis.values.len());
        let cells = counts.fold(1usize, usize::saturating_mul);
        if cells > MOST_CELLS {
            return Err(CompareError::TooMany {
                cells,
                most: MOST_CELLS,
            });
        }
        let mut all = vec![Vec::new()];
        for axis in &axes {
            let with = |cell: &Vec<String>| -> Vec<Vec<String>> {
                let values = axis.values.iter();
                values
                    .map(|value| [&cell[..], from_ref(value)].concat())
                    .collect()
            };
            all = all.iter().flat_map(with).collect();
        }
        let cells = all.into_iter().map(|values| Cell {
            label: label(&axes, &values),
            values,
        });
        let cells: Vec<Cell> = cells.collect();
        let folders: Vec<String> = cells.iter().map(|cell| cell.folder(0)).collect();
        if let Some(doubled) = first_doubled(&folders) {
            return Err(CompareError::Axis {
                given: doubled,
                reason: "two values differ only in signs that no folder has; rename one".to_owned(),
            });
        }
        Ok(Self { axes, cells })
    }

    /// Its axes.
    pub fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// Its cells.
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// This grid and the cells of an `older` one. `None` if they vary different settings.
    ///
    /// # Errors
    /// Those of [`Grid::new`].
    pub fn with_older(&self, older: &[Axis]) -> Result<Option<Self>, CompareError> {
        if older.len() != self.axes.len() {
            return Ok(None);
        }
        let mut axes = Vec::new();
        for old in older {
            let Some(new) = self.axes.iter().find(|new| new.setting == old.setting) else {
                return Ok(None);
            };
            let values = new.joined(&old.values);
            axes.push(Axis {
                values,
                ..new.clone()
            });
        }
        Self::new(axes).map(Some)
    }

    /// What it varies, in words.
    pub fn describe(axes: &[Axis]) -> String {
        match axes {
            [] => "test sizes".to_owned(),
            axes => {
                let settings: Vec<&str> = axes.iter().map(|axis| axis.setting.as_str()).collect();
                settings.join(" × ")
            }
        }
    }
}

impl Cell {
    /// The folder of its run with this seed.
    pub fn folder(&self, seed: u64) -> String {
        let plain = |character: char| match character {
            ' ' => '-',
            c if c.is_alphanumeric() || "+.-_".contains(c) => c,
            _ => '-',
        };
        let name: String = self.label.replace(", ", "_").chars().map(plain).collect();
        format!("{name}-seed{seed}")
    }
}

/// The name of a cell in tables.
fn label(axes: &[Axis], values: &[String]) -> String {
    let words = axes
        .iter()
        .zip(values)
        .map(|(axis, value)| axis.words(value));
    match axes.is_empty() {
        true => "run".to_owned(),
        false => words.collect::<Vec<_>>().join(", "),
    }
}

fn first_doubled(texts: &[String]) -> Option<String> {
    let mut places = texts.iter().enumerate();
    let doubled = places.find(|(at, text)| texts[..*at].contains(text));
    doubled.map(|(_, text)| text.clone())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn axis(given: &str, speaks: bool) -> Axis {
        Axis {
            speaks,
            ..Axis::parse(given).unwrap()
        }
    }

    #[test]
    fn cells_are_named_by_their_values() {
        let axes = vec![
            axis("objective=l1,l1+cgan", true),
            axis("patch=1, 70", false),
        ];
        let grid = Grid::new(axes).unwrap();
        let labels: Vec<&str> = grid
            .cells()
            .iter()
            .map(|cell| cell.label.as_str())
            .collect();
        let expected = [
            "l1, patch 1",
            "l1, patch 70",
            "l1+cgan, patch 1",
            "l1+cgan, patch 70",
        ];
        assert_eq!(labels, expected);
        assert_eq!(grid.cells()[3].folder(2), "l1+cgan_patch-70-seed2");
        assert_eq!(grid.axes()[1].to_string(), "patch=1,70");
        let path = Grid::new(vec![axis("pretrained=runs/a b/g.pth", false)]).unwrap();
        assert_eq!(path.cells()[0].folder(0), "pretrained-runs-a-b-g.pth-seed0");
        assert_eq!(
            Grid::new(Vec::new()).unwrap().cells()[0].folder(0),
            "run-seed0"
        );
    }

    #[test]
    fn what_is_no_axis_is_refused() {
        for (given, part) in [
            ("objective", "write a setting and its values"),
            ("=l1", "write a setting and its values"),
            ("objective=", "a value is empty"),
            ("objective=l1,,gan", "a value is empty"),
            ("objective=l1,gan,l1", "l1 stands there twice"),
        ] {
            let error = Axis::parse(given).unwrap_err().to_string();
            assert!(error.starts_with(&format!("`vary` {given}: ")), "{error}");
            assert!(error.contains(part), "{error}");
        }
        let twice = vec![axis("norm=batch", true), axis("norm=none", true)];
        assert!(
            Grid::new(twice)
                .unwrap_err()
                .to_string()
                .contains("varied twice")
        );
        let signs = Grid::new(vec![axis("pretrained=a/b,a-b", false)]).unwrap_err();
        assert!(
            signs.to_string().contains("pretrained-a-b-seed0"),
            "{signs}"
        );
        let numbers: Vec<String> = (1..=9).map(|n| n.to_string()).collect();
        let numbers = numbers.join(",");
        let many = ["ngf", "ndf"].map(|name| axis(&format!("{name}={numbers}"), false));
        let error = Grid::new(many.to_vec()).unwrap_err().to_string();
        assert!(error.starts_with("81 cells are too many"), "{error}");
    }

    #[test]
    fn new_values_add_cells_and_old_ones_stay() {
        let older = [
            axis("upsample=deconv", true),
            axis("objective=l1,cgan", true),
        ];
        let grid = |given: [&str; 2]| {
            let grid = Grid::new(given.map(|given| axis(given, true)).to_vec()).unwrap();
            let grid = grid.with_older(&older).unwrap()?;
            Some(grid.axes().iter().map(Axis::to_string).collect::<Vec<_>>())
        };
        // The order of axes stays: it is that of names.
        let all = grid(["objective=l1,gan,cgan", "upsample=deconv"]).unwrap();
        assert_eq!(all, ["upsample=deconv", "objective=l1,gan,cgan"]);
        let more = grid(["objective=gan", "upsample=nearest"]).unwrap();
        assert_eq!(more, ["upsample=deconv,nearest", "objective=l1,cgan,gan"]);
        assert_eq!(grid(["objective=l1", "norm=batch"]), None);
    }
}
