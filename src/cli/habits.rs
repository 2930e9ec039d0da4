//! Options of the reference implementation in PyTorch that people type from habit. The answer names
//! our option. Without it, clap would name the option with the nearest spelling.

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// An option of the reference, and what to use here. Each spelling has its own line, so that the
/// spelling that was typed is found.
const HABITS: &[(&str, &str)] = &[
    (
        "--dataroot",
        "name the folder without an option: pix2pix train FOLDER",
    ),
    ("--crop_size", "use --size"),
    ("--fineSize", "use --size"),
    ("--load_size", "use --load-size"),
    ("--loadSize", "use --load-size"),
    (
        "--n_epochs",
        "use --epochs; the rate falls in their second half",
    ),
    (
        "--n_epochs_decay",
        "use --epochs; the rate falls in their second half",
    ),
    (
        "--niter",
        "use --epochs; the rate falls in their second half",
    ),
    (
        "--niter_decay",
        "use --epochs; the rate falls in their second half",
    ),
    (
        "--epoch_count",
        "use --resume, which goes on where the run stopped",
    ),
    ("--continue_train", "use --resume NAME"),
    ("--epoch", "use --model with the checkpoint's file"),
    ("--lr_policy", "use --schedule"),
    ("--lr_decay_iters", "use --lr-step"),
    ("--which_epoch", "use --model with the checkpoint's file"),
    ("--load_iter", "use --model with the checkpoint's file"),
    (
        "--which_model_netG",
        "use --generator: unet, resnet9 or resnet6",
    ),
    ("--which_model_netD", "use --patch or --d-layers"),
    ("--resize_or_crop", "use --preprocess"),
    ("--netG", "use --generator: unet, resnet9 or resnet6"),
    ("--netD", "use --patch or --d-layers"),
    ("--n_layers_D", "use --d-layers"),
    ("--lambda_L1", "use --lambda-l1"),
    ("--gan_mode", "use --gan-mode"),
    ("--no_lsgan", "use --gan-mode vanilla, the default"),
    ("--gpu_ids", "use --adapter, see pix2pix adapters"),
    ("--model", "leave it out: this program is pix2pix alone"),
    ("--which_direction", "use --direction"),
    ("--batch_size", "use --batch-size"),
    ("--batchSize", "use --batch-size"),
    ("--no_dropout", "use --no-dropout"),
    ("--no_flip", "use --no-flip"),
    (
        "--dataset_mode",
        "leave it out: folders are recognised; --input and --output say what pixels are",
    ),
    ("--checkpoints_dir", "use --runs"),
    ("--results_dir", "use --out"),
    ("--pool_size", "use --pool"),
    ("--init_type", "use --init"),
    ("--init_gain", "use --init-gain"),
    ("--save_epoch_freq", "use --checkpoint-every, in steps"),
    ("--save_latest_freq", "use --checkpoint-every, in steps"),
    ("--display_freq", "use --sample-every, in steps"),
    (
        "--display_winsize",
        "leave it out: pictures keep their size",
    ),
    (
        "--display_id",
        "leave it out: the run's index.html shows it",
    ),
    (
        "--print_freq",
        "leave it out: the losses of every step are shown and in metrics.csv",
    ),
    (
        "--num_threads",
        "leave it out: images are loaded beside the training",
    ),
    (
        "--nThreads",
        "leave it out: images are loaded beside the training",
    ),
    (
        "--serial_batches",
        "leave it out: the order is drawn from --seed",
    ),
    ("--input_nc", "use --input: gray for 1 channel, rgb for 3"),
    ("--output_nc", "use --output: gray for 1 channel, rgb for 3"),
    (
        "--phase",
        "leave it out: pix2pix translate takes the images by name",
    ),
    ("--how_many", "leave it out: name the images to translate"),
    (
        "--save_by_iter",
        "leave it out: checkpoints are named by step",
    ),
    ("--update_html_freq", "use --sample-every, in steps"),
    (
        "--no_html",
        "leave it out: the run's page is one small file",
    ),
    (
        "--display_ncols",
        "leave it out: a row of the page is one image",
    ),
    (
        "--use_wandb",
        "use --tensorboard, which writes event files; the losses are on the run's page, too",
    ),
    ("--num_test", "leave it out: name the images to translate"),
    ("--eval", "use --test-norm running, without dropout"),
    (
        "--aspect_ratio",
        "leave it out: results have the size of their inputs",
    ),
    (
        "--verbose",
        "use pix2pix inspect, which prints the networks",
    ),
    ("--suffix", "use --name"),
    (
        "--max_dataset_size",
        "leave it out: put fewer images into the folder",
    ),
    ("--beta_1", "use --beta1"),
];

