//! The interface of a shader, read from its declarations alone. This is what a browser's tab has:
//! naga would be a quarter of what it downloads.
//!
//! It knows what the shaders of this crate use, and a test compares it with naga for every kernel:
//! bindings on lines of their own, structs of numbers, vectors and arrays of them, and constants
//! that are products. The browser validates the whole text.

use super::GpuError;
use super::interface::{Access, Interface};
use super::params::{Member, member_name};
use std::collections::BTreeMap;

/// A declaration that cannot be read.
type Fault = String;

/// What a text declares.
struct Declarations<'a> {
    constants: BTreeMap<&'a str, &'a str>,
    structs: BTreeMap<&'a str, Vec<(&'a str, &'a str)>>,
}

/// Where a type may begin, and how long it is, in bytes.
struct Layout {
    align: u32,
    bytes: u32,
}

impl Interface {
    /// Reads the interface of `text`, without a parser of the whole language.
    ///
    /// # Errors
    /// [`GpuError::Shader`] for another binding group than 0, not exactly one entry point, and a
    /// declaration that is written in another way than those of this crate.
    pub fn declared(name: &str, text: &str) -> Result<Self, GpuError> {
        read(&without_comments(text)).map_err(|reason| GpuError::Shader {
            shader: name.to_owned(),
            reason,
        })
    }

    /// As [`Interface::declared`].
    ///
    /// # Errors
    /// Those of [`Interface::declared`].
    #[cfg(target_arch = "wasm32")]
    pub fn of(name: &str, text: &str) -> Result<Self, GpuError> {
        Self::declared(name, text)
    }
}

fn without_comments(text: &str) -> String {
    let code = |line: &str| line.split("//").next().unwrap_or_default().to_owned();
    text.lines().map(code).collect::<Vec<_>>().join("\n")
}

fn read(text: &str) -> Result<Interface, Fault> {
    let declarations = Declarations::of(text)?;
    let (entry_point, workgroup) = entry_point(text, &declarations)?;
    let mut interface = Interface {
        bindings: Vec::new(),
        params_bytes: 0,
        uniforms: Vec::new(),
        workgroup,
        entry_point,
    };
    for declaration in text.split("@group(").skip(1) {
        let (number, access, kind) = binding(declaration)?;
        interface.bindings.push((number, access));
        if access == Access::Uniform {
            let mut members = Vec::new();
            let layout = declarations.add_members(kind, "", 0, &mut members)?;
            interface.uniforms.push((number, members));
            if number == 0 {
                interface.params_bytes = layout.bytes;
            }
        }
    }
    interface.bindings.sort_by_key(|&(number, _)| number);
    Ok(interface)
}

/// Number, access and type of `0) @binding(NUMBER) var<SPACE> NAME: TYPE;`.
fn binding(declaration: &str) -> Result<(u32, Access, &str), Fault> {
    let statement = declaration.split(';').next().unwrap_or_default();
    let fault = || format!("the binding @group({statement} cannot be read");
    let (group, rest) = statement.split_once(") @binding(").ok_or_else(fault)?;
    if group.trim() != "0" {
        return Err(format!("binding group {group}, only group 0 is used"));
    }
    let (number, rest) = rest.split_once(") var<").ok_or_else(fault)?;
    let (space, rest) = rest.split_once('>').ok_or_else(fault)?;
    let (_, kind) = rest.split_once(':').ok_or_else(fault)?;
    let access = match space {
        "uniform" => Access::Uniform,
        "storage, read_write" => Access::ReadWrite,
        "storage, read" | "storage" => Access::Read,
        _ => return Err(fault()),
    };
    Ok((number.parse().map_err(|_| fault())?, access, kind.trim()))
}

