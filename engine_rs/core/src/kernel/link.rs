//! A line on which messages do not overtake each other.

use super::error::{Result, later};
use crate::hash::Stream;
use crate::latency::Latency;
use crate::types::Nanos;

/// One direction of a link, or one channel of market data: a stream of draws and the last arrival.
pub struct Line {
    stream: Stream,
    last_arrival: Nanos,
}

impl Line {
    pub fn new(seed: u64, names: &[&str]) -> Self {
        Self { stream: Stream::named(seed, names), last_arrival: 0 }
    }

    /// When a message sent at `time`, held up by `extra` on top of the model, arrives.
    #[inline]
    pub fn arrival(&mut self, model: &Latency, time: Nanos, extra: Nanos) -> Result<Nanos> {
        let drawn = later(time, model.sample(time, &mut self.stream))?;
        self.last_arrival = self.last_arrival.max(later(drawn, extra)?);
        Ok(self.last_arrival)
    }
}

/// An agent's two lines to a venue: orders in, reports back.
pub struct Link {
    pub entry_model: Latency,
    pub report_model: Latency,
    pub entry: Line,
    pub report: Line,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_message_never_arrives_earlier() {
        let mut line = Line::new(7, &["entry", "a", "v"]);
        let model = Latency::uniform(0, 1_000).unwrap();
        let arrivals: Vec<Nanos> = (0..200).map(|time| line.arrival(&model, time, 0).unwrap()).collect();
        assert!(arrivals.is_sorted());
        assert!(arrivals.windows(2).any(|pair| pair[0] == pair[1]), "some would have overtaken");
    }

    #[test]
    fn the_clock_does_not_wrap() {
        let mut line = Line::new(7, &["entry", "a", "v"]);
        let error = line.arrival(&Latency::constant(Nanos::MAX).unwrap(), 1, 0).unwrap_err();
        assert!(error.to_string().contains("64-bit clock"));
    }
}
