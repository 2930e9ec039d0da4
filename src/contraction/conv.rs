//! Candidates of `conv2d` and `conv_transpose2d`, and their default table.

use super::candidate::{Candidate, NAIVE_WORKGROUP, Rung, RungCandidates, TILE_THREADS, splits};
use super::key::{ContractionKey, Family};
use super::matrix::{self, MatrixTile};
use super::{by_points, wide};
use crate::gpu::{DeviceClass, KernelSpec, Profile, ShaderSource, shader};

/// Threads of a workgroup of the register rung: small, so that every core of a CPU gets some.
const REGISTER_WORKGROUP: usize = 16;
/// Output `vec4`s up to which the broadcast rung would leave most lanes idle.
const FEW_VECTORS: usize = 2;
/// Pixels of one parity class up to which each weight is used so seldom that reading it is most of
/// the work.
const FEW_PIXELS: usize = 4;

/// Pixels (of one parity class) up to which the contraction may be split.
const SMALL_MAP: usize = 16;
/// Threads of a workgroup of the rung that splits.
const SPLIT_WORKGROUP: usize = 64;

/// The shaders of the rungs that both families have.
struct Shaders {
    naive: ShaderSource,
    register: ShaderSource,
    broadcast: ShaderSource,
    workgroup: ShaderSource,
    split_k: ShaderSource,
    matrix: ShaderSource,
    wide: ShaderSource,
}

const CONV2D: Shaders = Shaders {
    naive: shader!("conv2d/1_naive"),
    register: shader!("conv2d/2_register"),
    broadcast: shader!("conv2d/4_broadcast"),
    workgroup: shader!("conv2d/3_workgroup"),
    split_k: shader!("conv2d/split_k"),
    matrix: shader!("conv2d/matrix"),
    wide: shader!("conv2d/5_wide"),
};
const CONV_TRANSPOSE2D: Shaders = Shaders {
    naive: shader!("conv_transpose2d/1_naive"),
    register: shader!("conv_transpose2d/2_register"),
    broadcast: shader!("conv_transpose2d/4_broadcast"),
    workgroup: shader!("conv_transpose2d/3_workgroup"),
    split_k: shader!("conv_transpose2d/split_k"),
    matrix: shader!("conv_transpose2d/matrix"),
    wide: shader!("conv_transpose2d/5_wide"),
};

/// The sizes that decide a tile.
struct ConvProblem {
    shaders: &'static Shaders,
    /// Output pixels that share their taps: all of them, or one parity class of a transposed
    /// convolution.
    pixels: usize,
    /// How many such sets there are.
    classes: usize,
    /// Output pixels in all.
    rows: usize,
    /// `vec4`s of output channels.
    vectors: usize,
    /// `vec4`s of input channels.
    depth: usize,
}

impl ConvProblem {
    fn new(key: &ContractionKey) -> Self {
        let (output, stride) = (key.output(), key.geometry.stride);
        let (shaders, classes, side) = match key.family {
            Family::ConvTranspose2d => (&CONV_TRANSPOSE2D, stride.pow(2), stride),
            _ => (&CONV2D, 1, 1),
        };
        let pixels =
            output.batch() * output.height().div_ceil(side) * output.width().div_ceil(side);
        let input = if key.family == Family::ConvTranspose2d {
            key.small
        } else {
            key.large
        };
        Self {
            shaders,
            pixels,
            classes,
            rows: output.rows(),
            vectors: output.channels4(),
            depth: input.channels4(),
        }
    }

    fn tiles(&self, pixels: usize, vectors: usize) -> usize {
        self.classes * self.pixels.div_ceil(pixels) * self.vectors.div_ceil(vectors)
    }

    /// Of equal tiles the largest that is not over `most` pixels.
    fn balanced(&self, most: usize) -> usize {
        self.pixels.div_ceil(self.pixels.div_ceil(most))
    }

