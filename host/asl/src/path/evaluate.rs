//! Walks a path over a value, within a budget and without recursion over the data.

use serde_json::{Map, Value};

use super::filter::Filter;
use super::step::{Slice, Step};
use crate::budget::{Budget, Exhausted};

/// The place a single-place step leads to.
pub(super) fn child<'a>(step: &Step, place: &'a Value) -> Option<&'a Value> {
    match (step, place) {
        (Step::Members(names), Value::Object(members)) => members.get(names.first()?),
        (Step::Indices(indices), Value::Array(items)) => element(items, *indices.first()?),
        _ => None,
    }
}

/// Copies every value that `steps` lead to from `start`, in document order.
pub(super) fn many(
    steps: &[Step],
    start: &Value,
    root: &Value,
    budget: &mut Budget,
) -> Result<Vec<Value>, Exhausted> {
    let (places, merged) = match steps.split_last() {
        Some((Step::Members(names), before)) if names.len() > 1 => {
            (places(before, start, root, budget)?, Some(names))
        }
        _ => (places(steps, start, root, budget)?, None),
    };
    let Some(names) = merged else {
        return places.into_iter().map(|place| budget.copy(place)).collect();
    };
    let mut found = Vec::new();
    for place in places {
        if let Value::Object(members) = place {
            found.push(merge(names, members, budget)?);
        }
    }
    Ok(found)
}

/// One object of those members that are there.
pub(super) fn merge(
    names: &[String],
    members: &Map<String, Value>,
    budget: &mut Budget,
) -> Result<Value, Exhausted> {
    budget.visit(names.len())?;
    let mut merged = Map::new();
    for name in names {
        if let Some(value) = members.get(name) {
            merged.insert(name.clone(), budget.copy(value)?);
        }
    }
    Ok(Value::Object(merged))
}

/// Every place that `steps` lead to from `start`, in document order.
pub(super) fn places<'a>(
    steps: &[Step],
    start: &'a Value,
    root: &Value,
    budget: &mut Budget,
) -> Result<Vec<&'a Value>, Exhausted> {
    let mut places = vec![start];
    let mut is_everywhere = false;
    for step in steps {
        let mut next = Vec::new();
        for place in places {
            if is_everywhere && skips(step, place, root, budget)? {
                continue;
            }
            advance(step, place, root, &mut next, budget)?;
        }
        places = next;
        is_everywhere = *step == Step::Descend;
    }
    Ok(places)
}

/// A filter after `..` tests every place itself; it does not look into an array that fails, as
/// the array's elements are places of their own.
fn skips(step: &Step, place: &Value, root: &Value, budget: &mut Budget) -> Result<bool, Exhausted> {
    match step {
        Step::Filter(filter) => Ok(!filter.holds(place, root, budget)?),
        Step::Members(_) | Step::Indices(_) | Step::Slice(_) | Step::Wildcard | Step::Descend => {
            Ok(false)
        }
    }
}

fn advance<'a>(
    step: &Step,
    place: &'a Value,
    root: &Value,
    found: &mut Vec<&'a Value>,
    budget: &mut Budget,
) -> Result<(), Exhausted> {
    let before = found.len();
    budget.visit(lookups(step))?;
    match step {
        Step::Members(names) => {
            if let Value::Object(members) = place {
                found.extend(names.iter().filter_map(|name| members.get(name)));
            }
        }
        Step::Indices(indices) => {
            if let Value::Array(items) = place {
                found.extend(indices.iter().filter_map(|index| element(items, *index)));
            }
        }
        Step::Slice(slice) => {
            if let Value::Array(items) = place {
                found.extend(slice.of(items));
            }
        }
        Step::Wildcard => found.extend(children(place)),
        Step::Filter(filter) => keep(filter, place, root, found, budget)?,
        Step::Descend => descend(place, found, budget)?,
    }
    budget.visit(found.len() - before)
}

/// How often a step looks into one place, whether or not anything is there.
fn lookups(step: &Step) -> usize {
    match step {
        Step::Members(names) => names.len(),
        Step::Indices(indices) => indices.len(),
        Step::Slice(_) | Step::Wildcard | Step::Filter(_) | Step::Descend => 1,
    }
}

/// A filter tests an array's elements, or the object itself.
fn keep<'a>(
    filter: &Filter,
    place: &'a Value,
    root: &Value,
    found: &mut Vec<&'a Value>,
    budget: &mut Budget,
) -> Result<(), Exhausted> {
    match place {
        Value::Array(items) => {
            for item in items {
                if filter.holds(item, root, budget)? {
                    found.push(item);
                }
            }
        }
        Value::Object(_) => {
            if filter.holds(place, root, budget)? {
                found.push(place);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    Ok(())
}

/// Every array and object at or below `place`, parents first.
fn descend<'a>(
    place: &'a Value,
    found: &mut Vec<&'a Value>,
    budget: &mut Budget,
) -> Result<(), Exhausted> {
    let mut open = vec![place];
    while let Some(place) = open.pop() {
        budget.visit(1)?;
        if place.is_array() || place.is_object() {
            found.push(place);
            let first = open.len();
            open.extend(children(place));
            if let Some(added) = open.get_mut(first..) {
                added.reverse();
            }
        }
    }
    Ok(())
}

fn children(place: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match place {
        Value::Array(items) => Box::new(items.iter()),
        Value::Object(members) => Box::new(members.values()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            Box::new(std::iter::empty())
        }
    }
}

fn element(items: &[Value], index: i64) -> Option<&Value> {
    items.get(position(items.len(), index)?)
}

/// Where `index` is in an array of `length`; negative indices count from the end.
pub(super) fn position(length: usize, index: i64) -> Option<usize> {
    match usize::try_from(index) {
        Ok(position) => Some(position),
        Err(_) => length.checked_sub(usize::try_from(index.unsigned_abs()).ok()?),
    }
}

impl Slice {
    fn of<'a>(&self, items: &'a [Value]) -> impl Iterator<Item = &'a Value> + use<'a> {
        let bound = |end: Option<i64>, default: usize| {
            let Some(end) = end else { return default };
            position(items.len(), end).unwrap_or(0).min(items.len())
        };
        let (from, to) = (bound(self.from, 0), bound(self.to, items.len()));
        let range = items.get(from..to).unwrap_or_default();
        range.iter().step_by(self.by.max(1))
    }
}
