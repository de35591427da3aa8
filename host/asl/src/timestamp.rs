//! Points in time as the language writes them.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Milliseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Parses an RFC 3339 timestamp as the ASL specification profiles it (upper-case `T` and `Z`).
    pub fn parse(text: &str) -> Option<Self> {
        if text.contains(['t', 'z', ' ']) {
            return None;
        }
        let instant = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        let milliseconds = instant.unix_timestamp_nanos().div_euclid(1_000_000);
        i64::try_from(milliseconds).ok().map(Self)
    }

    /// The point `milliseconds` later; saturates at the ends of time.
    pub fn plus_ms(self, milliseconds: i64) -> Self {
        Self(self.0.saturating_add(milliseconds))
    }

    /// RFC 3339 in UTC with millisecond precision, as the service prints times.
    pub fn to_rfc3339(self) -> String {
        let nanoseconds = i128::from(self.0) * 1_000_000;
        OffsetDateTime::from_unix_timestamp_nanos(nanoseconds)
            .ok()
            .and_then(|instant| {
                let (date, time) = (instant.date(), instant.time());
                let year = (0..=9999).contains(&date.year()).then_some(date.year())?;
                Some(format!(
                    "{year:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
                    u8::from(date.month()),
                    date.day(),
                    time.hour(),
                    time.minute(),
                    time.second(),
                    time.millisecond()
                ))
            })
            .unwrap_or_else(|| "9999-12-31T23:59:59.999Z".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_read_back_as_written() {
        for text in ["1970-01-01T00:00:00.000Z", "2026-11-22T16:53:19.042Z"] {
            assert_eq!(Timestamp::parse(text).unwrap().to_rfc3339(), text);
        }
        assert_eq!(
            Timestamp::parse("2016-03-14T01:59:00+01:00")
                .unwrap()
                .to_rfc3339(),
            "2016-03-14T00:59:00.000Z"
        );
        assert_eq!(Timestamp(i64::MAX).to_rfc3339(), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn sloppy_timestamps_are_refused() {
        for text in [
            "2016-03-14t01:59:00z",
            "2016-03-14 01:59:00Z",
            "2016-03-14",
            "",
            "now",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }
}
