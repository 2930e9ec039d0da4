//! `pix2pix prepare`: data sets out of folders of images.

mod split_files;
mod tasks;

use super::names::is_there;
use super::pixels::read_palette;
use super::progress::SharedBar;
use super::reading::{ReadArgs, tell_of_files};
use super::{CliError, note, print, write_picture};
use crate::data::tools::{EdgeOptions, Filter, Squared, Tool};
use crate::data::{Encoding, Half, Palette, ReadTally, place_remarks_of_pngs};
use crate::train::run::folder_of;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand, ValueEnum};
use split_files::copy_split;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use tasks::{Tasks, ToolOutputArgs, finish, make_folder};

/// Arguments of `prepare`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: pix2pix prepare edges photos --out edges\n         \
                        pix2pix prepare combine edges photos --out pairs --size 286\n         \
                        pix2pix prepare split pairs --out shoes --val 10\n         \
                        pix2pix train shoes"
)]
pub struct PrepareArgs {
    #[command(subcommand)]
    tool: ToolArgs,
}

#[derive(Debug, Subcommand)]
enum ToolArgs {
    /// Put the images of two folders side by side, paired by name. Label maps that are resized need
    /// --nearest.
    Combine {
        /// Folder of the left halves
        a: PathBuf,
        /// Folder of the right halves
        b: PathBuf,
        /// Resize both to squares of this side first. Without it both must have the same size
        #[arg(long, value_name = "PIXELS")]
        size: Option<u32>,
        /// Which halves are label maps. They are resized by copying the nearest pixel, so no new
        /// colour appears
        #[arg(long, value_enum, value_name = "HALF", requires = "size")]
        nearest: Option<HalfArg>,
        #[command(flatten)]
        images: ImageArgs,
    },
    /// Copy the files of a folder into train/, val/ and test/, drawn by a seed. Pairs stay
    /// together.
    Split {
        /// Folder of combined images, or with A/ and B/ paired by name
        input: PathBuf,
        /// Percent of the files for val/
        #[arg(long, default_value_t = 10, value_name = "PERCENT")]
        val: u32,
        /// Percent of the files for test/
        #[arg(long, default_value_t = 0, value_name = "PERCENT")]
        test: u32,
        /// Seed of the draw
        #[arg(long, default_value_t = 0, value_name = "N")]
        seed: u64,
        #[command(flatten)]
        output: ToolOutputArgs,
    },
    #[command(flatten)]
    Single(SingleArgs),
    /// Turn the colours of label maps into the numbers of a palette.
    Labels {
        /// Label maps, or folders of them
        #[arg(required = true)]
        inputs: Vec<PathBuf>,
        /// Text file with a line for each label: #rrggbb, or #rrrrggggbbbb for 16 bits [default:
        /// all colours that are found; they are written to palette.txt]
        #[arg(long, value_name = "FILE")]
        palette: Option<PathBuf>,
        #[command(flatten)]
        images: ImageArgs,
    },
}

/// Tools that make one image out of each image.
#[derive(Debug, Subcommand)]
enum SingleArgs {
    /// Keep one half of combined A|B images: what combine put together, taken apart.
    Half {
        /// Combined images, or folders of them
        #[arg(required = true)]
        inputs: Vec<PathBuf>,
        /// Which half: A is the left one, B the right one
        #[arg(long, value_name = "HALF", value_parser = half_parser())]
        half: Half,
        #[command(flatten)]
        images: ImageArgs,
    },
    /// Draw the outlines of photos, black on white. Not for label maps.
    Edges {
        /// Images, or folders of images
        #[arg(required = true)]
        inputs: Vec<PathBuf>,
        /// Blur in pixels before edges are looked for. A larger blur removes more detail
        #[arg(long, default_value_t = EdgeOptions::default().blur, value_name = "PIXELS")]
        blur: f32,
        /// A smaller change from pixel to pixel is no edge. Levels are 0..255, also for images of
        /// 16 bits
        #[arg(long, default_value_t = EdgeOptions::default().low, value_name = "LEVELS")]
        low: f32,
        /// A larger change is an edge. A change between --low and this is an edge if it touches one
        #[arg(long, default_value_t = EdgeOptions::default().high, value_name = "LEVELS")]
        high: f32,
        #[command(flatten)]
        images: ImageArgs,
    },
    /// Keep only the brightness of photos. Not for label maps.
    Grayscale {
        /// Images, or folders of images
        #[arg(required = true)]
        inputs: Vec<PathBuf>,
        #[command(flatten)]
        images: ImageArgs,
    },
    /// Make images square. Label maps need --nearest.
    Resize {
        /// Images, or folders of images
        #[arg(required = true)]
        inputs: Vec<PathBuf>,
        /// Height and width
        #[arg(long, value_name = "PIXELS")]
        size: u32,
        /// How an image that is not square becomes one
        #[arg(long, value_enum, default_value = "crop", value_name = "HOW")]
        fit: Squared,
        /// The images are label maps. They are resized by copying the nearest pixel, so no new
        /// colour appears
        #[arg(long)]
        nearest: bool,
        #[command(flatten)]
        images: ImageArgs,
    },
    /// Blank a region in the middle of images. A model can learn to fill it.
    Blank {
        /// Images, or folders of images
        #[arg(required = true)]
        inputs: Vec<PathBuf>,
        /// Side of the region, as a fraction of the image's side
        #[arg(long, default_value_t = 0.5, value_name = "FRACTION")]
        fraction: f64,
        #[command(flatten)]
        images: ImageArgs,
    },
}

