//! What the fields of a state read: paths, intrinsic functions and expressions.

use super::choice::{Comparison, Condition, Operand};
use super::{
    Catcher, ChoiceRule, Flow, Items, Map, Mode, Processor, Quantity, State, StateKind, Task, Text,
    Wait, WaitUntil,
};
use crate::expression::Expression;
use crate::path::Path;
use crate::template::{Source, Template};

/// One thing that a state reads data with.
#[derive(Clone, Copy, Debug)]
pub(super) enum Read<'a> {
    Path(&'a Path),
    Source(&'a Source),
    Template(&'a Template),
    Expression(&'a Expression),
}

/// What `$states` offers beside `input` and `context`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offer {
    Nothing,
    /// `$states.result`.
    Result,
    /// `$states.errorOutput`.
    ErrorOutput,
}

/// Everything that one state reads.
#[derive(Debug, Default)]
pub(super) struct Reads<'a>(Vec<(Read<'a>, Offer)>);

impl<'a> Reads<'a> {
    /// What the fields of `state` itself read, in no particular order; the blocks inside it are
    /// not its fields.
    pub(super) fn of(state: &'a State) -> Self {
        let mut reads = Self::default();
        let after = match &state.kind {
            StateKind::Task(_) | StateKind::Parallel(_) | StateKind::Map(_) => Offer::Result,
            StateKind::Pass(_)
            | StateKind::Choice(_)
            | StateKind::Wait(_)
            | StateKind::Succeed
            | StateKind::Fail(_) => Offer::Nothing,
        };
        match &state.flow {
            Flow::JsonPath(flow) => {
                reads.source(flow.input_path.as_ref());
                reads.template(flow.parameters.as_ref());
                reads.template(flow.result_selector.as_ref());
                reads.source(flow.output_path.as_ref());
            }
            Flow::Jsonata(flow) => {
                reads.template(flow.arguments.as_ref());
                reads.offered(flow.output.as_ref(), after);
            }
        }
        reads.offered(state.assign.as_ref(), after);
        match &state.kind {
            StateKind::Task(task) => reads.task(task),
            StateKind::Choice(choice) => choice.rules.iter().for_each(|rule| reads.rule(rule)),
            StateKind::Wait(wait) => reads.wait(wait),
            StateKind::Fail(fail) => {
                reads.text(fail.error.as_ref());
                reads.text(fail.cause.as_ref());
            }
            StateKind::Parallel(parallel) => reads.catch(&parallel.catch),
            StateKind::Map(map) => reads.map(map),
            StateKind::Pass(_) | StateKind::Succeed => {}
        }
        reads
    }

    /// Every JSONata expression, with what it is offered.
    pub(super) fn expressions(&self) -> impl Iterator<Item = (&'a Expression, Offer)> {
        self.0.iter().flat_map(|(read, offer)| {
            let expressions = match read {
                Read::Expression(expression) => vec![*expression],
                Read::Template(template) => template.each_expression(),
                Read::Path(_) | Read::Source(_) => Vec::new(),
            };
            expressions
                .into_iter()
                .map(|expression| (expression, *offer))
        })
    }

