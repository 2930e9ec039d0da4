// Which memory a thread of a streaming kernel takes.
//
// RUN neighbouring threads walk side by side through a range of memory of their own: on a GPU these
// are the workgroup, on a CPU adapter, which takes one subgroup after the other, the subgroup. A
// thread takes PER_THREAD columns, every RUN-th one.
// The shader declares WORKGROUP and PER_THREAD.

const RUN: u32 = 64u; // threads side by side
const_assert WORKGROUP % RUN == 0u;

fn first_of_run(group: vec3<u32>, lane: u32) -> u32 {
    let start = (group.y * 65535u + group.x) * WORKGROUP + lane / RUN * RUN;
    return start * PER_THREAD + lane % RUN;
}