/// Name and workgroup size of `@compute @workgroup_size(SIZES) fn NAME(`.
fn entry_point(text: &str, declarations: &Declarations) -> Result<(String, [u32; 3]), Fault> {
    let mut found = text.split("@workgroup_size(").skip(1);
    let (Some(entry), others) = (found.next(), found.count()) else {
        return Err("0 entry points, it must have one".to_owned());
    };
    if others > 0 {
        return Err(format!("{} entry points, it must have one", others + 1));
    }
    let named = |entry: &str| {
        let (sizes, rest) = entry.split_once(')')?;
        let (name, _) = rest.trim_start().strip_prefix("fn ")?.split_once('(')?;
        Some((sizes.to_owned(), name.trim().to_owned()))
    };
    let (sizes, name) = named(entry).ok_or("the entry point cannot be read")?;
    let mut workgroup = [1; 3];
    for (side, size) in workgroup.iter_mut().zip(sizes.split(',')) {
        *side = declarations.value(size, 0)?;
    }
    Ok((name, workgroup))
}

/// How deep constants and structs may name others.
const DEEPEST: usize = 16;

impl<'a> Declarations<'a> {
    fn of(text: &'a str) -> Result<Self, Fault> {
        let constant = |line: &'a str| {
            let (name, value) = line.strip_prefix("const ")?.split_once('=')?;
            let name = name.split(':').next()?.trim();
            Some((name, value.split(';').next()?.trim()))
        };
        let mut structs = BTreeMap::new();
        for declaration in text.split("struct ").skip(1) {
            let fault = || "a struct cannot be read".to_owned();
            let (name, body) = declaration.split_once('{').ok_or_else(fault)?;
            let (body, _) = body.split_once('}').ok_or_else(fault)?;
            structs.insert(name.trim(), members(body)?);
        }
        Ok(Self {
            constants: text.lines().filter_map(constant).collect(),
            structs,
        })
    }

    /// The value of a product of numbers and constants.
    fn value(&self, expression: &str, depth: usize) -> Result<u32, Fault> {
        let factor = |factor: &str| {
            let factor = factor.trim();
            match self.constants.get(factor) {
                Some(value) if depth < DEEPEST => self.value(value, depth + 1),
                _ => {
                    let number = factor.trim_end_matches(['u', 'i']);
                    let fault = || format!("the number {factor} cannot be read");
                    number.parse().map_err(|_| fault())
                }
            }
        };
        let product = |product: u32, next: &str| {
            let too_large = || format!("{expression} is too large");
            product.checked_mul(factor(next)?).ok_or_else(too_large)
        };
        expression.split('*').try_fold(1, product)
    }

    /// Appends the members of a value of type `kind`, those of nested structs one by one.
    fn add_members(
        &self,
        kind: &str,
        name: &str,
        offset: u32,
        members: &mut Vec<Member>,
    ) -> Result<Layout, Fault> {
        let Some(inner) = self.structs.get(kind) else {
            let (wgsl_type, layout) = self.plain(kind)?;
            members.push(Member {
                name: name.to_owned(),
                offset,
                wgsl_type,
            });
            return Ok(layout);
        };
        if name.split('.').count() > DEEPEST {
            return Err(format!("the struct {kind} is nested too deep"));
        }
        let (mut align, mut bytes) = (1, 0u32);
        for (member, kind) in inner {
            let begin = bytes.next_multiple_of(self.align(kind, 0)?);
            let name = member_name(name, member);
            let layout = self.add_members(kind, &name, offset + begin, members)?;
            align = align.max(layout.align);
            bytes = begin + layout.bytes;
        }
        let bytes = bytes.next_multiple_of(align);
        Ok(Layout { align, bytes })
    }

    fn align(&self, kind: &str, depth: usize) -> Result<u32, Fault> {
        match self.structs.get(kind) {
            Some(inner) if depth < DEEPEST => inner.iter().try_fold(1, |align, (_, kind)| {
                Ok(align.max(self.align(kind, depth + 1)?))
            }),
            _ => Ok(self.plain(kind)?.1.align),
        }
    }

    /// A number, a vector or an array of vectors of four: the type with its length as a number, and
    /// its layout.
    fn plain(&self, kind: &str) -> Result<(String, Layout), Fault> {
        let (align, bytes) = match kind {
            "u32" | "i32" | "f32" => (4, 4),
            "vec2<u32>" | "vec2<i32>" | "vec2<f32>" => (8, 8),
            "vec4<u32>" | "vec4<i32>" | "vec4<f32>" => (16, 16),
            _ => return self.array(kind),
        };
        Ok((kind.to_owned(), Layout { align, bytes }))
    }

    fn array(&self, kind: &str) -> Result<(String, Layout), Fault> {
        let fault = || format!("the type {kind} of a uniform cannot be read");
        let inner = kind.strip_prefix("array<vec4<").ok_or_else(fault)?;
        let (scalar, length) = inner.split_once(">,").ok_or_else(fault)?;
        let length = self.value(length.strip_suffix('>').ok_or_else(fault)?, 0)?;
        let bytes = length.checked_mul(16).ok_or_else(fault)?;
        let wgsl_type = format!("array<vec4<{scalar}>, {length}>");
        Ok((wgsl_type, Layout { align: 16, bytes }))
    }
}

