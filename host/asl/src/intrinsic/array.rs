//! Functions over arrays.

use std::collections::BTreeMap;

use serde_json::Value;

use super::argument::inspect;
use super::error::{Error, refused};
use super::function::Function;
use super::math::truncated;
use super::rendering::{hash, rendered};
use crate::budget::Budget;

/// The most items that `States.ArrayRange` makes.
const RANGE_ITEMS_MAX: i64 = 1_000;
/// The fewest places of a Java hash table.
const PLACES_MIN: usize = 16;

/// Arrays of `size` items each, the last one with what is left.
pub(super) fn partition(array: &Value, size: &Value, budget: &mut Budget) -> Result<Value, Error> {
    const FUNCTION: Function = Function::ArrayPartition;
    let items = items(array, FUNCTION)?;
    let size = truncated(size, FUNCTION)?;
    let size = usize::try_from(size)
        .ok()
        .filter(|size| *size > 0)
        .ok_or(refused(FUNCTION))?;
    let parts = items.chunks(size).map(|part| {
        budget.visit(1)?;
        let copies = part.iter().map(|item| budget.copy(item));
        copies.collect::<Result<_, _>>().map(Value::Array)
    });
    Ok(Value::Array(parts.collect::<Result<_, _>>()?))
}

/// Whether an item reads like `value`: the service compares texts, so `1` and `'1'` are alike.
pub(super) fn contains(array: &Value, value: &Value, budget: &mut Budget) -> Result<Value, Error> {
    let items = items(array, Function::ArrayContains)?;
    inspect(array, budget)?;
    inspect(value, budget)?;
    let wanted = rendered(value);
    let is_there = items.iter().any(|item| match item {
        Value::String(text) => *text == wanted,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            rendered(item) == wanted
        }
    });
    Ok(Value::Bool(is_there))
}

/// The whole numbers from `from` up or down to `to`, which is included, in steps of `by`.
pub(super) fn range(
    from: &Value,
    to: &Value,
    by: &Value,
    budget: &mut Budget,
) -> Result<Value, Error> {
    const FUNCTION: Function = Function::ArrayRange;
    let number = |value| truncated(value, FUNCTION);
    let (from, to, by) = (number(from)?, number(to)?, number(by)?);
    let count = to
        .saturating_sub(from)
        .checked_div(by)
        .ok_or(refused(FUNCTION))?
        .saturating_add(1);
    let count = if (to < from && by > 0) || (to > from && by < 0) {
        0
    } else {
        count
    };
    if count > RANGE_ITEMS_MAX {
        return Err(refused(FUNCTION));
    }
    budget.visit(usize::try_from(count).unwrap_or(0))?;
    let numbers = (0..count).map(|index| Value::from(from + index * by));
    Ok(Value::Array(numbers.collect()))
}

/// The item at `index`, from 0; the service finds `null` in an empty array.
pub(super) fn item(array: &Value, index: &Value, budget: &mut Budget) -> Result<Value, Error> {
    const FUNCTION: Function = Function::ArrayGetItem;
    let items = items(array, FUNCTION)?;
    let index = truncated(index, FUNCTION)?;
    if items.is_empty() {
        return Ok(Value::Null);
    }
    let index = usize::try_from(index).ok();
    let item = index.and_then(|index| items.get(index));
    Ok(budget.copy(item.ok_or(refused(FUNCTION))?)?)
}

/// How many items there are.
pub(super) fn length(array: &Value) -> Result<Value, Error> {
    items(array, Function::ArrayLength).map(|items| Value::from(items.len()))
}

/// Every item once. The order is the service's: that of a Java hash set, by place and then by
/// first occurrence.
pub(super) fn unique(array: &Value, budget: &mut Budget) -> Result<Value, Error> {
    let items = items(array, Function::ArrayUnique)?;
    inspect(array, budget)?;
    let mask = places(items.len()) - 1;
    let mut table: BTreeMap<usize, Vec<(i32, &Value)>> = BTreeMap::new();
    for item in items {
        let hash = hash(item);
        let place = table.entry(spread(hash) & mask).or_default();
        let mut is_new = true;
        for (other_hash, other) in place.iter() {
            budget.visit(1)?;
            if *other_hash == hash {
                inspect(other, budget)?;
                is_new &= *other != item;
            }
        }
        if is_new {
            place.push((hash, item));
        }
    }
    let found = table.values().flatten();
    let copies = found.map(|(_, item)| budget.copy(item));
    Ok(Value::Array(copies.collect::<Result<_, _>>()?))
}

/// How many places the table for `count` items has: a power of two, a quarter of it free.
fn places(count: usize) -> usize {
    (count.saturating_mul(4) / 3 + 1)
        .max(PLACES_MIN)
        .next_power_of_two()
}

fn spread(hash: i32) -> usize {
    let hash = hash.cast_unsigned();
    usize::try_from(hash ^ (hash >> 16)).unwrap_or(0)
}

fn items(array: &Value, function: Function) -> Result<&[Value], Error> {
    array.as_array().map(Vec::as_slice).ok_or(refused(function))
}
