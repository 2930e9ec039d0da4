//! `translate --page`: a page with a row for each input, as the reference's test writes one.
//!
//! | file | what it is |
//! |---|---|
//! | `index.html` | a row for each input: input, results, and the target if halves are taken |
//! | `images/NAME-input.png`, `-target.png` | what is shown beside the results, in 8-bit RGB |

use super::TranslateArgs;
use super::named::NamedModel;
use crate::cli::failures::Failures;
use crate::cli::names::{Sources, Taken, is_there};
use crate::cli::outputs::{ExistingArgs, Job, Output, blocked};
use crate::cli::stop::Stop;
use crate::cli::{CliError, note, write_picture};
use crate::data::{DataError, Encoding, Format, Half, Picture, Pixels, ReadOptions, ReadTally};
use crate::interop::html::{STYLE, escape, link};
use crate::train::run::{RunError, folder_of, write_atomic};
use crate::train::{ModelConfig, rounded_picture};
use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};

const PAGE: &str = "index.html";
const IMAGES: &str = "images";
const OWN_STYLE: &str = include_str!("page.css");
/// What tells a page of this command from other ones.
const GENERATOR: &str = "<meta name=\"generator\" content=\"pix2pix translate\">";
/// Narrower images are enlarged with hard pixels.
const SMALL: u32 = 160;

/// What is shown beside the results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Input,
    Target,
}

impl Side {
    fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Target => "target",
        }
    }
}

/// An input on the page.
#[derive(Debug)]
struct Row {
    files: Vec<PathBuf>,
    /// Its name below the folder of results, without an ending.
    name: PathBuf,
    outputs: Vec<Output>,
}

/// The page of a batch.
#[derive(Debug)]
pub struct ResultsPage {
    folder: PathBuf,
    existing: ExistingArgs,
    half: Half,
    config: ModelConfig,
    /// How inputs and targets are read.
    reading: [ReadOptions; 2],
    sides: Vec<Side>,
    model: String,
    /// What each result of an input is called.
    captions: Vec<String>,
    rows: Vec<Row>,
    /// Images of the page that are written.
    written: RefCell<HashSet<PathBuf>>,
}

/// Refuses what has no page, before anything is read. `is_file` says that `--out` is a file.
pub fn check(
    args: &TranslateArgs,
    config: &ModelConfig,
    is_file: bool,
    from_stdin: bool,
) -> Result<(), CliError> {
    let refuse = |text: String| Err(CliError::Usage(text));
    let format = args.results.format();
    let [inputs, outputs] = [&config.input, &config.output].map(Pixels::images);
    let index = args.output.out.join(PAGE);
    match () {
        () if !args.page => Ok(()),
        () if from_stdin || args.output.is_stdout() => refuse(
            "--page shows files; name files or folders as inputs and a folder as --out, or leave \
             it out"
                .to_owned(),
        ),
        () if is_file => refuse(format!(
            "{} is one file, and a page lies in a folder; name a folder as --out, or leave out \
             --page",
            args.output.out.display()
        )),
        () if matches!(format, Format::Tiff | Format::Pnm) => refuse(format!(
            "no browser shows {} files; leave out --page, or --format",
            format.ending().trim_start_matches('.')
        )),
        () if args.half.is_some_and(Half::is_part) && inputs.max(outputs) > 1 => refuse(format!(
            "this model takes {inputs} and makes {outputs} images, and a half is one; leave out \
             --page, or --half"
        )),
        () if args.output.existing.skip && is_there(&index) && !is_own(&index) => refuse(format!(
            "{} is no page of results; move it away, or choose another --out",
            index.display()
        )),
        () => Ok(()),
    }
}

impl ResultsPage {
    /// The page of these jobs, those that are done already among them.
    ///
    /// # Errors
    /// Files in its way.
    pub fn plan(
        args: &TranslateArgs,
        named: &NamedModel,
        variants: &[String],
        jobs: &[Job],
    ) -> Result<Self, CliError> {
        let (config, half) = (&named.config, args.half.unwrap_or(Half::None));
        let has_target = half.is_part() || Pixels::are_parts(&config.input, &config.output);
        let sides = [Some(Side::Input), has_target.then_some(Side::Target)];
        let row = |job: &Job| Row {
            files: job.input.files.clone(),
            name: job.input.name.clone(),
            outputs: job.outputs.clone(),
        };
        let page = Self {
            folder: args.output.out.clone(),
            existing: args.output.existing.clone(),
            half,
            config: config.clone(),
            reading: named.readings(args)?,
            sides: sides.into_iter().flatten().collect(),
            model: args.model.display().to_string(),
            captions: variants.iter().map(|variant| caption(variant)).collect(),
            rows: jobs.iter().map(row).collect(),
            written: RefCell::default(),
        };
        page.check_inputs(&args.inputs)?;
        page.check_files()?;
        Ok(page)
    }

