//! Market data: what the public may know of a venue, as numbered rows that rebuild its books.
//!
//! Nothing in a book or a venue calls this; a venue without subscribers pays nothing for it. After a command
//! the rows of its reports say which orders it touched, and the book says what is shown of them now. The
//! difference from what was shown before is published.

use super::Venue;
use crate::book::{Bbo, Quote, Register};
use crate::event::{Event, EventKind, FLAG_ONE_LISTING, FLAG_PRIORITY_KEPT};
use crate::types::{AgentId, ListingId, Lots, Nanos, OrderId, Side, Ticks};

closed_codes! {
    /// What a row of market data says.
    MarketDataKind {
        /// One side of the touch: price and lots, both 0 where the side is empty.
        Bbo = 1,
        /// A level: lots shown there now and by how many orders; 0 lots: it is gone.
        Level = 2,
        /// An order shows itself at the back of its level.
        Add = 3,
        /// An order shows less and keeps its place.
        Reduce = 4,
        Delete = 5,
        /// An order shows other lots or another price; unless flagged as kept, its place is at the back now.
        Modify = 6,
        /// A match, or a recorded trade: price, lots, the aggressor's side.
        Trade = 7,
        /// What an auction would come to: price, volume and surplus, all 0 while nothing would trade.
        Indicative = 8,
        /// The phase of the venue, or flagged, of the row's listing alone.
        Phase = 9,
        /// What follows restates everything as of this number; never a part of the stream itself.
        Snapshot = 10,
    }
}

/// Bit 0 of `flags` on a MODIFY: the order keeps its place.
pub const FLAG_PLACE_KEPT: u8 = FLAG_PRIORITY_KEPT;
/// Bit 0 of `flags` on a PHASE: of the row's listing alone.
pub const FLAG_OF_ONE: u8 = FLAG_ONE_LISTING;
/// Bit 1 of `flags`: the last row of its command. The books that a subscriber rebuilds are whole then.
pub const FLAG_LAST: u8 = 2;

/// One row; fields that a kind does not use are 0. The layout is the numpy `MARKET_DATA` dtype, 72 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct MarketDataRow {
    /// The venue's own count of these rows, from 1. A number left out is a row lost.
    pub seq: u64,
    pub time_ns: Nanos,
    pub price: Ticks,
    pub size: Lots,
    /// Of an indication: lots of buyers less those of sellers that would stay unmatched.
    pub surplus: Lots,
    pub match_id: u64,
    pub listing: ListingId,
    pub agent: AgentId,
    pub counter: u32,
    pub orders: u32,
    pub kind: MarketDataKind,
    pub side: Side,
    pub phase: u8,
    pub flags: u8,
}

impl MarketDataRow {
    const fn empty(kind: MarketDataKind) -> Self {
        Self {
            seq: 0,
            time_ns: 0,
            price: 0,
            size: 0,
            surplus: 0,
            match_id: 0,
            listing: 0,
            agent: 0,
            counter: 0,
            orders: 0,
            kind,
            side: Side::Buy,
            phase: 0,
            flags: 0,
        }
    }

    fn of_order(kind: MarketDataKind, listing: ListingId, id: OrderId, side: Side, shown: Quote) -> Self {
        let OrderId { agent, counter } = id;
        let Quote { price, lots: size } = shown;
        Self { price, size, listing, agent, counter, side, ..Self::empty(kind) }
    }

    pub const fn id(&self) -> OrderId {
        OrderId::new(self.agent, self.counter)
    }
}

/// What of a listing is published; trades and phases come with any of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Channels {
    pub bbo: bool,
    pub l2: bool,
    pub l3: bool,
}

/// An order as the public knows it.
#[derive(Clone, Copy, Debug)]
struct Seen {
    side: Side,
    shown: Quote,
    /// Number of the touch that counts, 0 for none in this command.
    touch: usize,
    to_the_back: bool,
}

