//! The kernel as a whole: what arrives when, who hears of it, what it costs.

mod kit;

use kit::{BTC, END, Market, NORTH, SOUTH, USD, constant, filled, reports};
use market_core::event::{CancelReason, EventKind, RejectReason};
use market_core::kernel::{ENTRIES_AT_ONE_INSTANT, KernelError, News, Notice, TransferRequest, Turn};
use market_core::latency::Latency;
use market_core::types::{FEES, Nanos, Phase, Side, TRANSIT};

const FIRST_ORDER: i64 = 1;

fn times(notices: &[Notice], wanted: impl Fn(&News) -> bool) -> Vec<Nanos> {
    notices.iter().filter(|notice| wanted(&notice.news)).map(|notice| notice.time_ns).collect()
}

const fn is_quote(news: &News) -> bool {
    matches!(news, News::Quote { .. })
}

#[test]
fn two_agents_trade_and_money_moves_at_the_match_but_is_spendable_at_the_report() {
    let mut market = Market::new(false);
    let (ann, bob) = (market.agent("ann"), market.agent("bob"));
    market.kernel.set_link(ann, NORTH, constant(10), constant(300)).unwrap();
    market.kernel.set_link(bob, NORTH, constant(20), constant(5)).unwrap();
    let mut market = market.start();
    market.sell(ann, 100, 7);
    market.buy(bob, 101, 3);
    assert_eq!(
        market.kernel.spendable(bob, NORTH, USD).unwrap(),
        1_000_000 - 303,
        "reserved when it is sent"
    );
    let early = market.run(24);
    assert_eq!(early, [], "both commands have arrived, no report has");
    assert_eq!(market.kernel.balance(ann, NORTH, USD).unwrap(), 1_000_300);
    assert_eq!(market.kernel.spendable(ann, NORTH, USD).unwrap(), 1_000_000);
    let notices = market.run(1_000);
    let fills: Vec<_> = reports(&notices, EventKind::Fill)
        .iter()
        .map(|row| (i64::from(row.agent), row.price, row.size, row.leaves, row.time_ns))
        .collect();
    assert_eq!(fills, [(bob, 100, 3, 0, 20), (ann, 100, 3, 4, 20)]);
    for agent in [ann, bob] {
        let reserved = if agent == ann { 4 } else { 0 };
        assert_eq!(
            market.kernel.spendable(agent, NORTH, USD).unwrap(),
            market.kernel.balance(agent, NORTH, USD).unwrap()
        );
        assert_eq!(
            market.kernel.spendable(agent, NORTH, BTC).unwrap() + reserved,
            market.kernel.balance(agent, NORTH, BTC).unwrap()
        );
    }
    market.assert_balanced();
}

#[test]
fn messages_on_a_link_do_not_overtake() {
    let mut market = Market::new(false);
    let ann = market.agent("ann");
    let wild = Latency::uniform(0, 10_000).unwrap();
    market.kernel.set_link(ann, NORTH, wild.clone(), wild).unwrap();
    let mut market = market.start();
    let mut sent = Vec::new();
    for time in 0..60 {
        market.run(time * 7);
        sent.push(market.buy(ann, 50, 1));
    }
    let notices = market.run(END);
    let heard: Vec<i64> =
        reports(&notices, EventKind::Accepted).iter().map(|row| i64::from(row.counter)).collect();
    assert_eq!(heard, sent);
    let arrived: Vec<u64> = reports(&notices, EventKind::Accepted).iter().map(|row| row.seq).collect();
    assert!(arrived.is_sorted());
}

#[test]
fn a_view_is_what_has_arrived_and_a_quote_is_that_update() {
    let mut market = Market::new(false);
    let (ann, bob) = (market.agent("ann"), market.agent("bob"));
    market.kernel.set_data_latency(0, NORTH, constant(100)).unwrap();
    market.kernel.subscribe(bob, NORTH, true, false, 2).unwrap();
    let mut market = market.start();
    market.buy(ann, 90, 5);
    market.run(99);
    assert_eq!(market.kernel.bbo_view(bob, NORTH).unwrap(), None, "nothing has arrived yet");
    let notices = market.run(100);
    assert_eq!(times(&notices, is_quote), [100]);
    let view = market.kernel.bbo_view(bob, NORTH).unwrap().unwrap();
    assert_eq!((view.bbo.bid.unwrap().price, view.update_no, view.published_ns), (90, 1, 0));
    let depth = market.kernel.depth_view(bob, NORTH).unwrap().unwrap();
    assert_eq!(depth.sides, [vec![(90, 5)], vec![]]);
    // The other listing has told nothing, and ann sees no more than bob although she sent the order.
    assert_eq!(market.kernel.bbo_view(ann, SOUTH).unwrap(), None);
    assert!(market.kernel.depth_view(ann, NORTH).is_err(), "she has not subscribed to depth");
}

