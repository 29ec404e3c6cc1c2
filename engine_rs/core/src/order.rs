//! Commands: what an agent can ask of a venue.

use crate::hash::Fnv;
use crate::types::{ListingId, Lots, Nanos, OrderId, Side, Ticks};

closed_codes! {
    /// How an order is priced. A market order's price is its protection: it never trades beyond it.
    OrderType {
        Limit = 0,
        Market = 1,
        /// Takes the best opposite price as its limit when it comes in.
        MarketToLimit = 2,
        /// Waits for a print, then is a market order.
        Stop = 3,
        StopLimit = 4,
        /// A stop that follows the best print since it came in.
        TrailingStop = 5,
    }
}

closed_codes! {
    /// How long an order lives: until cancelled, for one match, whole or not at all, to the end of the
    /// session, or to a stated time.
    TimeInForce { Gtc = 0, Ioc = 1, Fok = 2, Day = 3, Gtd = 4 }
}

impl OrderType {
    /// Whether it waits for a print.
    #[inline]
    pub const fn is_stop(self) -> bool {
        matches!(self, Self::Stop | Self::StopLimit | Self::TrailingStop)
    }
}

impl TimeInForce {
    /// Whether what does not trade at once may wait in the book.
    #[inline]
    pub const fn may_rest(self) -> bool {
        matches!(self, Self::Gtc | Self::Day | Self::Gtd)
    }
}

closed_codes! {
    /// What happens when an order meets one of its own owner. The incoming order's mode rules.
    SelfTradePrevention {
        /// They trade.
        None = 0,
        /// The incoming order's remainder is cancelled.
        Newest = 1,
        /// They pass each other. Only the external participant does so: its two accounts are one market.
        Pass = 2,
        /// The resting order is cancelled and the incoming one goes on.
        Oldest = 3,
        /// Both are cancelled.
        Both = 4,
        /// Both lose the lots of the smaller one.
        Decrement = 5,
    }
}

impl SelfTradePrevention {
    /// Whether it leaves resting orders as they are.
    #[inline]
    pub const fn is_plain(self) -> bool {
        self as u8 <= Self::Pass as u8
    }
}

/// A new order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewOrder {
    pub id: OrderId,
    pub listing: ListingId,
    pub side: Side,
    pub order_type: OrderType,
    pub tif: TimeInForce,
    pub stp: SelfTradePrevention,
    pub post_only: bool,
    pub price: Option<Ticks>,
    pub size: Lots,
}

impl NewOrder {
    /// Whether plain matching knows all about it: a limit or market order without an end, whose self-trade
    /// prevention changes no resting order.
    #[inline]
    pub const fn is_plain(&self) -> bool {
        // One branch for all three.
        (self.order_type as u8 <= OrderType::Market as u8)
            & (self.tif as u8 <= TimeInForce::Fok as u8)
            & self.stp.is_plain()
    }

    /// A plain GTC limit order that does not trade with its owner; change fields from here.
    pub const fn limit(id: OrderId, listing: ListingId, side: Side, price: Ticks, size: Lots) -> Self {
        Self {
            id,
            listing,
            side,
            order_type: OrderType::Limit,
            tif: TimeInForce::Gtc,
            stp: SelfTradePrevention::Newest,
            post_only: false,
            price: Some(price),
            size,
        }
    }
}

/// A command as it reaches a venue; `listing` is the venue's own number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    New(NewOrder),
    Cancel {
        id: OrderId,
        listing: ListingId,
    },
    /// `size` is the new total: what has been executed counts towards it.
    Replace {
        id: OrderId,
        listing: ListingId,
        price: Ticks,
        size: Lots,
    },
}

impl Command {
    #[inline]
    pub const fn id(&self) -> OrderId {
        match self {
            Command::New(order) => order.id,
            Command::Cancel { id, .. } | Command::Replace { id, .. } => *id,
        }
    }

    #[inline]
    pub const fn listing(&self) -> ListingId {
        match self {
            Command::New(order) => order.listing,
            Command::Cancel { listing, .. } | Command::Replace { listing, .. } => *listing,
        }
    }

    /// Folds the accepted command into the event log: `agent` is the hash of the agent's name and
    /// `listing` the kernel's number, so that the log does not depend on a venue's numbering.
    pub fn fold(&self, log: &mut Fnv, agent: u64, listing: ListingId, time_ns: Nanos) {
        let counter = u64::from(self.id().counter);
        let listing = u64::from(listing);
        let time = time_ns as u64;
        match self {
            Command::New(order) => log.words(&[
                20 | u64::from(order.side.code()) << 8
                    | u64::from(order.order_type.code()) << 16
                    | u64::from(order.tif.code()) << 24
                    | u64::from(order.stp.code()) << 32
                    | u64::from(order.post_only) << 40,
                agent,
                counter,
                listing,
                order.price.unwrap_or(0) as u64,
                order.size as u64,
                u64::from(order.price.is_some()),
                time,
            ]),
            Command::Cancel { .. } => log.words(&[21, agent, counter, listing, time]),
            Command::Replace { price, size, .. } => {
                log.words(&[22, agent, counter, listing, *price as u64, *size as u64, time]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(command: &Command) -> u64 {
        let mut log = Fnv::new();
        command.fold(&mut log, 7, 3, 11);
        log.value()
    }

    #[test]
    fn every_field_of_a_new_order_reaches_the_log() {
        let order = NewOrder::limit(OrderId::new(5, 1), 0, Side::Buy, 10, 4);
        let variants = [
            order,
            NewOrder { id: OrderId::new(5, 2), ..order },
            NewOrder { side: Side::Sell, ..order },
            NewOrder { order_type: OrderType::Market, ..order },
            NewOrder { tif: TimeInForce::Fok, ..order },
            NewOrder { stp: SelfTradePrevention::Pass, ..order },
            NewOrder { post_only: true, ..order },
            NewOrder { price: None, ..order },
            NewOrder { price: Some(0), ..order },
            NewOrder { size: 5, ..order },
        ];
        let mut hashes: Vec<u64> = variants.map(|order| folded(&Command::New(order))).to_vec();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), variants.len());
    }

    #[test]
    fn a_cancel_folds_five_words() {
        let mut expected = Fnv::new();
        expected.words(&[21, 7, 9, 3, 11]);
        assert_eq!(folded(&Command::Cancel { id: OrderId::new(5, 9), listing: 0 }), expected.value());
    }
}