/// One listing's subscribers have seen this.
#[derive(Clone, Debug)]
struct Published {
    channels: Channels,
    orders: Register<Seen>,
    bbo: Bbo,
    touched: bool,
}

/// A change of a level's sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Moved {
    listing: ListingId,
    side: Side,
    price: Ticks,
    lots: Lots,
    orders: i32,
}

/// The market data of one venue.
#[derive(Clone, Debug, Default)]
pub struct MarketData {
    listings: Vec<Option<Published>>,
    /// Rows numbered so far.
    seq: u64,
    time_ns: Nanos,
    rows: Vec<MarketDataRow>,
    // Of the command at hand; kept so that no command allocates.
    touched: Vec<(ListingId, OrderId)>,
    moved: Vec<Moved>,
}

impl MarketData {
    /// Publishes these channels of a listing from now on; none of them ends it. Who subscribes takes a
    /// `snapshot` first.
    pub fn set(&mut self, venue: &Venue, listing: ListingId, channels: Channels) {
        let needed = (listing as usize + 1).max(self.listings.len());
        self.listings.resize_with(needed, || None);
        self.listings[listing as usize] = (channels != Channels::default()).then(|| {
            let (book, mut orders) = (venue.book(listing), Register::new());
            for side in Side::BOTH {
                for (id, shown) in book.shown_orders(side) {
                    orders.set(id, Seen { side, shown, touch: 0, to_the_back: false });
                }
            }
            Published { channels, orders, bbo: book.bbo(), touched: false }
        });
    }

    /// Whether anything is published at all.
    pub fn is_on(&self) -> bool {
        self.listings.iter().any(Option::is_some)
    }

    /// Publishes what one command did. `rows` are all of its rows, and no later command has changed the venue.
    pub fn observe(&mut self, venue: &Venue, rows: &[Event]) {
        let first = self.rows.len();
        for row in rows {
            self.time_ns = row.time_ns;
            match row.kind {
                EventKind::Trade | EventKind::Print => self.trade(row),
                EventKind::Indicative => self.indicative(row),
                EventKind::Phase => self.phase(row),
                kind if kind.is_report() && !kind.is_reject() => self.touch(row),
                _ => (),
            }
        }
        self.orders(venue);
        self.levels(venue);
        self.bbos(venue);
        if self.rows.len() > first {
            self.rows.last_mut().expect("there are more than before").flags |= FLAG_LAST;
        }
    }