#[test]
fn quotes_of_one_instant_conflate_and_trades_do_not() {
    let mut market = Market::new(false);
    let (ann, bob) = (market.agent("ann"), market.agent("bob"));
    // All that is published before 1,000 arrives at 1,000.
    let until_then =
        Latency::series((0..1_000).collect(), (0..1_000).map(|time| 1_000 - time).collect()).unwrap();
    market.kernel.set_data_latency(0, NORTH, until_then).unwrap();
    market.kernel.subscribe(bob, NORTH, true, true, 1).unwrap();
    let mut market = market.start();
    for price in 100..105 {
        market.sell(ann, price, 1);
    }
    for time in 1..=3 {
        market.run(time);
        market.buy(bob, 110, 1);
    }
    let notices = market.run(2_000);
    let heard: Vec<&News> =
        notices.iter().map(|notice| &notice.news).filter(|news| !matches!(news, News::Report(_))).collect();
    let prints = heard.iter().filter(|news| matches!(news, News::Trade { .. })).count();
    assert_eq!(prints, 3);
    assert_eq!(times(&notices, is_quote), [1_000], "one quote for all the updates of the instant");
    assert_eq!(times(&notices, |news| matches!(news, News::Book { .. })), [1_000]);
    let last = market.kernel.bbo_view(bob, NORTH).unwrap().unwrap();
    assert_eq!(last.bbo.ask.unwrap().price, 103);
    assert!(matches!(heard.last(), Some(News::Quote { update_no, .. }) if *update_no == last.update_no));
}

#[test]
fn the_consolidated_view_has_a_latency_of_its_own() {
    let mut market = Market::new(false);
    let (ann, bob) = (market.agent("ann"), market.agent("bob"));
    market.kernel.deposit(ann, SOUTH, USD, 1_000).unwrap();
    market.kernel.set_data_latency(0, NORTH, constant(10)).unwrap();
    assert!(market.kernel.subscribe_consolidated(bob, 0).is_err(), "the site has no such view");
    market.kernel.set_consolidated_latency(0, constant(50)).unwrap();
    market.kernel.subscribe_consolidated(bob, 0).unwrap();
    let mut market = market.start();
    market.buy(ann, 90, 5);
    market.order(ann, SOUTH, Side::Buy, 91, 2);
    market.run(49);
    assert!(market.kernel.bbo_view(bob, NORTH).unwrap().is_some());
    assert_eq!(market.kernel.consolidated_view(bob, 0).unwrap(), []);
    let notices = market.run(50);
    assert_eq!(times(&notices, |news| matches!(news, News::Consolidated { instrument: 0 })), [50, 50]);
    let view = market.kernel.consolidated_view(bob, 0).unwrap();
    let bids: Vec<_> =
        view.iter().map(|quote| (i64::from(quote.venue), quote.bbo.bid.unwrap().price)).collect();
    assert_eq!(bids, [(NORTH, 90), (SOUTH, 91)]);
}

#[test]
fn a_transfer_is_at_no_venue_while_it_travels() {
    let mut market = Market::new(false);
    let ann = market.agent("ann");
    let mut market = market.start();
    let mut request = TransferRequest {
        from_venue: NORTH,
        to_venue: SOUTH,
        asset: BTC,
        atoms: 1_000_001,
        fee_atoms: 1,
        delay_ns: 60,
    };
    assert!(!market.kernel.transfer(ann, &request).unwrap(), "more than there is");
    request.atoms = 400;
    assert!(market.kernel.transfer(ann, &request).unwrap());
    market.run(59);
    let at = |market: &Market, agent: i64, venue| market.kernel.balance(agent, venue, BTC).unwrap();
    assert_eq!((at(&market, ann, NORTH), at(&market, ann, SOUTH)), (999_600, 0));
    assert_eq!(at(&market, i64::from(TRANSIT), SOUTH), 400);
    market.assert_balanced();
    market.run(60);
    assert_eq!((at(&market, ann, SOUTH), at(&market, i64::from(FEES), SOUTH)), (399, 1));
    assert_eq!(market.kernel.spendable(ann, SOUTH, BTC).unwrap(), 399);
    request.fee_atoms = 400;
    assert!(matches!(market.kernel.transfer(ann, &request), Err(KernelError::Argument(_))));
    market.assert_balanced();
}

