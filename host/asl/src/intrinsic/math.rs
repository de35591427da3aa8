//! Functions over numbers, and how the service makes numbers whole.

use serde_json::Value;

use super::error::{Error, refused};
use super::function::Function;
use super::random::{Random, Seeded};
use crate::budget::Budget;

/// The sum of two numbers, each rounded first, halves upwards.
pub(super) fn add(left: &Value, right: &Value) -> Result<Value, Error> {
    const FUNCTION: Function = Function::MathAdd;
    let sum = rounded(left)
        .zip(rounded(right))
        .and_then(|(left, right)| left.checked_add(right));
    sum.map(Value::from).ok_or(refused(FUNCTION))
}

/// A whole number from `from` up to but without `to`.
pub(super) fn random(from: &Value, to: &Value, random: &mut Random) -> Result<Value, Error> {
    let (from, span) = bounds(from, to)?;
    Ok(Value::from(from + i64::from(random.below(span))))
}

/// Like [`random`], always the same for the same `seed`.
pub(super) fn seeded(
    from: &Value,
    to: &Value,
    seed: &Value,
    budget: &mut Budget,
) -> Result<Value, Error> {
    let (from, span) = bounds(from, to)?;
    let seed = whole(seed).ok_or(refused(Function::MathRandom))?;
    let mut stream = Seeded::new(seed);
    if let Ok(span) = i32::try_from(span) {
        return Ok(Value::from(
            from + i64::from(below(span, &mut stream, budget)?),
        ));
    }
    loop {
        budget.visit(1)?;
        let drawn = i64::from(stream.next_i32());
        if (from..from + i64::from(span)).contains(&drawn) {
            return Ok(Value::from(drawn));
        }
    }
}

/// Evenly distributed within `0..bound`, drawn as `java.util.Random` draws it.
fn below(bound: i32, stream: &mut Seeded, budget: &mut Budget) -> Result<u32, Error> {
    let bound = bound.cast_unsigned();
    if bound.is_power_of_two() {
        let scaled = (u64::from(bound) * u64::from(stream.next_u31())) >> 31;
        return Ok(u32::try_from(scaled).unwrap_or(0));
    }
    loop {
        budget.visit(1)?;
        let drawn = stream.next_u31();
        let found = drawn.checked_rem(bound).unwrap_or(0);
        // Draws from the last, incomplete run of `bound` numbers would favour low results.
        if i32::try_from(u64::from(drawn - found) + u64::from(bound) - 1).is_ok() {
            return Ok(found);
        }
    }
}

/// Where a random number may start, and how many there are.
fn bounds(from: &Value, to: &Value) -> Result<(i64, u32), Error> {
    const FUNCTION: Function = Function::MathRandom;
    let (from, to) = (truncated(from, FUNCTION)?, truncated(to, FUNCTION)?);
    match u32::try_from(to - from) {
        Ok(0) | Err(_) => Err(refused(FUNCTION)),
        Ok(span) => Ok((from, span)),
    }
}

/// A number within 32 bits, its fraction cut off.
pub(super) fn truncated(value: &Value, function: Function) -> Result<i64, Error> {
    let number = whole(value).filter(|number| i32::try_from(*number).is_ok());
    number.ok_or(refused(function))
}

/// A number within 64 bits, its fraction cut off.
fn whole(value: &Value) -> Option<i64> {
    let Value::Number(number) = value else {
        return None;
    };
    number
        .as_i64()
        .or_else(|| number.as_f64().and_then(|float| integer(float.trunc())))
}

/// A number within 32 bits, rounded; halves go up.
fn rounded(value: &Value) -> Option<i32> {
    let Value::Number(number) = value else {
        return None;
    };
    let whole = number.as_i64().or_else(|| {
        let float = number.as_f64()?;
        let below = float.floor();
        integer(if float - below < 0.5 {
            below
        } else {
            below + 1.0
        })
    })?;
    i32::try_from(whole).ok()
}

fn integer(float: f64) -> Option<i64> {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the bounds keep it within 64 bits"
    )]
    let whole = float as i64;
    (-BEYOND..BEYOND).contains(&float).then_some(whole)
}
