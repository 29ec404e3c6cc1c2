//! A feed: venues, subscriptions, one thread, one queue.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::sync::Notify;
use tokio::task::LocalSet;

use crate::backoff::Jitter;
use crate::book::{Known, Level};
use crate::counts::{Connections, Counts, Messages};
use crate::driver::{Clock, Driver, Setup, Tap, wall_ns};
use crate::event::{Event, Nanos, State};
use crate::grid::Grid;
use crate::hub::{self, Hub};
use crate::link::Link;
use crate::net::Url;
use crate::protocol::{self, Symbols, Venue};
use crate::settings::{Settings, ms};

/// A symbol at a venue, and the steps in which its numbers are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    pub venue: String,
    /// In the venue's own spelling.
    pub symbol: String,
    pub tick: String,
    pub lot: String,
}

/// What a feed is to do.
#[derive(Clone, Default)]
pub struct Config {
    pub subscriptions: Vec<Subscription>,
    /// By venue; before the environment's.
    pub ws_urls: BTreeMap<String, String>,
    pub rest_urls: BTreeMap<String, String>,
    /// Levels a side; None: what is usual at each venue.
    pub depth: Option<usize>,
    /// Events that wait for the consumer at most.
    pub queue: usize,
    pub settings: Settings,
    /// Other roots than the machine's.
    pub tls: Option<Arc<ClientConfig>>,
}

/// A book that may be read: (last id, the venue's stamp, receipt, bids, asks), best first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    pub recv_ns: Nanos,
    pub venue_ns: Option<Nanos>,
    pub last_id: u64,
    pub bids: Vec<Level>,
    pub asks: Vec<Level>,
}

/// A venue's figures.
#[derive(Clone, Debug)]
pub struct VenueStats {
    pub venue: &'static str,
    pub messages: Messages,
    pub connections: Connections,
    pub connected: bool,
}

/// A subscription's figures.
#[derive(Clone, Debug)]
pub struct SubscriptionStats {
    pub state: State,
    pub reason: String,
    pub counts: Counts,
    pub known: Known,
    pub verifiable: bool,
}