#[test]
fn pooled_accounts_buy_on_one_venue_with_what_was_deposited_at_another() {
    for (pooled, expected) in [(false, Some(RejectReason::InsufficientFunds)), (true, None)] {
        let mut market = Market::new(pooled);
        let ann = market.agent("ann");
        let mut market = market.start();
        market.order(ann, SOUTH, Side::Buy, 10, 1);
        let notices = market.settle();
        let rejected = reports(&notices, EventKind::Rejected);
        let reason = rejected.first().and_then(|row| RejectReason::from_code(row.reason));
        assert_eq!(reason, expected, "pooled: {pooled}");
        let held = market.kernel.balance(ann, SOUTH, USD).unwrap();
        assert_eq!(held, if pooled { 1_000_000 } else { 0 });
    }
}

#[test]
fn what_the_gateway_refuses_comes_back_when_it_would_have_left() {
    let mut market = Market::new(false);
    let ann = market.agent("ann");
    market.kernel.set_link(ann, NORTH, constant(1_000), constant(1_000)).unwrap();
    market.kernel.set_order_limit(ann, NORTH, 10).unwrap();
    let mut market = market.start();
    market.buy(ann, 100, 11);
    market.buy(ann, 0, 1);
    market.kernel.cancel(ann, 77).unwrap();
    let notices = market.settle();
    let reasons: Vec<_> = notices
        .iter()
        .map(|notice| match notice.news {
            News::Report(row) => (row.counter, row.seq, RejectReason::from_code(row.reason).unwrap()),
            other => panic!("only reports, not {other:?}"),
        })
        .collect();
    assert_eq!(
        reasons,
        [
            (1, 0, RejectReason::OrderSizeLimit),
            (2, 0, RejectReason::PriceOutOfRange),
            (77, 0, RejectReason::UnknownOrder)
        ]
    );
    assert_eq!(market.kernel.spendable(ann, NORTH, USD).unwrap(), 1_000_000);
}

#[test]
fn the_end_cancels_everything_and_what_is_under_way_still_arrives() {
    let mut market = Market::new(false);
    let (ann, bob) = (market.agent("ann"), market.agent("bob"));
    market.kernel.set_link(ann, NORTH, constant(0), constant(40)).unwrap();
    market.kernel.set_link(bob, NORTH, constant(30), constant(0)).unwrap();
    let mut market = market.start();
    market.buy(ann, 90, 5);
    market.sell(ann, 99, 2);
    market.run(10);
    market.buy(bob, 100, 1);
    market.kernel.wake_in(bob, 500).unwrap();
    market.kernel.close().unwrap();
    market.buy(ann, 95, 1);
    let notices = market.run(END);
    let cancelled: Vec<_> = reports(&notices, EventKind::Cancelled)
        .iter()
        .map(|row| (row.counter, row.size, CancelReason::from_code(row.reason).unwrap()))
        .collect();
    assert_eq!(cancelled, [(1, 5, CancelReason::SessionEnd), (2, 2, CancelReason::SessionEnd)]);
    let rejected: Vec<_> =
        reports(&notices, EventKind::Rejected).iter().map(|row| (i64::from(row.agent), row.reason)).collect();
    let closed = RejectReason::VenueClosed.code();
    assert_eq!(rejected, [(ann, closed), (bob, closed)], "hers stays here, his meets a closed venue");
    assert_eq!(times(&notices, |news| matches!(news, News::Wake)), []);
    assert_eq!(times(&notices, |news| matches!(news, News::Phase { phase: Phase::Closed, .. })).len(), 4);
    assert_eq!(market.kernel.open_orders(NORTH).unwrap(), []);
    for (agent, asset) in [(ann, USD), (ann, BTC), (bob, USD), (bob, BTC)] {
        assert_eq!(market.kernel.spendable(agent, NORTH, asset).unwrap(), 1_000_000);
    }
}

#[test]
fn agents_that_answer_each_other_for_ever_are_stopped_and_named() {
    let mut market = Market::new(false);
    let ann = market.agent("ann");
    let mut market = market.start();
    market.run(5);
    let stopped = loop {
        market.buy(ann, 100, 1);
        match market.kernel.next(10, 100) {
            Ok(Turn::Notice(_)) => market.kernel.cancel(ann, FIRST_ORDER).unwrap(),
            Ok(_) => panic!("there is always a report to hear of"),
            Err(error) => break error.to_string(),
        }
    };
    assert!(stopped.contains("agent \"ann\"") && stopped.contains("at 5 ns"), "{stopped}");
    assert!(market.kernel.events() <= u64::from(ENTRIES_AT_ONE_INSTANT));
}

