//! What `--help` says: an example and defaults in every command. `options.rs` compares all of it
//! with `docs/options.md`.

use crate::{stderr, stdout, succeed, temporary};
use std::collections::BTreeMap;

const COMMANDS: [&str; 18] = [
    "train",
    "compare",
    "translate",
    "inspect",
    "bench step",
    "bench ceiling",
    "bench kernels",
    "adapters",
    "bench diff",
    "convert",
    "prepare combine",
    "prepare split",
    "prepare edges",
    "prepare half",
    "prepare grayscale",
    "prepare resize",
    "prepare blank",
    "prepare labels",
];
/// Those that open a device.
const COMPUTE: usize = 7;

fn help(command: &str) -> String {
    let output = succeed(temporary().path(), &format!("{command} --help"));
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

#[test]
fn every_command_has_help_with_an_example_and_its_defaults() {
    for (index, command) in COMMANDS.into_iter().enumerate() {
        let text = help(command);
        let example = if command.starts_with("prepare ") {
            help("prepare")
        } else {
            text.clone()
        };
        assert!(example.contains("Example: pix2pix "), "{command}");
        if index < COMPUTE {
            let options = options(&text);
            assert!(
                options["--adapter"]
                    .1
                    .contains("[default: the fastest kind]"),
                "{command}: {}",
                options["--adapter"].1
            );
            assert!(
                options["--seed"].1.contains("[default: 0]"),
                "{command}: {}",
                options["--seed"].1
            );
        }
    }
    let train = options(&help("train"));
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
    assert!(stdout(&succeed(temporary().path(), "--version")).starts_with("pix2pix "));
}
