//! The files that an input of `translate` is made of, and the format of its results.

use super::CliError;
use crate::data::pairs::match_names;
use crate::data::{DataError, Depth, Format, list_images};
use clap::Args;
use std::path::PathBuf;

/// Format and depth of results.
#[derive(Debug, Clone, Args)]
pub struct ResultArgs {
    /// Format of the results
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    /// Bits for each channel of a pixel [default: as many as the input has]
    #[arg(long, value_enum, value_name = "BITS")]
    depth: Option<Depth>,
}

impl ResultArgs {
    /// What stands behind the name of the input in the names of its results: `variant`, a number
    /// and the ending of the format. An output of several `images` has several results.
    pub fn endings(&self, variant: &str, images: usize) -> Vec<String> {
        let format = self.format;
        let number = |image: usize| {
            if image == 1 {
                String::new()
            } else {
                format!("-{image}")
            }
        };
        (1..=images)
            .map(|image| format!("{variant}{}{}", number(image), format.ending()))
            .collect()
    }

    /// Refuses a format that cannot hold this number of `channels`.
    ///
    /// # Errors
    /// [`CliError::Usage`].
    pub fn check(&self, channels: usize) -> Result<(), CliError> {
        match self.format {
            format if format.holds(channels) => Ok(()),
            _ => Err(CliError::Usage(format!(
                "the model's results have {channels} channels, which no PNG has; add --format tiff"
            ))),
        }
    }

    /// The depth of the result, for an image of `depth`.
    pub fn depth(&self, depth: Depth) -> Depth {
        self.depth.unwrap_or(depth)
    }
}

/// The files of each input, at least one. If the model takes several `images`, an input has one
/// file in each of the `paths`, and all of them have the same name.
///
/// # Errors
/// [`CliError::Usage`] for a wrong number of paths, files without a partner, and errors of listing
/// the files.
pub fn list_inputs(paths: &[PathBuf], images: usize) -> Result<Vec<Vec<PathBuf>>, CliError> {
    if images == 1 {
        return Ok(list_images(paths)?
            .into_iter()
            .map(|path| vec![path])
            .collect());
    }
    if paths.len() != images {
        let found = paths.len();
        let remedy = format!("name {images} folders with files of the same names, not {found}");
        return Err(CliError::Usage(format!(
            "the model takes {images} images at once: {remedy}"
        )));
    }
    let place = |path: &PathBuf| Ok((path.clone(), list_images(std::slice::from_ref(path))?));
    Ok(match_names(
        paths.iter().map(place).collect::<Result<_, DataError>>()?,
    )?)
}
