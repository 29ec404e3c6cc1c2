//! A world for links: a clock that jumps, exchanges that hold the truth, and a consumer that trusts what it is told.
#![allow(dead_code, reason = "each test binary uses a part")]

pub mod exchange;
pub mod mirror;

use std::collections::{BTreeMap, VecDeque};

use market_feed::event::{Now, State};
use market_feed::grid::Grid;
use market_feed::link::{Command, Conn, Link};
use market_feed::protocol::{self, Symbols};
use market_feed::settings::Settings;

use exchange::Exchange;
use mirror::Mirror;

pub const MS: i64 = 1_000_000;
pub const SECOND: i64 = 1000 * MS;
/// 2026-11-22, so that stamps look like stamps.
const EPOCH_NS: i64 = 1_795_300_000 * SECOND;

/// Small, fast, repeatable.
#[derive(Clone)]
pub struct Rng(pub u64);

impl Rng {
    pub fn below(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }

    /// True once in `times`.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

/// A connection as the exchange sees it.
#[derive(Default)]
pub struct Wire {
    /// Frames on their way to the link.
    pub frames: VecDeque<String>,
    /// Nothing gets through either way, and nobody says so.
    pub dead: bool,
}

pub struct World {
    pub link: Link,
    pub now_ns: i64,
    pub exchange: Exchange,
    pub wires: BTreeMap<Conn, Wire>,
    pub mirror: Mirror,
    /// Connection attempts and requests that have not been answered.
    pub dialled: Vec<Conn>,
    pub asked: Vec<(Conn, usize, String)>,
    pub connected_at: Vec<i64>,
    pub pings: u64,
}

pub fn settings(set: &[(&str, u64)]) -> Settings {
    let mut settings = Settings::default();
    set.iter().for_each(|(name, value)| settings.set(name, *value).unwrap());
    settings
}

impl World {
    pub fn new(venue: &str, depth: Option<usize>, names: &[&str], settings: Settings, seed: u64) -> Self {
        let venue = protocol::venue(venue).unwrap();
        let grid = || Grid::new(exchange::TICK, exchange::LOT).unwrap();
        let symbols = Symbols::new(names.iter().map(|name| ((*name).to_owned(), grid())).collect());
        let link = Link::new(venue, symbols, depth, settings, seed);
        let exchange = Exchange::new(venue.name, names, link.depth(), seed);
        let mut world = Self {
            link,
            now_ns: 0,
            exchange,
            wires: BTreeMap::new(),
            mirror: Mirror::new(names.len()),
            dialled: Vec::new(),
            asked: Vec::new(),
            connected_at: Vec::new(),
            pings: 0,
        };
        world.with(|link, now, mirror| link.start(now, mirror));
        world
    }

    pub fn now(&self) -> Now {
        Now { even_ns: self.now_ns, wall_ns: EPOCH_NS + self.now_ns }
    }

    /// Lets the link do something, and puts down what it asks for.
    pub fn with<R>(&mut self, act: impl FnOnce(&mut Link, Now, &mut Mirror) -> R) -> R {
        let now = self.now();
        let result = act(&mut self.link, now, &mut self.mirror);
        for command in self.link.take_commands() {
            match command {
                Command::Connect(conn) => {
                    self.dialled.push(conn);
                    self.connected_at.push(self.now_ns);
                }
                Command::Close(conn) => {
                    self.wires.remove(&conn);
                    self.dialled.retain(|&other| other != conn);
                    self.exchange.forget(conn);
                }
                Command::Send(conn, text) => self.say(conn, &text),
                Command::Ping(conn) => {
                    self.pings += 1;
                    if self.wires.get(&conn).is_some_and(|wire| !wire.dead) {
                        let now = self.now();
                        self.link.on_sign(now, conn);
                    }
                }
                Command::Fetch(conn, sub, path) => self.asked.push((conn, sub, path)),
            }
        }
        self.check();
        result
    }

    fn say(&mut self, conn: Conn, text: &str) {
        let answers = match self.wires.get(&conn) {
            Some(wire) if !wire.dead => self.exchange.hears(conn, text),
            _ => return,
        };
        if let Some(wire) = self.wires.get_mut(&conn) {
            wire.frames.extend(answers);
        }
    }

