//! Times and durations: exact, in the unit that reads best.

const UNITS: [(&str, u32); 4] = [("s", 9), ("ms", 6), ("us", 3), ("ns", 0)];

/// Appends nanoseconds as `1.204ms`.
pub(crate) fn put_time(out: &mut String, ns: u64) {
    let (unit, digits) =
        UNITS.into_iter().find(|(_, digits)| ns >= 10u64.pow(*digits)).unwrap_or(("ns", 0));
    let scale = 10u64.pow(digits);
    out.push_str(&(ns / scale).to_string());
    let fraction = ns % scale;
    if fraction != 0 {
        let fraction = format!("{fraction:0width$}", width = digits as usize);
        out.push('.');
        out.push_str(fraction.trim_end_matches('0'));
    }
    out.push_str(unit);
}

/// Reads what [`put_time`] writes, and any other number of units with at most as many decimals as
/// the unit has down to a nanosecond.
pub(super) fn time(word: &str) -> Option<u64> {
    let number_len = word.find(|byte: char| byte.is_ascii_alphabetic())?;
    let (number, unit) = word.split_at(number_len);
    let (_, digits) = UNITS.into_iter().find(|(known, _)| *known == unit)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let only_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !only_digits(whole) || !only_digits(fraction) {
        return None;
    }
    let missing = digits.checked_sub(u32::try_from(fraction.len()).ok()?)?;
    let whole: u64 = whole.parse().ok()?;
    let fraction: u64 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let whole = whole.checked_mul(10u64.pow(digits))?;
    whole.checked_add(fraction.checked_mul(10u64.pow(missing))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ns: u64, text: &str) {
        let mut out = String::new();
        put_time(&mut out, ns);
        assert_eq!(out, text);
        assert_eq!(time(text), Some(ns));
    }

    #[test]
    fn times_are_exact_both_ways() {
        check(0, "0ns");
        check(999, "999ns");
        check(1_000, "1us");
        check(1_204_000, "1.204ms");
        check(1_000_001, "1.000001ms");
        check(60_000_000_000, "60s");
        check(u64::MAX, "18446744073.709551615s");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "5", "ms", ".5ms", "1.5ns", "1.0000001ms", "18446744074s", "1 ms", "-1s"] {
            assert_eq!(time(text), None, "{text}");
        }
    }
}