    /// Pixels by default of a tile whose lanes share what they load.
    fn shared_tile(&self) -> usize {
        if self.pixels >= 32 {
            self.balanced(32)
        } else {
            tile_of(self.pixels, &[(16, 16), (5, 8), (2, 4)])
        }
    }

    fn register(&self, pixels: usize, vectors: usize) -> Candidate {
        let kernel = KernelSpec::new(self.shaders.register)
            .uint("WORKGROUP", REGISTER_WORKGROUP)
            .uint("TILE_VECTORS", vectors)
            .uint("TILE_PIXELS", pixels);
        Candidate::new(
            Rung::Register,
            kernel,
            &format!("{pixels}x{vectors}"),
            self.tiles(pixels, vectors).div_ceil(REGISTER_WORKGROUP),
        )
    }

    fn broadcast(&self, subgroup: usize, pixels: usize, vectors: usize) -> Candidate {
        let kernel = KernelSpec::new(self.shaders.broadcast)
            .uint("SUBGROUP", subgroup)
            .uint("WORKGROUP", subgroup)
            .uint("LANE_VECTORS", vectors)
            .uint("TILE_PIXELS", pixels);
        Candidate::new(
            Rung::Broadcast,
            kernel,
            &format!("{pixels}x{vectors}"),
            self.tiles(pixels, vectors * subgroup),
        )
    }

    fn wide(&self, subgroup: usize, pixels: usize) -> Candidate {
        let kernel = KernelSpec::new(self.shaders.wide)
            .uint("SUBGROUP", subgroup)
            .uint("WORKGROUP", subgroup)
            .uint("TILE_PIXELS", pixels);
        Candidate::new(
            Rung::Wide,
            kernel,
            &pixels.to_string(),
            self.tiles(pixels, 2 * subgroup),
        )
    }

    fn workgroup(&self, pixels: usize, vectors: usize) -> Candidate {
        let kernel = KernelSpec::new(self.shaders.workgroup)
            .uint("THREAD_PIXELS", pixels)
            .uint("THREAD_VECTORS", vectors);
        Candidate::new(
            Rung::Workgroup,
            kernel,
            &format!("{pixels}x{vectors}"),
            self.tiles(TILE_THREADS * pixels, TILE_THREADS * vectors),
        )
    }

    /// The contraction in parts, for small maps with channels enough to split.
    fn split_k(&self) -> Option<Candidate> {
        if self.pixels > SMALL_MAP || self.depth < 2 {
            return None;
        }
        let tile = tile_of(self.pixels, &[(5, 8), (2, 4)]);
        let threads = self.tiles(tile, 1);
        let parts = splits(
            threads.div_ceil(SPLIT_WORKGROUP),
            self.depth / 2,
            (self.rows * self.vectors * 16) as u64,
        )
        .max(2);
        let kernel = KernelSpec::new(self.shaders.split_k)
            .uint("WORKGROUP", SPLIT_WORKGROUP)
            .uint("TILE_PIXELS", tile);
        // All parts' threads lie in one list, so the last group of a part may begin the next.
        let groups = (threads * parts).div_ceil(SPLIT_WORKGROUP);
        Some(Candidate {
            groups,
            ..Candidate::new(Rung::SplitK, kernel, &tile.to_string(), 0).split(parts)
        })
    }

    fn matrix(&self, tile: &MatrixTile) -> Candidate {
        Candidate::new(
            Rung::Matrix,
            tile.kernel(self.shaders.matrix),
            &tile.name(),
            self.tiles(tile.rows(), tile.columns() / 4),
        )
    }
}

impl ConvProblem {
    fn register_candidates(&self) -> RungCandidates {
        let tile = tile_of(self.pixels, &[(5, 8), (2, 4)]);
        let most_vectors = if tile == 8 { 2 } else { 4 };
        let others = [(8, 1), (4, 2), (4, 4), (16, 1)]
            .into_iter()
            .filter(|&(tile, vectors)| tile < 2 * self.pixels && vectors <= self.vectors)
            .map(|(tile, vectors)| self.register(tile, vectors));
        RungCandidates::new(self.register(tile, self.vectors.min(most_vectors)), others)
    }

