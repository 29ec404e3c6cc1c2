//! Invariants read off the rows alone, without asking how the engine or the model came to them.

use std::collections::BTreeMap;

use market_core::event::{Event, EventKind};
use market_core::ledger::{Ledger, Posting, Settlement};
use market_core::order::{Command, SelfTradePrevention};
use market_core::types::{FEES, OrderId, Side};
use proptest::prelude::*;

use crate::model::Model;
use crate::rows::{advance, command_of, venue};
use crate::steps::{LISTINGS, OWNERS, steps};

/// What the rows have said of an order.
#[derive(Clone, Copy, Debug)]
struct Account {
    side: Side,
    price: i64,
    total: i64,
    filled: i64,
    /// Lots that ended without a trade; a replace moves the total instead.
    cancelled: i64,
    leaves: i64,
    stp: SelfTradePrevention,
}

#[derive(Default)]
struct Accounts {
    live: BTreeMap<(u32, OrderId), Account>,
}

impl Accounts {
    /// Notes a row; says what it breaks.
    fn note(&mut self, row: &Event, stp: SelfTradePrevention) -> Result<(), TestCaseError> {
        let key = (row.listing, row.id());
        match row.kind {
            EventKind::Accepted => {
                let opened = Account {
                    side: row.side,
                    price: row.price,
                    total: row.size,
                    filled: 0,
                    cancelled: 0,
                    leaves: row.leaves,
                    stp,
                };
                prop_assert!(self.live.insert(key, opened).is_none(), "an id is live once: {:?}", row);
            }
            EventKind::Replaced => {
                let account = self.live.get_mut(&key).expect("only live orders are replaced");
                account.price = row.price;
                // Recorded lots change in place; an owner's new total counts what was filled.
                account.total = row.size;
                account.leaves = row.leaves;
            }
            EventKind::Fill => {
                let account = self.live.get_mut(&key).expect("only live orders are filled");
                account.filled += row.size;
                account.leaves = row.leaves;
                let maker = row.flags & 1 == 1;
                // Invariant 2: the maker's own price, which the taker's limit accepts.
                if maker {
                    prop_assert_eq!(row.price, account.price);
                } else if account.price != 0 {
                    prop_assert!(
                        account.side.accepts(account.price, row.price),
                        "{:?} beyond its limit",
                        row
                    );
                }
                prop_assert_eq!(row.side, account.side);
            }
            EventKind::Cancelled => {
                let account = self.live.get_mut(&key).expect("only live orders are cancelled");
                account.cancelled += row.size;
                account.leaves = 0;
            }
            _ => return Ok(()),
        }
        // Invariant 4.
        let account = self.live[&key];
        prop_assert!(account.leaves >= 0 && account.filled >= 0 && account.cancelled >= 0);
        if row.kind != EventKind::Cancelled {
            prop_assert_eq!(account.filled + account.leaves, account.total, "{:?}", row);
        } else {
            prop_assert_eq!(account.filled + account.cancelled, account.total, "{:?}", row);
        }
        if account.leaves == 0 {
            self.live.remove(&key);
        }
        Ok(())
    }
}

proptest! {
    /// Invariants 1, 2, 4, 5 and 6.
    #[test]
    fn rows_add_up(steps in steps(150)) {
        let (mut venue, mut model) = (venue(), Model::new(&LISTINGS, &OWNERS));
        let mut accounts = Accounts::default();
        for (time_ns, step) in (0..).zip(&steps) {
            let (entering, stp) = match command_of(&model, step) {
                Some(Command::New(order)) => (order.id, order.stp),
                Some(command) => {
                    let known = accounts.live.get(&(command.listing(), command.id()));
                    (command.id(), known.map_or(SelfTradePrevention::None, |account| account.stp))
                }
                None => (OrderId::new(0, 0), SelfTradePrevention::None),
            };
            let (rows, _) = advance(&mut venue, &mut model, time_ns, step);
            for row in &rows {
                accounts.note(row, stp)?;
                if row.kind == EventKind::Trade && stp != SelfTradePrevention::None {
                    prop_assert_eq!(row.contra(), entering);
                    prop_assert!(model.owner(row.agent) != model.owner(row.contra_agent), "a self-trade: {:?}", row);
                }
            }
            for trade in rows.chunk_by(|one, other| one.match_id == other.match_id).filter(|rows| rows[0].match_id > 0) {
                let [print, made, took] = trade else { panic!("a match is three rows") };
                prop_assert_eq!(print.kind, EventKind::Trade);
                prop_assert_eq!((made.size, took.size), (print.size, print.size));
                prop_assert_eq!((made.side, took.side), (print.side.opposite(), print.side));
            }
            for listing in 0..2 {
                let bbo = venue.book(listing).bbo();
                if let (Some(bid), Some(ask)) = (bbo.bid, bbo.ask) {
                    prop_assert!(bid.price < ask.price, "crossed: {:?}", bbo);
                }
            }
        }
    }

    /// Invariant 5 on the ledger: fees included, nothing is lost or invented, and a planted loss is seen.
    #[test]
    fn money_and_goods_are_conserved(steps in steps(120), pooled in any::<bool>(), planted in 0usize..200) {
        let (mut venue, mut model) = (venue(), Model::new(&LISTINGS, &OWNERS));
        let mut ledger = Ledger::new(pooled);
        ledger.grow(8, 2, 2);
        for agent in 1..7 {
            for asset in 0..2 {
                let deposit = Posting { agent, venue: 1, asset, atoms: 1_000_003 * i64::from(agent) };
                ledger.deposit(deposit).expect("small");
            }
        }
        let (mut posted, mut lost) = (0, 0);
        for (time_ns, step) in (0..).zip(&steps) {
            let (rows, _) = advance(&mut venue, &mut model, time_ns, step);
            for posting in rows.windows(3).filter_map(|rows| settlement(rows, &venue)).flat_map(|s| {
                s.postings().collect::<Vec<_>>()
            }) {
                // An agent beyond the table is the hostile one of the steps; it has no account.
                let posting = if posting.agent < 8 { posting } else { Posting { agent: 7, ..posting } };
                if posted == planted && posting.asset == 0 {
                    lost = posting.atoms;
                } else if ledger.post(posting).is_err() {
                    return Ok(());
                }
                posted += 1;
            }
            prop_assert_eq!(ledger.imbalance(0), -i128::from(lost));
            prop_assert_eq!(ledger.imbalance(1), 0);
        }
    }
}

fn settlement(rows: &[Event], venue: &market_core::venue::Venue) -> Option<Settlement> {
    let [print, made, took] = rows else { return None };
    if print.kind != EventKind::Trade {
        return None;
    }
    let spec = venue.spec(print.listing);
    Some(Settlement {
        venue: 1,
        base: 1,
        quote: 0,
        aggressor: print.side,
        maker: print.agent,
        taker: print.contra_agent,
        notional: spec.notional(print.price, print.size).expect("checked at entry"),
        base_atoms: spec.base_atoms(print.size).expect("checked at entry"),
        maker_fee: made.fee,
        taker_fee: took.fee,
    })
}

#[test]
fn a_charge_goes_to_the_fee_account_and_a_rebate_comes_from_it() {
    let sale = Settlement {
        venue: 0,
        base: 1,
        quote: 0,
        aggressor: Side::Buy,
        maker: 5,
        taker: 6,
        notional: 1,
        base_atoms: 1,
        maker_fee: -3,
        taker_fee: 4,
    };
    let fees: Vec<i64> =
        sale.postings().filter(|posting| posting.agent == FEES).map(|posting| posting.atoms).collect();
    assert_eq!(fees, [4, -3]);
}