    /// The variables that paths and intrinsic functions name, with repetitions.
    pub(super) fn variables(&self) -> Vec<&'a str> {
        let mut variables = Vec::new();
        for (read, _) in &self.0 {
            match read {
                Read::Path(path) => variables.extend(path.variable()),
                Read::Source(source) => source.variables(&mut variables),
                Read::Template(template) => variables.extend(template.variables()),
                Read::Expression(_) => {}
            }
        }
        variables
    }

    fn add(&mut self, read: Read<'a>) {
        self.0.push((read, Offer::Nothing));
    }

    fn source(&mut self, source: Option<&'a Source>) {
        self.0
            .extend(source.map(|source| (Read::Source(source), Offer::Nothing)));
    }

    fn template(&mut self, template: Option<&'a Template>) {
        self.offered(template, Offer::Nothing);
    }

    fn offered(&mut self, template: Option<&'a Template>, offer: Offer) {
        self.0
            .extend(template.map(|template| (Read::Template(template), offer)));
    }

    fn quantity<T>(&mut self, quantity: Option<&'a Quantity<T>>) {
        match quantity {
            Some(Quantity::At(path)) => self.add(Read::Path(path)),
            Some(Quantity::Expression(expression)) => self.add(Read::Expression(expression)),
            Some(Quantity::Fixed(_)) | None => {}
        }
    }

    fn text(&mut self, text: Option<&'a Text>) {
        match text {
            Some(Text::At(source)) => self.add(Read::Source(source)),
            Some(Text::Expression(expression)) => self.add(Read::Expression(expression)),
            Some(Text::Fixed(_)) | None => {}
        }
    }

    fn task(&mut self, task: &'a Task) {
        let credentials = task.credentials.as_ref();
        self.text(credentials.map(|credentials| &credentials.role_arn));
        self.quantity(task.timeout.as_ref());
        self.quantity(task.heartbeat.as_ref());
        self.catch(&task.catch);
    }

    fn wait(&mut self, wait: &'a Wait) {
        match &wait.until {
            WaitUntil::Seconds(quantity) => self.quantity(Some(quantity)),
            WaitUntil::Timestamp(_) => {}
            WaitUntil::TimestampAt(path) => self.add(Read::Path(path)),
            WaitUntil::TimestampOf(expression) => self.add(Read::Expression(expression)),
        }
    }

    fn catch(&mut self, catchers: &'a [Catcher]) {
        for catcher in catchers {
            self.offered(catcher.output.as_ref(), Offer::ErrorOutput);
            self.offered(catcher.assign.as_ref(), Offer::ErrorOutput);
        }
    }

    fn map(&mut self, map: &'a Map) {
        match &map.items {
            Items::At(path) => self.add(Read::Path(path)),
            Items::Expression(expression) => self.add(Read::Expression(expression)),
            Items::Template(template) => self.template(Some(template)),
            Items::Input => {}
        }
        self.template(map.item_selector.as_ref());
        self.quantity(Some(&map.max_concurrency));
        self.catch(&map.catch);
        if let Mode::Distributed(processor) = &map.mode {
            self.processor(processor);
        }
    }

    fn processor(&mut self, processor: &'a Processor) {
        self.quantity(processor.tolerance.count.as_ref());
        self.quantity(processor.tolerance.percentage.as_ref());
        if let Some(reader) = &processor.reader {
            self.template(reader.arguments.as_ref());
            self.template(reader.config.as_ref());
            self.quantity(reader.max_items.as_ref());
        }
        if let Some(batcher) = &processor.batcher {
            self.quantity(batcher.items_max.as_ref());
            self.quantity(batcher.bytes_max.as_ref());
            self.template(batcher.input.as_ref());
        }
        if let Some(writer) = &processor.writer {
            self.template(writer.arguments.as_ref());
            self.template(writer.config.as_ref());
        }
    }

    fn rule(&mut self, rule: &'a ChoiceRule) {
        self.condition(&rule.condition);
        self.template(rule.output.as_ref());
        self.template(rule.assign.as_ref());
    }

    /// Recurses as deep as a definition nests, which the parser bounds.
    fn condition(&mut self, condition: &'a Condition) {
        match condition {
            Condition::And(parts) | Condition::Or(parts) => {
                parts.iter().for_each(|part| self.condition(part));
            }
            Condition::Not(part) => self.condition(part),
            Condition::Fixed(_) => {}
            Condition::Expression(expression) => self.add(Read::Expression(expression)),
            Condition::Compare {
                variable,
                comparison,
            } => {
                self.add(Read::Path(variable));
                if let Some(path) = comparison.path() {
                    self.add(Read::Path(path));
                }
            }
        }
    }
}

impl Comparison {
    /// The path that the operand is found at.
    fn path(&self) -> Option<&Path> {
        match self {
            Self::BooleanEquals(operand) => operand.path(),
            Self::Numeric(_, operand) => operand.path(),
            Self::String(_, operand) => operand.path(),
            Self::Timestamp(_, operand) => operand.path(),
            Self::StringMatches(_)
            | Self::IsPresent(_)
            | Self::IsNull(_)
            | Self::IsBoolean(_)
            | Self::IsNumeric(_)
            | Self::IsString(_)
            | Self::IsTimestamp(_) => None,
        }
    }
}

impl<T> Operand<T> {
    fn path(&self) -> Option<&Path> {
        match self {
            Self::Constant(_) => None,
            Self::At(path) => Some(path),
        }
    }
}
