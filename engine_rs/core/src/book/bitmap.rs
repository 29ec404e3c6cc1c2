//! Which places of a window are taken, with a second row of bits over the first: the next taken place
//! is found in two steps however empty the window is.

#[derive(Clone, Debug)]
pub(super) struct Bitmap {
    words: Vec<u64>,
    /// Bit `w` of the summary: word `w` is not zero.
    summary: Vec<u64>,
}

impl Bitmap {
    /// All clear; `places` is a multiple of 64 (or 0).
    pub fn new(places: usize) -> Self {
        let words = places / 64;
        Self { words: vec![0; words], summary: vec![0; words.div_ceil(64)] }
    }

    #[inline]
    pub fn set(&mut self, place: usize) {
        let word = place / 64;
        self.words[word] |= 1 << (place % 64);
        self.summary[word / 64] |= 1 << (word % 64);
    }

    #[inline]
    pub fn clear(&mut self, place: usize) {
        let word = place / 64;
        self.words[word] &= !(1 << (place % 64));
        if self.words[word] == 0 {
            self.summary[word / 64] &= !(1 << (word % 64));
        }
    }

    /// The first taken place at or after `place`.
    #[inline]
    pub fn first_from(&self, place: usize) -> Option<usize> {
        let word = place / 64;
        let here = self.words.get(word)? & (u64::MAX << (place % 64));
        if here != 0 {
            return Some(word * 64 + here.trailing_zeros() as usize);
        }
        let word = self.next_word(word + 1)?;
        Some(word * 64 + self.words[word].trailing_zeros() as usize)
    }

    /// The last taken place before `place`.
    pub fn last_before(&self, place: usize) -> Option<usize> {
        let place = place.min(self.words.len() * 64);
        let word = place / 64;
        let here = self.words.get(word).map_or(0, |bits| bits & !(u64::MAX << (place % 64)));
        if here != 0 {
            return Some(word * 64 + last_bit(here));
        }
        let word = self.word_before(word)?;
        Some(word * 64 + last_bit(self.words[word]))
    }

    /// The last word before `word` that is not zero.
    fn word_before(&self, word: usize) -> Option<usize> {
        let mut block = word / 64;
        let mut bits = self.summary.get(block).map_or(0, |bits| bits & !(u64::MAX << (word % 64)));
        while bits == 0 {
            block = block.checked_sub(1)?;
            bits = self.summary[block];
        }
        Some(block * 64 + last_bit(bits))
    }

    fn next_word(&self, from: usize) -> Option<usize> {
        let mut block = from / 64;
        let mut bits = self.summary.get(block)? & (u64::MAX << (from % 64));
        while bits == 0 {
            block += 1;
            bits = *self.summary.get(block)?;
        }
        Some(block * 64 + bits.trailing_zeros() as usize)
    }
}

/// The highest bit of a word that is not zero.
const fn last_bit(word: u64) -> usize {
    63 - word.leading_zeros() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_place_is_found_across_words_and_blocks() {
        let places = [0, 63, 64, 4_095, 4_096, 8_191, 16_383];
        let mut bitmap = Bitmap::new(16_384);
        for place in places {
            bitmap.set(place);
        }
        for from in 0..16_384 {
            assert_eq!(bitmap.first_from(from), places.iter().copied().find(|&place| place >= from));
        }
        for end in 0..20_000 {
            let before = places.iter().rev().copied().find(|&place| place < end);
            assert_eq!(bitmap.last_before(end), before);
        }
        for place in places {
            bitmap.clear(place);
        }
        assert_eq!(bitmap.first_from(0), None);
        assert!(bitmap.summary.iter().all(|&bits| bits == 0));
    }

    #[test]
    fn an_empty_bitmap_has_no_place() {
        assert_eq!(Bitmap::new(0).first_from(0), None);
        assert_eq!(Bitmap::new(64).first_from(64), None);
        assert_eq!(Bitmap::new(0).last_before(9), None);
        assert_eq!(Bitmap::new(64).last_before(64), None);
    }
}
