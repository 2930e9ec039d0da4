//! Which kernel computes a contraction: named candidates for each key, and the table that picks one
//! of them.
//!
//! A [`ContractionKey`] is all that a choice may depend on. [`candidates`] lists the kernels that
//! can compute it on a device, each rung of the ladder with its tiles, by name. [`choose`] takes a
//! forced rung if there is one, else the tuned choice of the profile, else the default table, which
//! lies with each family's candidates.

mod by_points;
mod conv;
mod geometry;
mod grad_weight;
mod matrix;
mod parse;
mod renamed;
mod thin;
pub(crate) mod wide;
pub(crate) mod winograd;

pub use geometry::{Activated, Geometry};
pub(crate) use geometry::{specialised, weight_channels};
pub use parse::ParseKeyError;
pub use renamed::with_current_names;

use crate::gpu::{DeviceClass, KernelSpec, Profile};
use crate::ops::conv_transpose2d::ConvTranspose2d;
use crate::ops::conv2d::Conv2d;
use crate::ops::conv2d_grad_weight::Conv2dGradWeight;
use crate::tape::ShapeError;
use crate::tape::{Tape, TapeError, Var};
use crate::tensor::{DType, Shape};
use std::fmt;

/// The three contraction families.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// From the large map to the small one.
    Conv2d,
    /// From the small map to the large one.
    ConvTranspose2d,
    /// From both maps to the weight.
    Conv2dGradWeight,
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Conv2d, Self::ConvTranspose2d, Self::Conv2dGradWeight];

    /// The stem of shaders, operation and tests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Conv2d => "conv2d",
            Self::ConvTranspose2d => "conv_transpose2d",
            Self::Conv2dGradWeight => "conv2d_grad_weight",
        }
    }
}

/// A contraction as the choice of its kernel sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContractionKey {
    /// Which family.
    pub family: Family,
    /// Kernel, stride, padding of the convolution from the large to the small map.
    pub geometry: Geometry,
    /// The map that a convolution reads: `[batch, height, width, channels]`.
    pub large: Shape,
    /// The map that a convolution writes.
    pub small: Shape,
    /// Whether the weight, or its gradient, has its two channel axes swapped.
    pub transposed: bool,
    /// Whether a bias is added.
    pub bias: bool,
    /// How the maps, and the weight that is read, are stored.
    pub dtype: DType,
}

impl ContractionKey {
    /// Multiply-accumulates, those with the padding included.
    pub fn macs(&self) -> u64 {
        let pixels = self.small.batch() * self.small.height() * self.small.width();
        (pixels * self.small.channels() * self.large.channels() * self.geometry.kernel.pow(2))
            as u64
    }

    /// Records the contraction alone: a tape, its inputs (both operands, then the bias if there is
    /// one) and its output.
    ///
    /// # Errors
    /// Maps that the geometry does not connect.
    pub fn record(&self) -> Result<(Tape, Vec<Var>, Var), TapeError> {
        let Self {
            geometry,
            large,
            small,
            transposed,
            ..
        } = *self;
        let weight = |channels: [usize; 2]| {
            let [first, second] = if transposed {
                [channels[1], channels[0]]
            } else {
                channels
            };
            Shape::hwio(geometry.kernel, geometry.kernel, first, second)
        };
        let [a, b] = [large.channels(), small.channels()];
        let mut shapes = match self.family {
            Family::Conv2d => vec![large, weight([a, b])],
            Family::ConvTranspose2d => vec![small, weight([b, a])],
            Family::Conv2dGradWeight => vec![large, small],
        };
        if self.bias {
            shapes.push(Shape::vector(self.output().channels()));
        }
        let mut tape = Tape::default();
        let inputs: Vec<Var> = shapes
            .into_iter()
            .map(|shape| tape.input("operand", shape))
            .collect();
        let [out_height, out_width] = [large.height(), large.width()];
        let output = match self.family {
            Family::Conv2d => tape.record(
                Conv2d {
                    geometry,
                    transposed_weight: transposed,
                },
                &inputs,
            ),
            Family::ConvTranspose2d => {
                let name = self.family.name();
                tape.record(
                    ConvTranspose2d {
                        geometry,
                        out_height,
                        out_width,
                        transposed_weight: transposed,
                        name,
                    },
                    &inputs,
                )
            }
            Family::Conv2dGradWeight => tape.record(
                Conv2dGradWeight {
                    geometry,
                    transposed_output: transposed,
                },
                &inputs,
            ),
        }?;
        // The other families have both maps as inputs or as their output; a convolution's small map
        // only follows from its large one.
        if self.family == Family::Conv2d && tape.shape(output) != small {
            let source = ShapeError::Mismatch {
                what: "small map and what the large one convolves to",
                left: small,
                right: tape.shape(output),
            };
            return Err(TapeError::Shape {
                scope: format!("{self}: "),
                op: self.family.name(),
                source,
            });
        }
        Ok((tape, inputs, output))
    }

    /// The map that the family writes; for a weight gradient the small one.
    pub(crate) fn output(&self) -> Shape {
        if self.family == Family::ConvTranspose2d {
            self.large
        } else {
            self.small
        }
    }
}

