//! `[["price", "size", ...], ...]`: levels as most venues write them, read in one pass over the raw JSON.

use crate::book::Level;
use crate::grid::{Grid, OffGrid};

/// The levels of a JSON array whose rows begin with two texts; what follows them in a row is passed over.
/// `raw` must be valid JSON (a parser has been over it), so brackets and quotes pair up.
pub fn read(raw: &str, grid: &Grid) -> Result<Vec<Level>, OffGrid> {
    if let Some((levels, end)) = plain(raw.as_bytes(), 0, grid) {
        if end == raw.len() {
            return Ok(levels);
        }
    }
    let wrong = || OffGrid("levels are no array of [\"price\", \"size\"] in texts".to_owned());
    let mut rest = Cursor { bytes: raw.as_bytes(), text: raw, at: 0 };
    rest.expect(b'[').ok_or_else(wrong)?;
    // A row in this form has at least 20 characters as a rule; the vector grows where that is not so.
    let mut levels = Vec::with_capacity((raw.len() / 24).min(1 << 16));
    if rest.next_is(b']') {
        return Ok(levels);
    }
    loop {
        rest.expect(b'[').ok_or_else(wrong)?;
        let price = rest.string().ok_or_else(wrong)?;
        rest.expect(b',').ok_or_else(wrong)?;
        let size = rest.string().ok_or_else(wrong)?;
        levels.push(grid.level(price, size)?);
        rest.end_row().ok_or_else(wrong)?;
        if !rest.next_is(b',') {
            return Ok(levels);
        }
        rest.at += 1;
    }
}

/// The levels of an array at `at` whose rows are `["price","size"]` without spaces and exponents, and where it ends.
/// None sends everything else the careful way. What is read so is valid JSON.
pub fn plain(bytes: &[u8], mut at: usize, grid: &Grid) -> Option<(Vec<Level>, usize)> {
    if bytes.get(at..at + 2) == Some(b"[]") {
        return Some((Vec::new(), at + 2));
    }
    // A row has forty characters as a rule, and half of what is left may be the other side's.
    let mut levels = Vec::with_capacity((bytes.len() - at.min(bytes.len())) / 64 + 1);
    if bytes.get(at) != Some(&b'[') {
        return None;
    }
    loop {
        at += 1;
        if bytes.get(at..at + 2) != Some(b"[\"") {
            return None;
        }
        let (price, end) = grid.tick.take(bytes, at + 2)?;
        if price == 0 || bytes.get(end..end + 3) != Some(b"\",\"") {
            return None;
        }
        let (size, end) = grid.lot.take(bytes, end + 3)?;
        if bytes.get(end..end + 2) != Some(b"\"]") {
            return None;
        }
        levels.push((price, size));
        at = end + 2;
        match bytes.get(at) {
            Some(b',') => {}
            Some(b']') => return Some((levels, at + 1)),
            _ => return None,
        }
    }
}

struct Cursor<'a> {
    bytes: &'a [u8],
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn next_is(&mut self, byte: u8) -> bool {
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        self.bytes.get(self.at) == Some(&byte)
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.next_is(byte).then(|| self.at += 1)
    }

    /// A string without escapes: numbers have none.
    fn string(&mut self) -> Option<&'a str> {
        self.expect(b'"')?;
        let start = self.at;
        while *self.bytes.get(self.at)? != b'"' {
            self.at += 1;
        }
        self.at += 1;
        // Both ends stand beside a quote, so they are no inside of a character.
        Some(&self.text[start..self.at - 1])
    }

    /// To behind the row's bracket, over texts and plain values.
    fn end_row(&mut self) -> Option<()> {
        while !self.next_is(b']') {
            match self.bytes.get(self.at)? {
                b'"' => drop(self.string()?),
                b'[' | b'{' => return None,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(raw: &str) -> Result<Vec<Level>, OffGrid> {
        read(raw, &Grid::new("0.01", "0.1").unwrap())
    }

    #[test]
    fn rows_of_any_length_and_spacing() {
        assert_eq!(levels("[]"), Ok(vec![]));
        assert_eq!(levels(r#" [ [ "1.00" , "2.0" ] ,["0.50","0"]] "#), Ok(vec![(100, 20), (50, 0)]));
        assert_eq!(levels(r#"[["8476.98","415","0","13"]]"#), Ok(vec![(847_698, 4150)]));
        assert_eq!(levels(r#"[["1","1",7,null]]"#), Ok(vec![(100, 10)]));
    }

    #[test]
    fn anything_else_is_refused() {
        for raw in [
            "null",
            "{}",
            "7",
            r#""x""#,
            "[7]",
            "[[]]",
            r#"[["1"]]"#,
            "[[1,2]]",
            r#"[["1",2]]"#,
            r#"[["1","-2"]]"#,
            r#"[["1","2",["3"]]]"#,
            r#"[["1.001","2"]]"#,
            r#"[["0","2"]]"#,
            r#"[["\u0031","2"]]"#,
        ] {
            assert!(levels(raw).is_err(), "{raw}");
        }
    }
}
