//! How a batch goes on that a signal has ended.

use super::TranslateArgs;
use super::model::Model;
use crate::cli::CliError;
use crate::cli::names::is_there;
use crate::cli::outputs::{ExistingArgs, Job, Output};
use crate::train::TrainError;
use std::path::Path;

/// The same error. That of a signal says what is there, and which command makes the rest.
pub fn explain(error: CliError, args: &TranslateArgs, model: &Model, jobs: &[Job]) -> CliError {
    if !matches!(error, CliError::Train(TrainError::Interrupted)) {
        return error;
    }
    if model.to_stdout {
        let frames = model.progress.count();
        return CliError::StreamStopped { frames };
    }
    let written = model.written.borrow();
    let outputs = jobs.iter().flat_map(|job| &job.outputs);
    let missing = outputs
        .filter_map(Output::to_write)
        .filter(|path| !written.contains(*path));
    let older: Vec<&Path> = missing.filter(|path| is_there(path)).collect();
    CliError::TranslationStopped {
        made: written.len(),
        again: again(&args.output.existing, written.len(), &older),
    }
}

/// The options that make the results that are missing, of which so many are `made`. Those that an
/// `older` run has left would be skipped.
fn again(existing: &ExistingArgs, made: usize, older: &[&Path]) -> String {
    match (existing.skip, existing.force, older) {
        _ if made == 0 => "run it again".to_owned(),
        (true, ..) => "run it again for the others".to_owned(),
        (_, false, _) => {
            "run it again with --skip-existing for the others, or with --force for all".to_owned()
        }
        (_, true, []) => {
            "run it again with --skip-existing in place of --force for the others".to_owned()
        }
        (_, true, [first, ..]) => format!(
            "run it again for all, since results of an earlier run are still there: {}, such as {}",
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
        let older = [Path::new("out/b.png")];
        for (skip, force, made, older, said) in [
            (
                false,
                false,
                2,
                &[][..],
                "run it again with --skip-existing for the others, or with --force for all",
            ),
            (true, false, 2, &[], "run it again for the others"),
            (
                false,
                true,
                2,
                &[],
                "run it again with --skip-existing in place of --force for the others",
            ),
            (
                false,
                true,
                2,
                &older,
                "run it again for all, since results of an earlier run are still there: 1, such as \
                 out/b.png",
            ),
            (false, false, 0, &[], "run it again"),
            (false, true, 0, &older, "run it again"),
        ] {
            assert_eq!(again(&existing(skip, force), made, older), said);
        }
    }
}
