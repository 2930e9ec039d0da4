//! Runs a contraction by its rungs and candidates.

use super::{Reach, cases, shapes};
use crate::{Surroundings, Tensor, Tolerance, check, check_in, run};
use pix2pix::contraction::{Activated, Candidate, ContractionKey, Family, Rung};
use pix2pix::contraction::{candidates, choose};
use pix2pix::gpu::{DeviceClass, Gpu, Profile};
use pix2pix::ops;
use pix2pix::tape::{LowerContext, Lowered, Op, Operand, ShapeError};
use pix2pix::tensor::{DType, Shape};
use std::collections::BTreeSet;
use std::fmt;

/// A contraction with its inputs and what its twin makes of them.
#[derive(Clone, Copy)]
pub struct Tested<'a> {
    /// What a failure is called.
    pub name: &'a str,
    /// The operation.
    pub op: &'a dyn Op,
    /// Its inputs.
    pub inputs: &'a [Tensor],
    /// The result in logical order.
    pub expected: &'a [f64],
    /// The products that an element of the result is the sum of.
    pub terms: usize,
}

impl Tested<'_> {
    /// How the maps are stored.
    fn dtype(&self) -> DType {
        self.inputs[0].dtype
    }

    /// What decides its kernel where every operand lies densely.
    fn key(&self) -> ContractionKey {
        let operands: Vec<Operand> = self
            .inputs
            .iter()
            .map(|input| Operand::stored(input.shape, input.dtype))
            .collect();
        let shapes: Vec<Shape> = self.inputs.iter().map(|input| input.shape).collect();
        let output = self.op.output_shape(&shapes).unwrap();
        let contraction = ops::contraction(self.op).expect("a contraction");
        let output = Operand::stored(output, self.dtype());
        contraction.contraction.key(&operands, output)
    }

    /// What a rung may be off by. The matrix rung rounds operands that are not stored as f16
    /// anyway; Winograd's adds and subtracts more than the terms.
    fn tolerance(&self, rung: Rung) -> Tolerance {
        match (rung, self.dtype()) {
            (Rung::Matrix, DType::F32) => Tolerance::sum_of_f16(self.terms),
            (Rung::Winograd, DType::F32) => Tolerance::sum_of_winograd(self.terms),
            _ => Tolerance::sum_of(self.terms, 1.0),
        }
    }
}

/// What tells runs of a rung apart.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct RungRun {
    rung: &'static str,
    dtype: String,
    /// Whether the weight's channels are swapped.
    transposed: bool,
    /// The bits of the slopes of what is read.
    slopes: [u32; 2],
    /// Whether it is launched as on a GPU.
    as_gpu: bool,
}

impl fmt::Debug for RungRun {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let slopes = self.slopes.map(f32::from_bits);
        write!(f, "{} in {}, slopes {slopes:?}", self.rung, self.dtype)?;
        f.write_str(if self.transposed { ", transposed" } else { "" })?;
        f.write_str(if self.as_gpu { ", as on a GPU" } else { "" })
    }
}

impl RungRun {
    fn new(rung: Rung, key: &ContractionKey, slopes: [u32; 2], as_gpu: bool) -> Self {
        Self {
            rung: rung.name(),
            dtype: key.dtype.to_string(),
            transposed: key.transposed,
            slopes,
            as_gpu,
        }
    }
}

/// Which rungs of a contraction have run.
pub struct Rungs {
    reach: Reach,
    ran: BTreeSet<RungRun>,
    /// Whether each candidate was asked for, and not each rung.
    by_candidates: bool,
}

impl Rungs {
    /// None yet. A test of [`Reach::Rungs`] runs each of them once, every other test always.
    pub fn new(reach: Reach) -> Self {
        Self {
            reach,
            ran: BTreeSet::new(),
            by_candidates: false,
        }
    }

    /// Whether to run a rung now. Then it counts as run.
    fn wants(&mut self, rung: Rung, key: &ContractionKey, slopes: [f32; 2], as_gpu: bool) -> bool {
        let run = RungRun::new(rung, key, slopes.map(f32::to_bits), as_gpu);
        self.ran.insert(run) || self.reach == Reach::All
    }

    /// Fails unless every rung ran that this device's ladder offers for any shape. It must have run
    /// in every type, in the orders of the weight's channels that `transposed` names, and with all
    /// slopes that any rung ran with. Where the test runs candidates, also as a GPU launches them.
    pub fn assert_complete(&self, gpu: &Gpu, family: Family, transposed: &[bool]) {
        let slopes: BTreeSet<[u32; 2]> = self.ran.iter().map(|run| run.slopes).collect();
        let mut wanted = BTreeSet::new();
        for (case, dtype) in cases(gpu, family) {
            let (large, small, _) = shapes(case);
            for &transposed in transposed {
                let key = ContractionKey {
                    dtype,
                    transposed,
                    ..ContractionKey::new(family, case.0, large, small)
                };
                for (candidate, as_gpu) in offered(gpu, &key) {
                    if self.by_candidates || !as_gpu {
                        let run = |&slopes| RungRun::new(candidate.rung, &key, slopes, as_gpu);
                        wanted.extend(slopes.iter().map(run));
                    }
                }
            }
        }
        assert_eq!(
            self.ran,
            wanted,
            "{}: the rungs that ran (left) and those that the device offers",
            family.name()
        );
    }
}

/// The device, also with the rung that must be asked for, since it rounds its operands to f16.
fn with_matrix(gpu: &Gpu, family: Family) -> Profile {
    let profile = gpu.profile().clone();
    profile.force(family.name(), Rung::Matrix.name())
}

