//! Circles in the imports.

use super::imports::Imports;
use std::collections::{BTreeMap, BTreeSet};

/// One circle for each group of files that import one another, as the files in order; the last one
/// imports the first. A circle that has one file with nothing but submodules of it is none.
pub fn circles(imports: &Imports) -> Vec<Vec<String>> {
    let mut files: BTreeSet<&str> = BTreeSet::new();
    for (from, targets) in imports {
        files.insert(from);
        files.extend(targets.keys().map(String::as_str));
    }
    let mut found = Vec::new();
    let mut groups = vec![files];
    while let Some(files) = groups.pop() {
        for group in connected(imports, &files) {
            let mut members = group.clone();
            // Circles through the parent of all others are allowed: look at the rest.
            if members.remove(parent_of_all(&group).as_str()) {
                groups.push(members);
            } else {
                found.push(shortest_circle(imports, &group));
            }
        }
    }
    found
}

/// The groups of two and more files in which each reaches each other one.
fn connected<'a>(imports: &'a Imports, files: &BTreeSet<&'a str>) -> Vec<BTreeSet<&'a str>> {
    let reach: BTreeMap<&str, BTreeSet<&str>> = files
        .iter()
        .map(|file| (*file, reachable(imports, files, file)))
        .collect();
    let mut groups: BTreeSet<BTreeSet<&str>> = BTreeSet::new();
    for (file, targets) in &reach {
        let back = |target: &&str| reach[*target].contains(file);
        let group: BTreeSet<&str> = targets.iter().copied().filter(back).collect();
        if group.len() > 1 {
            groups.insert(group);
        }
    }
    groups.into_iter().collect()
}

fn reachable<'a>(
    imports: &'a Imports,
    files: &BTreeSet<&'a str>,
    start: &str,
) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut ahead = vec![start];
    while let Some(file) = ahead.pop() {
        for target in imports.get(file).into_iter().flat_map(BTreeMap::keys) {
            if files.contains(target.as_str()) && found.insert(target.as_str()) {
                ahead.push(target);
            }
        }
    }
    found
}

/// The file of the deepest module that all files belong to, with its submodules.
fn parent_of_all(files: &BTreeSet<&str>) -> String {
    let modules: Vec<Vec<&str>> = files
        .iter()
        .map(|file| {
            let file = file.trim_end_matches(".rs").trim_end_matches("/mod");
            file.split('/').collect()
        })
        .collect();
    let shared = |at: &usize| {
        modules
            .iter()
            .all(|path| path.get(*at) == modules[0].get(*at))
    };
    let depth = (0..modules[0].len()).take_while(shared).count();
    let module = modules[0][..depth].join("/");
    let file = format!("{module}.rs");
    if files.contains(file.as_str()) {
        file
    } else {
        format!("{module}/mod.rs")
    }
}

/// The shortest circle in a group, among those that no parent with its submodules makes up.
fn shortest_circle(imports: &Imports, group: &BTreeSet<&str>) -> Vec<String> {
    let mut shortest: Option<Vec<String>> = None;
    for start in group {
        let mut paths = vec![vec![*start]];
        let mut seen = BTreeSet::new();
        while !paths.is_empty() {
            let mut longer = Vec::new();
            for path in paths {
                for target in imports[path[path.len() - 1]].keys().map(String::as_str) {
                    let members: BTreeSet<&str> = path.iter().copied().collect();
                    let shorter = shortest.as_ref().is_none_or(|best| path.len() < best.len());
                    if target == *start
                        && shorter
                        && !members.contains(parent_of_all(&members).as_str())
                    {
                        shortest = Some(path.iter().map(|file| (*file).to_owned()).collect());
                    } else if group.contains(target) && seen.insert(target) {
                        longer.push([path.as_slice(), &[target]].concat());
                    }
                }
            }
            paths = longer;
        }
    }
    shortest.unwrap_or_else(|| group.iter().map(|file| (*file).to_owned()).collect())
}

#[test]
fn only_a_file_and_its_own_submodules_may_form_a_circle() {
    let found = |edges: &[(&str, &str)]| {
        let mut imports = Imports::new();
        for (from, to) in edges {
            let targets = imports.entry(format!("src/{from}.rs")).or_default();
            targets.insert(format!("src/{to}.rs"), 1);
        }
        circles(&imports).len()
    };
    let family = [
        ("a/mod", "a/x"),
        ("a/x", "a/mod"),
        ("a/mod", "a/y"),
        ("a/y", "a/mod"),
    ];
    assert_eq!(found(&family), 0, "a parent and its submodules");
    assert_eq!(
        found(&[("a", "b"), ("b", "c"), ("a", "c")]),
        0,
        "no way back"
    );
    assert_eq!(found(&[("a", "b"), ("b", "c"), ("c", "a")]), 1);
    let siblings = [&family[..], &[("a/x", "a/y"), ("a/y", "a/x")]].concat();
    assert_eq!(found(&siblings), 1, "submodules of one parent");
    let outside = [&family[..], &[("a/x", "b"), ("b", "a/mod")]].concat();
    assert_eq!(found(&outside), 1, "through a file that is no submodule");
}
