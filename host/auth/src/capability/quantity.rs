//! Sizes such as `64MiB` and times such as `30s`.

use crate::names::quoted;

const SIZES: [(&str, u64); 4] = [
    ("GiB", 1024 * 1024 * 1024),
    ("MiB", 1024 * 1024),
    ("KiB", 1024),
    ("B", 1),
];

const TIMES: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// Parses a size into bytes.
///
/// # Errors
/// A message that shows how to write one.
pub(super) fn size(text: &str) -> Result<u64, String> {
    parse(text, &SIZES).ok_or_else(|| {
        format!(
            "{} is not a size, write a whole number and B, KiB, MiB or GiB such as `64MiB`",
            quoted(text)
        )
    })
}

/// Parses a time into milliseconds.
///
/// # Errors
/// A message that shows how to write one.
pub(super) fn time(text: &str) -> Result<u64, String> {
    parse(text, &TIMES).ok_or_else(|| {
        format!(
            "{} is not a time, write a whole number and ms, s, m or h such as `30s`",
            quoted(text)
        )
    })
}

/// Bytes in the largest unit that says them exactly.
pub(super) fn size_text(bytes: u64) -> String {
    text(bytes, &SIZES, "B")
}

/// Milliseconds in the largest unit that says them exactly.
pub(super) fn time_text(milliseconds: u64) -> String {
    text(milliseconds, &TIMES, "ms")
}

fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let unit_start = text.find(|character: char| !character.is_ascii_digit())?;
    let (digits, unit) = text.split_at_checked(unit_start)?;
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    digits.parse::<u64>().ok()?.checked_mul(*factor)
}

fn text(value: u64, units: &[(&str, u64)], smallest: &str) -> String {
    let exact = units
        .iter()
        .find(|(_, factor)| value > 0 && value.is_multiple_of(*factor));
    match exact {
        Some((unit, factor)) => format!("{}{unit}", value / factor),
        None => format!("{value}{smallest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_read_back_as_written() {
        for text in ["0B", "1B", "1000B", "256KiB", "64MiB", "3GiB", "1025KiB"] {
            assert_eq!(size_text(size(text).unwrap()), text);
        }
        for text in ["0ms", "500ms", "30s", "2m", "90s", "24h"] {
            assert_eq!(time_text(time(text).unwrap()), text);
        }
    }

    #[test]
    fn anything_else_is_refused_without_overflow() {
        for text in [
            "",
            "64",
            "MiB",
            "64MB",
            "64 MiB",
            "-1B",
            "+1B",
            "1.5MiB",
            "18446744073709551615GiB",
            "99999999999999999999B",
            "64mib",
            "é",
        ] {
            assert!(size(text).is_err(), "{text}");
            assert!(time(text).is_err(), "{text}");
        }
        assert!(time("5d").is_err());
        assert!(size("5s").is_err());
    }
}
