//! Which files an input of `translate` is made of, and what kind of file its results are.

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
    /// Bits of a sample of the results [default: as many as the input has]
    #[arg(long, value_enum, value_name = "BITS")]
    depth: Option<Depth>,
}

impl ResultArgs {
    /// The endings of the results' files behind the input's name and `variant`, one for each of so
    /// many `images` of an output.
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

    /// Refuses a format that has not so many `channels`.
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

    /// The depth of the result for an image of `depth`.
    pub fn depth(&self, depth: Depth) -> Depth {
        self.depth.unwrap_or(depth)
    }
}

/// The files of each input, at least one: those of one name in each of `paths` where the model
/// takes several `images`.
///
/// # Errors
/// [`CliError::Usage`] for another number of paths, files without a partner, and those of listing.
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
