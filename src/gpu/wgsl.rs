//! Shader text, and how its constants are replaced.
//!
//! Shaders are plain WGSL that parses as it lies. There is one mechanism of specialisation. A line
//! such as `const TILE_PIXELS: u32 = 8u;` or `alias Activation = vec4<f32>;` has a working default.
//! The loader replaces the value on that line only, so line numbers in errors stay true. What
//! several shaders share are parts, which [`with_parts`] appends.

use super::GpuError;
use super::parts::with_parts;
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::{Mutex, PoisonError};

/// A shader file: its place under `shaders/` without the ending, and its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShaderSource {
    /// For example `conv2d/1_naive`.
    pub name: &'static str,
    /// The file's text.
    pub text: &'static str,
}

/// `shader!("conv2d/1_naive")`: the file `shaders/conv2d/1_naive.wgsl`, embedded.
macro_rules! shader {
    ($name:literal) => {
        $crate::gpu::ShaderSource::new(
            $name,
            include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/shaders/",
                $name,
                ".wgsl"
            )),
        )
    };
}
pub(crate) use shader;

/// Of the name alone. Hashing the text takes a noticeable part of planning.
impl Hash for ShaderSource {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ShaderSource {
    /// A shader: one of this crate's (use the macro `shader!`), or a caller's own, for an operation
    /// outside of this crate.
    pub const fn new(name: &'static str, text: &'static str) -> Self {
        Self { name, text }
    }

    /// The kernel family: the folder's name.
    pub fn family(&self) -> &'static str {
        self.name
            .split_once('/')
            .map_or(self.name, |(family, _)| family)
    }

    /// The file's text with its parts behind it, some of them swapped; see [`with_parts`].
    ///
    /// # Errors
    /// [`GpuError::Part`], [`GpuError::Declaration`].
    pub fn with_parts(&self, swaps: &[(&str, &str)]) -> Result<String, GpuError> {
        with_parts(self.name, self.text, swaps)
    }

    /// Whether the shader or one of its parts has a line `alias NAME = ...`. Not where its parts
    /// are at fault: then it cannot be built either, and that says why.
    pub fn declares_alias(&self, name: &str) -> bool {
        // Every launch of a plan asks. A text lives for ever, so its address stands for it.
        static FOUND: Mutex<BTreeMap<usize, Vec<String>>> = Mutex::new(BTreeMap::new());
        let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
        let aliases = found
            .entry(self.text.as_ptr().addr())
            .or_insert_with(|| self.aliases());
        aliases.iter().any(|alias| alias == name)
    }

    /// The names of all aliases of the shader and its parts.
    fn aliases(&self) -> Vec<String> {
        let text = self.with_parts(&[]).unwrap_or_default();
        text.lines()
            .filter_map(|line| line.strip_prefix("alias ")?.split_once(" ="))
            .map(|(name, _)| name.to_owned())
            .collect()
    }

    /// The value of the line `const NAME: u32 = VALUEu;` of the shader or one of its parts.
    #[cfg(test)]
    pub(crate) fn constant(&self, name: &str) -> Option<usize> {
        let prefix = format!("const {name}: u32 = ");
        let text = self.with_parts(&[]).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(&prefix))?;
        line.split_once("u;")?.0.parse().ok()
    }

    /// The file stem, for example `1_naive`.
    pub fn rung(&self) -> &'static str {
        self.name
            .split_once('/')
            .map_or(self.name, |(_, rung)| rung)
    }
}

