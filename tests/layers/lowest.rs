//! Holds that what a browser's tab lacks is asked for in one place: see `src/clock.rs` and
//! `src/threads.rs`, and `src/files.rs` for the files of a data set.

use super::source::{files, tokens};
use super::{root, top};
use std::fs;

/// What the files of `src/` mention of `module` of the standard library, without those that
/// `may`: lines such as `src/a.rs:12: Instant`.
fn mentions(module: &str, names: &[&str], may: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for file in files(root(), "src") {
        if may(&file) || file.contains("/tests") || matches!(top(&file), "cli" | "main" | "studio")
        {
            continue;
        }
        let source = fs::read_to_string(root().join(&file)).unwrap();
        // Unit tests run natively.
        let code = source.split("#[cfg(test)]\n#[allow").next().unwrap();
        let tokens = tokens(code);
        for at in 0..tokens.len() {
            // Of `use std::time::{Duration, Instant};` all up to the end of the line counts.
            let path = tokens[at..].iter().take(3).map(|token| token.text.as_str());
            let is_used = path.eq(["std", "::", module]);
            let is_path = at == 0 || tokens[at - 1].text != "::";
            let of_path = tokens[at].text == module && is_path;
            if !is_used && !of_path {
                continue;
            }
            let rest = tokens[at..].iter().take_while(|token| token.text != ";");
            let length = if is_used { usize::MAX } else { 3 };
            found.extend(
                rest.take(length)
                    .filter(|token| names.contains(&token.text.as_str()))
                    .map(|token| format!("{file}:{}: {}", token.line, token.text)),
            );
        }
    }
    found
}

#[test]
fn the_time_comes_from_the_clock() {
    let names = ["Instant", "SystemTime", "UNIX_EPOCH"];
    let found = mentions("time", &names, |file| file == "src/clock.rs");
    assert!(found.is_empty(), "take crate::clock: {found:?}");
    let own = mentions("time", &names, |file| file != "src/clock.rs");
    assert!(own.len() > 2, "the clock itself: {own:?}");
}

#[test]
fn threads_are_started_in_few_places() {
    // The loader has threads where there are any, and a driver that needs none is in no tab.
    let places = [
        "src/threads.rs",
        "src/data/loader.rs",
        "src/gpu/precompile.rs",
    ];
    let names = ["spawn", "scope", "Builder", "available_parallelism"];
    let found = mentions("thread", &names, |file| places.contains(&file));
    assert!(found.is_empty(), "take crate::threads: {found:?}");
    let own = mentions("thread", &names, |file| !places.contains(&file));
    assert!(own.len() > 2, "the places themselves: {own:?}");
}

/// Else a data set in memory would be looked for on disk.
#[test]
fn data_sets_are_read_through_files() {
    let asks = [
        "is_dir()",
        "is_file()",
        "exists()",
        "canonicalize()",
        "is_symlink()",
        "fs::",
    ];
    let mut found = Vec::new();
    for file in files(root(), "src/data") {
        // Tools write data sets, a spill file is written first, and an archive has no paths.
        let writes = ["/tools/", "/tests", "spill_file", "archive"];
        if writes.iter().any(|part| file.contains(part)) {
            continue;
        }
        let source = fs::read_to_string(root().join(&file)).unwrap();
        let code = source.split("#[cfg(test)]\n#[allow").next().unwrap();
        let lines = code.lines().zip(1..).filter(|(line, _)| {
            let code = line.split("//").next().unwrap();
            asks.iter().any(|ask| code.contains(ask))
        });
        found.extend(lines.map(|(line, number)| format!("{file}:{number}: {}", line.trim())));
    }
    assert!(found.is_empty(), "take crate::files: {found:#?}");
}