    fn broadcast_candidates(&self, key: &ContractionKey, subgroup: usize) -> RungCandidates {
        let fills_lanes = self.vectors > subgroup;
        // A weight that is read for a few pixels only: two vectors a lane make longer runs of it.
        let few_pixels =
            key.family == Family::ConvTranspose2d && !key.transposed && self.pixels <= FEW_PIXELS;
        let by_default = if few_pixels && fills_lanes { 2 } else { 1 };
        let ones = [32, 24, 16, 8, 4].map(|most| (most, 1));
        let twos = [16, 8, 4].map(|most| (most, 2));
        let others = ones
            .into_iter()
            .chain(twos.into_iter().filter(|_| fills_lanes))
            .map(|(most, vectors)| self.broadcast(subgroup, self.balanced(most), vectors));
        RungCandidates::new(
            self.broadcast(subgroup, self.shared_tile(), by_default),
            others,
        )
    }

    fn wide_candidates(&self, subgroup: usize) -> RungCandidates {
        let others = [32, 24, 16, 8, 4].map(|most| self.wide(subgroup, self.balanced(most)));
        RungCandidates::new(self.wide(subgroup, self.shared_tile()), others)
    }

    fn workgroup_candidates(&self) -> RungCandidates {
        let others = [(8, 1), (8, 2)].map(|(tile, vectors)| self.workgroup(tile, vectors));
        RungCandidates::new(self.workgroup(4, 1), others)
    }
}

/// The rung of the default table where it is not the usual one.
pub(super) fn default_rung(key: &ContractionKey, profile: &Profile) -> Option<Rung> {
    if key.output().channels4() <= FEW_VECTORS {
        return Some(Rung::Register);
    }
    if by_points::is_default(key, profile) {
        return Some(Rung::Winograd);
    }
    // A tile of a GPU's rungs holds 64 pixels: on a small map most of it would idle.
    let split = profile.class == DeviceClass::Gpu && ConvProblem::new(key).split_k().is_some();
    split.then_some(Rung::SplitK)
}

/// See [`super::naive`].
pub(super) fn naive(key: &ContractionKey) -> Candidate {
    let problem = ConvProblem::new(key);
    Candidate::naive(
        KernelSpec::new(problem.shaders.naive),
        (problem.rows * problem.vectors * 4).div_ceil(NAIVE_WORKGROUP),
    )
}

/// Every faster rung that the device can run.
pub(super) fn rungs(key: &ContractionKey, profile: &Profile) -> Vec<RungCandidates> {
    let problem = ConvProblem::new(key);
    let subgroup = profile.subgroup.map(|size| size as usize);
    let mut found = vec![problem.register_candidates()];
    found.extend(subgroup.map(|subgroup| problem.broadcast_candidates(key, subgroup)));
    found.extend(wide::lanes(key, profile).map(|subgroup| problem.wide_candidates(subgroup)));
    found.extend(by_points::conv(key, profile));
    if profile.max_invocations as usize >= TILE_THREADS.pow(2) {
        found.push(problem.workgroup_candidates());
    }
    found.extend(
        problem
            .split_k()
            .map(|split| RungCandidates::new(split, [])),
    );
    found.extend(matrix::candidates(key, profile, |tile| {
        problem.matrix(tile)
    }));
    found
}

/// The tile of the first `(least pixels, tile)` that the map reaches; 1 when it reaches none.
fn tile_of(pixels: usize, choices: &[(usize, usize)]) -> usize {
    choices
        .iter()
        .find(|&&(least, _)| pixels >= least)
        .map_or(1, |&(_, tile)| tile)
}
