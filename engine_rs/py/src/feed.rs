//! Live feeds and their captures. Nothing here waits while it holds the interpreter.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "rates and captures are in real time"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use market_feed::capture::{Reader, Writer};
use market_feed::driver::wall_ns;
use market_feed::event::Event;
use market_feed::feed::{Config, Feed, Subscription};
use market_feed::protocol::VENUES;
use market_feed::rate::Rate;
use market_feed::settings::Settings;
use pyo3::exceptions::{PyIndexError, PyOSError, PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::errors::bad_value;
use crate::feed_rows;

pyo3::import_exception!(market_sim.errors, DataError);

type Listed = (String, String, String, String);
type Side = Vec<(i64, i64)>;

/// Signals reach Python at least this often while `poll` waits.
const SLICE: Duration = Duration::from_millis(100);

fn subscriptions(listed: Vec<Listed>) -> Vec<Subscription> {
    let one = |(venue, symbol, tick, lot)| Subscription { venue, symbol, tick, lot };
    listed.into_iter().map(one).collect()
}

fn settings(given: Option<BTreeMap<String, u64>>) -> PyResult<Settings> {
    let mut settings = Settings::default();
    for (name, value) in given.unwrap_or_default() {
        settings.set(&name, value).map_err(bad_value)?;
    }
    Ok(settings)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn unwritable(path: &Path, error: &std::io::Error) -> PyErr {
    // (errno, text, file) makes Python choose the class: FileExistsError, PermissionError ...
    match error.raw_os_error() {
        Some(number) => PyOSError::new_err((number, error.to_string(), path.to_path_buf())),
        None => PyOSError::new_err(format!("{}: {error}", path.display())),
    }
}

/// Running connections to the public market data of exchanges.
#[pyclass(module = "market_sim._engine", frozen)]
pub struct FeedHandle {
    feed: Feed,
    capture: Mutex<Option<(PathBuf, Writer)>>,
    /// Per venue, on a clock that begins with the feed.
    rates: Mutex<Vec<Rate>>,
    since: Instant,
    process: u32,
}

impl FeedHandle {
    fn feed(&self) -> PyResult<&Feed> {
        if std::process::id() == self.process {
            return Ok(&self.feed);
        }
        Err(PyRuntimeError::new_err(
            "this feed belongs to the process that was forked: open a FeedHandle of its own in each process",
        ))
    }

    fn capture_batch(&self, events: &[Event]) {
        if let Some((_, writer)) = &mut *lock(&self.capture) {
            writer.append(events);
        }
    }

    /// Messages a second over the last three.
    fn rate(&self, venue: usize, received: u64) -> f64 {
        let now_ns = i64::try_from(self.since.elapsed().as_nanos()).unwrap_or(i64::MAX);
        let (messages, nanos) = lock(&self.rates)[venue].look(now_ns, received);
        messages as f64 * 1e9 / nanos.max(1) as f64
    }
}

#[pymethods]
impl FeedHandle {
    #[new]
    #[pyo3(signature = (subscriptions, *, ws_urls = None, rest_urls = None, depth = None, capture = None, queue = 65536, settings = None))]
    fn new(
        py: Python<'_>,
        subscriptions: Vec<Listed>,
        ws_urls: Option<BTreeMap<String, String>>,
        rest_urls: Option<BTreeMap<String, String>>,
        depth: Option<usize>,
        capture: Option<PathBuf>,
        queue: usize,
        settings: Option<BTreeMap<String, u64>>,
    ) -> PyResult<Self> {
        let config = Config {
            subscriptions: self::subscriptions(subscriptions),
            ws_urls: ws_urls.unwrap_or_default(),
            rest_urls: rest_urls.unwrap_or_default(),
            depth,
            queue,
            settings: self::settings(settings)?,
            tls: None,
        };
        py.detach(|| {
            let listed = config.subscriptions.clone();
            let feed = Feed::start(config).map_err(bad_value)?;
            let writer = capture.map(|path| match Writer::create(&path, &listed, wall_ns()) {
                Ok(writer) => Ok((path, writer)),
                Err(error) => Err(unwritable(&path, &error)),
            });
            let rates = feed.venue_stats().iter().map(|_| Rate::new(0)).collect();
            let capture = Mutex::new(writer.transpose()?);
            Ok(Self {
                feed,
                capture,
                rates: Mutex::new(rates),
                since: Instant::now(),
                process: std::process::id(),
            })
        })
    }

    /// Events in order of receipt; waits up to `timeout_ms` for the first. What is returned is in the capture.
    #[pyo3(signature = (max_events = 4096, timeout_ms = 0))]
    fn poll<'py>(&self, py: Python<'py>, max_events: usize, timeout_ms: u64) -> PyResult<Bound<'py, PyList>> {
        let feed = self.feed()?;
        let due = Instant::now() + Duration::from_millis(timeout_ms);
        loop {
            let left = due.saturating_duration_since(Instant::now()).min(SLICE);
            let events = py.detach(|| {
                let events = feed.poll(max_events, left);
                self.capture_batch(&events);
                events
            });
            if !events.is_empty() || left < SLICE {
                return feed_rows::events(py, &events);
            }
            py.check_signals()?;
        }
    }

    /// A stamp after every event polled and before every other; None while some are waiting.
    fn horizon_ns(&self) -> PyResult<Option<i64>> {
        Ok(self.feed()?.horizon_ns())
    }

    /// (recv_ns, venue_ns, last_id, bids, asks), best first; None unless live.
    #[pyo3(signature = (sub, levels = 0))]
    fn book(
        &self,
        py: Python<'_>,
        sub: usize,
        levels: usize,
    ) -> PyResult<Option<(i64, Option<i64>, u64, Side, Side)>> {
        let feed = self.feed()?;
        self.state(py, sub)?;
        let view = py.detach(|| feed.book(sub, levels));
        Ok(view.map(|view| (view.recv_ns, view.venue_ns, view.last_id, view.bids, view.asks)))
    }

    /// (state, reason).
    fn state(&self, py: Python<'_>, sub: usize) -> PyResult<(&'static str, String)> {
        let feed = self.feed()?;
        let state = py.detach(|| feed.state(sub));
        let (state, reason) = state.ok_or_else(|| {
            PyIndexError::new_err(format!("no subscription {sub}; there are {}", feed.subscriptions().len()))
        })?;
        Ok((state.name(), reason))
    }

    fn states(&self, py: Python<'_>) -> PyResult<Vec<&'static str>> {
        (0..self.feed()?.subscriptions().len()).map(|sub| Ok(self.state(py, sub)?.0)).collect()
    }

    /// What came, what became of it, and how the connections fare.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let feed = self.feed()?;
        let venues = PyDict::new(py);
        for (number, stats) in py.detach(|| feed.venue_stats()).iter().enumerate() {
            let rate = self.rate(number, stats.messages.received);
            venues.set_item(stats.venue, feed_rows::venue(py, stats, rate)?)?;
        }
        let subs = PyList::empty(py);
        for (sub, listed) in feed.subscriptions().iter().enumerate() {
            let Some(stats) = py.detach(|| feed.subscription_stats(sub)) else { continue };
            let table = feed_rows::subscription(py, &stats)?;
            table.set_item("venue", &listed.venue)?;
            table.set_item("symbol", &listed.symbol)?;
            subs.append(table)?;
        }
        let (length, capacity, peak) = py.detach(|| feed.queue());
        let queue = PyDict::new(py);
        [("length", length), ("capacity", capacity), ("peak", peak)]
            .into_iter()
            .try_for_each(|(name, number)| queue.set_item(name, number))?;
        let all = PyDict::new(py);
        all.set_item("venues", venues)?;
        all.set_item("subscriptions", subs)?;
        all.set_item("queue", queue)?;
        all.set_item("capture", self.capture_stats(py)?)?;
        Ok(all)
    }

    /// Ends every connection within a second, and the capture once everything has been polled.
    fn stop(&self, py: Python<'_>) -> PyResult<()> {
        let feed = self.feed()?;
        py.detach(|| feed.stop());
        Ok(())
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(PyTypeError::new_err(
            "a FeedHandle has sockets and a thread: it can be neither pickled nor copied",
        ))
    }
}

