//! What a shader expects from its caller.

use super::params::Member;

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

impl Interface {
    /// The members of the uniform at this binding; none where it is no uniform.
    pub fn uniform(&self, binding: u32) -> &[Member] {
        self.uniforms
            .iter()
            .find(|&&(number, _)| number == binding)
            .map_or(&[], |(_, members)| members)
    }
}
