//! How long a message takes: integer models, drawn from the message's own stream.

use std::fmt;

use crate::hash::Stream;
use crate::types::Nanos;

/// A model of delay in nanoseconds. Never negative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latency(Model);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Model {
    Constant(Nanos),
    /// `lowest` and the number of equally likely values from there.
    Uniform {
        lowest: Nanos,
        width: u64,
    },
    /// Quantiles at equal steps of probability, interpolated linearly.
    Table(Box<[Nanos]>),
    /// From each time on, its value.
    Series {
        times: Box<[Nanos]>,
        values: Box<[Nanos]>,
    },
}

/// Why a model was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LatencyError {
    Negative(Nanos),
    UpsideDown { lowest: Nanos, highest: Nanos },
    TooFewQuantiles(usize),
    FallingQuantiles { from: Nanos, to: Nanos },
    EmptySeries,
    UnequalSeries { times: usize, values: usize },
    TimesNotIncreasing { from: Nanos, to: Nanos },
}

impl fmt::Display for LatencyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Negative(ns) => {
                write!(f, "a latency of {ns} ns: a message cannot arrive before it is sent")
            }
            Self::UpsideDown { lowest, highest } => {
                write!(f, "uniform latency from {lowest} to {highest} ns: give the lower bound first")
            }
            Self::TooFewQuantiles(n) => write!(f, "latency table with {n} quantiles: give at least two"),
            Self::FallingQuantiles { from, to } => {
                write!(f, "latency table falls from {from} to {to} ns: quantiles must not fall")
            }
            Self::EmptySeries => {
                write!(f, "latency series without a value: give at least one time and value")
            }
            Self::UnequalSeries { times, values } => {
                write!(f, "latency series with {times} times and {values} values: give as many of each")
            }
            Self::TimesNotIncreasing { from, to } => {
                write!(f, "latency series goes from time {from} to {to} ns: times must increase")
            }
        }
    }
}

impl std::error::Error for LatencyError {}

fn not_negative(values: &[Nanos]) -> Result<(), LatencyError> {
    match values.iter().find(|&&ns| ns < 0) {
        Some(&ns) => Err(LatencyError::Negative(ns)),
        None => Ok(()),
    }
}

impl Latency {
    /// No delay at all: what a link has that nobody set.
    pub const ZERO: Self = Self(Model::Constant(0));

    pub fn constant(ns: Nanos) -> Result<Self, LatencyError> {
        not_negative(&[ns])?;
        Ok(Self(Model::Constant(ns)))
    }

    /// Every whole nanosecond from `lowest` to `highest`, both included, equally likely.
    pub fn uniform(lowest: Nanos, highest: Nanos) -> Result<Self, LatencyError> {
        not_negative(&[lowest, highest])?;
        if highest < lowest {
            return Err(LatencyError::UpsideDown { lowest, highest });
        }
        Ok(Self(Model::Uniform { lowest, width: (highest - lowest) as u64 + 1 }))
    }

    /// Quantiles at equal steps of probability; any distribution can be written so.
    pub fn table(quantiles: Vec<Nanos>) -> Result<Self, LatencyError> {
        if quantiles.len() < 2 {
            return Err(LatencyError::TooFewQuantiles(quantiles.len()));
        }
        not_negative(&quantiles)?;
        if let Some(pair) = quantiles.windows(2).find(|pair| pair[1] < pair[0]) {
            return Err(LatencyError::FallingQuantiles { from: pair[0], to: pair[1] });
        }
        Ok(Self(Model::Table(quantiles.into())))
    }

    /// A measured course: `values[i]` holds from `times[i]` on, and `values[0]` before that.
    pub fn series(times: Vec<Nanos>, values: Vec<Nanos>) -> Result<Self, LatencyError> {
        if times.len() != values.len() {
            return Err(LatencyError::UnequalSeries { times: times.len(), values: values.len() });
        }
        if times.is_empty() {
            return Err(LatencyError::EmptySeries);
        }
        not_negative(&values)?;
        if let Some(pair) = times.windows(2).find(|pair| pair[1] <= pair[0]) {
            return Err(LatencyError::TimesNotIncreasing { from: pair[0], to: pair[1] });
        }
        Ok(Self(Model::Series { times: times.into(), values: values.into() }))
    }