impl FeedHandle {
    fn capture_stats<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        // A batch on its way to a slow disk holds the lock.
        let capture = py.detach(|| {
            let capture = lock(&self.capture);
            let told = |(path, writer): &(PathBuf, Writer)| {
                (path.clone(), writer.records, writer.bytes, writer.error.clone())
            };
            capture.as_ref().map(told)
        });
        let Some((path, records, bytes, error)) = capture else { return Ok(None) };
        let table = PyDict::new(py);
        table.set_item("path", path.to_string_lossy())?;
        table.set_item("records", records)?;
        table.set_item("bytes", bytes)?;
        table.set_item("error", error)?;
        Ok(Some(table))
    }
}

impl Drop for FeedHandle {
    fn drop(&mut self) {
        if std::process::id() != self.process {
            // The parent's thread does not exist here, and its capture is still being written there.
            self.feed.forget_thread();
            std::mem::forget(lock(&self.capture).take());
            return;
        }
        // Farewells take a moment, in which other threads may run; at the interpreter's end there are none.
        let stopped = Python::try_attach(|py| py.detach(|| self.feed.stop()));
        if stopped.is_none() {
            self.feed.stop();
        }
    }
}

/// Writes a capture event by event.
#[pyclass(module = "market_sim._engine")]
pub struct CaptureWriter {
    path: PathBuf,
    writer: Writer,
}

