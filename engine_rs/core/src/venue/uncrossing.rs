//! The end of an auction: everything that crosses trades at one price.

use std::collections::VecDeque;

use super::accounts::Accounts;
use super::checks;
use super::entering::decremented;
use super::listing::Listing;
use super::writer::{Auctioned, Subject, Writer};
use crate::book::{Cross, Extra, Front, OrderState, Rest, Terms, Unpriced};
use crate::event::CancelReason;
use crate::order::SelfTradePrevention;
use crate::types::{Lots, OrderId, Side, Ticks};

impl Listing {
    /// Trades what crosses. Self-trade prevention may leave lots that cross at another price, so prices are
    /// looked for until there is none.
    pub(super) fn uncross(&mut self, accounts: &Accounts, say: &mut Writer) {
        let mut price = None;
        while let Some(cross) = self.cross() {
            say.auction(cross);
            price = Some(cross.price);
            self.regime.band.middle = price;
            if self.regime.matching.in_batches() {
                self.trade_allotted(cross, accounts, say);
            } else {
                self.trade_at(cross.price, accounts, say);
            }
            self.regime.cursor = None;
        }
        self.show_reserves(say);
        for side in Side::BOTH {
            self.end_unpriced(side, price, accounts, say);
        }
        self.regime.cursor = None;
        self.regime.called = false;
        self.regime.published = None;
        self.regime.batch += u64::from(self.regime.matching.in_batches());
    }

    /// Matches the fronts of both sides until one of them has nothing more at this price.
    fn trade_at(&mut self, price: Ticks, accounts: &Accounts, say: &mut Writer) {
        loop {
            let (buy, sell) = (self.book.front(Side::Buy, price), self.book.front(Side::Sell, price));
            let (Some(buy), Some(sell)) = (buy, sell) else { return };
            self.meet(price, &buy, &sell, Lots::MAX, accounts, say);
        }
    }

    /// The same for a batch, where nobody came first: its orders share what they cannot have whole. What an
    /// order was allotted is void once self-trade prevention has ended it.
    fn trade_allotted(&mut self, cross: Cross, accounts: &Accounts, say: &mut Writer) {
        let allot = |side| VecDeque::from(self.book.allot(side, cross.price, cross.volume));
        let (mut buys, mut sells) = (allot(Side::Buy), allot(Side::Sell));
        while let (Some(&(buy, of_buy)), Some(&(sell, of_sell))) = (buys.front(), sells.front()) {
            let [buy, sell] = [buy, sell].map(|id| self.book.front_of(id).expect("allotted orders rest"));
            let before = [buy.reach, sell.reach];
            self.meet(cross.price, &buy, &sell, of_buy.min(of_sell), accounts, say);
            for (queue, before) in [&mut buys, &mut sells].into_iter().zip(before) {
                let (id, allotted) = queue.pop_front().expect("it was met");
                let open = self.book.leaves(id).unwrap_or(0);
                let left = allotted - (before - open);
                if open > 0 && left > 0 {
                    queue.push_front((id, left));
                }
            }
        }
    }

    /// Two orders trade so many lots at most, unless they are of one owner.
    fn meet(
        &mut self,
        price: Ticks,
        buy: &Front,
        sell: &Front,
        lots: Lots,
        accounts: &Accounts,
        say: &mut Writer,
    ) {
        let owner = |front: &Front| accounts.owners.of(front.id.agent);
        let (older, younger) = if buy.call_number <= sell.call_number { (buy, sell) } else { (sell, buy) };
        if owner(buy) == owner(sell) && younger.stp != SelfTradePrevention::None {
            self.prevent(older.id, younger.id, younger.stp, lots, say);
        } else {
            self.trade_pair(price, buy, sell, lots.min(buy.reach).min(sell.reach), accounts, say);
        }
    }