/// For example `conv2d k4s2p1 1x64x64x64 32x32x128 bias f16`: the name of the key in files and
/// tables.
impl fmt::Display for ContractionKey {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Geometry {
            kernel,
            stride,
            padding,
        } = self.geometry;
        let ([n, h, w, c], [_, y, x, o]) = (self.large.dims(), self.small.dims());
        write!(
            f,
            "{} k{kernel}s{stride}p{padding} {n}x{h}x{w}x{c} {y}x{x}x{o}",
            self.family.name()
        )?;
        f.write_str(if self.transposed { " transposed" } else { "" })?;
        f.write_str(if self.bias { " bias" } else { "" })?;
        f.write_str(if self.dtype == DType::F16 { " f16" } else { "" })
    }
}

/// One way to compute a contraction.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The rung, and after a slash its tile: `4_broadcast/32x1`.
    pub name: String,
    /// The shader with the constants of its tile.
    pub(crate) kernel: KernelSpec,
    /// Workgroups.
    pub(crate) groups: usize,
    /// Parts of a sum that is split; each has a result of its own in the scratch.
    pub(crate) splits: usize,
}

impl Candidate {
    fn new(kernel: KernelSpec, tile: &str, groups: usize) -> Self {
        let separator = if tile.is_empty() { "" } else { "/" };
        Self {
            name: format!("{}{separator}{tile}", kernel.source.rung()),
            kernel,
            groups,
            splits: 1,
        }
    }

    /// The same, with the sum split into parts.
    fn split(mut self, splits: usize) -> Self {
        if splits > 1 {
            self.name.push_str(&format!("/split{splits}"));
            self.groups *= splits;
            self.splits = splits;
        }
        self
    }

    /// The file stem of the shader.
    pub fn rung(&self) -> &'static str {
        self.kernel.source.rung()
    }
}

/// The kernels that can compute `key` on a device with this profile: the default of each rung
/// before its other tiles, every name once. The first is the naive one, which all others are
/// checked against.
pub fn candidates(key: &ContractionKey, profile: &Profile) -> Vec<Candidate> {
    let mut found = match key.family {
        Family::Conv2d | Family::ConvTranspose2d => conv::candidates(key, profile),
        Family::Conv2dGradWeight => grad_weight::candidates(key, profile),
    };
    found.extend(thin::candidates(key, profile));
    let mut seen = std::collections::HashSet::new();
    found.retain(|candidate| seen.insert(candidate.name.clone()));
    found
}

/// The candidate that runs: the forced one or the first of the forced rung, else the tuned one,
/// else the default table's.
pub fn choose(key: &ContractionKey, profile: &Profile) -> Candidate {
    let mut candidates = candidates(key, profile);
    let by_rung = |wanted: &str| {
        candidates
            .iter()
            .position(|candidate| candidate.rung() == wanted)
    };
    let by_name = |wanted: &str| {
        candidates
            .iter()
            .position(|candidate| candidate.name == wanted)
    };
    let forced = profile
        .forced_rung(key.family.name())
        .and_then(|wanted| by_name(wanted).or_else(|| by_rung(wanted)));
    let tuned = || {
        profile
            .tuned
            .get(&key.to_string())
            .and_then(|name| by_name(name))
    };
    let chosen = forced
        .or_else(tuned)
        .or_else(|| by_rung(default_rung(key, profile)))
        .unwrap_or(0);
    candidates.swap_remove(chosen)
}

/// The default table: the rung for a key on a class of device.
fn default_rung(key: &ContractionKey, profile: &Profile) -> &'static str {
    thin::default_rung(key, profile).unwrap_or_else(|| match key.family {
        Family::Conv2d | Family::ConvTranspose2d => conv::default_rung(key, profile),
        Family::Conv2dGradWeight => grad_weight::default_rung(key, profile),
    })
}

/// The rung for a result that has channels enough for every rung.
fn usual_rung(key: &ContractionKey, profile: &Profile) -> &'static str {
    match (profile.class, profile.subgroup) {
        (DeviceClass::Cpu, _) if wide::fills_lanes(key, profile) => wide::RUNG,
        (DeviceClass::Cpu, Some(_)) => "4_broadcast",
        (DeviceClass::Cpu, None) => "2_register",
        (DeviceClass::Gpu, _) if matrix::tiles(key, profile).is_empty() => "3_workgroup",
        (DeviceClass::Gpu, _) => matrix::RUNG,
    }
}

/// Threads of a workgroup of the naive rung.
const NAIVE_WORKGROUP: usize = 64;
/// Threads along one side of a workgroup tile.
const TILE_THREADS: usize = 16;
/// Workgroups that keep a large GPU busy.
const WANTED_GROUPS: usize = 256;
/// Most scratch of a split sum.
const SCRATCH_BYTES: u64 = 16 << 20;

/// Into how many parts to split a sum so that a large GPU is kept busy: at most `most`, and no more
/// than `result_bytes` a part allow.
fn splits(groups: usize, most: usize, result_bytes: u64) -> usize {
    let room = (SCRATCH_BYTES / result_bytes.max(1)) as usize;
    WANTED_GROUPS
        .div_ceil(groups.max(1))
        .clamp(1, most.min(room).max(1))
}
