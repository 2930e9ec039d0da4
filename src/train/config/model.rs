//! A trained generator as its file describes it, and what may be asked of it.

use super::ConfigError;
use crate::data::{Direction, PairReading, Pixels, ReadOptions, ValueRange};
use crate::nn::{Fit, GeneratorConfig, TestNorm, TestTime};
use crate::tensor::DType;
use serde::{Deserialize, Serialize};

/// How a trained generator is built and used. It is in the metadata of every weight file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelConfig {
    /// The network.
    pub generator: GeneratorConfig,
    /// What the channels of its input mean.
    #[serde(default)]
    pub input: Pixels,
    /// What those of its output mean.
    #[serde(default)]
    pub output: Pixels,
    /// The direction that it was trained in. Files that say nothing of it have none.
    #[serde(default)]
    pub direction: Option<Direction>,
    /// The numbers of its input files that are black and white, if that was said.
    #[serde(default)]
    pub value_range: Option<ValueRange>,
    /// Those of its output.
    #[serde(default)]
    pub output_value_range: Option<ValueRange>,
    /// What fills missing values of input files.
    #[serde(default)]
    pub nodata: Option<f64>,
    /// The size that it was trained at. If pictures were used whole, it is only an example.
    pub size: u32,
    /// Whether images were resized to about this size, so that it is the one that the network
    /// knows.
    #[serde(default)]
    pub resized: bool,
    /// How images of other sizes go through it, unless something else is asked for.
    #[serde(default)]
    pub fit: Fit,
    /// How it is used, unless something else is asked for.
    #[serde(default)]
    pub test: TestTime,
    /// How weights and activations were stored when it was trained. The tensors in the file are
    /// f32.
    #[serde(default)]
    pub precision: DType,
}

impl ModelConfig {
    /// Most results for one image: more than anybody looks at.
    pub const MOST_SAMPLES: u32 = 1 << 16;

    /// The seeds of the results for one image. They count up from `first`, one for each of the
    /// `samples`. Without `samples` there is one result.
    ///
    /// # Errors
    /// A number of samples out of its range.
    pub fn seeds(first: u64, samples: Option<u32>) -> Result<Vec<u64>, ConfigError> {
        let samples = samples.unwrap_or(1);
        if !(1..=Self::MOST_SAMPLES).contains(&samples) {
            let most = Self::MOST_SAMPLES.into();
            return Err(ConfigError::range("samples", samples.into(), 1, most));
        }
        Ok((0..samples.into())
            .map(|sample| first.wrapping_add(sample))
            .collect())
    }

    /// Checks how many images are translated at once.
    ///
    /// # Errors
    /// A batch without images.
    pub fn check_batch(batch: usize) -> Result<(), ConfigError> {
        if batch > 0 {
            return Ok(());
        }
        Err(ConfigError::range("batch", 0, 1, u64::MAX))
    }

    /// Side of the squares that images of any size became for training, if that is known.
    pub fn trained_size(&self) -> Option<u32> {
        self.resized.then_some(self.size)
    }

    /// How its input files are read: with the value range and the filling of missing values that
    /// `asked` has, or else with the recorded ones.
    ///
    /// # Errors
    /// A filling outside of the range, or without a range.
    pub fn reading_as(&self, asked: PairReading) -> Result<ReadOptions, ConfigError> {
        let [input, _] = self.pair_reading(asked).sides(&self.input, &self.output)?;
        Ok(input)
    }

    /// The same, and how the files of targets are read.
    ///
    /// # Errors
    /// Those of [`ModelConfig::reading_as`], for either range.
    pub fn readings_as(&self, asked: PairReading) -> Result<[ReadOptions; 2], ConfigError> {
        let reading = PairReading {
            output_value_range: self.output_value_range,
            ..self.pair_reading(asked)
        };
        Ok(reading.sides(&self.input, &self.output)?)
    }

    fn pair_reading(&self, asked: PairReading) -> PairReading {
        // What fills missing values belongs to its range.
        let recorded = self.nodata.filter(|_| asked.value_range.is_none());
        PairReading {
            value_range: asked.value_range.or(self.value_range),
            output_value_range: None,
            nodata: asked.nodata.or(recorded),
            ..asked
        }
    }

    /// The fit that was `asked` for, else the recorded one.
    ///
    /// # Errors
    /// A fit that such a generator does not have.
    pub fn fit_as(&self, asked: Option<Fit>) -> Result<Fit, ConfigError> {
        match (asked, &self.generator) {
            (Some(Fit::Crop), GeneratorConfig::ResNet(_)) => Err(ConfigError::new(
                "fit",
                "`fit` crop is the U-Net's own rule",
                "this generator is a ResNet and takes `fit` pad",
            )),
            _ => Ok(asked.unwrap_or(self.fit)),
        }
    }

