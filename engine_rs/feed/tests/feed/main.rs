//! The feed under faults: an exchange, a network and a clock that misbehave on purpose.
//!
//! | fault | where it is injected |
//! |---|---|
//! | F01-F07 refused, silent, rejected and false handshakes, Retry-After, torn frames, resets, farewells | `transport` f01-f07 |
//! | F08 half-open sockets | `transport` f08, `faults` f08 |
//! | F09 a door slammed again and again | `transport` f09, `budgets` f09 (fifty times, every venue) |
//! | F10-F15 dribbles, fragments, 12 MiB, beyond the limit, no UTF-8, binary, pings | `transport` f10-f15 |
//! | F16 five minutes without a ping | `budgets` f16 |
//! | F17 the cut after a day, a venue that asks for a new connection | `faults` f17, `budgets` f17, `soak` |
//! | F18 addresses of which the first is dead | `market_feed::net` (refuses; never answers), `transport` f18 |
//! | F19 certificates: right, expired, wrong host, unknown, self-signed, TLS 1.1, SSL_CERT_FILE | `tls`, `process` f19 |
//! | F20 proxy variables: not heeded | `process` f20 |
//! | F21 acknowledgements missing, late, of another, of one symbol in three | `faults` f21, `budgets` f21 |
//! | F22 a subscription repeated | `sequencing` f22 |
//! | F23 silence about a symbol | `budgets` f23, `faults` f23 |
//! | F24 the unknown | `faults` f24, `malformed`, tests of each protocol |
//! | F25 the malformed and the endless | `malformed`, `faults` f25, `parsers`, `fuzz`, tests of each protocol |
//! | F26 maintenance and halts | `faults` f26, `budgets` f26 |
//! | F27-F30 lost, repeated, swapped, old messages | `sequencing`, `faults`, `soak` |
//! | F31, F32 snapshots old, new, cached, slow, refused, no JSON; a gap while syncing | `sequencing`, `faults` f31, `soak` |
//! | F33 a second snapshot; ids that fall or stay | `faults` f33, `sequencing` f33, `market_feed::protocol::okx` |
//! | F34 wrong checksums, once and always; none | `soak`, `faults` f34, `sequencing` f34, `tests/test_feed_live.py` |
//! | F35 a level from before the reconnect | `faults` f35 |
//! | F36 levels beyond the depth or the known range | `market_feed::book`, `soak` (windows of 10 and 50 levels) |
//! | F37, F38 crossed, locked and one-sided books | `faults` f37, f38, `sequencing` f37 |
//! | F39 a fault of one symbol, of a connection | `faults` f27_f39, `tests/test_feed_live.py` |
//! | F40 clocks of venues and of this machine | `faults` f40, `market_feed::hub`, `market_feed::stamp` |
//! | F41 bursts | `transport` f41; a minute in `figures` |
//! | F42 a consumer that stops | `transport` f42, `faults` f42; a minute in `figures` |
//! | F43 a consumer that panics, an interpreter held for 5 s | `transport` f43, `tests/test_feed_handle.py` |
//! | F44 a hundred symbols at once | `budgets` f44 |
//! | F45 a writer that is killed or terminated, a file cut anywhere | `market_feed::capture`, `tests/test_feed_handle.py`, `tests/test_feed_live.py` |
//! | F46 a full disk | `tests/test_feed_handle.py` (a limit on the size of files stands for the disk) |
//! | F47 pickling, copying, forks | `tests/test_feed_handle.py` |
//! | F48 the end, whatever the state | `process` f48 (nine states; descriptors and threads back at the base line), `transport` f48 |
//!
//! What has to hold in all of them (I1-I8) is checked by `world` after every step (I1, I2, I4), by its mirror (I5), by
//! `assert_true` (I3), `soak` (I3, I6, I8), `budgets` (I6), `process` (descriptors and threads, I7) and `fuzz` (memory, I7).
//!
//! Not tested: a change of DNS, which would need a resolver of the test's own; every attempt looks the name up anew.

mod budgets;
mod data;
mod faults;
mod figures;
mod fuzz;
mod malformed;
mod parsers;
mod process;
mod sequencing;
mod soak;
mod tls;
mod transport;
mod venue;
mod world;