/// A running feed. Dropping it ends it.
pub struct Feed {
    subscriptions: Vec<Subscription>,
    /// Per venue: its link, and the numbers of its subscriptions.
    links: Vec<(Arc<Mutex<Link>>, Vec<usize>)>,
    /// Per subscription: which link, and the number there.
    places: Vec<(usize, usize)>,
    hub: Arc<Hub>,
    stopping: Arc<Stopping>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Stopping {
    flag: AtomicBool,
    notify: Notify,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// The venue's address: as given, else from the environment, else its own.
fn address(given: Option<&String>, venue: &Venue, kind: &str) -> Option<(String, String)> {
    let variable = format!("MARKET_SIM_{}_{kind}_URL", venue.name.to_uppercase());
    let from_environment = || std::env::var(&variable).ok().filter(|value| !value.is_empty());
    match given {
        Some(url) => Some((url.clone(), format!("the {kind} URL given for {}", venue.name))),
        None => from_environment().map(|url| (url, variable.clone())),
    }
}

/// (WebSocket, REST): whoever moves the first moves the second with it, unless that is named too.
fn addresses(config: &Config, venue: &Venue) -> Result<(Url, Url), String> {
    let parse = |(text, place): (String, String)| Url::parse(&text).map_err(|why| format!("{place}: {why}"));
    let given_ws = address(config.ws_urls.get(venue.name), venue, "WS").map(parse).transpose()?;
    let given_rest = address(config.rest_urls.get(venue.name), venue, "REST").map(parse).transpose()?;
    let ws = match &given_ws {
        Some(url) => url.clone(),
        None => Url::parse(venue.ws_url)?,
    };
    let rest = match (given_rest, &given_ws) {
        (Some(url), _) => url,
        (None, Some(ws)) => ws.with_path("/")?,
        (None, None) => Url::parse(venue.rest_url)?,
    };
    Ok((ws, rest))
}

/// The REST address alone: as given, else as a feed without other settings would have it.
pub fn rest_url(venue: &Venue, given: Option<&str>) -> Result<Url, String> {
    let given = given.map(|url| (venue.name.to_owned(), url.to_owned()));
    let config = Config { rest_urls: given.into_iter().collect(), ..Config::default() };
    addresses(&config, venue).map(|(_, rest)| rest)
}

/// The venue of that name, or an error that lists them.
pub fn venue_named(name: &str) -> Result<&'static Venue, String> {
    protocol::venue(name).ok_or_else(|| {
        let names: Vec<&str> = protocol::VENUES.iter().map(|venue| venue.name).collect();
        format!("unknown venue {name:?}; there are {}", names.join(", "))
    })
}

fn check_depth(venue: &Venue, depth: Option<usize>) -> Result<(), String> {
    match depth {
        Some(0) => Err("depth is 0; allowed: 1 or more".to_owned()),
        Some(depth) if !venue.depths.is_empty() && !venue.depths.contains(&depth) => {
            Err(format!("depth is {depth}; {} has {:?}", venue.name, venue.depths))
        }
        _ => Ok(()),
    }
}

fn symbols_of(subscriptions: &[Subscription], subs: &[usize]) -> Result<Symbols, String> {
    let mut names = BTreeSet::new();
    let mut symbols = Vec::with_capacity(subs.len());
    for &sub in subs {
        let Subscription { venue, symbol, tick, lot } = &subscriptions[sub];
        let plain = symbol.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-/_.".contains(&byte));
        if symbol.is_empty() || symbol.len() > 40 || !plain {
            return Err(format!("{symbol:?} is no symbol; allowed: letters, digits, - / _ and ."));
        }
        if !names.insert(symbol) {
            return Err(format!("{symbol} at {venue} is subscribed twice"));
        }
        symbols.push((symbol.clone(), Grid::new(tick, lot).map_err(|error| format!("{symbol}: {error}"))?));
    }
    Ok(Symbols::new(symbols))
}

impl Feed {
    /// Checks everything, then starts. Connecting happens in the background.
    pub fn start(config: Config) -> Result<Self, String> {
        if config.subscriptions.is_empty() {
            return Err("no subscription is given; name at least one venue and symbol".to_owned());
        }
        let hub = Arc::new(Hub::new(config.subscriptions.len(), config.queue));
        let clock = Clock::start();
        let mut links = Vec::new();
        let mut setups = Vec::new();
        let mut places = vec![(0, 0); config.subscriptions.len()];
        let mut names: Vec<&str> = config.subscriptions.iter().map(|sub| sub.venue.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let mut seed = Jitter::new(wall_ns() as u64 ^ u64::from(std::process::id()) << 40);
        for name in names {
            let venue = venue_named(name)?;
            check_depth(venue, config.depth)?;
            let of_venue = |&sub: &usize| config.subscriptions[sub].venue == name;
            let subs: Vec<usize> = (0..config.subscriptions.len()).filter(of_venue).collect();
            subs.iter().enumerate().for_each(|(local, &sub)| places[sub] = (links.len(), local));
            let symbols = symbols_of(&config.subscriptions, &subs)?;
            let (ws, rest) = addresses(&config, venue)?;
            let seed = seed.wait(Nanos::MAX, Nanos::MAX - 1, 0) as u64;
            let link = Link::new(venue, symbols, config.depth, config.settings.clone(), seed);
            setups.push(Setup {
                ws,
                rest,
                tls: config.tls.clone(),
                snapshot_timeout: duration(config.settings.snapshot_timeout_ms),
                connect_timeout: duration(config.settings.connect_timeout_ms),
                most_bytes: config.settings.max_message_bytes as usize,
                clock,
            });
            links.push((Arc::new(Mutex::new(link)), subs));
        }
        let feed = Self {
            subscriptions: config.subscriptions,
            links,
            places,
            hub,
            stopping: Arc::default(),
            thread: Mutex::new(None),
        };
        feed.tell_start(clock);
        feed.spawn(setups)?;
        Ok(feed)
    }

    /// The first states, in the order of subscription.
    fn tell_start(&self, clock: Clock) {
        for (link, subs) in &self.links {
            let mut tap = Tap { hub: Arc::clone(&self.hub), subs: subs.clone() };
            lock(link).start(clock.now(), &mut tap);
        }
    }

    fn spawn(&self, setups: Vec<Setup>) -> Result<(), String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| format!("no runtime for the sockets: {error}"))?;
        let parts: Vec<_> = self
            .links
            .iter()
            .zip(setups)
            .map(|((link, subs), setup)| {
                (Arc::clone(link), Tap { hub: Arc::clone(&self.hub), subs: subs.clone() }, setup)
            })
            .collect();
        let (hub, stopping) = (Arc::clone(&self.hub), Arc::clone(&self.stopping));
        let thread = std::thread::Builder::new()
            .name("market_sim feed".to_owned())
            .spawn(move || {
                let local = LocalSet::new();
                local.block_on(&runtime, drive(parts, Arc::clone(&hub), stopping));
                drop(local);
                hub.close();
                // A name that is being looked up must not hold up the end.
                runtime.shutdown_background();
            })
            .map_err(|error| format!("no thread for the sockets: {error}"))?;
        *lock(&self.thread) = Some(thread);
        Ok(())
    }

