//! Options about what the channels of images mean. `train`, `inspect` and `bench` have them.

use super::{CliError, note_as_it_is, usage};
use crate::data::palette::{SkippedLine, palette_text};
use crate::data::{NamedPalette, Palette, read_palette_file};
use crate::train::{PixelKind, PixelSettings};
use clap::Args;
use std::path::{Path, PathBuf};

/// Kinds of images. Without these options both sides are RGB.
#[derive(Debug, Clone, Args)]
pub struct PixelArgs {
    #[arg(long, value_enum, default_value_t, value_name = "KIND")]
    input: PixelKind,
    #[arg(long, value_enum, default_value_t, value_name = "KIND")]
    output: PixelKind,
    #[arg(long, value_name = "N")]
    stack: Option<usize>,
    #[arg(long, value_name = "N")]
    output_stack: Option<usize>,
    #[arg(long, value_name = "FILE")]
    palette: Option<PathBuf>,
}

impl PixelArgs {
    /// The settings that these options ask for. The palette is read from its file.
    ///
    /// # Errors
    /// Kinds that do not go together, and errors of reading the palette.
    pub fn settings(&self) -> Result<PixelSettings, CliError> {
        let mut pixels = PixelSettings {
            input: self.input,
            output: self.output,
            stack: self.stack,
            output_stack: self.output_stack,
            palette: self.palette.as_ref().map(|_| Palette::default()),
            channels: None,
        };
        // Before the file is read.
        pixels.check()?;
        pixels.palette = self.palette.as_deref().map(read_palette).transpose()?;
        Ok(pixels)
    }
}

/// Reads the colours of a palette's text file. A note tells of lines without a colour.
///
/// # Errors
/// Those of [`read_palette_file`], and [`CliError::Usage`] with the line that is wrong.
pub fn read_palette(path: &Path) -> Result<Palette, CliError> {
    read_named_palette(path).map(|named| named.palette)
}

/// The same with the names of the labels.
///
/// # Errors
/// Those of [`read_palette`].
pub fn read_named_palette(path: &Path) -> Result<NamedPalette, CliError> {
    let bytes = read_palette_file(path)?;
    let (named, skipped) = Palette::parse_lines(&palette_text(&bytes))
        .map_err(|problem| usage(&format!("`palette` {}: {problem}", path.display())))?;
    if let Some(SkippedLine { number, text }) = skipped.first() {
        note_as_it_is(&format!(
            "note: {}: lines without a colour #rrggbb, which are left out: {}, such as line \
             {number}: {text}",
            path.display(),
            skipped.len(),
        ));
    }
    Ok(named)
}