    /// How it is used: with the `norm` and the `dropout` that were asked for, or else as recorded.
    /// `sampled` says that several results for one image are wanted. These differ by dropout alone,
    /// so it switches dropout on.
    ///
    /// # Errors
    /// What such a generator cannot do.
    pub fn test_as(
        &self,
        norm: Option<TestNorm>,
        dropout: Option<bool>,
        sampled: bool,
    ) -> Result<TestTime, ConfigError> {
        if sampled && !self.generator.has_dropout() {
            return Err(ConfigError::new(
                "samples",
                "`samples` draws variants by dropout, and this generator has no dropout: all would \
                 be the same",
                format!("leave it out, or train {}", self.generator.dropout_remedy()),
            ));
        }
        if sampled && dropout == Some(false) {
            return Err(ConfigError::new(
                "samples",
                "`samples` draws variants by dropout, which is switched off: all would be the same",
                "leave one of the two out",
            ));
        }
        let test = TestTime {
            norm: norm.unwrap_or(self.test.norm),
            dropout: sampled || dropout.unwrap_or(self.test.dropout),
        };
        test.check(&self.generator)?;
        Ok(test)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::nn::{DropoutAt, Norm, UNetConfig, Upsample};

    fn model(norm: Norm, dropout: bool, test: TestTime) -> ModelConfig {
        let (dropout_at, upsample) = (DropoutAt::Pytorch, Upsample::Deconv);
        ModelConfig {
            generator: GeneratorConfig::UNet(UNetConfig {
                in_channels: 3,
                out_channels: 3,
                num_downs: 6,
                ngf: 2,
                norm,
                dropout,
                dropout_at,
                skips: true,
                upsample,
            }),
            input: Pixels::Rgb,
            output: Pixels::Rgb,
            direction: None,
            value_range: None,
            output_value_range: None,
            nodata: None,
            size: 64,
            resized: true,
            fit: Fit::Pad,
            test,
            precision: DType::F32,
        }
    }

    #[test]
    fn each_request_overrides_its_part_of_what_is_recorded() {
        for norm in [TestNorm::Image, TestNorm::Running] {
            for dropout in [false, true] {
                let recorded = TestTime { norm, dropout };
                let model = model(Norm::Batch, true, recorded);
                let with = |dropout| TestTime { norm, dropout };
                assert_eq!(model.test_as(None, None, false), Ok(recorded));
                assert_eq!(
                    model.test_as(Some(TestNorm::Batch), None, false),
                    Ok(TestTime {
                        norm: TestNorm::Batch,
                        dropout
                    })
                );
                assert_eq!(model.test_as(None, Some(true), false), Ok(with(true)));
                assert_eq!(model.test_as(None, Some(false), false), Ok(with(false)));
                assert_eq!(model.test_as(None, None, true), Ok(with(true)));
            }
        }
    }

    #[test]
    fn each_sample_has_a_seed_of_its_own() {
        assert_eq!(ModelConfig::seeds(5, None), Ok(vec![5]));
        assert_eq!(ModelConfig::seeds(5, Some(3)), Ok(vec![5, 6, 7]));
        assert_eq!(ModelConfig::seeds(u64::MAX, Some(2)), Ok(vec![u64::MAX, 0]));
        assert!(ModelConfig::seeds(0, Some(ModelConfig::MOST_SAMPLES)).is_ok());
        for samples in [0, ModelConfig::MOST_SAMPLES + 1] {
            let error = ModelConfig::seeds(0, Some(samples)).unwrap_err();
            assert_eq!(error.field, "samples");
            let said = format!("`samples` {samples} must lie between 1 and 65536");
            assert_eq!(error.to_string(), said);
        }
        assert_eq!(ModelConfig::check_batch(1), Ok(()));
        let error = ModelConfig::check_batch(0).unwrap_err();
        assert_eq!(error.to_string(), "`batch` 0 must be at least 1");
    }

    #[test]
    fn what_a_generator_lacks_is_refused_with_a_remedy() {
        let plain = TestTime::default();
        let instance = model(Norm::Instance, true, plain);
        let still = model(Norm::Batch, false, plain);
        for (refused, field, part) in [
            (
                instance.test_as(Some(TestNorm::Running), None, false),
                "test.norm",
                "use `test.norm` image",
            ),
            (
                still.test_as(None, Some(true), false),
                "test.dropout",
                "leave it off, or train with `dropout` true",
            ),
            (
                still.test_as(None, None, true),
                "samples",
                "all would be the same; leave it out, or train with `dropout` true",
            ),
            (
                model(Norm::Batch, true, plain).test_as(None, Some(false), true),
                "samples",
                "switched off",
            ),
        ] {
            let error = refused.unwrap_err();
            assert_eq!(error.field, field);
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
