//! Shader text: replacing constants, and reading the interface from naga's module.
//!
//! Shaders are plain WGSL that parses as it lies. There is one mechanism of specialisation. A line
//! such as `const TILE_PIXELS: u32 = 8u;` or `alias Activation = vec4<f32>;` has a working default.
//! The loader replaces the value on that line only, so line numbers in errors stay true. What
//! several shaders share are parts, which [`with_parts`] appends.

use super::GpuError;
use super::params::{Member, member_name};
use super::parts::{origin, with_parts};
use naga::{
    AddressSpace, ArraySize, Handle, Module, Scalar, ScalarKind, StorageAccess, Type, TypeInner,
};
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

/// How a shader uses a binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// `var<uniform>`.
    Uniform,
    /// `var<storage, read>`.
    Read,
    /// `var<storage, read_write>`.
    ReadWrite,
}

/// What a shader expects from its caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Binding number and access, sorted by number.
    pub bindings: Vec<(u32, Access)>,
    /// Bytes of the uniform struct at binding 0.
    pub params_bytes: u32,
    /// Binding number and members of each uniform.
    pub uniforms: Vec<(u32, Vec<Member>)>,
    /// Workgroup size.
    pub workgroup: [u32; 3],
    /// The entry point's name.
    pub entry_point: String,
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

impl Interface {
    /// Parses `text` and reads its interface. It is validated later, when the device builds it.
    ///
    /// # Errors
    /// [`GpuError::Shader`] when the text does not parse, uses another binding group than 0 or has
    /// not exactly one entry point.
    pub fn of(name: &str, text: &str) -> Result<Self, GpuError> {
        let fail = |reason: String| GpuError::Shader {
            shader: name.to_owned(),
            reason,
        };
        let module = naga::front::wgsl::parse_str(text).map_err(|error| {
            let report = error.emit_to_string(text);
            let line = error.location(text).map(|place| place.line_number as usize);
            match line.and_then(|line| origin(text, line)) {
                Some(place) => fail(format!("in {place}: {report}")),
                None => fail(report),
            }
        })?;
        let [entry] = &module.entry_points[..] else {
            return Err(fail(format!(
                "{} entry points, it must have one",
                module.entry_points.len()
            )));
        };
        let mut bindings = Vec::new();
        let mut params_bytes = 0;
        let mut uniforms = Vec::new();
        for (_, variable) in module.global_variables.iter() {
            let Some(binding) = &variable.binding else {
                continue;
            };
            if binding.group != 0 {
                return Err(fail(format!(
                    "binding group {}, only group 0 is used",
                    binding.group
                )));
            }
            let access = match variable.space {
                AddressSpace::Uniform => Access::Uniform,
                AddressSpace::Storage { access } if access.contains(StorageAccess::STORE) => {
                    Access::ReadWrite
                }
                _ => Access::Read,
            };
            if binding.binding == 0 {
                params_bytes = module.types[variable.ty].inner.size(module.to_ctx());
            }
            if access == Access::Uniform {
                let mut members = Vec::new();
                add_members(&module, variable.ty, "", 0, &mut members);
                uniforms.push((binding.binding, members));
            }
            bindings.push((binding.binding, access));
        }
        bindings.sort_by_key(|&(number, _)| number);
        Ok(Self {
            bindings,
            params_bytes,
            uniforms,
            workgroup: entry.workgroup_size,
            entry_point: entry.name.clone(),
        })
    }

    /// The members of the uniform at this binding; none where it is no uniform.
    pub fn uniform(&self, binding: u32) -> &[Member] {
        self.uniforms
            .iter()
            .find(|&&(number, _)| number == binding)
            .map_or(&[], |(_, members)| members)
    }
}

/// Appends the members of `ty`, those of nested structs one by one.
fn add_members(
    module: &Module,
    ty: Handle<Type>,
    name: &str,
    offset: u32,
    members: &mut Vec<Member>,
) {
    if let TypeInner::Struct { members: inner, .. } = &module.types[ty].inner {
        for member in inner {
            let name = member_name(name, member.name.as_deref().unwrap_or_default());
            add_members(module, member.ty, &name, offset + member.offset, members);
        }
        return;
    }
    members.push(Member {
        name: name.to_owned(),
        offset,
        wgsl_type: type_name(module, ty),
    });
}

/// A type as WGSL writes it.
fn type_name(module: &Module, ty: Handle<Type>) -> String {
    match &module.types[ty].inner {
        TypeInner::Scalar(scalar) => scalar_name(*scalar),
        TypeInner::Vector { size, scalar } => {
            format!("vec{}<{}>", *size as u32, scalar_name(*scalar))
        }
        TypeInner::Array {
            base,
            size: ArraySize::Constant(size),
            ..
        } => format!("array<{}, {size}>", type_name(module, *base)),
        other => format!("{other:?}"),
    }
}

fn scalar_name(scalar: Scalar) -> String {
    let kind = match scalar.kind {
        ScalarKind::Sint => "i",
        ScalarKind::Uint => "u",
        ScalarKind::Float => "f",
        ScalarKind::Bool | ScalarKind::AbstractInt | ScalarKind::AbstractFloat => "?",
    };
    format!("{kind}{}", 8 * u32::from(scalar.width))
}

#[cfg(test)]
#[allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
mod tests {
    use super::*;

    const SOURCE: ShaderSource = ShaderSource::new(
        "test/1_naive",
        "const TILE: u32 = 8u; // pixels\n\
               struct Params { count: u32, scale: f32 }\n\
               @group(0) @binding(0) var<uniform> params: Params;\n\
               @group(0) @binding(2) var<storage, read_write> output: array<f32>;\n\
               @group(0) @binding(1) var<storage, read> input: array<f32>;\n\
               @compute @workgroup_size(TILE)\n\
               fn scale(@builtin(global_invocation_id) id: vec3<u32>) {\n\
               if id.x < params.count { output[id.x] = params.scale * input[id.x]; } }\n",
    );

    #[test]
    fn a_constant_is_replaced_on_its_line() {
        let text =
            specialise(&SOURCE, &[], &[("TILE", "16u".to_owned())], &[]).expect("declared once");
        assert!(text.starts_with("const TILE: u32 = 16u; // pixels\n"));
        let interface = Interface::of(SOURCE.name, &text).expect("valid WGSL");
        assert_eq!(interface.workgroup, [16, 1, 1]);
        assert_eq!(interface.params_bytes, 8);
        assert_eq!(
            interface.bindings,
            [
                (0, Access::Uniform),
                (1, Access::Read),
                (2, Access::ReadWrite)
            ]
        );
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

    #[test]
    fn an_error_in_a_part_names_the_parts_own_line() {
        let text = with_parts("test/own", "// parts: philox\n", &[]).expect("a known part");
        let broken = text.replace("var key = seed;", "var key = sneed;");
        let error = Interface::of("test/own", &broken)
            .expect_err("an unknown name")
            .to_string();
        assert!(
            error.contains("in shaders/parts/philox.wgsl:15:"),
            "{error}"
        );
    }
}
