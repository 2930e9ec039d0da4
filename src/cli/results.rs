//! The files that an input of `translate` is made of, and the format of its results.

use super::{CliError, note, note_as_it_is};
use crate::data::listing::{like_results, take_results};
use crate::data::pairs::match_names;
use crate::data::{DataError, Density, Depth, Encoding, Floats, Format, GeoTags, Pixels, Quality};
use crate::data::{ReadOptions, list_images, place_remarks};
use crate::train::ModelConfig;
use clap::Args;
use std::path::{Path, PathBuf};

/// Format and depth of results.
#[derive(Debug, Clone, Args)]
pub struct ResultArgs {
    /// Format of the results [default: by the ending of --out, else png]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
    /// Quality of JPEG results, 1 to 100 [default: 90]
    #[arg(long, value_name = "N", value_parser = quality)]
    quality: Option<Quality>,
    /// Bits for each channel of a pixel [default: as many as the input and the format have; a TIFF
    /// of a model with --output-value-range has floats in the units of that range]
    #[arg(long, value_enum, value_name = "BITS")]
    depth: Option<Depth>,
    /// Whether --out is a file, whose ending says the format.
    #[arg(skip)]
    is_file: bool,
}

fn quality(text: &str) -> Result<Quality, String> {
    let number = text.parse().ok().and_then(Quality::new);
    number.ok_or_else(|| "a whole number from 1 to 100 is needed".to_owned())
}

impl ResultArgs {
    /// The same, for results of so many `channels` that are written to the file `out`, whose ending
    /// says the format.
    ///
    /// # Errors
    /// [`CliError::Usage`] for the ending of a format that is no format of results, or not that of
    /// `--format`, and for colours in a grey map or grey in a colour map.
    pub fn for_file(&self, out: &Path, channels: usize) -> Result<Self, CliError> {
        let refuse = |what: &str| Err(CliError::Usage(format!("{}: {what}", out.display())));
        let ending = out.extension().unwrap_or_default().to_ascii_lowercase();
        match (ending.to_str(), channels) {
            (Some("pgm"), 3) => return refuse("the model makes colours; name a .ppm file"),
            (Some("ppm"), 1) => return refuse("the model makes grey images; name a .pgm file"),
            _ => {}
        }
        match (Format::of(out), self.format) {
            (None, _) => refuse("results are .png, .tiff, .jpg, .ppm or .pgm files"),
            (Some(named), Some(asked)) if named != asked => {
                refuse("this ending and --format name two formats; leave out --format")
            }
            (format, _) => Ok(Self {
                format,
                is_file: true,
                ..self.clone()
            }),
        }
    }

    /// Refuses a format that cannot hold this number of `channels`, and options of other formats.
    ///
    /// # Errors
    /// [`CliError::Usage`].
    pub fn check(&self, channels: usize) -> Result<(), CliError> {
        let (format, usage) = (self.format(), |text: String| Err(CliError::Usage(text)));
        if !format.holds(channels) {
            let (name, fits) = match format {
                Format::Jpg if Format::Png.holds(channels) => ("JPEG", Format::Png),
                Format::Pnm if Format::Png.holds(channels) => ("PPM", Format::Png),
                Format::Jpg => ("JPEG", Format::Tiff),
                Format::Pnm => ("PPM", Format::Tiff),
                _ => ("PNG", Format::Tiff),
            };
            return usage(format!(
                "the model's results have {channels} channels, which no {name} has; {}",
                self.remedy(fits)
            ));
        }
        if self.depth == Some(Depth::Sixteen) && !format.holds_16_bits() {
            return usage(format!(
                "no JPEG has 16 bits; use --depth 8, or {}",
                self.remedy(Format::Png)
            ));
        }
        if self.quality.is_some() && format != Format::Jpg {
            return usage(format!(
                "--quality is for JPEG results; {}",
                self.remedy(Format::Jpg)
            ));
        }
        Ok(())
    }

    /// How results are asked for in this format.
    pub fn remedy(&self, format: Format) -> String {
        let ending = format.ending();
        match self.is_file {
            true => format!("name a {ending} file"),
            false => format!("add --format {}", ending.trim_start_matches('.')),
        }
    }

