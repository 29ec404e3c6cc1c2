//! One way to declare a closed enum whose integer codes are public.

/// Declares a `repr(u8)` enum with `code` and `from_code`.
///
/// The codes cross into numpy columns and into hashes, so they are written out and never renumbered.
macro_rules! closed_codes {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $code:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $name { $($(#[$variant_meta])* $variant = $code),+ }

        impl $name {
            /// The public integer code.
            #[inline]
            pub const fn code(self) -> u8 {
                self as u8
            }

            /// The member with this code, if there is one.
            #[inline]
            pub const fn from_code(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}
