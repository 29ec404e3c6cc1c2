//! Recorded flow among agents: whom it reaches, how far queues move, what comes back.

mod kit;

use kit::{Market, NORTH, filled};
use market_core::kernel::{News, Notice};
use market_core::types::{EXTERNAL_BOOK, Lots, Side, Ticks};

use Side::{Buy, Sell};

/// A recorded market with one agent in it.
fn recorded(proportional: bool) -> (Market, i64) {
    let mut market = Market::new(false);
    let ann = market.agent("ann");
    market.kernel.add_external(NORTH, proportional).unwrap();
    market.kernel.subscribe(ann, NORTH, true, true, 0).unwrap();
    (market.start(), ann)
}

/// A price and its lots, if there is one.
type Level = Option<(Ticks, Lots)>;

fn touch(market: &Market) -> (Level, Level) {
    let bbo = market.kernel.external_bbo(NORTH).unwrap();
    (bbo.bid.map(|quote| (quote.price, quote.lots)), bbo.ask.map(|quote| (quote.price, quote.lots)))
}

fn ahead(market: &Market, agent: i64, counter: i64) -> Option<Lots> {
    market.kernel.queue_ahead(agent, counter)
}

fn prints(notices: &[Notice]) -> Vec<(Lots, bool)> {
    let trades = notices.iter().filter_map(|notice| match notice.news {
        News::Trade { print, .. } => Some((print.size, print.match_id == 0)),
        _ => None,
    });
    trades.collect()
}

#[test]
fn the_participant_stands_where_the_record_stands() {
    let (mut market, _) = recorded(false);
    market.snapshot(1, &[(Buy, 99, 10), (Buy, 98, 4), (Sell, 101, 7)]);
    assert_eq!(touch(&market), (Some((99, 10)), Some((101, 7))));
    market.depth(2, None, &[(Buy, 99, 0), (Sell, 101, 9), (Sell, 100, 3), (Sell, 100, 2)]);
    assert_eq!(touch(&market), (Some((98, 4)), Some((100, 2))), "the last of two mentions counts");
    market.snapshot(3, &[(Buy, 97, 1)]);
    assert_eq!(touch(&market), (Some((97, 1)), None));
    market.assert_balanced();
}

#[test]
fn an_agent_ahead_trades_and_an_agent_behind_waits() {
    let (mut market, ann) = recorded(false);
    market.snapshot(1, &[(Sell, 101, 10)]);
    let behind = market.sell(ann, 101, 4);
    market.settle();
    assert_eq!(ahead(&market, ann, behind), Some(10));
    let notices = market.trade(2, Buy, 101, 6);
    assert_eq!((filled(&notices, ann), prints(&notices)), (0, vec![(6, true)]));
    assert_eq!(ahead(&market, ann, behind), Some(4));
    // The rest of the recorded queue and three lots more: those reach her.
    let notices = market.trade(3, Buy, 101, 7);
    assert_eq!((filled(&notices, ann), prints(&notices)), (3, vec![(3, false), (4, true)]));
    market.assert_balanced();
}

#[test]
fn an_agent_quoting_better_is_met_first() {
    let (mut market, ann) = recorded(false);
    market.snapshot(1, &[(Buy, 99, 10)]);
    market.buy(ann, 100, 4);
    market.settle();
    let notices = market.trade(2, Sell, 99, 6);
    assert_eq!((filled(&notices, ann), prints(&notices)), (4, vec![(4, false), (2, true)]));
    assert_eq!(market.kernel.external_stats(NORTH).unwrap().lots_traded, 4);
}

#[test]
fn a_trade_beyond_an_agents_price_leaves_it_alone() {
    let (mut market, ann) = recorded(false);
    market.snapshot(1, &[(Buy, 99, 10)]);
    market.buy(ann, 98, 4);
    market.settle();
    assert_eq!(filled(&market.trade(2, Sell, 99, 50), ann), 0);
}

