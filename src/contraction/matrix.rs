//! Tiles of the rung on matrix units, which the three families share.

use super::{Candidate, ContractionKey, WANTED_GROUPS};
use crate::gpu::{KernelSpec, Profile, ShaderSource};
use crate::tensor::DType;

/// The rung's file stem.
pub(super) const RUNG: &str = "matrix";
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

/// The tiles that the device can run. The rung rounds its operands to f16, so where they are not
/// stored so it must be asked for.
pub(super) fn tiles(key: &ContractionKey, profile: &Profile) -> Vec<MatrixTile> {
    let asked = || {
        profile
            .forced_rung(key.family.name())
            .is_some_and(|rung| rung.starts_with(RUNG))
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

/// The largest tile that still makes enough workgroups for a large GPU in front of the others; when
/// none does, the smallest.
pub(super) fn best_first(mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    let enough = candidates
        .iter()
        .position(|candidate| candidate.groups >= WANTED_GROUPS);
    if let Some(best) = enough.or(candidates.len().checked_sub(1)) {
        candidates[..=best].rotate_right(1);
    }
    candidates
}

#[cfg(test)]
mod tests {
    use super::super::{Family, choose};
    use super::*;
    use crate::contraction::Geometry;
    use crate::gpu::DeviceClass;
    use crate::tensor::Shape;

    #[test]
    fn gpus_use_matrix_units_for_f16_only() {
        let gpu = Profile {
            f16: true,
            subgroup: Some(32),
            matrix: Some(16),
            ..Profile::portable()
        };
        let rung = |dtype, profile: &Profile| {
            let (large, small) = (Shape::nhwc(1, 64, 64, 64), Shape::nhwc(1, 32, 32, 128));
            let geometry = Geometry::new(4, 2, 1);
            Family::ALL.map(|family| {
                let key = ContractionKey {
                    family,
                    geometry,
                    large,
                    small,
                    transposed: false,
                    bias: false,
                    dtype,
                };
                choose(&key, profile).rung()
            })
        };
        assert_eq!(rung(DType::F16, &gpu), [RUNG; 3]);
        assert_eq!(rung(DType::F32, &gpu), ["3_workgroup"; 3]);
        assert_eq!(
            rung(
                DType::F16,
                &Profile {
                    matrix: None,
                    ..gpu.clone()
                }
            ),
            ["3_workgroup"; 3]
        );
        assert_eq!(
            rung(
                DType::F16,
                &Profile {
                    class: DeviceClass::Cpu,
                    ..gpu
                }
            ),
            ["4_broadcast"; 3]
        );
    }
}
