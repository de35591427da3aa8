//! A Map in a test: its items and limits are evaluated, its iterations are mocked.

use std::sync::Arc;

use serde_json::Value;

use super::Run;
use crate::definition::{Map, Mode, Processor, Reader};
use crate::execution::{MapWait, RunPhase, RunWait};
use crate::inspection::{Outcome, Refusal, Stage};
use crate::interpreter::step::{Fault, Progress};
use crate::interpreter::{map, map_run};
use crate::items::{ItemFormat, ItemLimits};

/// How many items are put through `ItemSelector` and `ItemBatcher` at most; of more, nothing is
/// told after the items themselves.
const ITEMS_SHOWN_MAX: usize = 200;
/// The most bytes that items have as JSON: a table's header stands in every row.
const ITEMS_BYTES_MAX: usize = 32 << 20;

/// Evaluates the Map's fields and leaves it with what stands for its iterations.
///
/// # Errors
/// More iterations failed than there are.
pub(super) fn run<'m>(
    run: &mut Run<'m>,
    state: &'m Map,
    outcome: Option<Outcome>,
    (failures, reader_data): (Option<u64>, Option<&str>),
) -> Result<Result<Progress<'m>, Fault>, Refusal> {
    let total = match run.prepare(state, reader_data) {
        Ok(total) => total,
        Err(fault) => return Ok(Err(fault)),
    };
    let failures = usize::try_from(failures.unwrap_or(0)).unwrap_or(usize::MAX);
    if total.is_some_and(|total| failures > total) {
        return Err(Refusal::Validation(
            "Map iteration failure count must be less than or equal to the number of Map iterations"
                .to_owned(),
        ));
    }
    let failed = u32::try_from(failures).unwrap_or(u32::MAX);
    let tolerated = (run.map.tolerated_count, run.map.tolerated_percentage);
    if let Some(Outcome::Result(_)) = &outcome
        && map_run::is_over(failed, total.unwrap_or(failures), tolerated)
    {
        return Ok(Err(map_run::over_threshold()));
    }
    Ok(run.leave(&state.next, outcome))
}

impl Run<'_> {
    /// Evaluates items and limits; tells how many items there are, if that is known.
    fn prepare(&mut self, state: &Map, reader_data: Option<&str>) -> Result<Option<usize>, Fault> {
        let input = self.step.effective_input(&self.frame, self.state)?;
        let processor = match &state.mode {
            Mode::Inline => None,
            Mode::Distributed(processor) => Some(processor.as_ref()),
        };
        let reader = processor.and_then(|processor| processor.reader.as_ref());
        let items = match reader {
            Some(reader) => self.read_items(reader, reader_data, &input)?,
            None => {
                let items = map::items(&mut self.step, &self.frame, self.state, state, &input)?;
                self.note(Stage::ItemsPath, &items);
                Some(items)
            }
        };
        let total = items
            .as_ref()
            .and_then(|items| Some(items.as_array()?.len()));
        if let Some(items) = items {
            let is_short = total.is_some_and(|total| total <= ITEMS_SHOWN_MAX);
            self.show_items((state, processor), &input, items, is_short)?;
        }
        let (step, frame) = (&mut self.step, &self.frame);
        if let Some(Processor { tolerance, .. }) = processor {
            let tolerated = map_run::tolerated(step, frame, self.state, tolerance, &input)?;
            (self.map.tolerated_count, self.map.tolerated_percentage) = tolerated;
        }
        let concurrency = map::asked_concurrency(step, frame, self.state, state, &input)?;
        self.map.max_concurrency = Some(u64::from(concurrency));
        Ok(total)
    }

    /// The reader's items, if they were given.
    fn read_items(
        &mut self,
        reader: &Reader,
        data: Option<&str>,
        input: &Value,
    ) -> Result<Option<Arc<Value>>, Fault> {
        let (step, frame) = (&mut self.step, &self.frame);
        let reading = map_run::reading(step, frame, self.state, reader, input)?;
        let limits = ItemLimits {
            items_max: usize::MAX,
            bytes_max: ITEMS_BYTES_MAX,
            wanted: reading.wanted()?,
        };
        let Some(data) = data else { return Ok(None) };
        let config = reading.config.value();
        let format = ItemFormat::parse(config);
        let items = format.and_then(|format| format.items(data.as_bytes(), limits));
        let items =
            items.map_err(|error| Fault::new("States.ItemReaderFailed", error.to_string()))?;
        let items = Arc::new(Value::Array(items));
        if config.get("ItemsPointer").is_some() {
            self.note(Stage::ItemsPointer, &items);
        }
        Ok(Some(items))
    }

    /// Notes what becomes of the items, selected and in batches.
    fn show_items(
        &mut self,
        (state, processor): (&Map, Option<&Processor>),
        input: &Arc<Value>,
        items: Arc<Value>,
        is_short: bool,
    ) -> Result<(), Fault> {
        let batcher = processor.and_then(|processor| processor.batcher.as_ref());
        if !is_short || (state.item_selector.is_none() && batcher.is_none()) {
            return Ok(());
        }
        let count = items.as_array().map_or(0, Vec::len);
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let (step, frame) = (&mut self.step, &self.frame);
        let mut wait = MapWait {
            input: step.execution.payload(Arc::clone(input)),
            items: step.execution.payload(items),
            run: None,
        };
        if state.item_selector.is_some() {
            let selected: Result<_, _> = (0..count)
                .map(|place| map::item_value(step, frame, self.state, state, &wait, place))
                .collect();
            self.note(Stage::ItemSelector, &Arc::new(Value::Array(selected?)));
        }
        let Some(batcher) = batcher else {
            return Ok(());
        };
        let (step, frame) = (&mut self.step, &self.frame);
        let batch = map_run::batch(step, frame, self.state, batcher, input)?;
        wait.run = Some(Box::new(RunWait {
            arn: String::new(),
            concurrency: 0,
            next_item: 0,
            failed: 0,
            tolerated_count: None,
            tolerated_percentage: None,
            batch: None,
            result_bytes: 0,
            phase: RunPhase::Children,
        }));
        let mut batches = Vec::new();
        while let Some(run) = wait.run.as_deref().filter(|run| run.next_item < count) {
            let about = (&wait, run, &batch);
            let (input, taken) = map_run::batched(step, frame, self.state, state, about)?;
            batches.push(input);
            if let Some(run) = &mut wait.run {
                run.next_item = run.next_item.saturating_add(taken.max(1));
            }
        }
        self.note(Stage::ItemBatcher, &Arc::new(Value::Array(batches)));
        Ok(())
    }
}
