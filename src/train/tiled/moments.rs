//! Mean and deviation of a layer's values over parts of an image.

/// Statistics of a layer's values, merged part by part. They are the number of values in a channel,
/// and for each channel the mean and the sum of squared deviations from it.
#[derive(Debug, Default)]
pub(super) struct Moments {
    count: f64,
    channels: Vec<[f64; 2]>,
}

impl Moments {
    /// Merges a part with `count` values in each channel. `part` holds the means, and then the
    /// inverse standard deviations. The method is that of Chan, Golub and LeVeque (1979), because
    /// sums of squares would lose digits. Each variance includes the epsilon that was added to it,
    /// and so does the merged one.
    pub(super) fn add(&mut self, count: usize, part: &[f32]) {
        let (means, inverse) = part.split_at(part.len() / 2);
        self.channels.resize(means.len(), [0.0; 2]);
        let count = count as f64;
        let all = self.count + count;
        for ([mean, squares], (&of_part, &inverse)) in
            self.channels.iter_mut().zip(means.iter().zip(inverse))
        {
            let off = f64::from(of_part) - *mean;
            *mean += off * count / all;
            *squares += count * f64::from(inverse).powi(-2) + off * off * self.count * count / all;
        }
        self.count = all;
    }

    /// Means and then inverse standard deviations of all parts together.
    pub(super) fn statistics(&self) -> Vec<f32> {
        let means = self.channels.iter().map(|[mean, _]| *mean as f32);
        means
            .chain(
                self.channels
                    .iter()
                    .map(|[_, squares]| (self.count / squares).sqrt() as f32),
            )
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Means and inverse standard deviations of two channels.
    fn statistics(values: &[[f64; 2]]) -> Vec<f32> {
        let count = values.len() as f64;
        let mean = |c: usize| values.iter().map(|v| v[c]).sum::<f64>() / count;
        let variance =
            |c: usize| values.iter().map(|v| (v[c] - mean(c)).powi(2)).sum::<f64>() / count;
        let inverse = |c: usize| 1.0 / (variance(c) + 1e-5).sqrt();
        [mean(0), mean(1), inverse(0), inverse(1)]
            .map(|value| value as f32)
            .to_vec()
    }

    #[test]
    fn statistics_of_parts_are_those_of_the_whole() {
        let value = |i: i32| (f64::from(i) * 0.7).sin() + f64::from(i) * 0.01;
        // The second channel lies far from 0 for its spread, which sums of squares would not
        // survive in 32 bits.
        let values: Vec<[f64; 2]> = (0..60).map(|i| [value(i), 300.0 + value(7 * i)]).collect();
        let mut moments = Moments::default();
        for part in [&values[..7], &values[7..9], &values[9..]] {
            moments.add(part.len(), &statistics(part));
        }
        // A part's means are rounded to 32 bits.
        for (merged, whole) in moments.statistics().iter().zip(statistics(&values)) {
            assert!(
                (merged - whole).abs() < 1e-5 * whole.abs(),
                "{merged} and {whole}"
            );
        }
        assert_eq!(
            moments.channels.len(),
            2,
            "what is kept does not grow with the parts"
        );
    }
}
