//! The reference's own numbers, computed once more on the device through the public interface of
//! the library.
//!
//! The folder comes from `PIX2PIX_GOLDEN`; without it the small one beside this file is taken.
//! Every case of every manifest in it is run and prints one line; the last line counts them. An
//! operation that is not known is a failure, and so is a folder without cases. `PIX2PIX_ADAPTER`
//! names the adapter, `PIX2PIX_FORCE` (for example `conv2d=1_naive,conv_transpose2d=2_register`)
//! the rung of a kernel family, and an argument selects the cases whose name contains it.

mod case;
mod checks;
mod layer;
mod layers;
mod networks;
mod optimiser;
mod parameters;
mod pass;
mod preprocess;
mod problem;
mod training;

use case::{GoldenCase, Manifest};
use checks::Checks;
use pix2pix::gpu::{DeviceOptions, Gpu};
use problem::Problem;
use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    // SAFETY: nothing has started a thread yet.
    unsafe { pix2pix::gpu::quiet_drivers() };
    let mut tally = Tally::default();
    // What cargo hands to every test binary may hold options, which mean nothing here.
    let filter = env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'))
        .unwrap_or_default();
    match open_gpu() {
        Ok(gpu) => run_folder(&gpu, &folder(), &filter, &mut tally),
        Err(problem) => tally.count("device", "", Err(problem)),
    }
    println!(
        "golden: {} passed, {} failed, {} skipped",
        tally.passed, tally.failed, tally.skipped
    );
    if tally.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// An environment variable; an empty one counts as unset.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn folder() -> PathBuf {
    let sample = || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/sample");
    variable("PIX2PIX_GOLDEN").map_or_else(sample, PathBuf::from)
}

/// The adapter, with the rungs of `PIX2PIX_FORCE`.
fn open_gpu() -> Result<Gpu, Problem> {
    let options = DeviceOptions {
        adapter: variable("PIX2PIX_ADAPTER"),
        ..Default::default()
    };
    let gpu = pollster::block_on(Gpu::open(&options)).map_err(Problem::fail)?;
    let mut profile = gpu.profile().clone();
    for choice in variable("PIX2PIX_FORCE")
        .iter()
        .flat_map(|list| list.split(','))
    {
        let known = |family: &str, rung: &str| {
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("shaders")
                .join(family)
                .join(rung)
                .with_extension("wgsl")
                .is_file()
        };
        // The library takes its default for a name that it does not know, which would test
        // something else than was asked for.
        match choice.split_once('=') {
            Some((family, rung)) if known(family, rung) => profile = profile.force(family, rung),
            _ => {
                return Err(Problem::Fail(format!(
                    "PIX2PIX_FORCE: \"{choice}\" is no FAMILY=RUNG of the folder shaders"
                )));
            }
        }
    }
    Ok(gpu.with_profile(profile))
}

/// Runs the cases of all manifests in the order of their names.
fn run_folder(gpu: &Gpu, folder: &Path, filter: &str, tally: &mut Tally) {
    let mut paths: Vec<PathBuf> = match std::fs::read_dir(folder) {
        Ok(entries) => entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|e| e == "json"))
            .collect(),
        Err(error) => {
            return tally.count(&folder.display().to_string(), "", Err(Problem::fail(error)));
        }
    };
    paths.sort();
    for path in &paths {
        run_manifest(gpu, path, filter, tally);
    }
    if tally.is_empty() && filter.is_empty() {
        tally.count(
            &folder.display().to_string(),
            "",
            Err(Problem::Fail(
                "no cases; PIX2PIX_GOLDEN must name a folder with some".into(),
            )),
        );
    }
}

fn run_manifest(gpu: &Gpu, path: &Path, filter: &str, tally: &mut Tally) {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let folder = path.parent().unwrap_or(Path::new(""));
    let manifest = match Manifest::open(path) {
        Ok(manifest) => manifest,
        Err(problem) => return tally.count(&stem, "", Err(problem)),
    };
    for index in 0..manifest.len() {
        let case = manifest.case(index);
        let label = format!("{stem}.{}", case.name());
        if label.contains(filter) {
            // A panic in one case must not hide the others.
            let outcome = catch_unwind(AssertUnwindSafe(|| run_case(gpu, &case, folder)));
            tally.count(
                &label,
                case.op(),
                outcome.unwrap_or_else(|_| Err(Problem::Fail("panicked, see above".into()))),
            );
        }
    }
}

/// Chooses what runs a case by its `op`.
fn run_case(gpu: &Gpu, case: &GoldenCase, folder: &Path) -> Result<Checks, Problem> {
    case.check_tensors()?;
    match case.op() {
        "Adam" => optimiser::run(gpu, case),
        "AlignedPreprocess" => preprocess::run(case),
        "NLayerDiscriminator" | "PixelDiscriminator" | "ResnetGenerator" | "UnetGenerator" => {
            networks::run(gpu, case, folder)
        }
        "Pix2PixStep" => training::run(gpu, case),
        _ => layers::run(gpu, case),
    }
}

/// Counts the cases and prints a line for each.
#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
    skipped: usize,
}

impl Tally {
    fn is_empty(&self) -> bool {
        self.passed + self.failed + self.skipped == 0
    }

    fn count(&mut self, name: &str, op: &str, outcome: Result<Checks, Problem>) {
        let subject = if op.is_empty() {
            name.to_owned()
        } else {
            format!("{name} ({op})")
        };
        match outcome.and_then(Checks::verdict) {
            Ok(summary) => {
                self.passed += 1;
                println!("pass {subject}: {summary}");
            }
            Err(Problem::Skip(reason)) => {
                self.skipped += 1;
                println!("skip {subject}: {reason}");
            }
            Err(Problem::Fail(reason)) => {
                self.failed += 1;
                println!("FAIL {subject}: {reason}");
            }
        }
    }
}
