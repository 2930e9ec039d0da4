//! Tiles of the rung on matrix units, which the three families share.

use super::candidate::{Candidate, Rung, RungCandidates, WANTED_GROUPS};
use super::key::ContractionKey;
use crate::gpu::{KernelSpec, Profile, ShaderSource};
use crate::tensor::DType;

/// Subgroups along each side of a workgroup's tile, as the shaders have it.
const SUBGROUPS: usize = 2;
/// Matrices of a subgroup along the rows and columns, from the largest tile to the smallest.
const MATRICES: [[usize; 2]; 4] = [[4, 4], [4, 2], [2, 2], [1, 2]];

/// The part of a product that a workgroup computes.
pub(super) struct MatrixTile {
    /// Rows and columns of a matrix.
    side: usize,
    /// Lanes of a subgroup.
    subgroup: usize,
    /// Matrices of a subgroup along the rows and columns.
    matrices: [usize; 2],
}

impl MatrixTile {
    /// Rows of the product that a workgroup computes.
    pub fn rows(&self) -> usize {
        SUBGROUPS * self.matrices[0] * self.side
    }

    /// Columns of the product that a workgroup computes.
    pub fn columns(&self) -> usize {
        SUBGROUPS * self.matrices[1] * self.side
    }

    /// As candidates are named.
    pub fn name(&self) -> String {
        format!("{}x{}", self.rows(), self.columns())
    }

    /// `source` with this tile.
    pub fn kernel(&self, source: ShaderSource) -> KernelSpec {
        let [left, right, sums] = match self.side {
            8 => [
                "coop_mat8x8<f16, A>",
                "coop_mat8x8<f16, B>",
                "coop_mat8x8<f32, C>",
            ],
            _ => [
                "coop_mat16x16<f16, A>",
                "coop_mat16x16<f16, B>",
                "coop_mat16x16<f32, C>",
            ],
        };
        // Every device has 16 KiB of workgroup memory, in which a large tile leaves room for half a
        // stage.
        let stage = if self.rows() > 64 { 16 } else { 32 };
        KernelSpec::new(source)
            .alias("Left", left)
            .alias("Right", right)
            .alias("Sums", sums)
            .uint("MATRIX", self.side)
            .uint("SUBGROUP", self.subgroup)
            .uint("ROW_MATRICES", self.matrices[0])
            .uint("COLUMN_MATRICES", self.matrices[1])
            .uint("STAGE", stage)
    }
}

/// The tile sizes that the device can run, from the largest to the smallest. The rung rounds its
/// operands to f16, so where they are not stored so it must be asked for.
pub(super) fn sizes(key: &ContractionKey, profile: &Profile) -> Vec<MatrixTile> {
    let asked = || {
        profile
            .forced_rung(key.family.name())
            .is_some_and(|rung| rung.starts_with(Rung::Matrix.name()))
    };
    let wanted = key.dtype == DType::F16 || asked();
    let (true, Some(side), Some(subgroup)) = (wanted, profile.matrix, profile.subgroup) else {
        return Vec::new();
    };
    let (side, subgroup) = (side as usize, subgroup as usize);
    if SUBGROUPS.pow(2) * subgroup > profile.max_invocations as usize {
        return Vec::new();
    }
    let tiles = MATRICES.into_iter().map(|matrices| MatrixTile {
        side,
        subgroup,
        matrices,
    });
    // A thread fetches at least one vec4 of a stage.
    tiles
        .filter(|tile| tile.rows() * 8 >= SUBGROUPS.pow(2) * subgroup)
        .collect()
}

/// The rung's candidates; the default is the largest tile that still makes enough workgroups for a
/// large GPU, or when none does, the smallest.
pub(super) fn candidates(
    key: &ContractionKey,
    profile: &Profile,
    candidate: impl Fn(&MatrixTile) -> Candidate,
) -> Option<RungCandidates> {
    let mut all: Vec<Candidate> = sizes(key, profile).iter().map(candidate).collect();
    let enough = all.iter().position(|one| one.groups >= WANTED_GROUPS);
    let default = all.remove(enough.or(all.len().checked_sub(1))?);
    Some(RungCandidates::new(default, all))
}