    /// The delay of a message sent at `time`. Constants and series draw nothing, the others once.
    #[inline]
    pub fn sample(&self, time: Nanos, stream: &mut Stream) -> Nanos {
        match &self.0 {
            Model::Constant(ns) => *ns,
            Model::Uniform { lowest, width } => lowest + stream.below(*width) as Nanos,
            Model::Table(quantiles) => interpolated(quantiles, stream.next_u64()),
            Model::Series { times, values } => {
                // How many times have come; before the first the first value holds.
                let come = times.partition_point(|&from| from <= time);
                values[come.saturating_sub(1)]
            }
        }
    }
}

/// The quantile at `u / 2^64`, between its neighbours by 32 bits of fraction.
fn interpolated(quantiles: &[Nanos], u: u64) -> Nanos {
    let steps = quantiles.len() as u128 - 1;
    let place = u128::from(u) * steps;
    let index = (place >> 64) as usize;
    let fraction = (place >> 32) & 0xffff_ffff;
    let rise = (quantiles[index + 1] - quantiles[index]) as u128;
    quantiles[index] + ((rise * fraction) >> 32) as Nanos
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream() -> Stream {
        Stream::named(7, &["entry", "agent", "venue"])
    }

    #[test]
    fn constant_and_series_leave_the_stream_alone() {
        let mut drawn = stream();
        let series = Latency::series(vec![10, 20], vec![3, 5]).unwrap();
        assert_eq!(Latency::constant(9).unwrap().sample(0, &mut drawn), 9);
        let course: Vec<Nanos> = [0, 10, 19, 20, 99].map(|time| series.sample(time, &mut drawn)).to_vec();
        assert_eq!(course, [3, 3, 3, 5, 5]);
        assert_eq!(drawn, stream());
    }

    #[test]
    fn uniform_reaches_both_ends_and_nothing_beyond() {
        let mut drawn = stream();
        let model = Latency::uniform(40, 43).unwrap();
        let mut seen = [0; 4];
        for _ in 0..400 {
            seen[(model.sample(0, &mut drawn) - 40) as usize] += 1;
        }
        assert!(seen.iter().all(|&n| n > 60), "{seen:?}");
        // The widest range must not overflow.
        let widest = Latency::uniform(0, Nanos::MAX).unwrap();
        assert!(widest.sample(0, &mut drawn) >= 0);
    }

    #[test]
    fn a_table_interpolates_between_its_quantiles() {
        let quantiles = [100, 200, 1_000];
        assert_eq!(interpolated(&quantiles, 0), 100);
        assert_eq!(interpolated(&quantiles, 1 << 62), 150);
        assert_eq!(interpolated(&quantiles, 1 << 63), 200);
        assert_eq!(interpolated(&quantiles, 3 << 62), 600);
        assert_eq!(interpolated(&quantiles, u64::MAX), 999);
        assert_eq!(interpolated(&[0, Nanos::MAX], u64::MAX) >> 32, Nanos::MAX >> 32);
    }

    #[test]
    fn one_draw_for_each_message_that_needs_one() {
        let (mut drawn, mut counted) = (stream(), stream());
        Latency::uniform(5, 5).unwrap().sample(0, &mut drawn);
        Latency::table(vec![1, 2]).unwrap().sample(0, &mut drawn);
        counted.next_u64();
        counted.next_u64();
        assert_eq!(drawn, counted);
    }

    #[test]
    fn wrong_models_are_refused_by_name() {
        let refused = [
            Latency::constant(-1),
            Latency::uniform(-3, 3),
            Latency::uniform(5, 4),
            Latency::table(vec![1]),
            Latency::table(vec![2, 1]),
            Latency::table(vec![-2, 1]),
            Latency::series(vec![], vec![]),
            Latency::series(vec![1], vec![1, 2]),
            Latency::series(vec![1, 1], vec![1, 2]),
            Latency::series(vec![1], vec![-1]),
        ];
        for model in refused {
            assert!(model.unwrap_err().to_string().contains("latency"));
        }
    }
}
