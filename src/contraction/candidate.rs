//! One way to compute a contraction.

use super::geometry::Geometry;
use crate::gpu::KernelSpec;
use std::collections::HashSet;
use std::fmt;

/// A version of the contractions' kernels: the file of this name in each family's folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rung {
    /// The formula, which all others are checked against.
    Naive,
    /// A tile of results in the registers of each thread.
    Register,
    /// Tiles of operands in workgroup memory.
    Workgroup,
    /// Operands loaded by one lane each and spread over the subgroup.
    Broadcast,
    /// Eight numbers a load.
    Wide,
    /// The sum in parts, each by threads of its own.
    SplitK,
    /// Matrix units.
    Matrix,
    /// Few channels on the side that a convolution reads, or a weight gradient on the small map.
    Thin,
    /// Few output channels of a convolution.
    Dot,
    /// Winograd's minimal filtering.
    Winograd,
}

impl Rung {
    /// All of them: the numbered ladder, then the special cases.
    pub const ALL: [Self; 10] = [
        Self::Naive,
        Self::Register,
        Self::Workgroup,
        Self::Broadcast,
        Self::Wide,
        Self::SplitK,
        Self::Matrix,
        Self::Thin,
        Self::Dot,
        Self::Winograd,
    ];

    /// The shader's file stem, which begins the names of the rung's candidates.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Naive => "1_naive",
            Self::Register => "2_register",
            Self::Workgroup => "3_workgroup",
            Self::Broadcast => "4_broadcast",
            Self::Wide => "5_wide",
            Self::SplitK => "split_k",
            Self::Matrix => "matrix",
            Self::Thin => "thin",
            Self::Dot => "dot",
            Self::Winograd => "winograd",
        }
    }

    /// The rung of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rung| rung.name() == name)
    }
}

impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One way to compute a contraction.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The rung, and after a slash its tile: `4_broadcast/32x1`.
    pub name: String,
    /// The rung.
    pub rung: Rung,
    /// The shader with the constants of its tile.
    pub(crate) kernel: KernelSpec,
    /// Workgroups.
    pub(crate) groups: usize,
    /// Parts of a sum that is split; each has a result of its own in the scratch.
    pub(crate) splits: usize,
}

impl Candidate {
    /// A rung with one tile.
    pub(super) fn new(rung: Rung, kernel: KernelSpec, tile: &str, groups: usize) -> Self {
        Self {
            name: format!("{rung}/{tile}"),
            rung,
            kernel,
            groups,
            splits: 1,
        }
    }

    /// The naive rung, which has no tiles.
    pub(super) fn naive(kernel: KernelSpec, groups: usize) -> Self {
        Self {
            name: Rung::Naive.to_string(),
            ..Self::new(Rung::Naive, kernel, "", groups)
        }
    }

    /// The same, with the sum split into parts.
    pub(super) fn split(mut self, splits: usize) -> Self {
        if splits > 1 {
            self.name.push_str(&format!("/split{splits}"));
            self.groups *= splits;
            self.splits = splits;
        }
        self
    }

    /// The kernel for this geometry, with the slopes by which it reads its maps, as constants. The
    /// wide rung, whose long code takes a CPU adapter's compiler long, reads all but the kernel's
    /// size from its parameters: one pipeline serves every layer.
    pub(crate) fn specialised(
        &self,
        geometry: Geometry,
        slopes: &[(&'static str, f32)],
    ) -> KernelSpec {
        let kernel = self.kernel.clone().uint("KERNEL", geometry.kernel);
        if self.rung == Rung::Wide {
            return kernel;
        }
        let slopes = slopes.iter().filter(|&&(_, slope)| slope != 1.0);
        slopes.fold(
            kernel.uint("STRIDE", geometry.stride),
            |kernel, &(name, slope)| kernel.float(name, slope),
        )
    }
}

/// The candidates of one rung for a key.
#[derive(Debug, Clone)]
pub struct RungCandidates {
    /// The tile that runs where nothing was tuned.
    pub default: Candidate,
    /// Further tiles, in the order in which tuning tries them.
    pub others: Vec<Candidate>,
}

impl RungCandidates {
    /// A default and further tiles, of which those that have come before are left out.
    pub(super) fn new(default: Candidate, others: impl IntoIterator<Item = Candidate>) -> Self {
        let mut seen = HashSet::from([default.name.clone()]);
        let others = others
            .into_iter()
            .filter(|candidate| seen.insert(candidate.name.clone()))
            .collect();
        Self { default, others }
    }

    /// All of them, the default before the others.
    pub fn all(&self) -> impl Iterator<Item = &Candidate> {
        std::iter::once(&self.default).chain(&self.others)
    }
}

/// Threads of a workgroup of the naive rung.
pub(super) const NAIVE_WORKGROUP: usize = 64;
/// Threads along one side of a workgroup tile.
pub(super) const TILE_THREADS: usize = 16;
/// Workgroups that keep a large GPU busy.
pub(super) const WANTED_GROUPS: usize = 256;
/// Most scratch of a split sum.
const SCRATCH_BYTES: u64 = 16 << 20;

/// Into how many parts to split a sum so that a large GPU is kept busy: at most `most`, and no more
/// than `result_bytes` a part allow.
pub(super) fn splits(groups: usize, most: usize, result_bytes: u64) -> usize {
    let room = (SCRATCH_BYTES / result_bytes.max(1)) as usize;
    WANTED_GROUPS
        .div_ceil(groups.max(1))
        .clamp(1, most.min(room).max(1))
}
