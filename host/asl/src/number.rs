//! Exact comparison of JSON numbers.

use std::cmp::Ordering;

use serde_json::Number;

/// Compares two numbers by value; integers beyond 2^53 stay exact, also against fractions.
pub(crate) fn compare(left: &Number, right: &Number) -> Ordering {
    match (integer(left), integer(right)) {
        (Some(left), Some(right)) => left.cmp(&right),
        (Some(left), None) => against_float(left, float(right)),
        (None, Some(right)) => against_float(right, float(left)).reverse(),
        (None, None) => float(left).total_cmp(&float(right)),
    }
}

fn integer(number: &Number) -> Option<i128> {
    let unsigned = number.as_u64().map(i128::from);
    unsigned
        .or_else(|| number.as_i64().map(i128::from))
        .or_else(|| zero(number))
}

/// Makes `-0.0` equal to `0`.
fn zero(number: &Number) -> Option<i128> {
    (number.as_f64() == Some(0.0)).then_some(0)
}

fn float(number: &Number) -> f64 {
    number.as_f64().unwrap_or(f64::NAN)
}

fn against_float(integer: i128, float: f64) -> Ordering {
    const BEYOND_INTEGERS: f64 = 36_893_488_147_419_103_232.0;
    if float >= BEYOND_INTEGERS {
        return Ordering::Less;
    }
    if float <= -BEYOND_INTEGERS {
        return Ordering::Greater;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the bounds above keep it within 66 bits"
    )]
    let whole = float.trunc() as i128;
    let fraction = 0.0.partial_cmp(&float.fract()).unwrap_or(Ordering::Equal);
    integer.cmp(&whole).then(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(left: &str, right: &str, expected: Ordering) {
        let [left, right] = [left, right].map(|text| serde_json::from_str::<Number>(text).unwrap());
        assert_eq!(compare(&left, &right), expected, "{left} and {right}");
        assert_eq!(
            compare(&right, &left),
            expected.reverse(),
            "{right} and {left}"
        );
    }

    #[test]
    fn numbers_compare_by_value_whatever_their_notation() {
        check("0", "0.0", Ordering::Equal);
        check("0", "-0.0", Ordering::Equal);
        check("-0.0", "0.0", Ordering::Equal);
        check("1", "1e0", Ordering::Equal);
        check("-1.5", "-1", Ordering::Less);
        check("-3", "-3.0", Ordering::Equal);
        check("1.5", "1", Ordering::Greater);
        check("0.1", "0.2", Ordering::Less);
        check("1e300", "18446744073709551615", Ordering::Greater);
        check("-1e300", "-9223372036854775808", Ordering::Less);
    }

    #[test]
    fn integers_beyond_doubles_stay_exact() {
        check("9007199254740993", "9007199254740992", Ordering::Greater);
        check("9007199254740993", "9007199254740992.0", Ordering::Greater);
        check(
            "18446744073709551615",
            "18446744073709551616.0",
            Ordering::Less,
        );
        check(
            "-9223372036854775808",
            "9223372036854775808",
            Ordering::Less,
        );
    }
}
