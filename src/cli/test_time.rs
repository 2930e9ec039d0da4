//! How a trained generator is used, as `train` records it, and `translate` and `convert` override
//! it.

use super::{CliError, usage};
use crate::nn::{GeneratorConfig, TestNorm, TestTime};
use clap::Args;

/// What overrides the way of use that a model records.
#[derive(Debug, Clone, Args)]
pub struct TestTimeArgs {
    /// Where batch norm takes its statistics from [default: as the model says, else image]
    #[arg(long, value_enum, value_name = "MODE")]
    test_norm: Option<TestNorm>,
    /// Keep dropout on as in training: every seed gives another result
    /// [default: as the model says, else off]
    #[arg(long)]
    dropout: bool,
    /// Switch dropout off where the model leaves it on
    #[arg(long, conflicts_with = "dropout")]
    no_dropout: bool,
}

impl TestTimeArgs {
    /// Whether any is given.
    pub fn any(&self) -> bool {
        self.test_norm.is_some() || self.dropout || self.no_dropout
    }

    /// The way of use of a model of `generator` that records `recorded`; `sampled` switches dropout
    /// on as `--dropout` does.
    ///
    /// # Errors
    /// What such a generator cannot do.
    pub fn over(
        &self,
        recorded: TestTime,
        generator: &GeneratorConfig,
        sampled: bool,
    ) -> Result<TestTime, CliError> {
        if sampled && !generator.has_dropout() {
            let reason = "--samples draws variants by dropout, and this generator has no dropout: all would be the same; leave it out";
            return Err(usage(&format!(
                "{reason}, or train {}",
                generator.dropout_remedy()
            )));
        }
        let norm = self.test_norm.unwrap_or(recorded.norm);
        let test = TestTime {
            norm,
            dropout: self.dropout || sampled || recorded.dropout && !self.no_dropout,
        };
        test.refusal(generator)
            .map_or(Ok(test), |refusal| Err(usage(&refusal)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::nn::{DropoutAt, Norm, UNetConfig, Upsample};

    fn unet(norm: Norm, dropout: bool) -> GeneratorConfig {
        let (dropout_at, upsample) = (DropoutAt::Pytorch, Upsample::Deconv);
        GeneratorConfig::UNet(UNetConfig {
            in_channels: 3,
            out_channels: 3,
            num_downs: 6,
            ngf: 2,
            norm,
            dropout,
            dropout_at,
            skips: true,
            upsample,
        })
    }

    fn args(test_norm: Option<TestNorm>, [dropout, no_dropout]: [bool; 2]) -> TestTimeArgs {
        TestTimeArgs {
            test_norm,
            dropout,
            no_dropout,
        }
    }

    #[test]
    fn each_argument_overrides_its_part_of_what_is_recorded() {
        let generator = unet(Norm::Batch, true);
        for norm in [TestNorm::Image, TestNorm::Running] {
            for dropout in [false, true] {
                let recorded = TestTime { norm, dropout };
                let over =
                    |args: TestTimeArgs, sampled| args.over(recorded, &generator, sampled).unwrap();
                assert_eq!(over(args(None, [false; 2]), false), recorded);
                assert_eq!(
                    over(args(Some(TestNorm::Batch), [false; 2]), false),
                    TestTime {
                        norm: TestNorm::Batch,
                        dropout
                    }
                );
                assert_eq!(
                    over(args(None, [true, false]), false),
                    TestTime {
                        norm,
                        dropout: true
                    }
                );
                assert_eq!(
                    over(args(None, [false, true]), false),
                    TestTime {
                        norm,
                        dropout: false
                    }
                );
                assert_eq!(
                    over(args(None, [false; 2]), true),
                    TestTime {
                        norm,
                        dropout: true
                    }
                );
            }
        }
    }

    #[test]
    fn what_a_generator_lacks_is_refused_with_a_remedy() {
        let refusal = |args: TestTimeArgs, generator| {
            args.over(TestTime::default(), &generator, false)
                .unwrap_err()
                .to_string()
        };
        let running = refusal(
            args(Some(TestNorm::Running), [false; 2]),
            unet(Norm::Instance, true),
        );
        assert!(running.contains("use --test-norm image"), "{running}");
        let dropout = refusal(args(None, [true, false]), unet(Norm::Batch, false));
        assert!(
            dropout.contains("leave it off, or train without --no-dropout"),
            "{dropout}"
        );
    }
}