/// A recorded trade of 6 at the front of 10, and the depth change that reflects it.
fn trade_and_depth(trade_first: bool) -> (Vec<(u32, Lots)>, Option<Lots>) {
    let (mut market, ann) = recorded(false);
    market.snapshot(1, &[(Sell, 101, 10)]);
    let counter = market.sell(ann, 101, 4);
    market.settle();
    market.depth(2, Some(2), &[(Sell, 101, 15)]);
    let steps: [&dyn Fn(&mut Market); 2] = [
        &|market| {
            market.stamped_trade(3, Some(3), Buy, 101, 6);
        },
        &|market| market.depth(3, Some(3), &[(Sell, 101, 9)]),
    ];
    let order = if trade_first { [0, 1] } else { [1, 0] };
    for step in order {
        steps[step](&mut market);
    }
    (market.queue(Sell, 101), ahead(&market, ann, counter))
}

#[test]
fn a_trade_and_its_depth_change_advance_a_queue_once_in_either_order() {
    let own = EXTERNAL_BOOK;
    let expected = (vec![(own, 4), (5, 4), (own, 5)], Some(4));
    assert_eq!(trade_and_depth(true), expected);
    assert_eq!(trade_and_depth(false), expected);
}

#[test]
fn a_trade_older_than_no_reduction_explains_none() {
    let (mut market, ann) = recorded(false);
    market.snapshot(1, &[(Sell, 101, 10)]);
    let counter = market.sell(ann, 101, 4);
    market.settle();
    market.depth(2, Some(2), &[(Sell, 101, 7)]);
    assert_eq!(ahead(&market, ann, counter), Some(7));
    // It came after the cancellation that the update told of: the queue moves again.
    market.stamped_trade(3, Some(3), Buy, 101, 3);
    assert_eq!(ahead(&market, ann, counter), Some(4));
}

#[test]
fn recorded_cancellations_come_from_the_back_or_from_all_alike() {
    for (proportional, expected) in [(false, Some(10)), (true, Some(5))] {
        let (mut market, ann) = recorded(proportional);
        market.snapshot(1, &[(Sell, 101, 10)]);
        let counter = market.sell(ann, 101, 4);
        market.settle();
        market.depth(2, None, &[(Sell, 101, 20)]);
        market.depth(3, None, &[(Sell, 101, 10)]);
        assert_eq!(ahead(&market, ann, counter), expected, "proportional: {proportional}");
    }
}

#[test]
fn a_crossing_addition_fills_an_agent_up_to_its_size_only() {
    let (mut market, ann) = recorded(false);
    market.snapshot(1, &[(Buy, 99, 10), (Sell, 105, 10)]);
    market.sell(ann, 100, 9);
    market.settle();
    market.depth(2, None, &[(Buy, 101, 3)]);
    assert_eq!(market.queue(Sell, 100), [(5, 6)]);
    assert_eq!(touch(&market).0, Some((99, 10)), "all three lots traded, none is left to rest");
    let stats = market.kernel.external_stats(NORTH).unwrap();
    assert_eq!((stats.lots_taken, stats.restored_lots), (3, 0));
    // The record still shows the bid, so the next update brings it again.
    market.depth(3, None, &[(Buy, 90, 1)]);
    assert_eq!(market.queue(Sell, 100), [(5, 3)]);
    assert_eq!(market.kernel.external_stats(NORTH).unwrap().restored_lots, 3);
    market.assert_balanced();
}

#[test]
fn a_diff_that_crosses_itself_in_passing_trades_with_nobody() {
    let (mut market, _) = recorded(false);
    market.snapshot(1, &[(Buy, 99, 10), (Sell, 101, 10)]);
    // The market moves up by three in one update, then an update shows only half of a move.
    market.depth(2, None, &[(Buy, 102, 5), (Sell, 101, 0), (Sell, 104, 6)]);
    assert_eq!(touch(&market), (Some((102, 5)), Some((104, 6))));
    market.depth(3, None, &[(Buy, 105, 5)]);
    assert_eq!(touch(&market), (Some((102, 5)), Some((104, 6))));
    assert_eq!(market.kernel.external_stats(NORTH).unwrap().held_back, 1);
    market.depth(4, None, &[(Sell, 104, 0)]);
    assert_eq!(touch(&market), (Some((105, 5)), None), "what was held back stands as soon as it may");
    assert_eq!(market.kernel.totals().fills, 0);
}

