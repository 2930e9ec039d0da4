//! Parts: pieces of WGSL that several shaders share.
//!
//! A shader names its parts in a comment line of its header, `// parts: philox, step`. The loader
//! appends the files `shaders/parts/NAME.wgsl` behind the shader's own text. WGSL does not care for
//! the order of declarations, so nothing else is needed, and the line numbers of the shader's own
//! lines stay true. A part may name parts itself; each is appended once.

use super::GpuError;
use std::collections::{BTreeMap, VecDeque};

/// Embeds the files `shaders/parts/NAME.wgsl`.
macro_rules! parts {
    ($($name:literal,)*) => {
        &[$((
            $name,
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/shaders/parts/", $name, ".wgsl")),
        )),*]
    };
}

/// Every part: its name and its text.
const PARTS: &[(&str, &str)] = parts![
    "activation_kinds",
    "adam",
    "coalesced",
    "conv2d_gather",
    "conv_broadcast",
    "conv_matrix",
    "conv_operands",
    "conv_params",
    "conv_register",
    "conv_result",
    "conv_split_k",
    "conv_transpose2d_gather",
    "conv_weight_tile",
    "conv_wide",
    "conv_workgroup",
    "draws",
    "gather",
    "grad_weight_operands",
    "grad_weight_params",
    "grad_weight_patch",
    "grad_weight_store",
    "leaky_relu",
    "loss",
    "philox",
    "pooled",
    "resample",
    "resample_params",
    "running",
    "statistics_params",
    "step",
    "vec4",
    "vec8",
    "vec8_words",
    "weight_block",
];

/// How a line begins that names parts.
const NAMES: &str = "// parts:";

/// How the line in front of an appended part begins: the comment names its file.
const MARKER: &str = "// shaders/parts/";

/// `text` of the shader `name` (folder and stem under `shaders/`) with its parts behind it: first
/// those that it names, in its order, then those that these name. Each of `swaps` is a part and
/// another one that stands in its place, wherever it is named.
///
/// # Errors
/// [`GpuError::Part`] when there is no part of that name, [`GpuError::Declaration`] when a constant
/// or an alias is declared twice over the whole text, or a part that is to be swapped is not named.
pub fn with_parts(name: &str, text: &str, swaps: &[(&str, &str)]) -> Result<String, GpuError> {
    let mut combined = format!("{}\n", text.trim_end());
    for (part, body) in parts_of(name, text, swaps)? {
        combined += &format!("\n{MARKER}{part}.wgsl\n{}\n", body.trim_end());
    }
    let mut seen = BTreeMap::new();
    for declaration in declarations(&combined) {
        *seen.entry(declaration).or_insert(0) += 1;
    }
    if let Some(((what, declared), found)) = seen.into_iter().find(|&(_, found)| found > 1) {
        return Err(GpuError::Declaration {
            shader: name.to_owned(),
            what,
            name: declared.to_owned(),
            found,
        });
    }
    Ok(combined)
}

/// Name and text of each part that the shader needs.
fn parts_of(
    shader: &str,
    text: &str,
    swaps: &[(&str, &str)],
) -> Result<Vec<(&'static str, &'static str)>, GpuError> {
    let mut found: Vec<(&str, &str)> = Vec::new();
    let mut wanted: VecDeque<&str> = named_in(text).collect();
    let mut unused = swaps.to_vec();
    while let Some(named) = wanted.pop_front() {
        unused.retain(|&(from, _)| from != named);
        let swap = swaps.iter().find(|&&(from, _)| from == named);
        let name = swap.map_or(named, |&(_, to)| to);
        if found.iter().any(|(known, _)| *known == name) {
            continue;
        }
        let Some(part) = PARTS.iter().find(|(known, _)| *known == name) else {
            return Err(GpuError::Part {
                shader: shader.to_owned(),
                part: name.to_owned(),
                known: PARTS
                    .iter()
                    .map(|(known, _)| *known)
                    .collect::<Vec<_>>()
                    .join(", "),
            });
        };
        found.push(*part);
        wanted.extend(named_in(part.1));
    }
    match unused.first() {
        None => Ok(found),
        Some((part, _)) => Err(GpuError::Declaration {
            shader: shader.to_owned(),
            what: "part",
            name: (*part).to_owned(),
            found: 0,
        }),
    }
}

