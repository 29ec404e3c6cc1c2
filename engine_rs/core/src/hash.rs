//! Hashes and streams: the same words give the same numbers in every engine and on every machine.

const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// FNV-1a over whole 64-bit words.
///
/// Words instead of bytes cost an eighth; what is hashed here are numbers, never hostile input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fnv(u64);

impl Fnv {
    pub const fn new() -> Self {
        Self(OFFSET_BASIS)
    }

    #[inline]
    pub fn word(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(PRIME);
    }

    /// Folds a signed number in as its two's complement.
    #[inline]
    pub fn signed(&mut self, number: i64) {
        self.word(number as u64);
    }

    pub fn words(&mut self, words: &[u64]) {
        for &word in words {
            self.word(word);
        }
    }

    /// Folds a word in and four words of nothing behind it. A zero only multiplies, so that all five are one step.
    #[inline]
    pub fn word_and_four_zeros(&mut self, word: u64) {
        const FIVEFOLD: u64 = PRIME.wrapping_pow(5);
        self.0 = (self.0 ^ word).wrapping_mul(FIVEFOLD);
    }

    /// Folds a text in: its length in bytes, then its UTF-8 as little-endian words padded with zeros.
    /// The length goes first so that a text cannot run into its neighbour.
    pub fn text(&mut self, text: &str) {
        self.word(text.len() as u64);
        for chunk in text.as_bytes().chunks(8) {
            let mut word = [0u8; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.word(u64::from_le_bytes(word));
        }
    }

    #[inline]
    pub const fn value(&self) -> u64 {
        self.0
    }
}

impl Default for Fnv {
    fn default() -> Self {
        Self::new()
    }
}

/// The hash that stands for a name in logs, where numbering would depend on the order of creation.
pub fn name_hash(name: &str) -> u64 {
    let mut hash = Fnv::new();
    hash.text(name);
    hash.value()
}

/// The state a named stream starts from; two streams of one seed share nothing but the seed.
pub fn stream_seed(seed: u64, names: &[&str]) -> u64 {
    let mut hash = Fnv::new();
    hash.word(seed);
    for name in names {
        hash.text(name);
    }
    hash.value()
}

/// SplitMix64 (Steele, Lea and Flood 2014): one addition and two multiplications a draw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    state: u64,
}

impl Stream {
    pub const fn new(state: u64) -> Self {
        Self { state }
    }

    /// The stream of this seed and these names.
    pub fn named(seed: u64, names: &[&str]) -> Self {
        Self::new(stream_seed(seed, names))
    }

    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from 0 to `n - 1`; 0 when `n` is 0. The bias is below `n / 2^64`.
    #[inline]
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(n)) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitmix64_gives_the_published_numbers() {
        let mut stream = Stream::new(1_234_567);
        let drawn: Vec<u64> = (0..5).map(|_| stream.next_u64()).collect();
        // The vector every implementation is checked with (prng.di.unimi.it, Rosetta Code).
        assert_eq!(
            drawn,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423,
                4_593_380_528_125_082_431,
                16_408_922_859_458_223_821
            ]
        );
    }

    #[test]
    fn one_word_is_one_step_of_fnv() {
        let mut hash = Fnv::new();
        hash.word(0);
        assert_eq!(hash.value(), OFFSET_BASIS.wrapping_mul(PRIME));
    }

    #[test]
    fn a_word_and_four_zeros_are_five_words() {
        let (mut at_once, mut one_by_one) = (Fnv(77), Fnv(77));
        at_once.word_and_four_zeros(9);
        one_by_one.words(&[9, 0, 0, 0, 0]);
        assert_eq!(at_once, one_by_one);
    }

    /// Worked out apart from this code, by the reference engine; a log or a stream of old must stay readable.
    #[test]
    fn names_and_streams_have_their_known_numbers() {
        assert_eq!(name_hash("noise-1"), 0x5234_844c_0130_a478);
        assert_eq!(name_hash("BTC/USD"), 0xe3b7_9a9a_9cad_b24c);
        assert_eq!(stream_seed(7, &["entry", "noise-1", "NORTH"]), 0xe514_8514_749f_62ea);
    }

    #[test]
    fn padding_and_boundaries_do_not_collide() {
        assert_ne!(name_hash("a"), name_hash("a\0"));
        assert_ne!(stream_seed(1, &["ab", "c"]), stream_seed(1, &["a", "bc"]));
        assert_ne!(stream_seed(1, &["ab"]), stream_seed(2, &["ab"]));
        assert_eq!(name_hash(""), OFFSET_BASIS.wrapping_mul(PRIME));
    }

    #[test]
    fn below_stays_below_and_reaches_every_value() {
        let mut stream = Stream::named(7, &["test"]);
        let mut seen = [false; 6];
        for _ in 0..1_000 {
            seen[stream.below(6) as usize] = true;
        }
        assert_eq!(seen, [true; 6]);
        assert_eq!(stream.below(0), 0);
    }
}
