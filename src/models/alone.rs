//! A model's page for somebody who has the program alone.

use std::path::{Component, Path, PathBuf};

/// The page of the model `name` without what only the project's folders show: pictures are left
/// out, and a link names the file in the project.
pub fn without_folders(page: &str, name: &str) -> String {
    let folder = Path::new("assets/models").join(name);
    let is_picture = |part: &&str| part.starts_with("![");
    let parts = page.split("\n\n").filter(|part| !is_picture(part));
    let parts: Vec<String> = parts.map(|part| spell_links(part, &folder)).collect();
    parts.join("\n\n")
}

/// `[text](target)` as words.
fn spell_links(text: &str, folder: &Path) -> String {
    let (mut said, mut rest) = (String::new(), text);
    while let Some((before, label, target, behind)) = first_link(rest) {
        said += before;
        said += &words(label, target, folder);
        rest = behind;
    }
    said + rest
}

/// What stands before a link, its text, its target, and what stands behind it.
fn first_link(text: &str) -> Option<(&str, &str, &str, &str)> {
    let (head, tail) = text.split_once("](")?;
    let (before, label) = head.rsplit_once('[')?;
    let (target, behind) = tail.split_once(')')?;
    Some((before, label, target, behind))
}

fn words(label: &str, target: &str, folder: &Path) -> String {
    if target.contains("://") {
        return format!("{label} ({target})");
    }
    let mut path = PathBuf::new();
    for part in folder.join(target).components() {
        match part {
            Component::ParentDir => drop(path.pop()),
            part => path.push(part),
        }
    }
    let path = path.display().to_string().replace('\\', "/");
    match path.starts_with(label) {
        true => format!("{path} of the project"),
        false => format!("{label} ({path} of the project)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_alone_has_no_pictures_and_its_links_are_words() {
        let page = "# Dots\n\n![Pictures](grid.png)\n\n| a | b |\n|---|---|\n\nSee [the \
                    notes](notes.md), [assets/pairs](../../pairs/LICENSE.md) and \
                    [dots](https://dots.org).\n\n[a] and (b) stay.\n";
        let expected = "# Dots\n\n| a | b |\n|---|---|\n\nSee the notes \
                        (assets/models/dots/notes.md of the project), assets/pairs/LICENSE.md of \
                        the project and dots (https://dots.org).\n\n[a] and (b) stay.\n";
        assert_eq!(without_folders(page, "dots"), expected);
    }
}