    pub fn subscriptions(&self) -> &[Subscription] {
        &self.subscriptions
    }

    /// Up to `most` events in order of receipt; waits up to `timeout` for the first.
    pub fn poll(&self, most: usize, timeout: Duration) -> Vec<Event> {
        self.hub.poll(most, timeout)
    }

    /// A time that every event polled is before and every other one is after; None while some are waiting.
    pub fn horizon_ns(&self) -> Option<Nanos> {
        self.hub.horizon_ns(wall_ns())
    }

    fn with<R>(&self, sub: usize, read: impl FnOnce(&Link, usize) -> R) -> Option<R> {
        let &(link, local) = self.places.get(sub)?;
        Some(read(&lock(&self.links[link].0), local))
    }

    /// The book, if it is live: up to `levels` a side, 0 for all that are known. None for an unknown number too.
    pub fn book(&self, sub: usize, levels: usize) -> Option<View> {
        let most = if levels == 0 { usize::MAX } else { levels };
        self.with(sub, |link, local| {
            let machine = &link.machines()[local];
            let book = machine.readable()?;
            Some(View {
                recv_ns: machine.counts.last_recv_ns.unwrap_or_default(),
                venue_ns: machine.last_venue_ns(),
                last_id: machine.last_id(),
                bids: book.bids().take(most).collect(),
                asks: book.asks().take(most).collect(),
            })
        })?
    }

    /// State and reason.
    pub fn state(&self, sub: usize) -> Option<(State, String)> {
        self.with(sub, |link, local| {
            let machine = &link.machines()[local];
            (machine.state(), machine.reason().to_owned())
        })
    }

    pub fn venue_stats(&self) -> Vec<VenueStats> {
        let stats = |(link, _): &(Arc<Mutex<Link>>, Vec<usize>)| {
            let link = lock(link);
            VenueStats {
                venue: link.venue.name,
                messages: link.messages,
                connections: link.connections.clone(),
                connected: link.is_connected(),
            }
        };
        self.links.iter().map(stats).collect()
    }

    pub fn subscription_stats(&self, sub: usize) -> Option<SubscriptionStats> {
        self.with(sub, |link, local| {
            let machine = &link.machines()[local];
            SubscriptionStats {
                state: machine.state(),
                reason: machine.reason().to_owned(),
                counts: machine.counts,
                known: machine.book.known(),
                verifiable: machine.verifiable(),
            }
        })
    }

    pub fn queue(&self) -> hub::Level {
        self.hub.level()
    }

    /// Ends every connection; within a second, in every state. What is queued can still be polled.
    pub fn stop(&self) {
        self.stopping.flag.store(true, Ordering::Release);
        self.stopping.notify.notify_one();
        if let Some(thread) = lock(&self.thread).take() {
            // A panic there has been printed; here there is nothing left to do about it.
            let _ = thread.join();
        }
    }

    /// Forgets the thread: in a forked child there is none.
    pub fn forget_thread(&self) {
        std::mem::forget(lock(&self.thread).take());
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.stop();
    }
}

fn duration(milliseconds: u64) -> Duration {
    Duration::from_nanos(ms(milliseconds) as u64)
}

async fn drive(parts: Vec<(Arc<Mutex<Link>>, Tap, Setup)>, hub: Arc<Hub>, stopping: Arc<Stopping>) {
    let drivers: Vec<Rc<Driver>> =
        parts.into_iter().map(|(link, tap, setup)| Driver::new(link, tap, setup)).collect();
    let stops: Vec<Rc<Notify>> = drivers.iter().map(|_| Rc::new(Notify::new())).collect();
    let running: Vec<_> = drivers
        .iter()
        .zip(&stops)
        .map(|(driver, stop)| tokio::task::spawn_local(Rc::clone(driver).run(Rc::clone(stop))))
        .collect();
    while !stopping.flag.load(Ordering::Acquire) {
        tokio::select! {
            () = stopping.notify.notified() => {}
            () = hub.room.notified() => drivers.iter().for_each(Driver::refill),
        }
    }
    stops.iter().for_each(|stop| stop.notify_one());
    for task in running {
        let _ = task.await;
    }
}
