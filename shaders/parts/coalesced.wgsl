// Which memory a thread of a streaming kernel takes.
//
// COALESCED neighbouring threads walk side by side through a range of memory of their own, so that
// their loads coalesce. On a GPU these are the workgroup, on a CPU adapter, which takes one
// subgroup after the other, the subgroup. A thread takes PER_THREAD columns, every COALESCED-th
// one.
// The shader declares WORKGROUP and PER_THREAD.

const COALESCED: u32 = 64u; // threads side by side
const_assert WORKGROUP % COALESCED == 0u;

fn first_coalesced(group: vec3<u32>, lane: u32) -> u32 {
    let start = (group.y * 65535u + group.x) * WORKGROUP + lane / COALESCED * COALESCED;
    return start * PER_THREAD + lane % COALESCED;
}
