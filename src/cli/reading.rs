//! Options about how image files are read, and what is told of their numbers. `translate` and
//! `prepare` have [`ReadArgs`]; those of `train` are settings of its run.

use super::results::ResultArgs;
use super::{note, note_as_it_is};
use crate::data::remark::RemarkKind;
use crate::data::{
    AskedRange, Dataset, Format, PairReading, Pixels, ReadOptions, ReadTally, ValueRange,
};
use crate::train::{ConfigError, ModelConfig, Settings, ValueSettings};
use clap::Args;

/// How image files are read.
#[derive(Debug, Clone, Args)]
pub struct ReadArgs {
    /// Images stay as they are stored. Without this they are turned as their EXIF orientation says,
    /// as viewers show them
    #[arg(long)]
    ignore_orientation: bool,
    /// The most pixels of an image file. Larger ones are refused by their heads. A pixel has at
    /// most 16 bytes once it is decoded; larger ones count as several [default: 16384 pixels a side
    /// and 512 MiB decoded]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_pixels: Option<u64>,
    /// Which numbers of the files are black and white, for floats, heights and depth maps. Numbers
    /// outside of it take its nearest end and are counted [default: what the type of the numbers
    /// says; translate: the range of the model if it has one]
    #[arg(long, value_name = "LO..HI", allow_hyphen_values = true)]
    value_range: Option<ValueRange>,
    /// What fills missing values of files with a range: NaN, and what a GeoTIFF calls no data
    /// [default: they are refused; translate: as for the model if it has such a value]
    #[arg(long, value_name = "VALUE", allow_negative_numbers = true)]
    nodata: Option<f64>,
}

impl ReadArgs {
    /// What these options ask for.
    pub fn asked(&self) -> PairReading {
        PairReading {
            ignore_orientation: self.ignore_orientation,
            max_pixels: self.max_pixels,
            value_range: self.value_range,
            output_value_range: None,
            nodata: self.nodata,
            background: None,
        }
    }

    /// Those of them that every image can have, as they are written behind a command.
    pub fn written(&self) -> String {
        let mut written = String::new();
        if self.ignore_orientation {
            written += " --ignore-orientation";
        }
        if let Some(most) = self.max_pixels {
            written += &format!(" --max-pixels {most}");
        }
        written
    }

    /// The options of the library that these options ask for, where no model says more.
    ///
    /// # Errors
    /// A filling outside of the range, or without a range.
    pub fn options(&self) -> Result<ReadOptions, ConfigError> {
        let [options, _] = self.asked().sides(&Pixels::Rgb, &Pixels::Rgb)?;
        Ok(options)
    }
}

/// What the numbers in the files of a data set mean.
#[derive(Debug, Clone, Args)]
pub struct ValueArgs {
    #[arg(long, value_name = "LO..HI|auto", allow_hyphen_values = true)]
    value_range: Option<AskedRange>,
    #[arg(long, value_name = "LO..HI|auto", allow_hyphen_values = true)]
    output_value_range: Option<AskedRange>,
    #[arg(long, value_name = "VALUE", allow_negative_numbers = true)]
    nodata: Option<f64>,
}

impl ValueArgs {
    /// The settings that these options ask for.
    pub fn settings(&self) -> ValueSettings {
        ValueSettings {
            range: self.value_range,
            output_range: self.output_value_range,
            nodata: self.nodata,
        }
    }

    /// Tells the ranges that were measured for `settings`.
    pub fn tell_measured(&self, settings: &Settings) {
        let found = settings.values;
        for (side, asked, found) in [
            ("inputs", self.value_range, found.range),
            ("outputs", self.output_value_range, found.output_range),
        ] {
            if let (Some(AskedRange::Auto), Some(AskedRange::Given(range))) = (asked, found) {
                note_as_it_is(&format!(
                    "the numbers in the training files of {side} lie in {range}: these are black \
                     and white"
                ));
            }
        }
    }
}

/// Prints how the data set was understood, what was left over, and which numbers were changed.
pub fn tell_of_dataset(dataset: &Dataset) {
    tell_of_dataset_without(dataset, |_| false);
}

/// The same without remarks that do not hold where a command uses other pairs than training does,
/// and without those that it tells elsewhere.
pub fn tell_of_dataset_without(dataset: &Dataset, is_left_out: impl Fn(RemarkKind) -> bool) {
    if let Some(scan) = dataset.scan() {
        note_as_it_is(&scan.to_string());
        for remark in scan
            .remarks
            .iter()
            .filter(|remark| !is_left_out(remark.kind))
        {
            note(&format!("note: {remark}"));
        }
    }
    tell_of_files(&dataset.tally());
}

/// Tells what was counted of the files that were read.
pub fn tell_of_files(tally: &ReadTally) {
    tally
        .lines()
        .for_each(|line| note(&format!("note: {line}")));
}

/// Tells what the samples mean in the results of a model whose outputs have a value range.
pub fn tell_meaning(model: &ModelConfig, results: &ResultArgs) {
    let Some(range) = model.output_value_range else {
        return;
    };
    let said = match results.floats(model) {
        Some(_) => format!(
            "the results are 32-bit floats in the units of the model's outputs, which lie in \
             {range}"
        ),
        None => format!(
            "in the results black is {} and white {}, the value range of the model's outputs; \
             a TIFF without --depth has these numbers: {}",
            range.low(),
            range.high(),
            results.remedy(Format::Tiff)
        ),
    };
    note_as_it_is(&format!("note: {said}"));
}