#[test]
fn what_agents_take_comes_back_with_the_next_update() {
    let (mut market, ann) = recorded(false);
    market.snapshot(1, &[(Sell, 101, 10), (Sell, 102, 5)]);
    market.buy(ann, 102, 12);
    market.settle();
    assert_eq!(touch(&market).1, Some((102, 3)));
    market.depth(2, None, &[(Buy, 90, 1)]);
    assert_eq!(market.queue(Sell, 101), [(EXTERNAL_BOOK, 10)]);
    assert_eq!(
        market.queue(Sell, 102),
        [(EXTERNAL_BOOK, 5)],
        "growth joins the last order: no agent is behind"
    );
    let stats = market.kernel.external_stats(NORTH).unwrap();
    assert_eq!((stats.lots_taken, stats.restored_lots, stats.updates, stats.trades), (12, 12, 2, 0));
    market.assert_balanced();
}

#[test]
fn recorded_flow_pays_no_fees_and_knows_no_least_notional() {
    use market_core::kernel::{Kernel, MarketSpec};
    use market_core::venue::ListingSpec;

    let mut kernel = Kernel::new(1, false);
    for asset in ["USD", "BTC"] {
        kernel.add_asset(asset, 2).unwrap();
    }
    kernel.add_venue("NORTH").unwrap();
    kernel.add_instrument("BTC/USD", 1, 0).unwrap();
    let numbers = ListingSpec::new(1, 1, 1_000, 10_000, 10_000).unwrap();
    kernel.add_listing(MarketSpec { venue: 0, instrument: 0, numbers }).unwrap();
    kernel.add_profile("site").unwrap();
    kernel.add_external(0, false).unwrap();
    kernel.start().unwrap();
    let levels = vec![(Buy, 10, 1), (Sell, 11, 1)];
    let event = market_core::kernel::FlowEvent::Depth(market_core::external::DepthUpdate {
        exchange_ns: None,
        snapshot: true,
        levels,
    });
    kernel.push_flow(market_core::kernel::FlowUpdate { time_ns: 0, delay_ns: 0, listing: 0, event }).unwrap();
    kernel.next(0, 10).unwrap();
    assert!(kernel.true_bbo(0).unwrap().bid.is_some(), "a notional of 10 although 1,000 is the least");
    assert_eq!(kernel.totals().rejects, 0);
}

#[test]
fn while_a_venue_is_suspended_the_record_goes_on_and_the_book_catches_up() {
    let (mut market, ann) = recorded(false);
    market.snapshot(1, &[(Sell, 101, 10)]);
    market.sell(ann, 100, 4);
    market.settle();
    market.kernel.set_phase(NORTH, market_core::types::Phase::Suspended).unwrap();
    market.depth(2, None, &[(Sell, 101, 3), (Buy, 95, 2)]);
    let notices = market.trade(3, Buy, 101, 5);
    assert_eq!((filled(&notices, ann), prints(&notices)), (0, vec![(5, true)]));
    assert_eq!(market.queue(Sell, 101), [(EXTERNAL_BOOK, 10)], "nothing moves on a suspended venue");
    market.kernel.set_phase(NORTH, market_core::types::Phase::Continuous).unwrap();
    market.depth(4, None, &[]);
    assert_eq!(touch(&market), (Some((95, 2)), Some((101, 3))));
    assert_eq!(market.kernel.totals().rejects, 0);
}

#[test]
fn recorded_flow_comes_in_the_order_of_time_and_within_ranges() {
    use market_core::external::TradeUpdate;
    use market_core::kernel::{FlowEvent, FlowUpdate, KernelError};

    let (mut market, _) = recorded(false);
    market.trade(5, Buy, 100, 1);
    let push = |market: &mut Market, time_ns, delay_ns, listing, price| {
        let trade = TradeUpdate { exchange_ns: None, aggressor: Buy, price, size: 1 };
        market.kernel.push_flow(FlowUpdate { time_ns, delay_ns, listing, event: FlowEvent::Trade(trade) })
    };
    assert!(matches!(push(&mut market, 4, 0, NORTH, 100), Err(KernelError::Engine { .. })));
    for (delay_ns, listing, price) in
        [(-1, NORTH, 100), (0, 1, 100), (0, 9, 100), (0, NORTH, 0), (i64::MAX, NORTH, 1)]
    {
        assert!(matches!(push(&mut market, 6, delay_ns, listing, price), Err(KernelError::Argument(_))));
    }
    push(&mut market, 6, 0, NORTH, 100).unwrap();
}
