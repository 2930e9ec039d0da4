//! Answers to arguments that this program has in another place. Without them, clap would name the
//! option with the nearest spelling, which may do something else.

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::error::Error;

/// What people call a command, and what it is here.
const COMMANDS: &[(&str, &str)] = &[
    ("evaluate", "eval runs/NAME"),
    ("generate", "translate IMAGES --model runs/NAME"),
    ("infer", "translate IMAGES --model runs/NAME"),
    ("predict", "translate IMAGES --model runs/NAME"),
    ("resume", "train --resume NAME"),
    ("score", "eval runs/NAME"),
    ("test", "eval runs/NAME"),
];

/// Options that a command does not have, and what to do. The command is the outer one.
const OPTIONS: &[(&str, &str, &str)] = &[
    (
        "prepare",
        "--format",
        "leave it out: what prepare makes are .png files",
    ),
    (
        "prepare",
        "--quality",
        "leave it out: what prepare makes are .png files",
    ),
    (
        "translate",
        "--direction",
        "leave it out: the model has it; --half A or B says which half of combined images is meant",
    ),
    (
        "translate",
        "--name",
        "name the folder of the results with --out, and the run with --model",
    ),
];

/// An error of clap in one line, with its tips, without how to call the program.
pub fn one_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let lines = || text.lines().map(str::trim);
    let first: Vec<&str> = lines().take_while(|line| !line.is_empty()).collect();
    let mut line = first.join(" ").trim_start_matches("error: ").to_owned();
    for tip in lines().filter_map(|line| line.strip_prefix("tip: ")) {
        line += &format!("; {tip}");
    }
    line
}

/// The message in place of `error`, which is about arguments of `program` that began with the
/// command `used`.
pub fn answer(error: &clap::Error, program: &Command, used: &Command) -> Option<String> {
    let said = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    match error.kind() {
        ErrorKind::UnknownArgument => {
            let given = said(ContextKind::InvalidArg)?;
            option(given.split('=').next()?, program, used)
        }
        ErrorKind::InvalidSubcommand => command(said(ContextKind::InvalidSubcommand)?, program),
        ErrorKind::ValueValidation => {
            let needed = match error.source()?.to_string().as_str() {
                "invalid digit found in string" => "one whole number is needed",
                "invalid float literal" => "one number is needed",
                _ => return None,
            };
            let (option, value) = (
                said(ContextKind::InvalidArg)?,
                said(ContextKind::InvalidValue)?,
            );
            Some(format!("{option}: {needed}, not '{value}'"))
        }
        _ => None,
    }
}

fn option(name: &str, program: &Command, used: &Command) -> Option<String> {
    let long = name.strip_prefix("--")?;
    let mut owners = Vec::new();
    walk(program, "", &mut |path, command| {
        let has = command
            .get_arguments()
            .any(|arg| arg.get_long() == Some(long));
        if has {
            owners.push(path.to_owned());
        }
    });
    let mut here = String::new();
    walk(program, "", &mut |path, command| {
        if std::ptr::eq(command, used) {
            here = path.to_owned();
        }
    });
    let outer = here.split(' ').next();
    let known = OPTIONS
        .iter()
        .find(|(command, option, _)| Some(*command) == outer && *option == name);
    let about = format!("{name} is no option of pix2pix {here}");
    match (known, owners.first()) {
        (Some((.., remedy)), _) => Some(format!("{about}; {remedy}")),
        (None, Some(owner)) => Some(format!("{about}, but of pix2pix {owner}; see --help")),
        (None, None) => None,
    }
}

fn command(name: &str, program: &Command) -> Option<String> {
    let about = format!("{name} is no command");
    if let Some((_, ours)) = COMMANDS.iter().find(|(habit, _)| *habit == name) {
        return Some(format!("{about}; use pix2pix {ours}"));
    }
    let mut found = None;
    walk(program, "", &mut |path, command| {
        if command.get_name() == name {
            found = Some(format!("{about} of its own; use pix2pix {path}"));
        }
    });
    found
}

/// Visits all commands below `command`, each with its name behind those of the outer ones.
fn walk<'a>(command: &'a Command, path: &str, visit: &mut impl FnMut(&str, &'a Command)) {
    for inner in command.get_subcommands() {
        let path = format!("{path} {}", inner.get_name());
        visit(path.trim_start(), inner);
        walk(inner, &path, visit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(arguments: &str) -> String {
        let program = super::super::command();
        let words = arguments.split(' ').map(str::to_owned);
        let used = super::super::habits::innermost(&program, words);
        let given = ["pix2pix"].into_iter().chain(arguments.split(' '));
        match program.clone().try_get_matches_from(given) {
            Err(error) => answer(&error, &program, used).unwrap_or_default(),
            Ok(_) => String::new(),
        }
    }

    #[test]
    fn an_argument_in_the_wrong_place_is_answered() {
        for (arguments, part) in [
            (
                "prepare resize x --format jpg",
                "--format is no option of pix2pix prepare resize; leave it out",
            ),
            ("translate x --direction BtoA", "--half A or B"),
            ("translate x --name=e", "with --out"),
            (
                "train x --format png",
                "but of pix2pix translate; see --help",
            ),
            ("translate x --ngf 8", "but of pix2pix train"),
            ("test --dataroot x", "use pix2pix eval runs/NAME"),
            ("combine a b", "use pix2pix prepare combine"),
            (
                "train x --size 32x16",
                "--size <PIXELS>: one whole number is needed, not '32x16'",
            ),
            ("train x --lr fast", "one number is needed, not 'fast'"),
        ] {
            let answer = said(arguments);
            assert!(answer.contains(part), "{arguments}: {answer}");
        }
        for arguments in ["train x --sise 3", "trane x", "train x --batch-size -1"] {
            assert_eq!(said(arguments), "", "{arguments}");
        }
    }

    #[test]
    fn other_errors_of_clap_are_one_line() {
        let program = super::super::command();
        for (arguments, expected) in [
            (
                "train x --sise 3",
                "unexpected argument '--sise' found; a similar argument exists: '--size'",
            ),
            (
                "translate x",
                "the following required arguments were not provided: --model <FILE> --out <PATH>",
            ),
            (
                "study x --trials 10001",
                "invalid value '10001' for '--trials <N>': 10001 is not in 0..=10000",
            ),
        ] {
            let words = std::iter::once("pix2pix").chain(arguments.split(' '));
            let error = program.clone().try_get_matches_from(words).err();
            let line = error.map(|error| one_line(&error));
            assert_eq!(line.as_deref(), Some(expected), "{arguments}");
        }
    }

    /// No answer sends people to an option or a command that is not there.
    #[test]
    fn answers_name_what_is_there() {
        let program = super::super::command();
        for (_, ours) in COMMANDS {
            let name = ours.split(' ').next().unwrap_or_default();
            let command = program.find_subcommand(name);
            let options = ours.split(' ').filter_map(|word| word.strip_prefix("--"));
            for option in options {
                let has = |command: &Command| {
                    command
                        .get_arguments()
                        .any(|arg| arg.get_long() == Some(option))
                };
                assert!(command.is_some_and(has), "{ours}");
            }
        }
        for (command, option, _) in OPTIONS {
            let outer = program.find_subcommand(command);
            let has = outer.is_some_and(|outer| {
                outer
                    .get_arguments()
                    .any(|arg| arg.get_long() == option.strip_prefix("--"))
            });
            assert!(outer.is_some() && !has, "{command} {option}");
        }
    }
}
