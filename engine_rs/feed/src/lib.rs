//! Public market data of real exchanges as sequenced, stamped events: no key, no order, no matching.
//!
//! - [`grid`], [`stamp`]: texts of a feed as whole ticks, lots and nanoseconds;
//! - [`book`]: an aggregated order book; [`event`]: what a consumer is told;
//! - [`protocol`]: what exchanges say and want to hear, one file each;
//! - [`machine`], [`session`], [`link`]: a subscription, a connection, a venue over time, without a socket or a
//!   clock; [`backoff`], [`settings`], [`counts`], [`rate`], [`trades`] serve them;
//! - [`net`], [`driver`]: sockets and time; [`hub`]: the queue to the consumer; [`feed`]: all of it together;
//! - [`capture`]: what a consumer was given, in a file; [`instrument`]: tick and lot by REST.

pub mod backoff;
pub mod book;
pub mod capture;
pub mod counts;
#[cfg(test)]
mod draws;
pub mod driver;
pub mod event;
pub mod feed;
pub mod grid;
pub mod hub;
pub mod instrument;
pub mod link;
pub mod machine;
pub mod net;
pub mod protocol;
pub mod rate;
pub mod session;
pub mod settings;
pub mod stamp;
pub mod trades;
