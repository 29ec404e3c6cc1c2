//! Tick and lot of a symbol, from the venue's public REST.

use std::time::Duration;

use crate::feed::{rest_url, venue_named};
use crate::net;

/// An answer about one symbol is some kilobytes; about all of a venue's, some megabytes.
const MOST_BYTES: usize = 32 << 20;

/// (tick, lot) as decimal texts. Waits for the venue's answer.
pub fn fetch(
    venue: &str,
    symbol: &str,
    url: Option<&str>,
    within: Duration,
) -> Result<(String, String), String> {
    let venue = venue_named(venue)?;
    let plain = symbol.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-/_.".contains(&byte));
    if symbol.is_empty() || !plain {
        return Err(format!("{symbol:?} is no symbol; allowed: letters, digits, - / _ and ."));
    }
    let url = rest_url(venue, url)?.with_path(&(venue.instrument_path)(symbol))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no runtime for the request: {error}"))?;
    let answer = runtime.block_on(net::get(&url, None, within, MOST_BYTES));
    runtime.shutdown_background();
    let body = answer.map_err(|failure| format!("{} at {}: {}", symbol, venue.name, failure.why))?;
    (venue.read_instrument)(&body).map_err(|reject| format!("{} at {}: {}", symbol, venue.name, reject.why))
}
