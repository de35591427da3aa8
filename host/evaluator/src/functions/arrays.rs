//! Functions over arrays.

use std::collections::HashSet;

use jsonata_core::evaluator::{EvaluatorError, HostFnResult};
use jsonata_core::value::{JValue, with_stack};

use super::{exactly, mismatch, number, raised, undefined};

/// The most items that `$range` makes.
const RANGE_ITEMS_MAX: f64 = 1_000_000.0;

/// `$partition(array, size)`: the array in pieces of `size`, the last one shorter.
pub(super) fn partition(arguments: &[JValue]) -> HostFnResult {
    let [array, size] = exactly::<2>("partition", arguments)?;
    if array.is_undefined() {
        return undefined();
    }
    let size = number("partition", 2, size)?;
    if size < 1.0 || size.fract() != 0.0 {
        return Err(raised(format!(
            "the second argument of `partition` must be a positive integer, not `{size}`"
        )));
    }
    let single = [array.clone()];
    let items = array.as_array().map_or(single.as_slice(), Vec::as_slice);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a positive whole number; a larger one than fits means all items"
    )]
    let pieces = items.chunks(size as usize);
    Ok(JValue::array(
        pieces.map(|piece| JValue::array(piece.to_vec())).collect(),
    ))
}

/// `$range(start, end, step)`: numbers from `start` to `end`, both included.
pub(super) fn range(arguments: &[JValue]) -> HostFnResult {
    let [start, end, step] = exactly::<3>("range", arguments)?;
    if start.is_undefined() || end.is_undefined() {
        return undefined();
    }
    let (start, end) = (number("range", 1, start)?, number("range", 2, end)?);
    let step = number("range", 3, step)?;
    if step == 0.0 {
        return Err(raised(
            "the third argument of `range` must not be 0".to_owned(),
        ));
    }
    let steps = ((end - start) / step).floor();
    if steps < 0.0 {
        return Ok(JValue::array(Vec::new()));
    }
    if !steps.is_finite() || steps >= RANGE_ITEMS_MAX {
        return Err(too_many());
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative and below the most items"
    )]
    let count = steps as u32 + 1;
    let items = (0..count).map(|index| JValue::from_f64(step.mul_add(f64::from(index), start)));
    Ok(JValue::array(items.collect()))
}

fn too_many() -> EvaluatorError {
    EvaluatorError::EvaluationError(format!(
        "D2014: the array made by `range` has more than {RANGE_ITEMS_MAX} items"
    ))
}

/// `$distinct(array)`: each value once, in order of appearance. The engine's own compares every
/// value with every other.
pub(super) fn distinct(arguments: &[JValue]) -> HostFnResult {
    if arguments.len() != 1 {
        return Err(mismatch("distinct", arguments.len().min(1) + 1));
    }
    let [value] = exactly::<1>("distinct", arguments)?;
    let Some(array) = value.as_jarray().filter(|array| array.len() > 1) else {
        return Ok(value.clone());
    };
    let mut seen = HashSet::with_capacity(array.len());
    let mut items = Vec::new();
    for item in array.iter() {
        let mut identity = Vec::new();
        if !identify(item, &mut identity) || seen.insert(identity) {
            items.push(item.clone());
        }
    }
    Ok(if array.sequence {
        JValue::sequence(items)
    } else {
        JValue::array(items)
    })
}

/// Writes bytes that are equal for equal values only; false if the value equals nothing.
fn identify(value: &JValue, bytes: &mut Vec<u8>) -> bool {
    match value {
        JValue::Null => bytes.push(b'z'),
        JValue::Bool(value) => bytes.push(if *value { b't' } else { b'f' }),
        JValue::Number(value) => {
            bytes.push(b'n');
            bytes.extend_from_slice(&(value + 0.0).to_bits().to_le_bytes());
        }
        JValue::String(text) => {
            bytes.push(b's');
            sized(text.as_bytes(), bytes);
        }
        JValue::Array(items) => {
            bytes.push(b'a');
            bytes.extend_from_slice(&items.len().to_le_bytes());
            return with_stack(|| items.iter().all(|item| identify(item, bytes)));
        }
        JValue::Object(_) => {
            let mut members: Vec<_> = value.as_object().into_iter().flatten().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            bytes.push(b'o');
            bytes.extend_from_slice(&members.len().to_le_bytes());
            return with_stack(|| {
                members.into_iter().all(|(name, member)| {
                    sized(name.as_bytes(), bytes);
                    identify(member, bytes)
                })
            });
        }
        JValue::Undefined | JValue::Lambda(_) | JValue::Builtin { .. } | JValue::Regex { .. } => {
            return false;
        }
    }
    true
}

fn sized(text: &[u8], bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&text.len().to_le_bytes());
    bytes.extend_from_slice(text);
}