    /// The same, in `format` unless another one was asked for.
    pub fn or_as(&self, format: Format) -> Self {
        Self {
            format: self.format.or(Some(format)),
            ..self.clone()
        }
    }

    /// The format of the results.
    pub fn format(&self) -> Format {
        self.format.unwrap_or_default()
    }

    /// Where these files lie on Earth, if results can say it.
    pub fn place(&self, files: &[PathBuf]) -> Option<GeoTags> {
        let holds = self.format().holds_places();
        holds.then(|| GeoTags::of_files(files)).flatten()
    }

    /// Tells what the results of these inputs will not say, or will say wrongly. `is_whole` says
    /// whether they show all of their input.
    pub fn note_losses<'a>(
        &self,
        output: &Pixels,
        inputs: impl Iterator<Item = &'a [PathBuf]>,
        is_whole: bool,
        reading: &ReadOptions,
    ) {
        let channels = output.drawn_channels();
        let says_opacity = self.format() == Format::Png && matches!(channels, 2 | 4);
        if says_opacity && output.are_any_channels() {
            note_as_it_is(&format!(
                "note: PNG files of {channels} channels say that the last one is opacity, and \
                 TIFFs say nothing about it: {}",
                self.remedy(Format::Tiff)
            ));
        }
        for remark in place_remarks(inputs, self.format().holds_places(), is_whole, reading) {
            note(&format!("note: {remark}"));
        }
    }

    /// How results of this model are written. `place` says where they lie on Earth, and `density`
    /// how many pixels an inch has.
    pub fn encoding<'a>(
        &self,
        model: &ModelConfig,
        place: Option<&'a GeoTags>,
        density: Option<Density>,
    ) -> Encoding<'a> {
        Encoding {
            quality: self.quality.unwrap_or_default(),
            floats: self.floats(model),
            of_any_meaning: model.output.are_any_channels(),
            place,
            density,
        }
    }

    /// TIFFs of a model whose outputs have a value range hold its numbers as floats, unless a depth
    /// was asked for.
    pub fn floats(&self, model: &ModelConfig) -> Option<Floats> {
        let is_asked = self.format() == Format::Tiff && self.depth.is_none();
        let range = model.output_value_range.filter(|_| is_asked)?;
        let all_channels = model.output.are_any_channels();
        Some(Floats {
            range,
            all_channels,
        })
    }

    /// The depth of the result of a model, for an image of `depth`.
    pub fn depth(&self, model: &ModelConfig, depth: Depth) -> Depth {
        match self.depth {
            Some(asked) => asked,
            None if self.floats(model).is_some() => Depth::Sixteen,
            None if self.format().holds_16_bits() => depth,
            None => Depth::Eight,
        }
    }
}

/// An input of `translate`.
#[derive(Debug, Clone)]
pub struct Input {
    /// Its files, at least one. A model of several images has one for each.
    pub files: Vec<PathBuf>,
    /// The name of its results, without an ending. It is a path below the folder of the results:
    /// the subfolders of a folder of inputs are kept.
    pub name: PathBuf,
}

impl Input {
    /// The first of its files.
    pub fn first(&self) -> &Path {
        self.files.first().map_or(Path::new(""), PathBuf::as_path)
    }
}

