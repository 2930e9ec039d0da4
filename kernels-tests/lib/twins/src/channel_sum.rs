//! The twin of `shaders/channel_sum/`.

/// The sum of each channel over all pixels.
pub fn channel_sum(input: &[f64], channels: usize) -> Vec<f64> {
    let mut sums = vec![0.0; channels];
    for pixel in input.chunks(channels) {
        for (sum, value) in sums.iter_mut().zip(pixel) {
            *sum += value;
        }
    }
    sums
}