/// The parts that a text names.
fn named_in(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter_map(|line| line.strip_prefix(NAMES))
        .flat_map(|list| list.split(','))
        .map(str::trim)
}

/// The constants and aliases of a text, as they come.
fn declarations(text: &str) -> impl Iterator<Item = (&'static str, &str)> {
    text.lines().filter_map(|line| {
        let (what, rest) = match line.strip_prefix("const ") {
            Some(rest) => ("constant", rest),
            None => ("alias", line.strip_prefix("alias ")?),
        };
        Some((what, rest.split([':', '=', ' ']).next()?))
    })
}

/// Where line `number` (from 1) of a text from [`with_parts`] comes from, if that is a part: the
/// part's file and the line there, as `shaders/parts/philox.wgsl:12`.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn origin(text: &str, number: usize) -> Option<String> {
    let before: Vec<&str> = text.lines().take(number).collect();
    let start = before.iter().rposition(|line| line.starts_with(MARKER))?;
    let line = number - start - 1;
    Some(format!(
        "{}:{line}",
        before[start].trim_start_matches("// ")
    ))
}

#[cfg(test)]
#[allow(clippy::expect_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    #[test]
    fn the_table_is_the_folder() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders/parts");
        let files: BTreeSet<String> = std::fs::read_dir(folder)
            .expect("the folder is there")
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        let table: BTreeSet<String> = PARTS
            .iter()
            .map(|(name, _)| format!("{name}.wgsl"))
            .collect();
        assert_eq!(table, files);
        assert_eq!(table.len(), PARTS.len(), "a part stands twice in the table");
    }

    #[test]
    fn parts_are_appended_once_and_the_shader_keeps_its_lines() {
        let own = "// parts: philox\n// parts: philox\nconst A: u32 = 1u;";
        let text = with_parts("test/own", own, &[]).expect("one known part");
        assert!(text.starts_with(&format!("{own}\n\n// shaders/parts/philox.wgsl\n// Philox")));
        assert_eq!(text.matches("fn philox(").count(), 1);
    }

    #[test]
    fn every_part_finds_its_own_parts() {
        for (name, text) in PARTS {
            assert!(with_parts(name, text, &[]).is_ok(), "{name}");
        }
    }

    /// Also where another part names it.
    #[test]
    fn a_part_makes_way_for_another_one() {
        let swap = [("vec4", "vec8")];
        let text = with_parts("test/own", "// parts: adam\n", &swap).expect("known parts");
        assert!(text.contains("const VECTORS: u32 = 2u;") && !text.contains("parts/vec4.wgsl\n"));
        let error = with_parts("test/own", "// parts: philox\n", &swap).expect_err("not named");
        assert!(
            matches!(&error, GpuError::Declaration { what: "part", name, .. } if name == "vec4"),
            "{error}"
        );
    }

    #[test]
    fn an_unknown_part_is_refused() {
        let error =
            with_parts("test/own", "// parts: philox, philix\n", &[]).expect_err("no such part");
        assert!(
            matches!(&error, GpuError::Part { part, .. } if part == "philix"),
            "{error}"
        );
        assert!(error.to_string().contains("philox"), "{error}");
    }

    #[test]
    fn a_name_declared_in_two_places_is_refused() {
        for (what, text) in [
            ("constant", "const A: u32 = 1u;\nconst A = 2;\n"),
            ("alias", "alias A = f32;\n\nalias A = vec4<f32>;\n"),
        ] {
            let error = with_parts("test/own", text, &[]).expect_err("declared twice");
            assert!(
                matches!(&error, GpuError::Declaration { what: w, found: 2, .. } if *w == what),
                "{error}"
            );
        }
    }
}
