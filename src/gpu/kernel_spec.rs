//! Which kernel: a shader with the constants and types that replace those of its file.

use super::GpuError;
use super::wgsl::{ShaderSource, specialise};

/// Which kernel: a shader file, the values of its constants and the types behind its aliases.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KernelSpec {
    /// The shader file.
    pub source: ShaderSource,
    /// Parts that others stand in for, for example `("vec4", "vec8")`.
    pub parts: Vec<(&'static str, &'static str)>,
    /// Constants to replace, with their WGSL literals, for example `("TILE_PIXELS", "8u")`.
    pub constants: Vec<(&'static str, String)>,
    /// Aliases to replace, with their WGSL types, for example `("Activation", "vec4<f16>")`.
    pub aliases: Vec<(&'static str, &'static str)>,
    /// Whether it is compiled without checks of indices and loops. [`crate::gpu::Gpu::kernel`] does
    /// not look at it.
    pub(super) is_unchecked: bool,
}

impl KernelSpec {
    /// The shader with the constants of its file.
    pub fn new(source: ShaderSource) -> Self {
        Self {
            source,
            parts: Vec::new(),
            constants: Vec::new(),
            aliases: Vec::new(),
            is_unchecked: false,
        }
    }

    /// The same with the part `other` in the place of the part `named`.
    pub fn part(mut self, named: &'static str, other: &'static str) -> Self {
        self.parts.push((named, other));
        self
    }

    /// The same with one more constant; `value` is printed as a WGSL `u32`.
    pub fn uint(mut self, name: &'static str, value: usize) -> Self {
        self.constants.push((name, format!("{value}u")));
        self
    }

    /// The same with one more constant of type `bool`.
    pub fn flag(mut self, name: &'static str, value: bool) -> Self {
        self.constants.push((name, value.to_string()));
        self
    }

    /// The same with one more constant of type `f32`; `value` is finite.
    pub fn float(mut self, name: &'static str, value: f32) -> Self {
        self.constants.push((name, format!("{value:?}")));
        self
    }

    /// The same with another type behind `alias NAME`.
    pub fn alias(mut self, name: &'static str, wgsl_type: &'static str) -> Self {
        self.aliases.push((name, wgsl_type));
        self
    }

    /// The same with or without checks of indices and loops.
    pub(crate) fn unchecked(mut self, is_unchecked: bool) -> Self {
        self.is_unchecked = is_unchecked;
        self
    }

    /// Whether the kernel of a plan is compiled without checks of indices and loops.
    pub fn is_unchecked(&self) -> bool {
        self.is_unchecked
    }

    /// The shader's text with its parts, constants and aliases replaced.
    ///
    /// # Errors
    /// [`GpuError::Part`], [`GpuError::Declaration`].
    pub fn text(&self) -> Result<String, GpuError> {
        specialise(&self.source, &self.parts, &self.constants, &self.aliases)
    }

    /// The shader's name with the constants, aliases and parts, as tables print it.
    pub fn label(&self) -> String {
        let others = self.aliases.iter().chain(&self.parts);
        let others = others.map(|(name, other)| format!("{name}={other}"));
        let values: Vec<String> = self
            .constants
            .iter()
            .map(|(n, v)| format!("{n}={v}"))
            .chain(others)
            .collect();
        if values.is_empty() {
            self.source.name.to_owned()
        } else {
            format!("{} [{}]", self.source.name, values.join(" "))
        }
    }
}
