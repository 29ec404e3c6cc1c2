//! Stamps of venues as nanoseconds since 1970.

use crate::event::Nanos;

/// Milliseconds have 13 digits until 2286, microseconds 16, nanoseconds 19: the size of a stamp tells its unit.
pub fn epoch(value: u64) -> Option<Nanos> {
    let scale: u64 = match value {
        0..100_000_000_000 => 1_000_000_000,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    };
    Nanos::try_from(value.checked_mul(scale)?).ok()
}

/// RFC 3339 in UTC, as in `2023-10-06T17:35:55.440295Z`; None for anything else.
pub fn rfc3339(text: &str) -> Option<Nanos> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| -> Option<i64> {
        let part = bytes.get(from..to)?;
        part.iter().all(u8::is_ascii_digit).then(|| part.iter().fold(0, |n, d| n * 10 + i64::from(d - b'0')))
    };
    let fixed = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if fixed.iter().any(|&(at, sign)| bytes.get(at) != Some(&sign)) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !(1970..2200).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // A leap second is written as :60.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let rest = text.get(19..)?.strip_suffix('Z').or_else(|| text.get(19..)?.strip_suffix("+00:00"))?;
    let nanos = match rest.strip_prefix('.') {
        None if rest.is_empty() => 0,
        Some(part) if (1..=12).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()) => {
            let nine = &part[..part.len().min(9)];
            nine.parse::<i64>().ok()? * 10i64.pow(9 - nine.len() as u32)
        }
        _ => return None,
    };
    Some(
        ((days(year, month, day) * 24 + hour) * 60 + minute) * 60_000_000_000
            + second * 1_000_000_000
            + nanos,
    )
}

/// Days since 1970, by the civil calendar: years are counted from March, so that the leap day ends one.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calendar_stamps() {
        assert_eq!(rfc3339("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(rfc3339("2023-10-06T17:35:55.440295Z"), Some(1_696_613_755_440_295_000));
        assert_eq!(rfc3339("2024-02-29T23:59:60Z"), rfc3339("2024-03-01T00:00:00+00:00"));
        assert_eq!(rfc3339("2026-11-22T08:15:30.123456789123Z"), Some(1_795_335_330_123_456_789));
        for wrong in
            ["", "2023-10-06", "2023-10-06 17:35:55Z", "2023-13-06T17:35:55Z", "2023-10-06T17:35:55.Z"]
        {
            assert_eq!(rfc3339(wrong), None, "{wrong}");
        }
        assert_eq!(rfc3339("2023-10-06T17:35:55ä"), None);
    }

    #[test]
    fn the_unit_of_a_number_shows_in_its_size() {
        for value in [1_723_161_255_208, 1_723_161_255_208_000, 1_723_161_255_208_000_000] {
            assert_eq!(epoch(value), Some(1_723_161_255_208_000_000));
        }
        assert_eq!(epoch(1_723_161_255), Some(1_723_161_255_000_000_000));
        assert_eq!(epoch(u64::MAX), None);
    }
}
