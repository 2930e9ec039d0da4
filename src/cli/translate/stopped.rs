//! How a batch goes on that a signal has ended.

use super::TranslateArgs;
use super::model::Model;
use super::page::ResultsPage;
use crate::cli::CliError;
use crate::cli::names::is_there;
use crate::cli::outputs::{ExistingArgs, Job, Output};
use crate::train::TrainError;
use std::path::{Path, PathBuf};

/// The same error. That of a signal says what is there, and which command makes the rest of `jobs`
/// and the page of all of them, if one was asked for.
pub fn explain(
    error: CliError,
    args: &TranslateArgs,
    model: &Model,
    (jobs, page): (&[Job], Option<&ResultsPage>),
) -> CliError {
    if !matches!(error, CliError::Train(TrainError::Interrupted)) {
        return error;
    }
    if model.to_stdout {
        let frames = model.progress.count();
        return CliError::StreamStopped { frames };
    }
    let written = model.written.borrow();
    let outputs = jobs.iter().flat_map(|job| &job.outputs);
    let missing: Vec<&Path> = outputs
        .filter_map(Output::to_write)
        .filter(|path| !written.contains(*path))
        .collect();
    let results = missing.iter().filter(|path| is_there(path));
    let mut older: Vec<PathBuf> = results.map(|&path| path.to_owned()).collect();
    older.extend(page.into_iter().flat_map(ResultsPage::older_images));
    let missing = match (&missing[..], page) {
        ([], Some(_)) => "the page",
        _ => "the others",
    };
    CliError::TranslationStopped {
        made: written.len(),
        again: again(&args.output.existing, written.len(), missing, &older),
    }
}

/// The options that make what is `missing`, where so many results are `made`. Files that an
/// `older` run has left would be skipped.
fn again(existing: &ExistingArgs, made: usize, missing: &str, older: &[PathBuf]) -> String {
    match (existing.skip, existing.force, older) {
        _ if made == 0 => "run it again".to_owned(),
        (true, ..) => format!("run it again for {missing}"),
        (_, false, _) => {
            format!("run it again with --skip-existing for {missing}, or with --force for all")
        }
        (_, true, []) => {
            format!("run it again with --skip-existing in place of --force for {missing}")
        }
        (_, true, [first, ..]) => format!(
            "run it again for all, since files of an earlier run are still there: {}, such as {}",
            older.len(),
            first.display()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_on_is_one_that_makes_what_is_missing() {
        let existing = |skip, force| ExistingArgs { skip, force };
        let older = [PathBuf::from("out/b.png")];
        let (others, page) = ("the others", "the page");
        for (skip, force, made, missing, older, said) in [
            (
                false,
                false,
                2,
                others,
                &[][..],
                "run it again with --skip-existing for the others, or with --force for all",
            ),
            (true, false, 2, others, &[], "run it again for the others"),
            (true, false, 2, page, &[], "run it again for the page"),
            (
                false,
                false,
                2,
                page,
                &[],
                "run it again with --skip-existing for the page, or with --force for all",
            ),
            (
                false,
                true,
                2,
                page,
                &[],
                "run it again with --skip-existing in place of --force for the page",
            ),
            (
                false,
                true,
                2,
                others,
                &[],
                "run it again with --skip-existing in place of --force for the others",
            ),
            (
                false,
                true,
                2,
                others,
                &older,
                "run it again for all, since files of an earlier run are still there: 1, such as \
                 out/b.png",
            ),
            (false, false, 0, others, &[], "run it again"),
            (false, true, 0, others, &older, "run it again"),
        ] {
            assert_eq!(again(&existing(skip, force), made, missing, older), said);
        }
    }
}