    /// The rows since the last call.
    pub fn take(&mut self) -> std::vec::Drain<'_, MarketDataRow> {
        self.rows.drain(..)
    }

    /// The rows that wait to be taken.
    pub fn rows(&self) -> &[MarketDataRow] {
        &self.rows
    }

    /// Everything a late subscriber must know to apply the rows after number `seq`, which all of it carries.
    pub fn snapshot(&self, venue: &Venue) -> Vec<MarketDataRow> {
        use MarketDataKind::{Add, Level, Snapshot};
        let phase = venue.phase().code();
        let mut rows = vec![MarketDataRow { phase, ..MarketDataRow::empty(Snapshot) }];
        for (listing, published) in (0..).zip(&self.listings) {
            let Some(Published { channels, .. }) = published else { continue };
            let book = venue.book(listing);
            let own = venue.listing_phase(listing);
            if own != venue.phase() {
                let empty = MarketDataRow::empty(MarketDataKind::Phase);
                rows.push(MarketDataRow { listing, phase: own.code(), flags: FLAG_OF_ONE, ..empty });
            }
            if own.is_call() {
                let cross = venue.indicative(listing);
                let (price, size, surplus) =
                    cross.map_or((0, 0, 0), |cross| (cross.price, cross.volume, cross.surplus));
                let empty = MarketDataRow::empty(MarketDataKind::Indicative);
                rows.push(MarketDataRow { price, size, surplus, listing, ..empty });
            }
            for side in Side::BOTH.into_iter().filter(|_| channels.l3) {
                let orders = book.shown_orders(side);
                rows.extend(orders.map(|(id, shown)| MarketDataRow::of_order(Add, listing, id, side, shown)));
            }
            for side in Side::BOTH.into_iter().filter(|_| channels.l2) {
                rows.extend(book.levels(side).map(|level| MarketDataRow {
                    listing,
                    side,
                    price: level.price,
                    size: level.lots,
                    orders: level.orders,
                    ..MarketDataRow::empty(Level)
                }));
            }
            for side in Side::BOTH.into_iter().filter(|_| channels.bbo) {
                rows.extend(book.best(side).map(|best| touch_row(listing, side, Some(best))));
            }
        }
        for row in &mut rows {
            (row.seq, row.time_ns) = (self.seq, self.time_ns);
        }
        rows.last_mut().expect("it begins with one").flags |= FLAG_LAST;
        rows
    }

    fn push(&mut self, row: MarketDataRow) {
        self.seq += 1;
        self.rows.push(MarketDataRow { seq: self.seq, time_ns: self.time_ns, ..row });
    }

    fn published(&mut self, listing: ListingId) -> Option<&mut Published> {
        self.listings.get_mut(listing as usize)?.as_mut()
    }

    fn trade(&mut self, row: &Event) {
        if self.published(row.listing).is_some() {
            let &Event { price, size, match_id, listing, side, .. } = row;
            let empty = MarketDataRow::empty(MarketDataKind::Trade);
            self.push(MarketDataRow { price, size, match_id, listing, side, ..empty });
        }
    }

    fn phase(&mut self, row: &Event) {
        let of_one = row.flags & FLAG_ONE_LISTING;
        let heard = if of_one == 0 { self.is_on() } else { self.published(row.listing).is_some() };
        if heard {
            let listing = if of_one == 0 { 0 } else { row.listing };
            let empty = MarketDataRow::empty(MarketDataKind::Phase);
            self.push(MarketDataRow { listing, phase: row.reason, flags: of_one, ..empty });
        }
    }

    fn indicative(&mut self, row: &Event) {
        if self.published(row.listing).is_some() {
            let &Event { price, size, leaves: surplus, listing, .. } = row;
            let empty = MarketDataRow::empty(MarketDataKind::Indicative);
            self.push(MarketDataRow { price, size, surplus, listing, ..empty });
        }
    }

    /// Notes that the row's order may be shown otherwise now. Orders that went to the back did so in the
    /// order of the last rows that say so, and are published in that order.
    fn touch(&mut self, row: &Event) {
        let (touch, id) = (self.touched.len() + 1, row.id());
        let Some(published) = self.published(row.listing) else { return };
        published.touched = true;
        if !(published.channels.l2 || published.channels.l3) {
            return;
        }
        let nothing = Quote { price: 0, lots: 0 };
        let unseen = Seen { side: row.side, shown: nothing, touch: 0, to_the_back: false };
        let seen = published.orders.entry(id, unseen);
        let to_the_back = loses_place(row);
        if to_the_back || seen.touch == 0 {
            seen.touch = touch;
            seen.to_the_back |= to_the_back;
            self.touched.push((row.listing, id));
        }
    }

    fn orders(&mut self, venue: &Venue) {
        for place in 0..self.touched.len() {
            let (listing, id) = self.touched[place];
            let Some(published) = self.published(listing) else { continue };
            let Some(&before) = published.orders.get(id).filter(|seen| seen.touch == place + 1) else {
                continue;
            };
            let now = venue.book(listing).shown(id);
            match now {
                Some((side, shown)) => {
                    let seen = Seen { side, shown, touch: 0, to_the_back: false };
                    published.orders.set(id, seen);
                }
                None => published.orders.remove(id),
            }
            let l3 = published.channels.l3;
            if let Some(row) = difference(listing, id, &before, now).filter(|_| l3) {
                self.push(row);
            }
            self.shift(listing, before.side, before.shown, -1);
            if let Some((side, shown)) = now {
                self.shift(listing, side, shown, 1);
            }
        }
        self.touched.clear();
    }

    fn shift(&mut self, listing: ListingId, side: Side, shown: Quote, sign: i32) {
        if shown.lots > 0 {
            let lots = Lots::from(sign) * shown.lots;
            self.moved.push(Moved { listing, side, price: shown.price, lots, orders: sign });
        }
    }

    /// Publishes every level whose sums are not what they were.
    fn levels(&mut self, venue: &Venue) {
        self.moved.sort_unstable();
        let mut from = 0;
        while let Some(&Moved { listing, side, price, .. }) = self.moved.get(from) {
            let same = |moved: &&Moved| (moved.listing, moved.side, moved.price) == (listing, side, price);
            let (mut lots, mut orders, start) = (0, 0, from);
            for moved in self.moved[start..].iter().take_while(same) {
                (lots, orders, from) = (lots + moved.lots, orders + moved.orders, from + 1);
            }
            let l2 = self.published(listing).is_some_and(|published| published.channels.l2);
            if l2 && (lots, orders) != (0, 0) {
                let level = venue.book(listing).level(side, price);
                let empty = MarketDataRow::empty(MarketDataKind::Level);
                let (size, orders) = (level.lots, level.orders);
                self.push(MarketDataRow { listing, side, price, size, orders, ..empty });
            }
        }
        self.moved.clear();
    }

    fn bbos(&mut self, venue: &Venue) {
        for listing in 0..self.listings.len() as ListingId {
            let Some(published) = self.published(listing).filter(|published| published.touched) else {
                continue;
            };
            published.touched = false;
            let now = venue.book(listing).bbo();
            let before = std::mem::replace(&mut published.bbo, now);
            if published.channels.bbo {
                for (side, before, now) in
                    [(Side::Buy, before.bid, now.bid), (Side::Sell, before.ask, now.ask)]
                {
                    if before != now {
                        self.push(touch_row(listing, side, now));
                    }
                }
            }
        }
    }
}

