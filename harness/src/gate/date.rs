//! Days, for suppressions that expire.

use core::fmt;

use serde::Deserialize;

/// A day of the calendar.
///
/// ```
/// use fuserig::gate::Date;
/// let day = Date::parse("2026-11-25").expect("a day");
/// assert!(day < Date::parse("2026-12-01").expect("a day"));
/// assert_eq!(Date::from_days(20_782).to_string(), "2026-11-25");
/// assert_eq!(Date::parse("2026-02-30"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// Reads `YYYY-MM-DD`.
    pub fn parse(text: &str) -> Option<Date> {
        let bytes = text.as_bytes();
        let shape = bytes.len() == 10 && bytes[4] == b'-' && bytes[7] == b'-';
        let is_digit = |index: usize| bytes[index].is_ascii_digit();
        if !shape || !(0..10).filter(|index| !matches!(index, 4 | 7)).all(is_digit) {
            return None;
        }
        let (year, month, day) =
            (text[..4].parse().ok()?, text[5..7].parse().ok()?, text[8..].parse().ok()?);
        let exists = year > 0 && day >= 1 && day <= days_in(year, month)?;
        exists.then_some(Date { year, month, day })
    }

    /// The day that is so many days after 1970-01-01.
    pub fn from_days(days: u32) -> Date {
        let (mut year, mut left) = (1970u16, days);
        loop {
            let length = if is_leap(year) { 366 } else { 365 };
            if left < length || year == u16::MAX {
                break;
            }
            left -= length;
            year += 1;
        }
        let mut month = 1;
        while let Some(length) = days_in(year, month) {
            if left < u32::from(length) {
                break;
            }
            left -= u32::from(length);
            month += 1;
        }
        // What is left is less than a month.
        Date { year, month: month.min(12), day: u8::try_from(left % 31).unwrap_or(0) + 1 }
    }
}

fn is_leap(year: u16) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_in(year: u16, month: u8) -> Option<u8> {
    match month {
        2 if is_leap(year) => Some(29),
        2 => Some(28),
        4 | 6 | 9 | 11 => Some(30),
        1 | 3 | 5 | 7 | 8 | 10 | 12 => Some(31),
        _ => None,
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl TryFrom<String> for Date {
    type Error = String;

    fn try_from(text: String) -> Result<Date, String> {
        Date::parse(&text).ok_or_else(|| format!("`{text}` is no day; write YYYY-MM-DD"))
    }
}
