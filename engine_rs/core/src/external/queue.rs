//! The queue at a traded price as the recorded trade met it: who stood there, ghosts included.

use super::Ghost;
use crate::types::{EXTERNAL_BOOK, Lots, OrderId};

/// A stretch of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    Agent(Lots),
    /// A live order of the participant.
    Own {
        counter: u32,
        lots: Lots,
    },
    /// Lots that a recorded reduction has already taken away; `ghost` is the place in the list of ghosts.
    Ghost {
        ghost: usize,
        lots: Lots,
    },
}

/// Lays ghosts (oldest order first) back into the queue of live orders. A ghost stands behind what is left of
/// its order and of all older ones, before all younger ones, and before every agent's order that came when the
/// ghost's order had already been placed: `after` gives the newest of the participant's orders by then.
pub fn merged(
    orders: impl Iterator<Item = (OrderId, Lots)>,
    ghosts: &[Ghost],
    after: impl Fn(OrderId) -> u32,
) -> Vec<Run> {
    let mut waiting = ghosts.iter().enumerate().peekable();
    let mut runs = Vec::with_capacity(ghosts.len());
    for (id, lots) in orders {
        let own = id.agent == EXTERNAL_BOOK;
        // Counters start at 1, so everything older than this order has a smaller one.
        let last = if own { id.counter - 1 } else { after(id) };
        while let Some((ghost, &Ghost { lots, .. })) = waiting.next_if(|(_, ghost)| ghost.counter <= last) {
            runs.push(Run::Ghost { ghost, lots });
        }
        runs.push(if own { Run::Own { counter: id.counter, lots } } else { Run::Agent(lots) });
    }
    runs.extend(waiting.map(|(ghost, &Ghost { lots, .. })| Run::Ghost { ghost, lots }));
    runs
}

/// What a recorded trade means for the queue it met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Lots that agents at the price trade.
    pub agents: Lots,
    /// (counter, lots) to take from the participant's live orders, front first.
    pub own: Vec<(u32, Lots)>,
    /// Lots explained of each ghost.
    pub ghosts: Vec<Lots>,
}

/// Walks the trade's `size` through the queue from the front. The recorded size consumes the participant's
/// lots; agents who stand strictly ahead of consumed lots trade as much as was consumed behind them, and
/// those at the end what goes beyond the whole queue, all together at most `budget`.
pub fn walk(runs: &[Run], ghosts: usize, size: Lots, budget: Lots) -> Reach {
    let mut reach = Reach { ghosts: vec![0; ghosts], ..Reach::default() };
    let (mut rest, mut ahead, mut budget) = (size, 0, budget);
    let mut explain = |lots: Lots, ahead: &mut Lots, rest: &mut Lots| {
        let used = lots.min(*rest);
        let met = used.min(*ahead).min(budget);
        reach.agents += met;
        *ahead -= met;
        budget -= met;
        *rest -= used;
        used
    };
    for run in runs {
        match *run {
            Run::Agent(lots) => ahead += lots,
            Run::Own { counter, lots } => {
                let used = explain(lots, &mut ahead, &mut rest);
                if used > 0 {
                    reach.own.push((counter, used));
                }
            }
            Run::Ghost { ghost, lots } => reach.ghosts[ghost] = explain(lots, &mut ahead, &mut rest),
        }
    }
    // The record shows more than the whole queue: it reached everybody.
    let beyond = rest;
    explain(beyond, &mut ahead, &mut rest);
    reach
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Agents' orders as (agent, the participant's newest order when they came, lots).
    fn queue(orders: &[(u32, u32, Lots)], ghosts: &[(u32, Lots)]) -> Vec<Run> {
        let ghosts: Vec<Ghost> =
            ghosts.iter().map(|&(counter, lots)| Ghost { counter, lots, stamp: None }).collect();
        let live = orders.iter().map(|&(agent, counter, lots)| (OrderId::new(agent, counter), lots));
        merged(live, &ghosts, |id| id.counter)
    }

    const fn own(counter: u32, lots: Lots) -> Run {
        Run::Own { counter, lots }
    }

    const fn ghost(ghost: usize, lots: Lots) -> Run {
        Run::Ghost { ghost, lots }
    }

    #[test]
    fn ghosts_stand_where_their_orders_stood() {
        let orders = [(9, 1, 5), (EXTERNAL_BOOK, 3, 7), (9, 4, 6), (EXTERNAL_BOOK, 6, 8), (9, 6, 1)];
        let runs = queue(&orders, &[(1, 10), (2, 20), (3, 30), (4, 40), (5, 50), (6, 60), (7, 70)]);
        assert_eq!(
            runs,
            [
                ghost(0, 10),
                Run::Agent(5),
                ghost(1, 20),
                own(3, 7),
                ghost(2, 30),
                ghost(3, 40),
                Run::Agent(6),
                ghost(4, 50),
                own(6, 8),
                ghost(5, 60),
                Run::Agent(1),
                ghost(6, 70),
            ]
        );
    }

    #[test]
    fn without_a_live_order_ghosts_stand_around_the_agents() {
        let runs = queue(&[(9, 3, 5)], &[(3, 4), (4, 2)]);
        assert_eq!(runs, [ghost(0, 4), Run::Agent(5), ghost(1, 2)]);
    }

    #[test]
    fn agents_strictly_ahead_trade_and_those_behind_wait() {
        let runs = [Run::Agent(3), own(1, 10), Run::Agent(4)];
        let reach = walk(&runs, 0, 6, 6);
        assert_eq!((reach.agents, reach.own), (3, vec![(1, 6)]));
    }

    #[test]
    fn a_trade_through_the_whole_queue_reaches_everybody() {
        let runs = [own(1, 10), Run::Agent(4)];
        assert_eq!(walk(&runs, 0, 10, 10).agents, 0);
        assert_eq!(walk(&runs, 0, 12, 12).agents, 2);
        assert_eq!(walk(&runs, 0, 99, 99).agents, 4);
        assert_eq!(walk(&runs, 0, 99, 1).agents, 1, "better prices used up the rest of the budget");
    }

    #[test]
    fn lots_already_gone_explain_a_trade_as_live_ones_do() {
        let runs = [ghost(0, 4), Run::Agent(2), own(2, 10)];
        let reach = walk(&runs, 1, 5, 5);
        assert_eq!((reach.agents, reach.own, reach.ghosts), (1, vec![(2, 1)], vec![4]));
    }
}