/// The command that `arguments` begin with: the innermost one, where commands have subcommands.
pub fn innermost(command: &Command, arguments: impl Iterator<Item = String>) -> &Command {
    let mut found = command;
    for argument in arguments {
        let Some(inner) = found.find_subcommand(argument) else {
            break;
        };
        found = inner;
    }
    found
}

/// The message in place of `error`, if the error is about an option of the reference that `command`
/// does not have.
pub fn answer(error: &clap::Error, command: &Command) -> Option<String> {
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let Some(ContextValue::String(given)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let name = given.split('=').next().unwrap_or(given);
    let (_, remedy) = HABITS.iter().find(|(habit, _)| *habit == name)?;
    let about = format!("{name} is an option of the PyTorch code");
    if name == "--dataroot" && command.get_name() == "translate" {
        return Some(format!(
            "{about}; name the images without an option: pix2pix translate IMAGES"
        ));
    }
    // Some options are part of another command.
    let ours = remedy
        .split([' ', ';', ':', ','])
        .find(|word| word.starts_with("--"));
    let has = |option: &str| {
        command
            .get_arguments()
            .any(|arg| arg.get_long() == option.strip_prefix("--"))
    };
    match ours {
        Some(option) if remedy.starts_with("use --") && !has(option) => {
            let other = if option == "--out" || option == "--model" {
                "pix2pix translate"
            } else {
                "pix2pix train"
            };
            Some(format!("{about}; here it is part of {other}: {remedy}"))
        }
        _ => Some(format!("{about}; {remedy}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(arguments: &[&str]) -> String {
        let command = super::super::command();
        let given = arguments
            .iter()
            .skip(1)
            .map(|&argument| argument.to_owned());
        let used = innermost(&command, given);
        match command.clone().try_get_matches_from(arguments) {
            Err(error) => answer(&error, used).unwrap_or_default(),
            Ok(_) => String::new(),
        }
    }

    #[test]
    fn every_habit_gets_an_answer_that_names_an_option_of_ours() {
        let command = super::super::command();
        let known: Vec<String> = ["train", "translate"]
            .iter()
            .filter_map(|name| command.find_subcommand(name))
            .flat_map(|command| command.get_arguments())
            .filter_map(|arg| Some(format!("--{}", arg.get_long()?)))
            .collect();
        for (habit, remedy) in HABITS {
            for word in remedy.split([' ', ';', ':', ',']) {
                if word.starts_with("--") {
                    assert!(known.iter().any(|option| option == word), "{habit}: {word}");
                }
            }
            // A command that has the option itself does not answer so.
            let answers =
                ["train", "translate"].map(|name| said(&["pix2pix", name, habit, "value"]));
            assert!(
                answers.iter().any(|answer| answer.ends_with(remedy)),
                "{habit}: {answers:?}"
            );
        }
    }

    #[test]
    fn the_answer_names_the_command_that_has_the_option() {
        let answer = said(&["pix2pix", "train", "--results_dir", "r"]);
        assert!(
            answer.contains("part of pix2pix translate: use --out"),
            "{answer}"
        );
        let answer = said(&["pix2pix", "translate", "--netG=unet_256"]);
        assert!(
            answer.contains("part of pix2pix train: use --generator"),
            "{answer}"
        );
        assert_eq!(said(&["pix2pix", "train", "--sise", "3"]), "");
        for (arguments, part) in [
            (
                &["pix2pix", "bench", "step", "--netG", "basic"][..],
                "; use --generator",
            ),
            (
                &["pix2pix", "prepare", "combine", "--results_dir", "r"][..],
                "; use --out",
            ),
            (&["pix2pix", "--dataroot", "x"][..], "pix2pix train FOLDER"),
            (
                &["pix2pix", "translate", "--dataroot", "x"][..],
                "pix2pix translate IMAGES",
            ),
        ] {
            let answer = said(arguments);
            assert!(answer.contains(part), "{arguments:?}: {answer}");
        }
    }
}
