//! The interface of a shader, as naga reads it from the text.

use super::GpuError;
use super::interface::{Access, Interface};
use super::params::{Member, member_name};
use super::parts::origin;
use naga::{
    AddressSpace, ArraySize, Handle, Module, Scalar, ScalarKind, StorageAccess, Type, TypeInner,
};

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
#[allow(clippy::expect_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::gpu::with_parts;

    #[test]
    fn bindings_workgroup_and_parameters_are_read() {
        let text = "struct Params { count: u32, scale: f32 }\n\
                    @group(0) @binding(0) var<uniform> params: Params;\n\
                    @group(0) @binding(2) var<storage, read_write> output: array<f32>;\n\
                    @group(0) @binding(1) var<storage, read> input: array<f32>;\n\
                    @compute @workgroup_size(16)\n\
                    fn scale(@builtin(global_invocation_id) id: vec3<u32>) {\n\
                    if id.x < params.count { output[id.x] = params.scale * input[id.x]; } }\n";
        let interface = Interface::of("test/1_naive", text).expect("valid WGSL");
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
