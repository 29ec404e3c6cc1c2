//! The end of an auction: everything that crosses trades at one price.

use super::accounts::Accounts;
use super::checks;
use super::entering::decremented;
use super::listing::Listing;
use super::writer::{Auctioned, Subject, Writer};
use crate::book::{Extra, Front, OrderState, Rest, Terms, Unpriced};
use crate::event::CancelReason;
use crate::order::SelfTradePrevention;
use crate::types::{OrderId, Side, Ticks};

impl Listing {
    /// Trades what crosses. Self-trade prevention may leave lots that cross at another price, so prices are
    /// looked for until there is none.
    pub(super) fn uncross(&mut self, accounts: &Accounts, say: &mut Writer) {
        let mut price = None;
        while let Some(cross) = self.cross() {
            say.auction(cross);
            price = Some(cross.price);
            self.regime.static_price = price;
            self.trade_at(cross.price, accounts, say);
            self.regime.cursor = None;
        }
        self.book.refresh(|peak| say.refreshed(peak));
        for side in Side::BOTH {
            self.end_unpriced(side, price, accounts, say);
        }
        self.regime.cursor = None;
        self.regime.called = false;
        self.regime.published = None;
    }

    /// Matches the fronts of both sides until one of them has nothing more at this price.
    fn trade_at(&mut self, price: Ticks, accounts: &Accounts, say: &mut Writer) {
        loop {
            let (buy, sell) = (self.book.front(Side::Buy, price), self.book.front(Side::Sell, price));
            let (Some(buy), Some(sell)) = (buy, sell) else { return };
            let owner = |front: &Front| accounts.owners.of(front.id.agent);
            let buy_is_older = buy.call_number <= sell.call_number;
            let (older, younger) = if buy_is_older { (buy, sell) } else { (sell, buy) };
            if owner(&buy) == owner(&sell) && younger.stp != SelfTradePrevention::None {
                self.prevent(older.id, younger.id, younger.stp, say);
            } else {
                self.trade_pair(price, &buy, &sell, accounts, say);
            }
        }
    }

    fn trade_pair(&mut self, price: Ticks, buy: &Front, sell: &Front, accounts: &Accounts, say: &mut Writer) {
        let lots = buy.reach.min(sell.reach);
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
            say.refreshed(peak);
        }
    }

    /// The younger order's mode rules when two of one owner meet.
    fn prevent(&mut self, older: OrderId, younger: OrderId, mode: SelfTradePrevention, say: &mut Writer) {
        use SelfTradePrevention as Mode;
        match mode {
            Mode::Decrement => self.decrement(older, younger, say),
            Mode::Newest | Mode::Pass | Mode::None => self.end(younger, CancelReason::SelfTrade, say),
            Mode::Oldest => self.end(older, CancelReason::SelfTrade, say),
            Mode::Both => {
                self.end(older, CancelReason::SelfTrade, say);
                self.end(younger, CancelReason::SelfTrade, say);
            }
        }
    }

    fn decrement(&mut self, older: OrderId, younger: OrderId, say: &mut Writer) {
        let states = [older, younger].map(|id| (id, self.book.order(id).expect("a front rests")));
        let lots = states[0].1.leaves.min(states[1].1.leaves);
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
