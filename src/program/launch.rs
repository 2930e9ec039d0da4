//! Launches: the kernels of a plan with the buffer ranges that they are bound to.

use super::workspace::UNUSED_BYTES;
use super::{Place, Plan, PlannedNode, ProgramError, Storage, Store, Workspace, place};
use crate::gpu::{Access, Binding, Buffer, Gpu, Kernel};
use crate::state::ArenaId;
use crate::tape::{ArenaPart, Dispatch, Slot, Var};
use std::sync::Arc;

/// One kernel with its bindings and its grid.
#[derive(Debug)]
pub struct Launch {
    /// The node that it belongs to.
    pub node: usize,
    pub kernel: Arc<Kernel>,
    pub group: wgpu::BindGroup,
    pub grid: [u32; 3],
}

/// Encodes launches in their order.
pub fn encode<'a>(pass: &mut wgpu::ComputePass, launches: impl IntoIterator<Item = &'a Launch>) {
    for launch in launches {
        pass.set_pipeline(launch.kernel.pipeline());
        pass.set_bind_group(0, &launch.group, &[]);
        let [x, y, z] = launch.grid;
        pass.dispatch_workgroups(x, y, z);
    }
}

/// Turns slots into buffer ranges, and launches into bind groups.
pub struct Binder<'a> {
    pub plan: &'a Plan,
    pub store: &'a Store,
    pub workspace: &'a Workspace,
}

impl Binder<'_> {
    /// Builds the kernel of `dispatch`, an operation of `step`, and binds it.
    pub fn launch(
        &self,
        gpu: &Gpu,
        step: &PlannedNode,
        dispatch: &Dispatch,
        params: Binding,
    ) -> Result<Launch, ProgramError> {
        let op = || place::describe(&self.plan.tape.nodes()[step.node]);
        let build = |source| ProgramError::Build { op: op(), source };
        let kernel = gpu.kernel_as_specified(&dispatch.kernel).map_err(build)?;
        let mut bindings = vec![params];
        for slot in &dispatch.slots {
            bindings.push(
                self.binding(step, slot)
                    .ok_or(ProgramError::Absent { var: step.node })?,
            );
        }
        if let Some((first, second)) = conflict(&kernel, &bindings) {
            return Err(ProgramError::Conflict {
                op: op(),
                kernel: dispatch.kernel.label(),
                first,
                second,
            });
        }
        let group = gpu.bind(&kernel, &bindings).map_err(build)?;
        Ok(Launch {
            node: step.node,
            kernel,
            group,
            grid: dispatch.grid(),
        })
    }

    fn binding(&self, step: &PlannedNode, slot: &Slot) -> Option<Binding<'_>> {
        match slot {
            Slot::Input(position) => {
                self.value(self.plan.tape.nodes()[step.node].inputs[*position])
            }
            Slot::Output => self.value(Var(step.node)),
            Slot::Byproduct(number) => self.value((*step.byproducts.get(*number)?)?),
            Slot::Unused(number) => Some(Binding {
                buffer: &self.workspace.unused,
                offset: *number as u64 * UNUSED_BYTES,
                bytes: UNUSED_BYTES,
            }),
            Slot::Scratch => self.workspace.scratch.as_ref().map(entire),
            Slot::Step => Some(entire(self.store.step())),
            Slot::Monitor => Some(entire(self.store.monitor())),
            Slot::Arena {
                arena,
                part,
                offset,
                bytes,
            } => Some(Binding {
                buffer: self.part(*arena, *part)?,
                offset: *offset,
                bytes: *bytes,
            }),
        }
    }

    fn value(&self, var: Var) -> Option<Binding<'_>> {
        let Place { storage, operand } = self.plan.places[var.0]?;
        match storage {
            Storage::Node(owner) => self
                .workspace
                .buffers
                .get(*self.plan.buffer_of.get(&owner)?)
                .map(entire),
            Storage::Arena {
                arena,
                part,
                offset,
            } => Some(Binding {
                buffer: self.part(arena, part)?,
                offset,
                bytes: operand.bytes(),
            }),
        }
    }

    fn part(&self, arena: ArenaId, part: ArenaPart) -> Option<&Buffer> {
        if part == ArenaPart::Gradient {
            self.workspace.gradients.get(&arena)
        } else {
            self.store.part(arena, part)
        }
    }
}

fn entire(buffer: &Buffer) -> Binding<'_> {
    Binding {
        buffer,
        offset: 0,
        bytes: buffer.size(),
    }
}

/// Looks for two bindings of one buffer, one of which is written. wgpu tracks whole buffers: it
/// refuses a read beside a write even on disjoint ranges, and accepts overlapping writes in
/// silence. Both are errors here.
fn conflict(kernel: &Kernel, bindings: &[Binding]) -> Option<(usize, usize)> {
    let access = |i: usize| {
        kernel
            .interface()
            .bindings
            .get(i)
            .map(|&(_, access)| access)
    };
    for first in 0..bindings.len() {
        for second in first + 1..bindings.len() {
            let (a, b) = (&bindings[first], &bindings[second]);
            let written = [access(first), access(second)]
                .iter()
                .filter(|access| **access == Some(Access::ReadWrite))
                .count();
            let overlap = a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
            if a.buffer == b.buffer && (written == 1 || written == 2 && overlap) {
                return Some((first, second));
            }
        }
    }
    None
}
