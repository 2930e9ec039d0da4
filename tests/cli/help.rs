//! What `--help` says: an example and defaults in every command, and the options that README's
//! tables show.

use crate::{stderr, stdout, succeed, temporary};
use std::collections::BTreeMap;

const COMMANDS: [&[&str]; 16] = [
    &["train"],
    &["translate"],
    &["inspect"],
    &["bench", "step"],
    &["bench", "ceiling"],
    &["bench", "kernels"],
    &["adapters"],
    &["bench", "diff"],
    &["convert"],
    &["prepare", "combine"],
    &["prepare", "split"],
    &["prepare", "edges"],
    &["prepare", "grayscale"],
    &["prepare", "resize"],
    &["prepare", "blank"],
    &["prepare", "labels"],
];
/// Those that open a device.
const COMPUTE: usize = 6;
/// The heading of the options that matter first.
const FIRST: &str = "Options";
const README: &str = include_str!("../../README.md");

fn help(arguments: &[&str]) -> String {
    let output = succeed(temporary().path(), &[arguments, &["--help"]].concat());
    assert_eq!(stderr(&output), "");
    stdout(&output)
}

/// The long options of a help text with the heading above each and what is said about it.
fn options(text: &str) -> BTreeMap<String, (String, String)> {
    let (mut heading, mut option, mut found) = ("", None, BTreeMap::new());
    for line in text.lines() {
        let own = line.trim_start().trim_start_matches("-h, ");
        match own.strip_prefix("--") {
            // A wrapped line of prose may begin with an option as well, but further in.
            Some(rest) if line.len() - line.trim_start().len() <= 6 => {
                let name = format!("--{}", rest.split([' ', '<', '[']).next().unwrap());
                found.insert(name.clone(), (heading.to_owned(), own.to_owned()));
                option = Some(name);
            }
            _ if !line.is_empty() && !line.starts_with(' ') => {
                heading = line.trim_end_matches(':');
                option = None;
            }
            _ => {
                if let Some((_, said)) = option.as_ref().and_then(|name| found.get_mut(name)) {
                    *said = format!("{said} {}", line.trim());
                }
            }
        }
    }
    found.remove("--help");
    found
}

/// Whether `text` names the option, and not only a longer one that begins like it.
fn names(text: &str, option: &str) -> bool {
    text.match_indices(option).any(|(at, _)| {
        !text[at + option.len()..].starts_with(|next: char| next.is_alphanumeric() || next == '-')
    })
}

/// README's tables of `train`: rows by the heading of their group.
fn groups() -> BTreeMap<&'static str, Vec<&'static str>> {
    let table = README
        .split("The ten options that matter first:")
        .nth(1)
        .unwrap();
    let table = table
        .split("Options that only other commands have:")
        .next()
        .unwrap();
    let (mut heading, mut found) = (FIRST, BTreeMap::<_, Vec<_>>::new());
    for row in table.lines().filter(|line| line.starts_with("| ")) {
        match row
            .strip_prefix("| **")
            .and_then(|rest| rest.split("**").next())
        {
            Some(group) => heading = group,
            None if row.starts_with("| `") => found.entry(heading).or_default().push(row),
            None => {}
        }
    }
    found
}

#[test]
fn every_command_has_help_with_an_example_and_its_defaults() {
    for (index, arguments) in COMMANDS.into_iter().enumerate() {
        let text = help(arguments);
        let example = if arguments[0] == "prepare" {
            help(&["prepare"])
        } else {
            text.clone()
        };
        assert!(example.contains("Example: pix2pix "), "{arguments:?}");
        if index < COMPUTE {
            let options = options(&text);
            assert!(
                options["--adapter"]
                    .1
                    .contains("[default: the fastest kind]"),
                "{arguments:?}: {}",
                options["--adapter"].1
            );
            assert!(
                options["--seed"].1.contains("[default: 0]"),
                "{arguments:?}: {}",
                options["--seed"].1
            );
        }
    }
    let train = options(&help(&["train"]));
    for (option, defaults) in [
        ("--direction", &["AtoB"][..]),
        ("--size", &["256", "64"]),
        ("--ngf", &["64", "16"]),
        ("--ndf", &["as --ngf"]),
        ("--batch-size", &["1"]),
        ("--epochs", &["200"]),
        ("--steps", &["2800"]),
        ("--lambda-l1", &["100"]),
        ("--lr", &["0.0002"]),
        ("--name", &["demo"]),
    ] {
        let default = train[option]
            .1
            .split("[default")
            .nth(1)
            .unwrap_or_else(|| panic!("{option}: no default"));
        assert!(
            defaults.iter().all(|value| names(default, value)),
            "{option}: {default}"
        );
    }
    assert!(stdout(&succeed(temporary().path(), &["--version"])).starts_with("pix2pix "));
}

#[test]
fn the_readme_has_every_option_in_the_group_of_the_help() {
    let (train, groups) = (options(&help(&["train"])), groups());
    for (option, (heading, _)) in &train {
        let rows = groups
            .get(heading.as_str())
            .unwrap_or_else(|| panic!("README has no group {heading:?}"));
        assert!(
            rows.iter().any(|row| names(row, option)),
            "{option} is in no row of README's group {heading:?}"
        );
    }
    assert_eq!(groups[FIRST].len(), 10);
    for (group, rows) in &groups {
        for row in rows {
            let first = row
                .split('`')
                .nth(1)
                .unwrap()
                .split([' ', '`'])
                .next()
                .unwrap();
            assert_eq!(
                train.get(first).map(|(heading, _)| heading.as_str()),
                Some(*group),
                "{row}"
            );
        }
    }
}

#[test]
fn the_readme_has_the_options_of_every_command() {
    for arguments in COMMANDS {
        for option in options(&help(arguments)).keys() {
            assert!(
                names(README, option),
                "{arguments:?}: README does not show {option}"
            );
        }
    }
}