    /// Refuses a folder that is one of the inputs: its next use would take the page's images.
    fn check_inputs(&self, inputs: &[PathBuf]) -> Result<(), CliError> {
        let full = |path: &Path| path.canonicalize().ok();
        let is_out = |input: &&PathBuf| full(input).is_some() && full(input) == full(&self.folder);
        match inputs.iter().find(is_out) {
            None => Ok(()),
            Some(input) => Err(CliError::Usage(format!(
                "the images of the page would lie among the inputs in {}; name another --out",
                input.display()
            ))),
        }
    }

    /// Refuses files that are there, or that are inputs or results.
    fn check_files(&self) -> Result<(), CliError> {
        let sources = Sources::new(self.rows.iter().flat_map(|row| &row.files));
        let mut taken = Taken::new(&self.folder);
        for row in &self.rows {
            let first = row.files.first().cloned().unwrap_or_default();
            let outputs = row.outputs.iter().map(Output::path);
            outputs.for_each(|path| taken.add(path.to_owned(), first.clone()));
        }
        let index = self.path();
        blocked(&index).map_or(Ok(()), Err)?;
        let mut there = Vec::new();
        for row in &self.rows {
            for &side in &self.sides {
                let path = self.image(row, side);
                if let Some(owner) = taken.owner(&path) {
                    return Err(CliError::Clash {
                        first: owner.clone(),
                        second: row.files.first().cloned().unwrap_or_default(),
                        output: path,
                    });
                }
                blocked(&path).map_or(Ok(()), Err)?;
                if let Some(input) = sources.at(&path).filter(|_| !self.existing.skip) {
                    let (input, others) = (input.clone(), 0);
                    return Err(CliError::OverInput { input, others });
                }
                there.extend(is_there(&path).then_some(path));
            }
        }
        there.extend(is_there(&index).then(|| index.clone()));
        match self.existing.skip {
            false => self.existing.refuse(&there),
            true => Ok(()),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.join(PAGE)
    }

    /// Where what is shown of an input lies.
    fn image(&self, row: &Row, side: Side) -> PathBuf {
        let mut name = row.name.file_name().unwrap_or_default().to_owned();
        name.push(format!("-{}.png", side.name()));
        self.folder.join(IMAGES).join(row.name.with_file_name(name))
    }

    /// The images that another page has left, and which are to be written yet.
    pub fn older_images(&self) -> Vec<PathBuf> {
        let written = self.written.borrow();
        let images = |row| self.sides.iter().map(move |&side| self.image(row, side));
        let images = self.rows.iter().flat_map(images);
        images
            .filter(|path| is_there(path) && !written.contains(path))
            .collect()
    }

    /// Writes the page of results that are all there already.
    ///
    /// # Errors
    /// Those of [`ResultsPage::write`].
    pub fn write_alone(&self, failures: &mut Failures) -> Result<(), CliError> {
        self.write(&HashSet::new(), None, failures)
    }

    /// Writes the images and then the page. `written` are the results of this batch: the others are
    /// not shown unless they were there before. What stops single rows goes to `failures`.
    ///
    /// # Errors
    /// Those of writing, and a `stop` that has come.
    pub fn write(
        &self,
        written: &HashSet<PathBuf>,
        stop: Option<&Stop>,
        failures: &mut Failures,
    ) -> Result<(), CliError> {
        let mut rows = String::new();
        let mut shown = 0;
        for row in &self.rows {
            stop.map_or(Ok(()), Stop::check)?;
            let is_done = |output: &Output| match output.to_write() {
                Some(path) => written.contains(path),
                None => true,
            };
            if !row.outputs.iter().all(is_done) {
                continue;
            }
            match self.write_images(row) {
                Ok(()) => {
                    rows += &self.html(row);
                    shown += 1;
                }
                Err(error) => failures.take(error, 1)?,
            }
        }
        let html = self.document([shown, failures.files()], &rows);
        let path = self.path();
        write_atomic(&path, |writer| writer.write_all(html.as_bytes()))?;
        note(&format!("all of them on a page: {}", path.display()));
        Ok(())
    }

    /// Writes what is shown beside the results of an input.
    fn write_images(&self, row: &Row) -> Result<(), CliError> {
        for &side in &self.sides {
            let path = self.image(row, side);
            if is_there(&path) && self.existing.keeps(&path) {
                continue;
            }
            let folder = folder_of(&path);
            fs::create_dir_all(folder).map_err(|error| RunError::write(folder, error))?;
            let picture = self.picture(row, side)?;
            write_picture(self.existing.create(&path)?, &picture, Encoding::default())?;
            self.written.borrow_mut().insert(path);
        }
        Ok(())
    }

    /// A side of an input, as it is shown on a screen.
    fn picture(&self, row: &Row, side: Side) -> Result<Picture, DataError> {
        let input = self.gathered(row, Side::Input)?;
        let input_units = self.config.input.units(&input);
        if side == Side::Input {
            return Ok(shown(&self.config.input, &input, &input_units, &[]));
        }
        let target = self.gathered(row, side)?;
        let units = self.config.output.units(&target);
        Ok(shown(&self.config.output, &target, &units, &input_units))
    }

    /// The images of a side in the channels of the model.
    fn gathered(&self, row: &Row, side: Side) -> Result<Picture, DataError> {
        let [reading, of_target] = &self.reading;
        let (reading, pixels, half) = match side {
            Side::Input => (reading, &self.config.input, self.half),
            Side::Target => (of_target, &self.config.output, self.half.other()),
        };
        // What is to be told of the files was told when they were translated.
        let tally = &mut ReadTally::default();
        let read = |path: &PathBuf| {
            let whole = reading.read(path, tally)?;
            Ok((path.clone(), half.of(whole, path)?))
        };
        let images: Result<Vec<_>, DataError> = row.files.iter().map(read).collect();
        pixels.gather(&images?)
    }

    /// The row of an input.
    fn html(&self, row: &Row) -> String {
        let name = escape(&row.name.to_string_lossy());
        let mut pictures = self.figure(&self.image(row, Side::Input), "input", &name);
        for (output, caption) in row.outputs.iter().zip(&self.captions) {
            pictures += &self.figure(output.path(), caption, &name);
        }
        if self.sides.contains(&Side::Target) {
            pictures += &self.figure(&self.image(row, Side::Target), "target", &name);
        }
        format!(
            "<section>\n<h2>{name}</h2>\n<div class=\"pictures\">\n{pictures}</div>\n</section>\n"
        )
    }

    fn figure(&self, path: &Path, caption: &str, name: &str) -> String {
        let link = link(path.strip_prefix(&self.folder).unwrap_or(path));
        let (size, class) = match image::image_dimensions(path) {
            Ok((width, height)) => (
                format!(" width=\"{width}\" height=\"{height}\""),
                if width < SMALL {
                    " class=\"small\""
                } else {
                    ""
                },
            ),
            Err(_) => (String::new(), ""),
        };
        format!(
            "<figure><a href=\"{link}\"><img{class} src=\"{link}\"{size} loading=\"lazy\" \
             alt=\"{caption} of {name}\"></a><figcaption>{caption}</figcaption></figure>\n"
        )
    }

    /// The page around the rows.
    fn document(&self, [shown, failed]: [usize; 2], rows: &str) -> String {
        let model = escape(&self.model);
        let images = |count: usize| format!("{count} image{}", if count == 1 { "" } else { "s" });
        let mut words = images(shown);
        if failed > 0 {
            // Writing to a String cannot fail.
            let _ = write!(words, "; {} failed", images(failed));
        }
        if self.half.is_part() {
            let _ = write!(words, "; inputs are halves {} of combined pairs", self.half);
        }
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n{GENERATOR}\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{model} · results</title>\n<style>\n{STYLE}{OWN_STYLE}</style>\n</head>\n<body>\n\
             <p>pix2pix results</p>\n<h1>{model}</h1>\n<p>{words}</p>\n{rows}</body>\n</html>\n"
        )
    }
}

/// What a result is called, by what stands behind its name: `-seed7-2`.
fn caption(variant: &str) -> String {
    let words = variant.replace("-seed", ", seed ");
    format!("output{}", words.replace('-', ", image "))
}

/// Values as they are shown: 8-bit RGB, stacked images side by side.
fn shown(pixels: &Pixels, picture: &Picture, units: &[f32], input: &[f32]) -> Picture {
    let values = pixels.shown_in_rows(units, input, picture.width() as usize);
    rounded_picture(&values, picture.height() as usize)
}

/// Whether a file is a page of this command.
fn is_own(path: &Path) -> bool {
    let mut head = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(1024).read_to_end(&mut head));
    read.is_ok() && String::from_utf8_lossy(&head).contains(GENERATOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_called_by_their_seed_and_number() {
        for (variant, expected) in [
            ("", "output"),
            ("-2", "output, image 2"),
            ("-seed7", "output, seed 7"),
            ("-seed7-2", "output, seed 7, image 2"),
        ] {
            assert_eq!(caption(variant), expected);
        }
    }
}
