//! What somebody asks about the numbers in files. A range may have to be measured.

use super::pixels::{LookUpError, PixelKind, PixelSettings};
use super::{Config, ConfigError};
use crate::data::training_range;
use crate::data::{AskedRange, Direction, PairReading, Side, SuspectMark, ValueError};
use std::path::Path;

/// What the numbers in files mean. Without these settings the type of the numbers says it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ValueSettings {
    /// The numbers of input files that are black and white.
    pub range: Option<AskedRange>,
    /// Those of output files.
    pub output_range: Option<AskedRange>,
    /// What fills missing values.
    pub nodata: Option<f64>,
}

/// The kinds whose numbers a range may be about.
const KINDS: &str = "gray, rgb, rgba, labels or channels";

impl ValueSettings {
    /// Checks everything that needs no files.
    ///
    /// # Errors
    /// A rule of [`Config::check`].
    pub fn check(&self, pixels: &PixelSettings) -> Result<(), ConfigError> {
        let ranges = [
            ("reading.value_range", self.range, pixels.input),
            (
                "reading.output_value_range",
                self.output_range,
                pixels.output,
            ),
        ];
        for (field, range, kind) in ranges {
            if range.is_some() && matches!(kind, PixelKind::LabL | PixelKind::LabAb) {
                return Err(of_lab(field));
            }
        }
        if self.nodata.is_some() && ranges.iter().all(|(_, range, _)| range.is_none()) {
            return Err(ValueError::NodataAlone.into());
        }
        Ok(())
    }

    /// Whether a range has to be measured.
    pub fn needs_files(&self) -> bool {
        [self.range, self.output_range].contains(&Some(AskedRange::Auto))
    }

    /// Measures the ranges that are wanted so. `None` stands for the bundled pairs. Returns what
    /// looks wrong with them.
    ///
    /// # Errors
    /// Any range of the bundled pairs, and those of [`training_range`].
    pub(super) fn look_up(
        &mut self,
        dataset: Option<&Path>,
        direction: Direction,
        pixels: &PixelSettings,
        max_pixels: Option<u64>,
    ) -> Result<Vec<SuspectMark>, LookUpError> {
        let Some(root) = dataset else {
            self.refuse_bundled()?;
            return Ok(Vec::new());
        };
        let (input, output) = (pixels.input, pixels.output);
        let sides = [
            (Side::Input, &mut self.range, input),
            (Side::Output, &mut self.output_range, output),
        ];
        let mut suspects = Vec::new();
        for (side, range, kind) in sides {
            if *range == Some(AskedRange::Auto) {
                let all_channels = kind == PixelKind::Channels;
                let images = pixels.images();
                let measured =
                    training_range(root, direction, images, side, all_channels, max_pixels)?;
                *range = Some(AskedRange::Given(measured.range));
                suspects.extend(measured.suspect);
            }
        }
        Ok(suspects)
    }

    fn refuse_bundled(&self) -> Result<(), ConfigError> {
        let field = match (self.range, self.output_range) {
            (Some(_), _) => "reading.value_range",
            (_, Some(_)) => "reading.output_value_range",
            _ => return Ok(()),
        };
        let rule = "the bundled pairs are pictures whose black and white are known";
        Err(ConfigError::new(
            field,
            rule,
            format!("name a data set, or leave out `{field}`"),
        ))
    }

    /// How files are read.
    ///
    /// # Errors
    /// A range that was not measured.
    pub(super) fn reading(
        &self,
        ignore_orientation: bool,
        max_pixels: Option<u64>,
    ) -> Result<PairReading, ConfigError> {
        let given = |field, range| match range {
            Some(AskedRange::Auto) => Err(ConfigError::new(
                field,
                format!("`{field}` auto needs the files of a data set"),
                format!("use `{field}` LO..HI"),
            )),
            Some(AskedRange::Given(range)) => Ok(Some(range)),
            None => Ok(None),
        };
        Ok(PairReading {
            ignore_orientation,
            max_pixels,
            value_range: given("reading.value_range", self.range)?,
            output_value_range: given("reading.output_value_range", self.output_range)?,
            nodata: self.nodata,
            background: None,
        })
    }
}

impl Config {
    /// Ranges of numbers, and what fills missing ones.
    pub(super) fn check_values(&self) -> Result<(), ConfigError> {
        let reading = &self.reading;
        match (reading.value_range, reading.output_value_range) {
            (Some(_), _) if self.input.is_lab() => return Err(of_lab("reading.value_range")),
            (_, Some(_)) if self.output.is_lab() => {
                return Err(of_lab("reading.output_value_range"));
            }
            _ => {}
        }
        let sides = reading.sides(&self.input, &self.output);
        sides.map(drop).map_err(ConfigError::from)
    }
}

impl From<ValueError> for ConfigError {
    fn from(error: ValueError) -> Self {
        Self::new("reading.nodata", error.to_string(), "")
    }
}

fn of_lab(field: &'static str) -> ConfigError {
    let rule = format!("`{field}` does nothing for Lab, which is computed from colours");
    ConfigError::new(field, rule, format!("leave it out, or use {KINDS}"))
}