/// How the images are read, and where the results go.
#[derive(Debug, Args)]
struct ImageArgs {
    #[command(flatten)]
    reading: ReadArgs,
    #[command(flatten)]
    output: ToolOutputArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum HalfArg {
    /// The left one
    Left,
    /// The right one
    Right,
    /// Both
    Both,
}

/// Takes A and B. The whole image is no half.
fn half_parser() -> impl TypedValueParser<Value = Half> {
    PossibleValuesParser::new(["A", "B"]).map(|name| match name.as_str() {
        "A" => Half::A,
        _ => Half::B,
    })
}

/// The filter for label maps, or for other images.
fn filter(is_labels: bool) -> Filter {
    if is_labels {
        Filter::Nearest
    } else {
        Filter::Bicubic
    }
}

/// Runs the tool and prints how many images it made.
pub fn run(args: &PrepareArgs) -> Result<(), CliError> {
    let (count, output) = match &args.tool {
        ToolArgs::Combine {
            a,
            b,
            size,
            nearest,
            images,
        } => {
            let filters = [HalfArg::Left, HalfArg::Right]
                .map(|half| filter([Some(half), Some(HalfArg::Both)].contains(nearest)));
            let size = *size;
            let tool = Tool::Combine { size, filters };
            tool.check()?;
            images.output.check()?;
            let tasks = images.output.pairs(a, b, &images.reading.options()?)?;
            (make(&tool, tasks, images)?, &images.output)
        }
        ToolArgs::Split {
            input,
            val,
            test,
            seed,
            output,
        } => {
            output.check()?;
            (copy_split(input, [*val, *test], *seed, output)?, output)
        }
        ToolArgs::Labels {
            inputs,
            palette,
            images,
        } => {
            images.output.check()?;
            (
                number_labels(inputs, palette.as_deref(), images)?,
                &images.output,
            )
        }
        ToolArgs::Single(tool) => {
            let (tool, inputs, images) = single(tool);
            tool.check()?;
            images.output.check()?;
            let tasks = images.output.singles(inputs, &images.reading.options()?)?;
            (make(&tool, tasks, images)?, &images.output)
        }
    };
    let out = output.out.display();
    // A file, where there is one image.
    match output.out.is_file() {
        true => print(&out.to_string()),
        false if count == 1 => print(&format!("1 image in {out}")),
        false => print(&format!("{count} images in {out}")),
    }
}

/// The tool, its inputs, and its other options.
fn single(args: &SingleArgs) -> (Tool, &[PathBuf], &ImageArgs) {
    match args {
        SingleArgs::Half {
            inputs,
            half,
            images,
        } => (Tool::Half(*half), inputs, images),
        SingleArgs::Edges {
            inputs,
            blur,
            low,
            high,
            images,
        } => {
            let (blur, low, high) = (*blur, *low, *high);
            (Tool::Edges(EdgeOptions { blur, low, high }), inputs, images)
        }
        SingleArgs::Grayscale { inputs, images } => (Tool::Grayscale, inputs, images),
        SingleArgs::Resize {
            inputs,
            size,
            fit,
            nearest,
            images,
        } => {
            let (size, fit, filter) = (*size, *fit, filter(*nearest));
            (Tool::Resize { size, fit, filter }, inputs, images)
        }
        SingleArgs::Blank {
            inputs,
            fraction,
            images,
        } => {
            let fraction = *fraction;
            (Tool::Blank { fraction }, inputs, images)
        }
    }
}

/// Replaces the colours of label maps by their numbers in a palette. The palette is read from
/// `file`. Without a file it has all colours that are found, and it is written beside the results,
/// before them.
fn number_labels(
    inputs: &[PathBuf],
    file: Option<&Path>,
    images: &ImageArgs,
) -> Result<usize, CliError> {
    let output = &images.output;
    if file.is_none() && output.existing.skip {
        return Err(CliError::Usage(
            "--skip-existing needs --palette FILE: without it the numbers are those of all colours \
             that are found, and files that are there may have others"
                .to_owned(),
        ));
    }
    let refused = |error: CliError| match file {
        Some(_) => error,
        None => error.without_skipping(),
    };
    let reading = images.reading.options()?;
    let tasks = output.singles(inputs, &reading).map_err(refused)?;
    if let Some(path) = file {
        return make(&Tool::Labels(read_palette(path)?), tasks, images);
    }
    if let Some(clash) = tasks.failures.into_iter().next() {
        return Err(clash);
    }
    let tasks = tasks.list;
    let folder = output.file(inputs)?;
    let path = folder
        .as_deref()
        .map_or(output.out.as_path(), folder_of)
        .join("palette.txt");
    if is_there(&path) {
        output
            .existing
            .refuse(std::slice::from_ref(&path))
            .map_err(refused)?;
    }
    let sources: Vec<PathBuf> = tasks.iter().flat_map(|task| task.sources.clone()).collect();
    let bar = SharedBar::new(sources.len());
    let palette = Palette::of(&sources, output.threads(), |path| {
        // What is to be told of them is told when the images are made.
        let picture = reading.read(path, &mut ReadTally::default());
        bar.passed();
        Ok(vec![(path.clone(), picture?)])
    })?;
    bar.finish();
    let (text, labels) = (palette.text(), palette.len());
    let tasks = Tasks {
        list: tasks,
        ..Tasks::default()
    };
    // Before the maps: without a palette their numbers mean nothing.
    make_folder(&path)?;
    let file = output.existing.create(&path)?;
    file.fill(|out| out.write_all(text.as_bytes()))?;
    note(&format!("{labels} labels, see {}", path.display()));
    make(&Tool::Labels(palette), tasks, images)
}

/// Makes every image.
fn make(tool: &Tool, tasks: Tasks, images: &ImageArgs) -> Result<usize, CliError> {
    let reading = images.reading.options()?;
    let sources = tasks.list.iter().map(|task| task.sources.as_slice());
    for remark in place_remarks_of_pngs(sources) {
        note(&format!("note: {remark}"));
    }
    let tallies = Mutex::new(BTreeMap::new());
    let (opaque, no_density) = (Mutex::<BTreeSet<PathBuf>>::default(), Mutex::default());
    let all = tasks.list.len();
    let count = finish(tasks, &images.output, |task| {
        let made = tool.make(task, &reading)?;
        for (is_lost, lost) in [
            (made.without_opacity, &opaque),
            (made.without_density, &no_density),
        ] {
            let first = task.sources.first().filter(|_| is_lost);
            let mut lost = lost.lock().unwrap_or_else(PoisonError::into_inner);
            lost.extend(first.cloned());
        }
        if made.tally != ReadTally::default() {
            let mut tallies = tallies.lock().unwrap_or_else(PoisonError::into_inner);
            tallies.insert(task.output.clone(), made.tally);
        }
        let file = images.output.existing.create(&task.output)?;
        let encoding = Encoding {
            density: made.density,
            ..Encoding::default()
        };
        Ok(write_picture(file, &made.picture, encoding)?)
    });
    let mut tally = ReadTally::default();
    let tallies = tallies.into_inner().unwrap_or_else(PoisonError::into_inner);
    tallies.into_values().for_each(|of_task| tally.add(of_task));
    tell_of_files(&tally);
    tell_lost("opacity", opaque, all);
    tell_lost("resolution (DPI)", no_density, all);
    count
}

/// Tells what results do not have of these files.
fn tell_lost(what: &str, files: Mutex<BTreeSet<PathBuf>>, all: usize) {
    let files = files.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(first) = files.first() {
        note(&format!(
            "note: the {what} of {} of {all} images is not kept, for example of {}",
            files.len(),
            first.display()
        ));
    }
}