/// The shader with its parts, those in `swaps` replaced by others. Replaces the value of each
/// `const NAME: TYPE = VALUE;` line in `constants` and the type of each `alias NAME = TYPE;` line
/// in `aliases`. Types of 16-bit floats are enabled in front of the first line.
///
/// # Errors
/// [`GpuError::Declaration`] when a name is declared not at all or more than once,
/// [`GpuError::Shader`] when a line to replace has no `=` or no `;`, [`GpuError::Part`] when a part
/// is unknown.
pub fn specialise(
    source: &ShaderSource,
    swaps: &[(&str, &str)],
    constants: &[(&'static str, String)],
    aliases: &[(&'static str, &'static str)],
) -> Result<String, GpuError> {
    let mut lines: Vec<String> = source
        .with_parts(swaps)?
        .lines()
        .map(str::to_owned)
        .collect();
    for (name, value) in constants {
        replace(
            source,
            &mut lines,
            "constant",
            name,
            &format!("const {name}:"),
            value,
        )?;
    }
    for (name, value) in aliases {
        replace(
            source,
            &mut lines,
            "alias",
            name,
            &format!("alias {name} ="),
            value,
        )?;
    }
    let enable = if aliases.iter().any(|(_, value)| value.contains("f16")) {
        "enable f16; "
    } else {
        ""
    };
    Ok(format!("{enable}{}\n", lines.join("\n")))
}

/// Puts `value` between `=` and `;` of the one line that starts with `prefix`.
fn replace(
    source: &ShaderSource,
    lines: &mut [String],
    what: &'static str,
    name: &str,
    prefix: &str,
    value: &str,
) -> Result<(), GpuError> {
    let places: Vec<usize> = (0..lines.len())
        .filter(|&i| lines[i].starts_with(prefix))
        .collect();
    let [place] = places[..] else {
        return Err(GpuError::Declaration {
            shader: source.name.to_owned(),
            what,
            name: name.to_owned(),
            found: places.len(),
        });
    };
    let declaration = &mut lines[place];
    let Some((equals, length)) = declaration
        .find('=')
        .and_then(|equals| Some((equals, declaration[equals..].find(';')?)))
    else {
        return Err(GpuError::Shader {
            shader: source.name.to_owned(),
            reason: format!("{what} {name} has not its value between `=` and `;` on its line"),
        });
    };
    declaration.replace_range(equals + 1..equals + length, &format!(" {value}"));
    Ok(())
}

#[cfg(test)]
#[allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
mod tests {
    use super::*;

    const SOURCE: ShaderSource =
        ShaderSource::new("test/1_naive", "const TILE: u32 = 8u; // pixels\n");

    #[test]
    fn a_constant_is_replaced_on_its_line() {
        let text =
            specialise(&SOURCE, &[], &[("TILE", "16u".to_owned())], &[]).expect("declared once");
        assert!(text.starts_with("const TILE: u32 = 16u; // pixels\n"));
    }

    #[test]
    fn a_constant_of_a_part_is_replaced_on_its_line() {
        let source = ShaderSource::new("test/4_part", "// parts: coalesced\n");
        let value = ("COALESCED", "8u".to_owned());
        let text = specialise(&source, &[], &[value], &[]).expect("declared once");
        assert!(text.contains("\nconst COALESCED: u32 = 8u; // threads side by side\n"));
    }

    #[test]
    fn an_unknown_constant_is_refused() {
        let error = specialise(&SOURCE, &[], &[("TILES", "16u".to_owned())], &[])
            .expect_err("declared nowhere");
        assert!(matches!(
            error,
            GpuError::Declaration {
                what: "constant",
                found: 0,
                ..
            }
        ));
    }

    #[test]
    fn a_declaration_over_two_lines_is_refused() {
        for text in [
            "const TILE: u32 =\n8u;\n",
            "const TILE: u32\n= 8u;\n",
            "const TILE: u32; // = 8u\n",
        ] {
            let broken = ShaderSource { text, ..SOURCE };
            let error = specialise(&broken, &[], &[("TILE", "16u".to_owned())], &[])
                .expect_err("no value on the line");
            assert!(matches!(error, GpuError::Shader { .. }), "{error}");
            assert!(error.to_string().contains("constant TILE"), "{error}");
        }
    }

    const ALIASED: ShaderSource = ShaderSource::new(
        "test/2_aliased",
        "// a comment\nalias Stored = f32; // how it is stored\n",
    );
    const DOUBLED: ShaderSource =
        ShaderSource::new("test/3_doubled", "alias Twice = f32;\nalias Twice = u32;\n");

    #[test]
    fn an_alias_is_replaced_on_its_line() {
        let text = specialise(&ALIASED, &[], &[], &[("Stored", "f16")]).expect("declared once");
        assert!(
            text.starts_with("enable f16; // a comment\nalias Stored = f16; // how it is stored\n")
        );
        let text = specialise(&ALIASED, &[], &[], &[("Stored", "u32")]).expect("declared once");
        assert!(text.starts_with("// a comment\nalias Stored = u32; // how"));
    }

    #[test]
    fn unknown_and_doubled_aliases_are_refused() {
        for (source, name, times) in [(ALIASED, "Store", 0), (DOUBLED, "Twice", 2)] {
            let error =
                specialise(&source, &[], &[], &[(name, "f16")]).expect_err("not declared once");
            let GpuError::Declaration { what, found, .. } = &error else {
                panic!("{error}")
            };
            assert_eq!((*what, *found), ("alias", times), "{error}");
        }
    }
}
