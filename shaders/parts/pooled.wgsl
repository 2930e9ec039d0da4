// What a pooled pixel is the mean of, along one axis: the pixels from 2 * i - 1 to 2 * i + 1 that a
// map of `large` pixels has. The pad does not count.
// parts: resample_params

// The first of them.
fn first_pooled(i: u32) -> u32 {
    return max(2u * i, 1u) - 1u;
}

// The last of them.
fn last_pooled(i: u32, large: u32) -> u32 {
    return min(2u * i + 1u, large - 1u);
}

// How many they are.
fn count_pooled(i: u32, large: u32) -> u32 {
    return last_pooled(i, large) + 1u - first_pooled(i);
}
