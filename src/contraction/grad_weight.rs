//! Candidates of `conv2d_grad_weight`, and their default table.

use super::candidate::{Candidate, NAIVE_WORKGROUP, Rung, RungCandidates, TILE_THREADS, splits};
use super::key::ContractionKey;
use super::matrix::{self, MatrixTile};
use super::{by_points, wide};
use crate::gpu::{KernelSpec, Profile, shader};
use crate::tape::vector_width::VEC8;
use crate::tensor::Shape;

/// Threads of a workgroup of the register rung.
const REGISTER_WORKGROUP: usize = 64;
/// Pixels that a part of a split sum has at least.
const LEAST_PIXELS: usize = 64;
/// Rows of the small map from which its sum is tried in four parts.
const ROWS_FOR_PARTS: usize = 8;

/// The rung of the default table where it is not the usual one: few channels on the small map make
/// a thin result, which only the register rung's narrow tile fits.
pub(super) fn default_rung(key: &ContractionKey, profile: &Profile) -> Option<Rung> {
    if key.small.channels4() == 1 {
        return Some(Rung::Register);
    }
    by_points::is_default(key, profile).then_some(Rung::Winograd)
}

/// The result, a weight.
fn output(key: &ContractionKey) -> Shape {
    let [first, second] = if key.transposed {
        [key.small, key.large]
    } else {
        [key.large, key.small]
    };
    let kernel = key.geometry.kernel;
    Shape::hwio(kernel, kernel, first.channels(), second.channels())
}

/// See [`super::naive`].
pub(super) fn naive(key: &ContractionKey) -> Candidate {
    let output = output(key);
    Candidate::naive(
        KernelSpec::new(shader!("conv2d_grad_weight/1_naive")),
        (output.rows() * output.channels4() * 4).div_ceil(NAIVE_WORKGROUP),
    )
}

/// Every faster rung that the device can run.
pub(super) fn rungs(key: &ContractionKey, profile: &Profile) -> Vec<RungCandidates> {
    let problem = GradWeightProblem {
        key,
        patches: key.geometry.kernel.pow(2) * key.large.channels4(),
        columns: key.small.channels4(),
        image_rows: key.small.batch() * key.small.height(),
    };
    let subgroup = profile.subgroup.map(|size| size as usize);
    let mut found = vec![problem.register_candidates()];
    found.extend(subgroup.map(|subgroup| problem.broadcast_candidates(subgroup)));
    found.extend(wide::lanes(key, profile).map(|subgroup| problem.wide_candidates(subgroup)));
    found.extend(by_points::grad_weight(key, profile));
    if profile.max_invocations as usize >= TILE_THREADS.pow(2) {
        found.push(problem.workgroup_candidates());
    }
    found.extend(matrix::candidates(key, profile, |tile| {
        problem.matrix(tile)
    }));
    found
}

/// The sizes that decide a tile.
struct GradWeightProblem<'a> {
    key: &'a ContractionKey,
    /// `vec4`s of the large map under the kernel.
    patches: usize,
    /// `vec4`s of the small map's channels.
    columns: usize,
    /// Rows of the small map, over the batch.
    image_rows: usize,
}

