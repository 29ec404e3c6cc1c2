//! In the steady state no message allocates: not in the book, and not where it is published.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use market_core::hash::Stream;
use market_core::order::NewOrder;
use market_core::types::{OrderId, Side};
use market_core::venue::{Channels, ListingSpec, MarketData, Venue};

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is handed on to the system's allocator as it came; counting touches no memory of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations during so many messages around a steady number of live orders.
fn allocations(messages: u32, venue: &mut Venue, data: &mut MarketData, draws: &mut Stream) -> u64 {
    let mut rows = Vec::with_capacity(4_096);
    let before = COUNT.with(Cell::get);
    for _ in 0..messages {
        rows.clear();
        let counter = draws.below(400) as u32;
        let agent = 5 + counter % 7;
        let id = OrderId::new(agent, counter);
        match draws.below(5) {
            0..3 => {
                let side = Side::BOTH[draws.below(2) as usize];
                let price = 1_000 + draws.below(60) as i64;
                let order = NewOrder::limit(id, 0, side, price, 1 + draws.below(9) as i64);
                venue.new_order(1, &order, &mut rows);
            }
            3 => venue.cancel(1, 0, id, &mut rows),
            _ => venue.replace(1, 0, id, 1_000 + draws.below(60) as i64, 5, &mut rows),
        }
        data.observe(venue, &rows);
        data.take();
    }
    COUNT.with(Cell::get) - before
}

#[test]
fn no_message_allocates_in_the_steady_state() {
    for channels in [Channels::default(), Channels { bbo: true, l2: true, l3: true }] {
        let mut venue = Venue::new();
        venue.add_listing(ListingSpec::new(1, 1, 0, 0, 0).unwrap());
        let (mut data, mut draws) = (MarketData::default(), Stream::named(1, &["allocation"]));
        data.set(&venue, 0, channels);
        let at_first = allocations(40_000, &mut venue, &mut data, &mut draws);
        assert!(at_first > 0, "the counter counts");
        assert_eq!(allocations(40_000, &mut venue, &mut data, &mut draws), 0);
    }
}
