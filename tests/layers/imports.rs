//! Which file of `src/` imports which.

use super::source::{Token, files, tokens};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Importing file -> imported file -> the first line that imports it.
pub type Imports = BTreeMap<String, BTreeMap<String, usize>>;

/// The path of a module from the root of the crate: `["data", "tools"]`.
type Module = Vec<String>;

/// A path as it stands in a module, on a `use` line or in code.
struct Mention {
    path: Vec<String>,
    line: usize,
    /// The name that a `use` line gives to it; none in code and for `*`.
    name: Option<String>,
}

/// The modules of the crate and the paths that they mention.
#[derive(Default)]
struct Modules {
    /// The file of each module; a module inside a file has that file.
    files: BTreeMap<Module, String>,
    mentions: BTreeMap<Module, Vec<Mention>>,
    /// Macros that a file exports; their paths begin at the root of the crate.
    macros: BTreeMap<String, String>,
}

/// All imports between files of `src/`.
pub fn imports(root: &Path) -> Imports {
    let mut modules = Modules::default();
    for file in files(root, "src") {
        // The binary is a crate of its own.
        if file != "src/main.rs" {
            let source = fs::read_to_string(root.join(&file)).unwrap();
            modules.read(&file, &tokens(&source));
        }
    }
    modules.imports()
}

impl Modules {
    fn read(&mut self, file: &str, tokens: &[Token]) {
        let inside = file.trim_start_matches("src/").trim_end_matches(".rs");
        let mut module: Module = inside.split('/').map(str::to_owned).collect();
        if matches!(module.last().map(String::as_str), Some("mod" | "lib")) {
            module.pop();
        }
        self.files.insert(module.clone(), file.to_owned());
        // The braces that are open, and how many there are around each inner module.
        let (mut open, mut around) = (0, Vec::new());
        let mut at = 0;
        while at < tokens.len() {
            let text = |offset: usize| tokens.get(at + offset).map_or("", |token| &token.text);
            match text(0) {
                "{" => open += 1,
                "}" => {
                    open -= 1;
                    if around.last() == Some(&open) {
                        around.pop();
                        module.pop();
                    }
                }
                "mod" if text(2) == "{" => {
                    around.push(open);
                    module.push(text(1).to_owned());
                    self.files.insert(module.clone(), file.to_owned());
                }
                "macro_rules" if text(1) == "!" => {
                    self.macros.insert(text(2).to_owned(), file.to_owned());
                }
                // `use<..>` of a type is no import.
                "use" if text(1) != "<" => {
                    let mentions = self.mentions.entry(module.clone()).or_default();
                    at = use_tree(tokens, at + 1, Vec::new(), mentions);
                    continue;
                }
                "::" => at += 1,
                word if text(1) == "::" && word != ">" => {
                    let line = tokens[at].line;
                    let mut path = vec![word.to_owned()];
                    while tokens.get(at + 1).is_some_and(|token| token.text == "::") {
                        at += 2;
                        path.extend(tokens.get(at).map(|token| token.text.clone()));
                    }
                    let mention = Mention {
                        path,
                        line,
                        name: None,
                    };
                    self.mentions
                        .entry(module.clone())
                        .or_default()
                        .push(mention);
                }
                _ => {}
            }
            at += 1;
        }
    }

    fn imports(&self) -> Imports {
        let mut imports = Imports::new();
        for (module, mentions) in &self.mentions {
            let from = &self.files[module];
            for mention in mentions {
                let Some(to) = self.resolve(module, &mention.path, 0) else {
                    continue;
                };
                let to = self.file(&to);
                if to != *from {
                    let targets = imports.entry(from.clone()).or_default();
                    let line = targets.entry(to).or_insert(mention.line);
                    *line = mention.line.min(*line);
                }
            }
        }
        imports
    }

    fn file(&self, place: &Target) -> String {
        match place {
            Target::Module(module) => self.files[module].clone(),
            Target::Macro(file) => file.clone(),
        }
    }

    /// The module that a path leads to, or that defines the item at its end. None for paths into
    /// other crates and to local names.
    fn resolve(&self, from: &Module, path: &[String], depth: usize) -> Option<Target> {
        assert!(
            depth < 32,
            "the re-exports of {} never end",
            path.join("::")
        );
        let mut module = from.clone();
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" => module.clear(),
            "self" => {}
            "super" => drop(module.pop()),
            first => {
                if !self.is_module(&module, first) {
                    // A name that a `use` line of this module brought in; its line is counted.
                    return None;
                }
                module.push(first.to_owned());
            }
        }
        rest = &rest[1..];
        while let [name, after @ ..] = rest {
            if name == "super" {
                module.pop();
            } else if self.is_module(&module, name) {
                module.push(name.clone());
            } else if let Some(mention) = self.named(&module, name) {
                let whole: Vec<String> = mention.path.iter().chain(after).cloned().collect();
                return self.resolve(&module, &whole, depth + 1);
            } else {
                let file = self.macros.get(name).filter(|_| module.is_empty());
                return Some(
                    file.map_or(Target::Module(module), |file| Target::Macro(file.clone())),
                );
            }
            rest = after;
        }
        Some(Target::Module(module))
    }

    fn is_module(&self, parent: &Module, name: &str) -> bool {
        let mut module = parent.clone();
        module.push(name.to_owned());
        self.files.contains_key(&module)
    }

    /// The `use` line of a module that gives a name to something.
    fn named(&self, module: &Module, name: &str) -> Option<&Mention> {
        let mentions = self.mentions.get(module)?;
        mentions
            .iter()
            .find(|mention| mention.name.as_deref() == Some(name))
    }
}

/// Where a path leads.
enum Target {
    Module(Module),
    /// The file of an exported macro.
    Macro(String),
}

/// Reads the tree of a `use` line from `at` on and returns the place behind it.
fn use_tree(
    tokens: &[Token],
    mut at: usize,
    mut path: Vec<String>,
    mentions: &mut Vec<Mention>,
) -> usize {
    let line = tokens[at].line;
    loop {
        match tokens[at].text.as_str() {
            "::" if path.is_empty() => path.push("::".to_owned()),
            "::" => {}
            "*" => {
                mentions.push(Mention {
                    path,
                    line,
                    name: None,
                });
                return at + 1;
            }
            "{" => {
                at += 1;
                while tokens[at].text != "}" {
                    at = match tokens[at].text.as_str() {
                        "," => at + 1,
                        _ => use_tree(tokens, at, path.clone(), mentions),
                    };
                }
                return at + 1;
            }
            "as" => {
                mentions.push(Mention {
                    path,
                    line,
                    name: Some(tokens[at + 1].text.clone()),
                });
                return at + 2;
            }
            "," | "}" | ";" => {
                mentions.push(Mention {
                    name: path.last().cloned(),
                    path,
                    line,
                });
                return at;
            }
            "self" if !path.is_empty() => {}
            name => path.push(name.to_owned()),
        }
        at += 1;
    }
}