/// Names and types of the members between the braces of a struct.
fn members(body: &str) -> Result<Vec<(&str, &str)>, Fault> {
    let mut members = Vec::new();
    let (mut begin, mut depth) = (0, 0u32);
    // A comma between angle brackets belongs to a type.
    for (at, character) in body.char_indices().chain([(body.len(), ',')]) {
        match character {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                let member = &body[begin..at];
                begin = at + 1;
                if !member.trim().is_empty() {
                    let named = member.split_once(':');
                    let (name, kind) =
                        named.ok_or_else(|| format!("the member {member} cannot be read"))?;
                    members.push((name.trim(), kind.trim()));
                }
            }
            _ => {}
        }
    }
    Ok(members)
}

#[cfg(test)]
#[allow(clippy::expect_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const TEXT: &str = "const SIDE: u32 = 4u; // lanes\n\
        const LANES: u32 = SIDE * SIDE;\n\
        struct Inner { a: u32, b: vec2<u32>, }\n\
        struct Params {\n inner: Inner, // of it\n sums: array<vec4<f32>, 2u * SIDE>,\n last: f32 }\n\
        @group(0) @binding(2) var<storage, read_write> output: array<f32>;\n\
        @group(0) @binding(0) var<uniform> params: Params;\n\
        @group(0) @binding(1) var<storage, read> input: array<vec4<f32>>;\n\
        @compute @workgroup_size(LANES, 2)\nfn sum(@builtin(workgroup_id) id: vec3<u32>) {}\n";

    #[test]
    fn it_is_what_naga_reads() {
        let declared = Interface::declared("test/own", TEXT).expect("known declarations");
        assert_eq!(declared.workgroup, [16, 2, 1]);
        assert_eq!(declared.params_bytes, 16 + 128 + 16);
        let parsed = Interface::of("test/own", TEXT).expect("valid WGSL");
        assert_eq!(declared, parsed);
    }

    #[test]
    fn what_it_cannot_read_is_refused() {
        for (from, to, reason) in [
            (
                "@group(0) @binding(1)",
                "@group(1) @binding(1)",
                "binding group 1",
            ),
            ("@workgroup_size(LANES, 2)", "", "0 entry points"),
            (
                "fn sum",
                "fn f() {}\n@compute @workgroup_size(1) fn sum",
                "2 entry points",
            ),
            ("LANES, 2", "LANES / 2", "LANES / 2"),
            ("last: f32", "last: mat2x2<f32>", "mat2x2<f32>"),
            ("last: f32", "last", "the member"),
            ("a: u32", "a: Params", "cannot be read"),
            ("= SIDE * SIDE", "= 65536u * 65536u", "too large"),
        ] {
            assert!(TEXT.contains(from), "{from}");
            let error = Interface::declared("test/own", &TEXT.replace(from, to));
            let error = error.expect_err(to).to_string();
            assert!(error.contains(reason), "{to}: {error}");
        }
    }
}
