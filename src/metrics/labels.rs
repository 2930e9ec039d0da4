//! Scores of label maps: the paper's table of photo → labels (section 4.4, as FCN defines them).

/// How often each label was painted where each other one was right: `[target][output]` pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confusion {
    labels: usize,
    counts: Vec<u64>,
}

impl Confusion {
    /// Of so many labels, nothing counted.
    pub fn new(labels: usize) -> Self {
        Self {
            labels,
            counts: vec![0; labels * labels],
        }
    }

    /// How many labels there are.
    pub fn labels(&self) -> usize {
        self.labels
    }

    /// Counts the pixels of one map, as numbers of labels in the order of rows. A number that is no
    /// label, and pixels beyond the shorter map, are not counted. Returns how many were counted.
    pub fn add(&mut self, output: &[u8], target: &[u8]) -> usize {
        let pairs = output.iter().zip(target);
        let pairs = pairs.map(|(&output, &target)| (usize::from(output), usize::from(target)));
        let known = pairs.filter(|&(output, target)| output.max(target) < self.labels);
        let mut counted = 0;
        for (output, target) in known {
            self.counts[target * self.labels + output] += 1;
            counted += 1;
        }
        counted
    }

    /// Adds what another one counted of the same labels.
    pub fn merge(&mut self, other: &Self) {
        (self.counts.iter_mut().zip(&other.counts)).for_each(|(sum, count)| *sum += count);
    }

    /// Pixels whose label is `target` and was painted as `output`.
    pub fn count(&self, target: usize, output: usize) -> u64 {
        self.counts
            .get(target * self.labels + output)
            .copied()
            .unwrap_or(0)
    }

    /// The share of pixels that have their right label. `None` if nothing was counted.
    pub fn pixel_accuracy(&self) -> Option<f64> {
        let right = (0..self.labels).map(|label| self.count(label, label)).sum();
        share(right, self.counts.iter().sum())
    }

    /// Of each label the share of its pixels that were painted so. `None` for a label that no
    /// target has.
    pub fn class_accuracies(&self) -> Vec<Option<f64>> {
        let of = |label| share(self.count(label, label), self.targets(label));
        (0..self.labels).map(of).collect()
    }

    /// Of each label the pixels that both have over those that either has (intersection over
    /// union). `None` for a label that neither has.
    pub fn class_ious(&self) -> Vec<Option<f64>> {
        let of = |label| {
            let both = self.count(label, label);
            share(both, self.targets(label) + self.outputs(label) - both)
        };
        (0..self.labels).map(of).collect()
    }

    fn targets(&self, label: usize) -> u64 {
        (0..self.labels)
            .map(|output| self.count(label, output))
            .sum()
    }

    fn outputs(&self, label: usize) -> u64 {
        (0..self.labels)
            .map(|target| self.count(target, label))
            .sum()
    }
}

/// The mean of those that are there, as the paper's "per-class accuracy" and "class IoU".
pub fn class_mean(scores: &[Option<f64>]) -> Option<f64> {
    let there: Vec<f64> = scores.iter().flatten().copied().collect();
    (!there.is_empty()).then(|| there.iter().sum::<f64>() / there.len() as f64)
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