/// Runs `tested` as a program without tuning would, alone in its buffers and sliced.
pub fn check_default(gpu: &Gpu, tested: &Tested) {
    let candidate = choose(&tested.key(), gpu.profile());
    let &Tested {
        name,
        op,
        inputs,
        expected,
        ..
    } = tested;
    let tolerance = tested.tolerance(candidate.rung);
    check(gpu, name, op, inputs, expected, tolerance);
}

/// Runs `tested` with each rung that is wanted, alone in its buffers and sliced. A test of
/// [`Reach::All`] also forces the rungs that cannot run it, in whose place the default runs.
pub fn check_rungs(gpu: &Gpu, rungs: &mut Rungs, tested: &Tested) {
    let key = tested.key();
    for rung in Rung::ALL {
        let profile = gpu.profile().clone().force(key.family.name(), rung.name());
        let runs = choose(&key, &profile).rung;
        let wanted = if runs == rung {
            rungs.wants(rung, &key, [1.0; 2], false)
        } else {
            rungs.reach == Reach::All
        };
        if !wanted {
            continue;
        }
        let around = Surroundings {
            profile: Some(profile),
            ..Surroundings::of(tested.dtype())
        };
        for sliced in [false, true] {
            check_in(
                gpu,
                &format!("{} {rung}", tested.name),
                tested.op,
                tested.inputs,
                sliced,
                &around,
                tested.expected,
                tested.tolerance(runs),
            );
        }
    }
}

/// Runs `tested` with the named candidates of its key that are wanted; with all of them no tile
/// goes untested.
pub fn check_candidates(gpu: &Gpu, rungs: &mut Rungs, tested: &Tested) {
    for (candidate, op) in named(gpu, rungs, [1.0; 2], tested) {
        check_candidate(gpu, tested, &candidate, &op);
    }
}

fn check_candidate(gpu: &Gpu, tested: &Tested, candidate: &str, op: &ByCandidate) {
    check_in(
        gpu,
        &format!("{} {candidate}", tested.name),
        op,
        tested.inputs,
        false,
        &Surroundings::of(tested.dtype()),
        tested.expected,
        tested.tolerance(op.candidate.rung),
    );
}

/// Runs `tested`, which reads its maps through leaky ReLUs of these slopes, with the candidates
/// that are wanted. Runs it again with each map in turn of nothing but NaN, which must come
/// through.
pub fn check_activated(gpu: &Gpu, rungs: &mut Rungs, slopes: [f32; 2], tested: &Tested) {
    let op = Activated {
        slopes,
        ..ops::contraction(tested.op).expect("a contraction")
    };
    let name = format!("{} through slopes {slopes:?}", tested.name);
    let tested = Tested {
        name: &name,
        op: &op,
        ..*tested
    };
    let around = Surroundings::of(tested.dtype());
    let maps = Activated::maps(tested.key().family);
    for (candidate, op) in named(gpu, rungs, slopes, &tested) {
        check_candidate(gpu, &tested, &candidate, &op);
        for map in 0..maps {
            let mut poisoned = tested.inputs.to_vec();
            poisoned[map].values.fill(f32::NAN);
            let output = run(gpu, &name, &op, &poisoned, true, &around).output;
            assert!(
                output.iter().all(|value| value.is_nan()),
                "{name} {candidate}: a NaN of map {map} is lost"
            );
        }
    }
}

/// A contraction by one of its candidates.
#[derive(Debug)]
struct ByCandidate {
    contraction: Activated,
    candidate: Candidate,
}

impl Op for ByCandidate {
    fn name(&self) -> &'static str {
        self.contraction.name()
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        self.contraction.output_shape(inputs)
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        self.contraction.lower_with(self.candidate.clone(), context)
    }

    fn is_gradient(&self) -> bool {
        self.contraction.is_gradient()
    }
}

/// The candidates of a key. Those that count few channels come also as a GPU launches them, marked
/// so: with several subgroups a workgroup, and sums in parts.
fn offered(gpu: &Gpu, key: &ContractionKey) -> Vec<(Candidate, bool)> {
    let own = candidates(key, &with_matrix(gpu, key.family))
        .into_iter()
        .map(|candidate| (candidate, false));
    let as_gpu = Profile {
        class: DeviceClass::Gpu,
        ..gpu.profile().clone()
    };
    let launched = candidates(key, &as_gpu)
        .into_iter()
        .filter(|candidate| {
            gpu.profile().class != DeviceClass::Gpu
                && matches!(candidate.rung, Rung::Thin | Rung::Dot)
        })
        .map(|candidate| (candidate, true));
    own.chain(launched).collect()
}

/// The contraction by each of its candidates that is wanted, with their names.
fn named(
    gpu: &Gpu,
    rungs: &mut Rungs,
    slopes: [f32; 2],
    tested: &Tested,
) -> Vec<(String, ByCandidate)> {
    let key = tested.key();
    let by = |candidate: Candidate| ByCandidate {
        contraction: ops::contraction(tested.op).expect("a contraction"),
        candidate,
    };
    rungs.by_candidates = true;
    offered(gpu, &key)
        .into_iter()
        .filter(|(candidate, as_gpu)| rungs.wants(candidate.rung, &key, slopes, *as_gpu))
        .map(|(candidate, as_gpu)| {
            let name = candidate.name.clone();
            let name = if as_gpu {
                format!("{name} on a GPU")
            } else {
                name
            };
            (name, by(candidate))
        })
        .collect()
}
