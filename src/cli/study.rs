//! `pix2pix study`.

use super::names::is_there;
use super::{CliError, note, print};
use crate::eval::study::{Results, Study, StudyPairs, StudyPlan};
use crate::train::run::write_atomic;
use clap::Args;
use clap::builder::RangedU64ValueParser;
use std::io::Write;
use std::path::PathBuf;

/// Bytes of a page that a browser opens without a wait.
const LARGE: usize = 50_000_000;

/// What says how a page is made.
const PAGE: [&str; 10] = [
    "evaluation",
    "real",
    "fake",
    "out",
    "force",
    "trials",
    "practice",
    "milliseconds",
    "same_input",
    "seed",
];

/// Arguments of `study`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: pix2pix study runs/facades/eval            (writes study.html)\n         \
                        pix2pix study --results study-0-*.json     (what all participants saw)"
)]
pub struct StudyArgs {
    /// A folder that `pix2pix eval` wrote
    #[arg(value_name = "EVALUATION")]
    evaluation: Option<PathBuf>,
    /// Folder of real pictures, in place of an evaluation
    #[arg(
        long,
        value_name = "DIR",
        requires = "fake",
        conflicts_with = "evaluation"
    )]
    real: Option<PathBuf>,
    /// Folder of generated pictures with the same names
    #[arg(long, value_name = "DIR", requires = "real")]
    fake: Option<PathBuf>,
    /// The page to write
    #[arg(long, default_value = "study.html", value_name = "FILE")]
    out: PathBuf,
    /// Write over a page that is there
    #[arg(long)]
    force: bool,
    /// Trials that count
    #[arg(long, default_value_t = 40, value_name = "N", value_parser = trials())]
    trials: usize,
    /// Trials of practice before them, with feedback
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = trials())]
    practice: usize,
    /// How long both pictures of a trial are shown
    #[arg(long, default_value_t = 1000, value_name = "MS", value_parser = clap::value_parser!(u32).range(50..=60_000))]
    milliseconds: u32,
    /// Show the real and the generated picture of the same input. Without it they are of different
    /// inputs, which is harder
    #[arg(long)]
    same_input: bool,
    /// Seed of the pairs and of the sides
    #[arg(long, default_value_t = 0, value_name = "N")]
    seed: u32,
    /// Put the answers of participants together, in place of writing a page
    #[arg(long, num_args = 1.., value_name = "FILE", conflicts_with_all = PAGE)]
    results: Vec<PathBuf>,
}

/// More trials than anybody sits through.
const MOST_TRIALS: u64 = 10_000;

fn trials() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(..=MOST_TRIALS)
}

/// Writes the page, or puts results together.
pub fn run(args: &StudyArgs) -> Result<(), CliError> {
    if !args.results.is_empty() {
        let results = Results::read(&args.results)?;
        let notes = results.notes();
        notes.iter().for_each(|text| note(&format!("note: {text}")));
        return print(&results.to_string());
    }
    if is_there(&args.out) && !args.force {
        return Err(CliError::Usage(format!(
            "{} exists; --force writes over it",
            args.out.display()
        )));
    }
    let pairs = args.pairs()?;
    let plan = StudyPlan {
        practice: args.practice,
        trials: args.trials,
        same_input: args.same_input,
        seed: args.seed,
    };
    let page = Study::new(&pairs, plan, args.milliseconds)?.page();
    let all = args.practice + args.trials;
    if !args.same_input && pairs.len() < 2 * all {
        note(&format!(
            "note: with {} pairs for {all} trials, a participant sees the real and the generated \
             picture of some inputs, in different trials; {} pairs would do without",
            pairs.len(),
            2 * all
        ));
    }
    if page.len() > LARGE {
        note(&format!(
            "note: the page has {} MB, and a browser may take long to open it; use fewer trials, \
             or smaller pictures",
            page.len() / 1_000_000
        ));
    }
    write_atomic(&args.out, |file| file.write_all(page.as_bytes()))?;
    print(&format!(
        "{}: trials of practice: {}, trials that count: {}, {:.1} MB; open it in a browser, it needs \
         nothing else",
        args.out.display(),
        args.practice,
        args.trials,
        page.len() as f64 / 1e6
    ))
}

impl StudyArgs {
    fn pairs(&self) -> Result<StudyPairs, CliError> {
        let (Some(real), Some(fake)) = (&self.real, &self.fake) else {
            let folder = self.evaluation.as_deref().ok_or_else(|| {
                CliError::Usage(
                    "a study needs pictures: name a folder that `pix2pix eval` wrote, or two \
                     folders with --real and --fake; --results puts answers together"
                        .to_owned(),
                )
            })?;
            return Ok(StudyPairs::of_evaluation(folder)?);
        };
        let (pairs, notes) = StudyPairs::of_folders(real, fake)?;
        for text in notes {
            note(&format!("note: {text}"));
        }
        Ok(pairs)
    }
}