#[test]
fn a_wake_up_of_less_than_a_nanosecond_is_refused() {
    let mut market = Market::new(false);
    let ann = market.agent("ann");
    let mut market = market.start();
    for delay in [0, -1, Nanos::MIN] {
        assert!(matches!(market.kernel.wake_in(ann, delay), Err(KernelError::Argument(_))));
    }
    market.run(10);
    assert!(matches!(market.kernel.wake_in(ann, Nanos::MAX), Err(KernelError::Argument(_))));
    market.kernel.wake_in(ann, 1).unwrap();
    assert_eq!(times(&market.run(11), |news| matches!(news, News::Wake)), [11]);
}

#[test]
fn a_suspended_venue_refuses_orders_lets_them_go_and_tells_the_sites() {
    let mut market = Market::new(false);
    let ann = market.agent("ann");
    market.kernel.set_data_latency(0, NORTH, constant(25)).unwrap();
    let mut market = market.start();
    let resting = market.buy(ann, 90, 5);
    market.settle();
    market.kernel.set_phase(NORTH, Phase::Suspended).unwrap();
    market.buy(ann, 91, 1);
    market.kernel.cancel(ann, resting).unwrap();
    let notices = market.run(100);
    assert_eq!(reports(&notices, EventKind::Rejected)[0].reason, RejectReason::VenueSuspended.code());
    assert_eq!(reports(&notices, EventKind::Cancelled)[0].reason, CancelReason::Requested.code());
    let told = |news: &News| matches!(news, News::Phase { venue: 0, phase: Phase::Suspended, listing: None });
    assert_eq!(times(&notices, told), [25]);
}

#[test]
fn a_disabled_agent_loses_its_orders_and_hears_nothing() {
    let mut market = Market::new(false);
    let (ann, bob) = (market.agent("ann"), market.agent("bob"));
    market.kernel.set_link(ann, NORTH, constant(10), constant(10)).unwrap();
    market.kernel.subscribe(ann, NORTH, true, true, 0).unwrap();
    let mut market = market.start();
    market.buy(ann, 90, 5);
    market.run(15);
    market.buy(ann, 92, 5);
    market.kernel.disable_agent(ann).unwrap();
    assert_eq!(market.kernel.true_bbo(NORTH).unwrap().bid, None);
    assert_eq!(market.buy(ann, 91, 1), 0, "ignored");
    market.sell(bob, 95, 9);
    assert!(market.run(1_000).iter().all(|notice| i64::from(notice.agent) == bob));
    assert_eq!(market.queue(Side::Buy, 92), [], "nor does what was under way stay");
    assert_eq!(
        market.kernel.spendable(ann, NORTH, USD).unwrap(),
        1_000_000,
        "its account settles all the same"
    );
    market.kernel.enable_agent(ann).unwrap();
    market.buy(ann, 95, 4);
    assert_eq!(filled(&market.run(2_000), ann), 4);
}

#[test]
fn the_same_seed_gives_the_same_log_and_another_seed_another() {
    let session = |seed_agents: &[&str], wild: bool| {
        let mut market = Market::new(false);
        let agents: Vec<i64> = seed_agents.iter().map(|name| market.agent(name)).collect();
        if wild {
            let model = Latency::uniform(1, 90).unwrap();
            market.kernel.set_link(agents[0], NORTH, model.clone(), model).unwrap();
        }
        let mut market = market.start();
        for step in 0..50 {
            market.buy(agents[0], 90 + step % 7, 1);
            market.sell(agents[1], 97 - step % 5, 1);
            market.run(step * 20);
        }
        market.kernel.event_log_hash()
    };
    assert_eq!(session(&["ann", "bob"], true), session(&["ann", "bob"], true));
    assert_ne!(session(&["ann", "bob"], true), session(&["ann", "bob"], false));
    assert_ne!(session(&["ann", "bob"], false), session(&["eve", "bob"], false), "names are in the log");
}

#[test]
fn one_more_agent_leaves_the_draws_of_others_alone() {
    let arrivals = |names: &[&str]| {
        let mut market = Market::new(false);
        let agents: Vec<i64> = names.iter().map(|name| market.agent(name)).collect();
        let model = Latency::uniform(1, 1_000).unwrap();
        let bob = *agents.last().unwrap();
        for &agent in &agents {
            market.kernel.set_link(agent, NORTH, model.clone(), model.clone()).unwrap();
        }
        let mut market = market.start();
        for _ in 0..20 {
            market.buy(bob, 90, 1);
        }
        let notices = market.run(END);
        notices.iter().map(|notice| notice.time_ns).collect::<Vec<_>>()
    };
    assert_eq!(arrivals(&["bob"]), arrivals(&["ann", "bob"]));
}
