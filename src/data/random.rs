//! Counter-based random numbers: Philox 4x32 with 10 rounds (Salmon et al., "Parallel random
//! numbers: as easy as 1, 2, 3", SC 2011, section 3.3 and table 2).
//!
//! A draw is a function of a key and a counter and of nothing else, so there is no generator state
//! to save: a run that resumes at step `t` draws what an uninterrupted run would have drawn there.

/// Multipliers of the two lane products of a round.
const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
/// What is added to the two key words in each round (golden ratio and square root of 3, minus 1, as
/// 32-bit fractions).
const KEY_STEPS: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
const ROUNDS: usize = 10;

/// Four independent uniform 32-bit words for one key and counter.
pub fn philox4x32_10(key: [u32; 2], counter: [u32; 4]) -> [u32; 4] {
    let [mut k0, mut k1] = key;
    let [mut c0, mut c1, mut c2, mut c3] = counter;
    for _ in 0..ROUNDS {
        let (high0, low0) = wide_product(MULTIPLIERS[0], c0);
        let (high1, low1) = wide_product(MULTIPLIERS[1], c2);
        [c0, c1, c2, c3] = [high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0];
        k0 = k0.wrapping_add(KEY_STEPS[0]);
        k1 = k1.wrapping_add(KEY_STEPS[1]);
    }
    [c0, c1, c2, c3]
}

/// The (high, low) words of a 32 by 32 bit product.
fn wide_product(a: u32, b: u32) -> (u32, u32) {
    let product = u64::from(a) * u64::from(b);
    ((product >> 32) as u32, product as u32)
}

/// What a draw is for. Streams of one seed never overlap, so more draws in one stream change
/// nothing in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Stream {
    /// The order of the pairs in an epoch.
    Order = 1,
    /// Crop position and mirroring of a sample.
    Jitter = 2,
}

/// Four uniform words: draw `index` of `stream` under `seed`; `epoch` opens a fresh sequence (up to
/// 2^32 of them).
pub fn draw(seed: u64, stream: Stream, epoch: u32, index: u64) -> [u32; 4] {
    let key = [seed as u32, (seed >> 32) as u32];
    philox4x32_10(
        key,
        [index as u32, (index >> 32) as u32, epoch, stream as u32],
    )
}

/// Maps a uniform word to `0..bound` (0 for a bound of 0). The probabilities of two values differ
/// by less than `2^-32`.
pub fn below(word: u32, bound: u32) -> u32 {
    ((u64::from(word) * u64::from(bound)) >> 32) as u32
}

/// The seeded order of `0..count` in one epoch (Fisher and Yates's shuffle, from the back).
pub fn permutation(seed: u64, epoch: u32, count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        // Memory ends long before 2^32 pairs.
        let [word, ..] = draw(seed, Stream::Order, epoch, last as u64);
        order.swap(last, below(word, last as u32 + 1) as usize);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers that come with Random123 1.14 (`kat_vectors`, philox 4x32 10).
    #[test]
    fn philox_gives_the_published_known_answers() {
        let ones = u32::MAX;
        assert_eq!(
            philox4x32_10([0, 0], [0; 4]),
            [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]
        );
        assert_eq!(
            philox4x32_10([ones, ones], [ones; 4]),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );
        assert_eq!(
            philox4x32_10(
                [0xa409_3822, 0x299f_31d0],
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344]
            ),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn below_covers_its_range_and_nothing_else() {
        assert_eq!(below(u32::MAX, 31), 30);
        assert_eq!(below(0, 31), 0);
        assert_eq!(below(u32::MAX, 0), 0);
        let mut seen = [0u32; 31];
        for index in 0..31_000 {
            let [word, ..] = draw(7, Stream::Jitter, 0, index);
            seen[below(word, 31) as usize] += 1;
        }
        // 1000 expected in each, standard deviation 31: six of them is a failure in a billion.
        assert!(seen.iter().all(|&n| n.abs_diff(1000) < 190), "{seen:?}");
    }

    #[test]
    fn a_permutation_holds_every_index_once_and_depends_on_seed_and_epoch() {
        let order = permutation(42, 3, 100);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<_>>());
        assert_eq!(order, permutation(42, 3, 100));
        assert_ne!(order, permutation(42, 4, 100));
        assert_ne!(order, permutation(43, 3, 100));
        assert_eq!(permutation(1, 0, 0), Vec::<usize>::new());
        assert_eq!(permutation(1, 0, 1), vec![0]);
    }
}
