//! How a listing trades, where that is not continuous price-time trading alone.

use super::listing::Listing;
use crate::book::{Cross, Cursor};
use crate::hash::Fnv;
use crate::types::{Phase, Ticks};

#[derive(Clone, Debug)]
pub(super) struct Regime {
    /// The listing's own.
    pub phase: Phase,
    /// Orders have been collected that no auction has matched yet.
    pub called: bool,
    /// Where the auction's price was found last, kept up to date with the book.
    pub cursor: Option<Cursor>,
    /// The indication that was published last in this call.
    pub published: Option<Cross>,
    /// The price that a volatility halt measures from: the last auction's, or one that the venue has named.
    pub static_price: Option<Ticks>,
}

impl Regime {
    /// Whether the listing trades continuously by price and time.
    pub fn is_plain(&self) -> bool {
        !self.collects()
    }

    /// Whether orders are collected for an auction: nothing matches when it comes in.
    #[inline]
    pub fn collects(&self) -> bool {
        self.phase.is_call()
    }
}

impl Default for Regime {
    fn default() -> Self {
        Self { phase: Phase::Continuous, called: false, cursor: None, published: None, static_price: None }
    }
}

impl Listing {
    /// Takes part in a phase of its venue.
    pub fn go_to(&mut self, phase: Phase) {
        self.regime.phase = phase;
        self.regime.cursor = None;
        if phase.is_call() {
            self.regime.called = true;
        } else {
            self.regime.published = None;
        }
        self.note_plain();
    }

    /// Covers what decides how the listing goes on trading; adds nothing while all of it is as at first.
    pub fn fold_regime(&self, hash: &mut Fnv) {
        let Regime { called, published, static_price, .. } = *self.regime;
        let told = published.unwrap_or(Cross { price: 0, volume: 0, surplus: 0 });
        let words = [
            u64::from(called),
            0,
            0,
            self.named_price.unwrap_or(0) as u64,
            static_price.unwrap_or(0) as u64,
            0,
            0,
            0,
            0,
            told.price as u64,
            told.volume as u64,
            told.surplus as u64,
        ];
        if words.iter().any(|&word| word != 0) {
            hash.words(&words);
            hash.word(self.last_print.unwrap_or(0) as u64);
        }
    }
}