impl GradWeightProblem<'_> {
    /// The sum in parts where `groups` workgroups are too few.
    fn in_parts(&self, candidate: Candidate) -> Candidate {
        let most = self.key.small.rows() / LEAST_PIXELS;
        let parts = splits(candidate.groups, most, output(self.key).bytes());
        candidate.split(parts)
    }

    fn register_candidates(&self) -> RungCandidates {
        let (patches, columns) = (self.patches, self.columns);
        let one = |(rows, vectors): (usize, usize)| {
            let kernel = KernelSpec::new(shader!("conv2d_grad_weight/2_register"))
                .uint("TILE_ROWS", rows)
                .uint("TILE_COLUMNS", vectors);
            let tiles = patches.div_ceil(rows) * columns.div_ceil(vectors);
            Candidate::new(
                Rung::Register,
                kernel,
                &format!("{rows}x{vectors}"),
                tiles.div_ceil(REGISTER_WORKGROUP),
            )
        };
        let others = [(4, 1), (2, columns.min(4)), (8, 1)];
        RungCandidates::new(one((4, columns.min(2))), others.map(one))
    }

    /// Lanes on either map, and the sum whole or in four parts.
    fn broadcast_candidates(&self, subgroup: usize) -> RungCandidates {
        let (key, patches, columns) = (self.key, self.patches, self.columns);
        let one = |lanes_on_large: bool, tile: usize, splits: usize| {
            let (rows, columns) = if lanes_on_large {
                (columns, patches)
            } else {
                (patches, columns)
            };
            let kernel = KernelSpec::new(shader!("conv2d_grad_weight/4_broadcast"))
                .flag("LANES_ON_LARGE", lanes_on_large)
                .uint("SUBGROUP", subgroup)
                .uint("WORKGROUP", subgroup)
                .uint("TILE_VECTORS", tile);
            let name = format!("{}{tile}", if lanes_on_large { "large" } else { "small" });
            let groups = rows.div_ceil(tile) * columns.div_ceil(subgroup);
            Candidate::new(Rung::Broadcast, kernel, &name, groups).split(splits)
        };
        // Lanes on the last axis of the result write neighbouring numbers. With few channels there
        // most of them would idle.
        let by_default = key.transposed && key.large.channels4() >= 4;
        let tile = subgroup.min(8);
        let mut others = vec![one(!by_default, tile, 1), one(by_default, tile.min(4), 1)];
        if self.image_rows >= ROWS_FOR_PARTS {
            others.extend([one(by_default, tile, 4), one(!by_default, tile, 4)]);
        }
        RungCandidates::new(one(by_default, tile, 1), others)
    }

    /// Whole and in four parts; the lanes own the last axis of the result.
    fn wide_candidates(&self, subgroup: usize) -> RungCandidates {
        let key = self.key;
        let (patches, columns) = (
            key.geometry.kernel.pow(2) * key.large.channels() / VEC8,
            key.small.channels() / VEC8,
        );
        let (rows, columns) = if key.transposed {
            (columns, patches)
        } else {
            (patches, columns)
        };
        let one = |tile: usize| {
            let kernel = KernelSpec::new(shader!("conv2d_grad_weight/5_wide"))
                .uint("SUBGROUP", subgroup)
                .uint("WORKGROUP", subgroup)
                .uint("TILE_VEC8S", tile);
            let groups = rows.div_ceil(tile) * columns.div_ceil(subgroup);
            Candidate::new(Rung::Wide, kernel, &tile.to_string(), groups)
        };
        let largest = subgroup.min(8);
        let smaller = [4, 2].into_iter().filter(|&tile| tile < largest);
        let mut others: Vec<Candidate> = smaller.map(one).collect();
        if self.image_rows >= ROWS_FOR_PARTS {
            others.push(one(largest).split(4));
        }
        RungCandidates::new(one(largest), others)
    }

    fn workgroup_candidates(&self) -> RungCandidates {
        let one = |(rows, vectors): (usize, usize)| {
            let kernel = KernelSpec::new(shader!("conv2d_grad_weight/3_workgroup"))
                .uint("THREAD_ROWS", rows)
                .uint("THREAD_COLUMNS", vectors);
            let groups = self.patches.div_ceil(TILE_THREADS * rows)
                * self.columns.div_ceil(TILE_THREADS * vectors);
            let name = format!("{rows}x{vectors}");
            self.in_parts(Candidate::new(Rung::Workgroup, kernel, &name, groups))
        };
        RungCandidates::new(one((1, 1)), [(2, 1), (1, 2)].map(one))
    }

    fn matrix(&self, tile: &MatrixTile) -> Candidate {
        let kernel = tile.kernel(shader!("conv2d_grad_weight/matrix"));
        let groups =
            (4 * self.patches).div_ceil(tile.rows()) * (4 * self.columns).div_ceil(tile.columns());
        self.in_parts(Candidate::new(Rung::Matrix, kernel, &tile.name(), groups))
    }
}
