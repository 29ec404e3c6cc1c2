//! After a command: prints elect stops, one enters at a time, and pegs follow the touch.

use std::collections::VecDeque;

use super::accounts::Accounts;
use super::checks;
use super::listing::Listing;
use super::stop::Stop;
use super::writer::{Subject, Writer};
use crate::book::Extra;
use crate::event::{CancelReason, EventKind};
use crate::order::{NewOrder, OrderType};
use crate::types::{MAX_PRICE, Phase, Side, Ticks};

impl Listing {
    /// Carries out what a command has set off. `seen`: where the rows begin whose prints are to be looked at;
    /// `print`: one to look at first, if the listing trades.
    #[cold]
    #[inline(never)]
    pub fn settle(&mut self, seen: usize, print: Option<Ticks>, accounts: &Accounts, say: &mut Writer) {
        if !self.waiting.is_empty() || self.book.has_pegs() {
            let print = print.filter(|_| self.regime.phase == Phase::Continuous);
            self.follow(seen, print, accounts, say);
        }
        self.publish_indicative(say);
        if !self.regime.risk.is_empty() {
            self.regime.risk.follow(say.out, say.listing);
        }
        self.note_plain();
    }

    /// Prints elect stops, one enters at a time, and pegs follow the touch until nothing trades any more.
    fn follow(&mut self, mut seen: usize, print: Option<Ticks>, accounts: &Accounts, say: &mut Writer) {
        let mut elected = VecDeque::new();
        if let Some(price) = print {
            self.waiting.elect(price, &mut elected);
        }
        loop {
            while let Some(row) = say.out.get(seen) {
                seen += 1;
                let printed = matches!(row.kind, EventKind::Trade | EventKind::Print);
                if printed && row.listing == say.listing {
                    self.waiting.elect(row.price, &mut elected);
                }
            }
            if let Some(stop) = elected.pop_front() {
                self.trigger(&stop, accounts, say);
                continue;
            }
            let matches = say.numbers.next_match;
            if self.regime.phase == Phase::Continuous {
                self.reprice(accounts, say);
            }
            if say.numbers.next_match == matches {
                return;
            }
        }
    }

    /// A stop becomes the order that it stood for.
    pub(super) fn trigger(&mut self, stop: &Stop, accounts: &Accounts, say: &mut Writer) {
        say.triggered(stop);
        let order = NewOrder {
            id: stop.id,
            listing: say.listing,
            side: stop.side,
            order_type: if stop.order_type == OrderType::StopLimit {
                OrderType::Limit
            } else {
                OrderType::Market
            },
            tif: stop.tif,
            stp: stop.stp,
            post_only: false,
            price: self.price_of(stop),
            size: stop.size,
        };
        let unprotected = stop.protection_ticks.is_some() && order.price.is_none();
        let exempt = accounts.is_exempt(stop.id.agent);
        let enters = checks::entry(&self.spec, &self.book, &order, exempt, false)
            .and_then(|()| self.check_unpriced(&order));
        if unprotected || enters.is_err() {
            let of = Subject { price: order.price.unwrap_or(0), ..stop.subject() };
            return say.cancelled(&of, stop.size, CancelReason::NoLiquidity);
        }
        let extra = Extra { life: stop.life, ..Extra::NONE };
        self.act(&order, stop.size, extra, 0, accounts, say);
    }

    fn price_of(&self, stop: &Stop) -> Option<Ticks> {
        if let Some(ticks) = stop.protection_ticks {
            return self.protected(stop.side, ticks);
        }
        let Some(ticks) = stop.trigger_limit_ticks else { return stop.price };
        let at = stop.stop.expect("an elected stop has a price");
        let beyond = if stop.side == Side::Buy { at + ticks } else { at - ticks };
        Some(beyond.clamp(1, MAX_PRICE))
    }
}