    fn trade_pair(
        &mut self,
        price: Ticks,
        buy: &Front,
        sell: &Front,
        lots: Lots,
        accounts: &Accounts,
        say: &mut Writer,
    ) {
        let Some(notional) = self.spec.notional(price, lots) else {
            // Only a buyer without a limit was never checked at a price as high as this.
            return self.end(buy.id, CancelReason::AuctionRemainder, say);
        };
        let (buy_leaves, buy_peak) = self.book.fill(buy, lots);
        let (sell_leaves, sell_peak) = self.book.fill(sell, lots);
        let fee = |id: OrderId| if accounts.is_exempt(id.agent) { 0 } else { self.spec.taker_fee(notional) };
        let bought = Auctioned { id: buy.id, leaves: buy_leaves, fee: fee(buy.id) };
        let sold = Auctioned { id: sell.id, leaves: sell_leaves, fee: fee(sell.id) };
        say.auctioned(price, lots, &bought, &sold, buy.call_number <= sell.call_number);
        self.note_print(price);
        for peak in [buy_peak, sell_peak].iter().flatten() {
            self.regime.no_longer_top(peak.id);
            say.refreshed(peak);
        }
    }

    /// The younger order's mode rules when two of one owner meet.
    fn prevent(
        &mut self,
        older: OrderId,
        younger: OrderId,
        mode: SelfTradePrevention,
        lots: Lots,
        say: &mut Writer,
    ) {
        use SelfTradePrevention as Mode;
        match mode {
            Mode::Decrement => self.decrement(older, younger, lots, say),
            Mode::Newest | Mode::Pass | Mode::None => self.end(younger, CancelReason::SelfTrade, say),
            Mode::Oldest => self.end(older, CancelReason::SelfTrade, say),
            Mode::Both => {
                self.end(older, CancelReason::SelfTrade, say);
                self.end(younger, CancelReason::SelfTrade, say);
            }
        }
    }

    fn decrement(&mut self, older: OrderId, younger: OrderId, most: Lots, say: &mut Writer) {
        let states = [older, younger].map(|id| (id, self.book.order(id).expect("a front rests")));
        let lots = states[0].1.leaves.min(states[1].1.leaves).min(most);
        for (id, OrderState { side, price, leaves, total, .. }) in states {
            if leaves == lots {
                self.book.take_out(id);
            } else {
                self.book.resize(id, -lots);
            }
            decremented(&Subject { id, side, price }, lots, (total - lots, leaves - lots), say);
        }
    }

    fn end(&mut self, id: OrderId, reason: CancelReason, say: &mut Writer) {
        self.cancel(id, reason, say).expect("an order of the auction rests");
    }

    /// What is left of orders without a price takes the auction's, or ends.
    fn end_unpriced(&mut self, side: Side, price: Option<Ticks>, accounts: &Accounts, say: &mut Writer) {
        let left: Vec<(OrderId, Unpriced)> = self.book.unpriced(side).collect();
        for (id, then) in left {
            match (then, price) {
                (Unpriced::Ends, _) => self.end(id, CancelReason::AuctionRemainder, say),
                (Unpriced::ToLimit, None) => self.end(id, CancelReason::NoLiquidity, say),
                (Unpriced::ToLimit, Some(price)) => self.limit_to(id, price, accounts, say),
            }
        }
    }

    fn limit_to(&mut self, id: OrderId, price: Ticks, accounts: &Accounts, say: &mut Writer) {
        let extra = self.book.extra_of(id).unwrap_or(Extra::NONE);
        let state = self.book.order(id).expect("a listed order rests");
        let exempt = accounts.is_exempt(id.agent);
        let fits = checks::amounts(&self.spec, Some(price), state.leaves, exempt).is_ok()
            && state.leaves <= self.book.room(state.side, price);
        if !fits {
            return self.end(id, CancelReason::AuctionRemainder, say);
        }
        let old = self.take_out(id).expect("a listed order rests");
        let of = Subject { id, side: state.side, price };
        say.replaced(&of, state.total, state.leaves, false);
        let terms = Terms::new(state.side, price, old.terms.stp(), old.terms.post_only());
        self.rest_with(Rest { terms, ..old }, Extra { unpriced: None, ..extra }, &of, say);
    }
}
