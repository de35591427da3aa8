//! Pages of an execution's history.

use asl::HistoryEvent;
use auth::policy::ReadExecution;
use ports::{HistoryCursor, HistoryOrder};
use serde_json::{Map, Value};

use super::call::{Answer, Call, seconds};
use super::executions::find;
use super::fault::Fault;
use super::members::ARN;
use super::page;

/// Members of event details that hold what states were given and gave.
const DATA: [&str; 6] = [
    "input",
    "inputDetails",
    "output",
    "outputDetails",
    "parameters",
    "assignedVariables",
];

pub(super) async fn read(mut call: Call) -> Result<Value, Fault> {
    let mut members = call.take_members();
    let text = members.required("executionArn", ARN);
    let limit = members.page_limit();
    let is_reversed = members.boolean("reverseOrder").unwrap_or(false);
    let with_data = members.boolean("includeExecutionData").unwrap_or(true);
    let token = members.page_token();
    members.finish()?;
    let first = match is_reversed {
        true => HistoryCursor::NEWEST,
        false => HistoryCursor::default(),
    };
    let (description, permit) = find::<ReadExecution>(&call, &text).await?;
    let listing = listing(first.order);
    let cursor = page::cursor(listing, token.as_deref(), |text| parse(first, text))?;
    let id = &description.start.header.id;
    let engine = call.engine()?;
    let found = engine
        .history(&permit, id, cursor.unwrap_or(first), limit)
        .await?;
    let next = found.has_more.then(|| {
        let place = format!("{}.{}", found.next.record, found.next.skip);
        page::token(listing, &place)
    });
    let events = found.events.iter().map(|event| told(event, with_data));
    Ok(Answer::default()
        .with("events", events.collect::<Vec<_>>())
        .with_some("nextToken", next)
        .into_value())
}

fn listing(order: HistoryOrder) -> &'static str {
    match order {
        HistoryOrder::OldestFirst => "history",
        HistoryOrder::NewestFirst => "reversed-history",
    }
}

fn parse(first: HistoryCursor, text: &str) -> Option<HistoryCursor> {
    let (record, skip) = text.split_once('.')?;
    Some(HistoryCursor {
        record: record.parse().ok()?,
        skip: skip.parse().ok()?,
        ..first
    })
}

/// An event without what only this host knows of it.
fn told(event: &HistoryEvent, with_data: bool) -> Value {
    let Value::Object(mut members) = event.to_json() else {
        return Value::Object(Map::new());
    };
    members.shift_remove("sluice");
    members.insert("timestamp".to_owned(), seconds(event.at));
    if !with_data {
        for details in members.values_mut().filter_map(Value::as_object_mut) {
            details.retain(|name, _| !DATA.contains(&name.as_str()));
        }
    }
    Value::Object(members)
}