fn loses_place(row: &Event) -> bool {
    match row.kind {
        EventKind::Accepted | EventKind::Triggered | EventKind::Refreshed | EventKind::Repriced => true,
        EventKind::Replaced => row.flags & FLAG_PRIORITY_KEPT == 0,
        _ => false,
    }
}

fn touch_row(listing: ListingId, side: Side, best: Option<Quote>) -> MarketDataRow {
    let Quote { price, lots: size } = best.unwrap_or(Quote { price: 0, lots: 0 });
    MarketDataRow { listing, side, price, size, ..MarketDataRow::empty(MarketDataKind::Bbo) }
}

/// The row that tells the public how an order changed, if it did.
fn difference(
    listing: ListingId,
    id: OrderId,
    before: &Seen,
    now: Option<(Side, Quote)>,
) -> Option<MarketDataRow> {
    use MarketDataKind::{Add, Delete, Modify, Reduce};
    let row = |kind, side, shown| MarketDataRow::of_order(kind, listing, id, side, shown);
    let was_shown = before.shown.lots > 0;
    let Some((side, shown)) = now else {
        let last = Quote { lots: 0, ..before.shown };
        return was_shown.then(|| row(Delete, before.side, last));
    };
    if !was_shown {
        return Some(row(Add, side, shown));
    }
    if before.to_the_back || shown.price != before.shown.price {
        return Some(row(Modify, side, shown));
    }
    match shown.lots - before.shown.lots {
        0 => None,
        ..0 => Some(row(Reduce, side, shown)),
        _ => Some(MarketDataRow { flags: FLAG_PLACE_KEPT, ..row(Modify, side, shown) }),
    }
}

const _: () = assert!(size_of::<MarketDataRow>() == 72, "the row is 72 bytes in numpy too");