/// The inputs in `paths`. If the model takes several `images`, an input has one file in each of the
/// `paths`, and all of them have the same name. Results of an earlier run in `out`, below a folder
/// of inputs, are no inputs.
///
/// # Errors
/// [`CliError::Usage`] for a wrong number of paths, files without a partner, and errors of listing
/// the files.
pub fn list_inputs(paths: &[PathBuf], images: usize, out: &Path) -> Result<Vec<Input>, CliError> {
    let list = |path: &PathBuf| -> Result<Vec<PathBuf>, DataError> {
        let listed = list_images(std::slice::from_ref(path))?;
        let mut files = listed.images;
        for remark in listed.remarks {
            note_as_it_is(&format!("note: {remark}"));
        }
        let results = take_results(&mut files, path, out);
        if let Some(example) = results.first() {
            note_as_it_is(&format!(
                "note: images below {}, which are results and no inputs: {}, such as {}",
                out.display(),
                results.len(),
                example.display()
            ));
        }
        if let Some(remark) = like_results(path, &files) {
            note_as_it_is(&format!("note: {remark}"));
        }
        if files.is_empty() {
            return Err(DataError::NoImages {
                path: path.clone(),
                others: Vec::new(),
            });
        }
        Ok(files)
    };
    if images == 1 {
        let mut inputs = Vec::new();
        for path in paths {
            let input = |file: PathBuf| Input {
                name: name_below(path, &file),
                files: vec![file],
            };
            inputs.extend(list(path)?.into_iter().map(input));
        }
        return Ok(inputs);
    }
    if paths.len() != images {
        let found = paths.len();
        let remedy = format!("name {images} folders with files of the same names, not {found}");
        return Err(CliError::Usage(format!(
            "the model takes {images} images at once: {remedy}"
        )));
    }
    let places = paths.iter().map(|path| Ok((path.clone(), list(path)?)));
    let matched = match_names(places.collect::<Result<_, DataError>>()?)?;
    let first = paths.first().map_or(Path::new(""), PathBuf::as_path);
    let input = |files: Vec<PathBuf>| Input {
        name: files
            .first()
            .map_or(PathBuf::new(), |file| name_below(first, file)),
        files,
    };
    Ok(matched.into_iter().map(input).collect())
}

/// The name of a file without its ending: its path below `folder`, or the name alone if it does not
/// lie there.
pub fn name_below(folder: &Path, file: &Path) -> PathBuf {
    let stem = file.file_stem().unwrap_or_default();
    let below = file.strip_prefix(folder).ok().and_then(Path::parent);
    below.map_or_else(|| PathBuf::from(stem), |parent| parent.join(stem))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_its_format_and_no_other() {
        let asked = ResultArgs {
            format: None,
            quality: None,
            depth: None,
            is_file: false,
        };
        let format = |out: &str, channels| match asked.for_file(Path::new(out), channels) {
            Ok(results) => format!("{:?}", results.format()),
            Err(error) => error.to_string(),
        };
        for (out, channels, found) in [
            ("x.ppm", 3, "Pnm"),
            ("x.PGM", 1, "Pnm"),
            ("x.pnm", 1, "Pnm"),
            ("x.pnm", 3, "Pnm"),
            ("x.tif", 1, "Tiff"),
            (
                "x.PGM",
                3,
                "x.PGM: the model makes colours; name a .ppm file",
            ),
            (
                "x.ppm",
                1,
                "x.ppm: the model makes grey images; name a .pgm file",
            ),
            (
                "x.pbm",
                1,
                "x.pbm: results are .png, .tiff, .jpg, .ppm or .pgm files",
            ),
        ] {
            assert_eq!(format(out, channels), found);
        }
    }

    #[test]
    fn results_keep_the_subfolders_of_their_inputs() {
        for (folder, file, name) in [
            ("in", "in/a.png", "a"),
            ("in", "in/2024/may/a.b.png", "2024/may/a.b"),
            ("in/a.png", "in/a.png", "a"),
            (".", "./x/a.png", "x/a"),
            ("photo", "elsewhere/a.png", "a"),
        ] {
            let found = name_below(Path::new(folder), Path::new(file));
            assert_eq!(found, PathBuf::from(name), "{file}");
        }
    }

    /// Beside the name of a file, --format would be a second format.
    #[test]
    fn the_remedy_of_a_file_is_another_file() {
        let asked = ResultArgs {
            format: None,
            quality: None,
            depth: None,
            is_file: false,
        };
        for (out, channels, remedy) in [
            ("y.png", 7, "; name a .tiff file"),
            ("y.jpg", 4, "; name a .png file"),
            ("y.pnm", 4, "; name a .png file"),
        ] {
            let results = asked.for_file(Path::new(out), channels).unwrap();
            let text = results.check(channels).unwrap_err().to_string();
            assert!(text.ends_with(remedy), "{text}");
        }
        let deep = ResultArgs {
            depth: Some(Depth::Sixteen),
            ..asked.for_file(Path::new("y.jpg"), 3).unwrap()
        };
        let text = deep.check(3).unwrap_err().to_string();
        assert!(text.ends_with("or name a .png file"), "{text}");
        let text = asked.check(7).unwrap_err().to_string();
        assert!(text.ends_with("; add --format tiff"), "{text}");
    }
}
