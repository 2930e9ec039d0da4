//! Whether this device's timestamps can be trusted. Two chains of operations whose work is known
//! show it.

use super::{Program, ProgramError, Store};
use crate::clock::Instant;
use crate::gpu::{DeviceClass, Gpu, Interval};
use crate::ops::Fill;
use crate::ops::elementwise::scale;
use crate::state::StateList;
use crate::tape::StepState;
use crate::tape::{Tape, TapeError, Var};
use crate::tensor::Shape;

/// What times kernels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clock {
    /// The device's stamps at the beginning and end of a pass.
    Timestamps,
    /// The host's clock around kernels that are launched several times in a row.
    Host {
        /// Why the device's stamps are not used.
        reason: String,
    },
}

/// Operations of a chain; each reads the result of the one before.
const LENGTH: usize = 16;
/// Pixels of the light chain, which has next to no work.
const LIGHT: usize = 64;

impl Clock {
    /// Tries the device's stamps on two chains of dependent operations, one light and one heavy.
    /// Stamps must come in order, the heavy chain must take longer, and no chain longer than the
    /// host's clock saw.
    ///
    /// # Errors
    /// What the device reports.
    pub async fn of(gpu: &Gpu) -> Result<Self, ProgramError> {
        if !gpu.profile().timestamps {
            return Ok(Self::Host {
                reason: "the device offers no timestamps, or they are switched off".to_owned(),
            });
        }
        // Milliseconds on either kind of device, which is long against the time of a submission.
        let heavy = if gpu.profile().class == DeviceClass::Cpu {
            1 << 17
        } else {
            1 << 21
        };
        let light = chain(gpu, LIGHT).await?;
        let heavy = chain(gpu, heavy).await?;
        Ok(match suspicion(&light.0, &heavy.0, heavy.1) {
            None => Self::Timestamps,
            Some(reason) => Self::Host { reason },
        })
    }
}

/// Stamps of a chain over `pixels` pixels of four channels, and the host's seconds for it.
async fn chain(gpu: &Gpu, pixels: usize) -> Result<(Vec<Interval>, f64), ProgramError> {
    let mut tape = Tape::default();
    let end = record_chain(&mut tape, pixels)?;
    let store = Store::new(gpu, StateList::default(), false)?;
    let program = Program::compile(gpu, &store, &tape, &[end])?;
    let step = StepState::new(0, 0, 0.0, [0.0; 2]);
    // One untimed run first: drivers compile a kernel at its first launch.
    program.run(gpu, &store, &step)?;
    gpu.wait().await?;
    let began = Instant::now();
    let intervals = program.stamp_operations(gpu, &store, &step).await?;
    Ok((
        intervals
            .into_iter()
            .map(|(_, interval)| interval)
            .collect(),
        began.elapsed().as_secs_f64(),
    ))
}

fn record_chain(tape: &mut Tape, pixels: usize) -> Result<Var, TapeError> {
    let mut value = tape.record(
        Fill {
            value: 1.0,
            shape: Shape::nhwc(1, 1, pixels, 4),
        },
        &[],
    )?;
    for _ in 1..LENGTH {
        value = scale(tape, value, 0.5)?;
    }
    Ok(value)
}

/// What is wrong with the stamps, if anything. `seconds` is the host's time for the heavy chain.
fn suspicion(light: &[Interval], heavy: &[Interval], seconds: f64) -> Option<String> {
    let sum = |chain: &[Interval]| chain.iter().map(Interval::seconds).sum::<f64>();
    let (short, long) = (sum(light), sum(heavy));
    if heavy.iter().any(|pass| pass.seconds() <= 0.0) {
        return Some("the driver leaves timestamps empty or in the wrong order".to_owned());
    }
    if heavy.windows(2).any(|pair| pair[1].begin < pair[0].end) {
        return Some("timestamps of passes that wait for each other overlap".to_owned());
    }
    if long < 2.0 * short {
        return Some(format!(
            "timestamps do not follow the work: {:.1} us for little, {:.1} us for much",
            short * 1e6,
            long * 1e6
        ));
    }
    if !(0.25 * seconds..=1.05 * seconds).contains(&long) {
        let [stamped, seen] = [long * 1e6, seconds * 1e6];
        return Some(format!(
            "timestamps contradict the host's clock: {stamped:.0} us where {seen:.0} us went by"
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(lengths: &[f64]) -> Vec<Interval> {
        let mut at = 0.0;
        lengths
            .iter()
            .map(|length| {
                at += length + 1.0;
                Interval {
                    begin: at - length,
                    end: at,
                }
            })
            .collect()
    }

    #[test]
    fn honest_stamps_are_believed_and_each_kind_of_lie_is_found() {
        let (light, heavy) = (passes(&[1.0, 1.0]), passes(&[40.0, 42.0]));
        assert_eq!(suspicion(&light, &heavy, 90.0), None);
        let found = |light: &[Interval], heavy: &[Interval], seconds| {
            suspicion(light, heavy, seconds).unwrap_or_default()
        };
        assert!(found(&light, &passes(&[0.0, 0.0]), 90.0).contains("empty"));
        assert!(found(&light, &passes(&[-3.0, 90.0]), 90.0).contains("wrong order"));
        let overlapping = [
            Interval {
                begin: 1.0,
                end: 40.0,
            },
            Interval {
                begin: 2.0,
                end: 42.0,
            },
        ];
        assert!(found(&light, &overlapping, 90.0).contains("overlap"));
        assert!(found(&light, &passes(&[1.0, 1.0]), 90.0).contains("do not follow"));
        assert!(found(&light, &heavy, 9000.0).contains("contradict"));
        assert!(found(&light, &heavy, 9.0).contains("contradict"));
    }
}