#[pymethods]
impl CaptureWriter {
    #[new]
    fn new(py: Python<'_>, path: PathBuf, subscriptions: Vec<Listed>) -> PyResult<Self> {
        let subscriptions = self::subscriptions(subscriptions);
        let created = py.detach(|| Writer::create(&path, &subscriptions, wall_ns()));
        match created {
            Ok(writer) => Ok(Self { path, writer }),
            Err(error) => Err(unwritable(&path, &error)),
        }
    }

    /// Appends events as `FeedHandle.poll` gives them, and writes them through.
    fn append(&mut self, py: Python<'_>, events: Vec<Bound<'_, PyTuple>>) -> PyResult<()> {
        let events: Vec<Event> = events.iter().map(feed_rows::read_event).collect::<PyResult<_>>()?;
        py.detach(|| self.writer.append(&events));
        self.assert_written()
    }

    fn close(&mut self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.writer.close());
        self.assert_written()
    }
}

impl CaptureWriter {
    fn assert_written(&self) -> PyResult<()> {
        match &self.writer.error {
            Some(error) => Err(PyOSError::new_err(format!("{}: {error}", self.path.display()))),
            None => Ok(()),
        }
    }
}

/// Reads a capture.
#[pyclass(module = "market_sim._engine")]
pub struct CaptureReader {
    path: PathBuf,
    reader: Reader,
    read: u64,
}

impl CaptureReader {
    fn failed(path: &Path, error: &std::io::Error, after: u64) -> PyErr {
        match error.raw_os_error() {
            Some(_) => unwritable(path, error),
            None => {
                let what = format!("{error}, after {after} events");
                let remedy = "Copy the file again; what stands before can be read.";
                DataError::new_err((what, path.to_path_buf(), None::<u64>, remedy))
            }
        }
    }
}

#[pymethods]
impl CaptureReader {
    #[new]
    fn new(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        match py.detach(|| Reader::open(&path)) {
            Ok(reader) => Ok(Self { path, reader, read: 0 }),
            Err(error) => Err(Self::failed(&path, &error, 0)),
        }
    }

    /// JSON: schema, created_ns, subscriptions.
    #[getter]
    fn header(&self) -> &str {
        self.reader.header()
    }

    /// The next events, as `FeedHandle.poll` gave them; [] at the end.
    #[pyo3(signature = (max_events = 4096))]
    fn read<'py>(&mut self, py: Python<'py>, max_events: usize) -> PyResult<Bound<'py, PyList>> {
        let read = py.detach(|| self.reader.read(max_events));
        let events = read.map_err(|error| Self::failed(&self.path, &error, self.read))?;
        self.read += events.len() as u64;
        feed_rows::events(py, &events)
    }

    /// Whether the end was written: a capture of a process that was killed has none.
    #[getter]
    fn clean(&self) -> bool {
        self.reader.clean
    }

    /// Bytes of a last record that is not whole.
    #[getter]
    fn torn_bytes(&self) -> usize {
        self.reader.torn_bytes
    }
}

/// Venues that can be connected to.
#[pyfunction]
pub fn feed_venues() -> Vec<&'static str> {
    VENUES.iter().map(|venue| venue.name).collect()
}

/// (tick, lot) of a symbol, asked of the venue.
#[pyfunction]
#[pyo3(signature = (venue, symbol, rest_url = None, timeout_ms = 10_000))]
pub fn fetch_instrument(
    py: Python<'_>,
    venue: &str,
    symbol: &str,
    rest_url: Option<&str>,
    timeout_ms: u64,
) -> PyResult<(String, String)> {
    let within = Duration::from_millis(timeout_ms.max(1));
    py.detach(|| market_feed::instrument::fetch(venue, symbol, rest_url, within)).map_err(bad_value)
}