    /// What has to hold at every moment.
    pub fn check(&self) {
        assert!(self.link.messages.add_up(), "{:?}", self.link.messages);
        for (sub, machine) in self.link.machines().iter().enumerate() {
            let Some(book) = machine.readable() else {
                assert_ne!(machine.state(), State::Live);
                continue;
            };
            assert!(!book.is_crossed(), "a crossed book can be read");
            let shown = (book.bids().collect(), book.asks().collect());
            assert_eq!(
                self.mirror.books[sub],
                Some(shown),
                "the consumer holds another book than the machine"
            );
        }
    }

    pub fn tick(&mut self) {
        self.with(|link, now, mirror| link.tick(now, mirror));
    }

    /// Lets time pass, waking the link when it wants to be woken.
    pub fn pass(&mut self, ns: i64) {
        let until = self.now_ns + ns;
        loop {
            self.tick();
            let next = self.link.wakes_at();
            if next > until {
                break;
            }
            self.now_ns = next.max(self.now_ns + 1).min(until);
            if self.now_ns == until {
                self.tick();
                break;
            }
        }
        self.now_ns = until;
    }

    pub fn accept(&mut self) {
        for conn in std::mem::take(&mut self.dialled) {
            self.wires.insert(conn, Wire::default());
            let greeting = self.exchange.greets(conn);
            self.with(|link, now, mirror| link.on_open(now, conn, mirror));
            if let Some(wire) = self.wires.get_mut(&conn) {
                greeting.into_iter().rev().for_each(|frame| wire.frames.push_front(frame));
            }
        }
    }

    pub fn refuse(&mut self, why: &str, retry_after: Option<i64>) {
        for conn in std::mem::take(&mut self.dialled) {
            self.with(|link, now, mirror| link.on_close(now, conn, why, retry_after, mirror));
        }
    }

    pub fn answer(&mut self) {
        for (conn, sub, path) in std::mem::take(&mut self.asked) {
            let body = self.exchange.rest(&path);
            self.with(|link, now, mirror| link.on_fetched(now, conn, sub, &body, mirror));
        }
    }

    pub fn frame(&mut self, conn: Conn, frame: &str) {
        self.with(|link, now, mirror| link.on_frame(now, conn, frame, mirror));
    }

    /// Delivers everything that is on its way.
    pub fn deliver(&mut self) {
        for conn in self.wires.keys().copied().collect::<Vec<_>>() {
            while let Some(frame) = self.wires.get_mut(&conn).and_then(|wire| wire.frames.pop_front()) {
                self.frame(conn, &frame);
            }
        }
    }

    /// One change of the market, on its way to everybody who listens.
    pub fn change(&mut self) {
        let wall = self.now().wall_ns;
        for (conn, frame) in self.exchange.changes(wall) {
            if let Some(wire) = self.wires.get_mut(&conn).filter(|wire| !wire.dead) {
                wire.frames.push_back(frame);
            }
        }
    }

    pub fn hang_up(&mut self, conn: Conn, why: &str) {
        self.wires.remove(&conn);
        self.exchange.forget(conn);
        self.with(|link, now, mirror| link.on_close(now, conn, why, None, mirror));
    }

    /// Throws away what was put down for asserting later: a world that lives long would be all diary.
    pub fn forget_past(&mut self) {
        self.connected_at.clear();
        self.mirror.log.clear();
        self.mirror.gaps.iter_mut().for_each(Vec::clear);
        self.mirror.trades.iter_mut().for_each(Vec::clear);
    }

    /// The newest connection.
    pub fn conn(&self) -> Conn {
        *self.wires.keys().next_back().expect("a connection")
    }

    /// Everything works: `ns` of ordinary life.
    pub fn live(&mut self, ns: i64) {
        let until = self.now_ns + ns;
        while self.now_ns < until {
            self.accept();
            self.change();
            self.deliver();
            self.answer();
            self.deliver();
            self.pass(100 * MS);
        }
    }

    pub fn state(&self, sub: usize) -> State {
        self.link.machines()[sub].state()
    }

    pub fn states(&self) -> Vec<State> {
        self.link.machines().iter().map(|machine| machine.state()).collect()
    }

    /// Whether every readable book is the exchange's.
    pub fn assert_true(&self) {
        for (sub, machine) in self.link.machines().iter().enumerate() {
            let book =
                machine.readable().unwrap_or_else(|| panic!("{:?} {}", machine.state(), machine.reason()));
            let shown = (book.bids().collect(), book.asks().collect());
            assert_eq!(self.exchange.truth(sub), shown, "{}", self.link.venue.name);
        }
    }
}
