//! The commands that use a run, for its page and for the console.

use crate::train::run::{Commands, GoOn, Stage, Standing, quote};
use std::path::Path;

/// The commands that the page of a run shows.
pub const COMMANDS: Commands = Commands { go_on, translate };

/// How to go on with the run in a folder.
pub fn go_on(run: &Path, standing: &Standing) -> GoOn {
    let resume = format!("pix2pix train --resume {}", quote(run));
    let step = standing.step;
    let (words, commands) = match standing.stage {
        Stage::Training => (
            "to go on from the newest checkpoint, if this is stopped".to_owned(),
            vec![resume],
        ),
        Stage::Stopped => (
            format!("stopped and saved at step {step}; go on with"),
            vec![resume],
        ),
        Stage::OutOfPatience { waited } => (
            format!(
                "ended at step {step}: {waited} held-out scores in a row were not better; to go on \
                 all the same"
            ),
            vec![format!("{resume} --patience {}", 2 * waited)],
        ),
        Stage::Complete => (
            format!(
                "ended after {step} step{}; to go on, name the new length in all",
                if step == 1 { "" } else { "s" }
            ),
            vec![
                format!("{resume} --epochs N"),
                format!("{resume} --steps N"),
            ],
        ),
    };
    GoOn { words, commands }
}

/// The same in one line.
pub fn line(run: &Path, standing: &Standing) -> String {
    let GoOn { words, commands } = go_on(run, standing);
    format!("{words}: {}", commands.join(", or "))
}

fn translate(model: &Path, images: usize) -> String {
    let folders: String = (2..=images).map(|number| format!(" A{number}")).collect();
    let inputs = if images > 1 {
        format!("A{folders}")
    } else {
        "photo.png".to_owned()
    };
    format!(
        "pix2pix translate {inputs} --model {} --out translated",
        quote(model)
    )
}
