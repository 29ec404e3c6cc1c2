//! Times and limits of a feed.

use crate::event::Nanos;

macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident: $default:expr, $lowest:expr;)+) => {
        /// Times in milliseconds, limits as counts. Every one can be set by its name.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Settings { $($(#[$doc])* pub $name: u64,)+ }

        impl Default for Settings {
            fn default() -> Self { Self { $($name: $default,)+ } }
        }

        impl Settings {
            pub const NAMES: &[&str] = &[$(stringify!($name)),+];

            /// Sets one by name; the error lists what there is, or says what is allowed.
            pub fn set(&mut self, name: &str, value: u64) -> Result<(), String> {
                match name {
                    $(stringify!($name) if value < $lowest => {
                        return Err(format!("{name} is {value}; allowed: {} or more", $lowest));
                    }
                    stringify!($name) => self.$name = value,)+
                    _ => return Err(format!("unknown setting {name:?}; there are {}", Self::NAMES.join(", "))),
                }
                Ok(())
            }
        }
    };
}

settings! {
    /// From the first packet to the finished handshake.
    connect_timeout_ms: 10_000, 1;
    /// From a subscription to the venue's word that it has it.
    ack_timeout_ms: 10_000, 1;
    /// From a subscription to its first data.
    first_data_timeout_ms: 15_000, 1;
    /// From asking for a snapshot to having it.
    snapshot_timeout_ms: 10_000, 1;
    /// A connection without any frame for so long is dead.
    frame_timeout_ms: 30_000, 1;
    /// A book without data for so long is stale; for twice as long, it is asked for anew.
    data_timeout_ms: 90_000, 1;
    /// A connection is replaced by another before it is this old: venues cut them at 24 hours.
    max_age_ms: 23 * 3_600_000, 1;
    /// The n-th retry waits a random time below this times 2 to the power of n ...
    backoff_base_ms: 250, 1;
    /// ... and below this.
    backoff_cap_ms: 30_000, 1;
    /// Being live for so long makes the next retry the first again.
    backoff_reset_ms: 30_000, 1;
    /// Connection attempts a venue, as a budget that fills evenly.
    connects_per_minute: 10, 1;
    /// Snapshots asked for a venue, beyond those of a new connection.
    snapshots_per_minute: 60, 1;
    /// What these may cost of the venue's allowance: half of Binance's, because a budget can be spent twice in a minute.
    snapshot_weight_per_minute: 3_000, 1;
    /// So many wrong checksums in a row, and the checksum is given up.
    checksum_failures: 3, 1;
    /// So many times without an answer or a usable snapshot in a row, and the subscription is given up.
    attempts: 3, 1;
    /// Longest message, in bytes.
    max_message_bytes: 64 << 20, 1024;
    /// Diffs kept while a snapshot is awaited.
    buffered_diffs: 10_000, 1;
}

/// Nanoseconds of a time in milliseconds.
pub fn ms(milliseconds: u64) -> Nanos {
    Nanos::try_from(milliseconds.saturating_mul(1_000_000)).unwrap_or(Nanos::MAX / 4).min(Nanos::MAX / 4)
}
