//! Reads a whole definition and collects every problem.

use std::collections::BTreeMap;
use std::mem;

use document::{Fields, Node, Problem, Problems};
use indexmap::IndexMap;
use serde_json::Value;

use super::choice;
use super::fields::{self, SECONDS_MAX};
use super::graph::Graph;
use super::kind::Kind;
use super::language::Language;
use super::state::{Fail, Map, Next, Parallel, Pass, State, StateKind, Task, Wait};
use super::{Block, BlockId, StateMachine, flow};
use crate::budget::Size;
use crate::diagnostic::{self, code};

/// The largest definition, as the service has it.
const BYTES_MAX: usize = 1 << 20;
/// The deepest definition; every reader below recurses at most this often.
const DEPTH_MAX: usize = 128;
/// The longest that the pointers of all values of a document may be together: problems and
/// expressions hold them, and a long name stands in the pointer of every value below it.
const POINTER_BYTES_MAX: usize = 32 << 20;
/// The longest state name, in characters.
const NAME_CHARACTERS_MAX: usize = 80;

/// A valid definition with what its author should know about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    /// The state machine.
    pub machine: StateMachine,
    /// What is valid but probably not meant.
    pub warnings: Vec<Problem>,
}

impl StateMachine {
    /// Reads an ASL document.
    ///
    /// # Errors
    /// Every problem of the document, each with its JSON pointer.
    pub fn parse(document: &Value) -> Result<Parsed, Vec<Problem>> {
        check_size(document)?;
        let mut reader = Reader::default();
        let mut machine = machine(&Node::root(document), &mut reader);
        let blocks: Option<Vec<_>> = reader.blocks.into_iter().collect();
        match (&mut machine, blocks) {
            (Some(machine), Some(blocks)) => machine.blocks = blocks,
            _ => machine = None,
        }
        let warnings = reader.warnings.into_vec();
        if let Some(machine) = &machine {
            reader.problems.extend(machine.child_problems());
        }
        let machine = reader.problems.or(machine)?;
        Ok(Parsed { machine, warnings })
    }
}

fn check_size(document: &Value) -> Result<(), Vec<Problem>> {
    let text_bytes = text_bytes_at_least(document);
    let problem = if text_bytes > BYTES_MAX {
        Problem::new(
            "",
            format!("a definition is at most {BYTES_MAX} bytes long"),
        )
    } else if Size::of(document, usize::MAX).depth > DEPTH_MAX {
        let message = format!("a definition nests at most {DEPTH_MAX} levels deep");
        diagnostic::problem("", message, code::TOO_DEEPLY_NESTED, "")
    } else if pointer_bytes(document) > POINTER_BYTES_MAX {
        Problem::new("", "the names on the way to its values are too long")
    } else {
        return Ok(());
    };
    Err(vec![problem])
}

/// A lower bound of the document's length as text, found without recursion.
fn text_bytes_at_least(document: &Value) -> usize {
    let mut bytes = 0;
    let mut open = vec![document];
    while let Some(value) = open.pop() {
        bytes += 1;
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
            Value::String(text) => bytes += text.len() + 1,
            Value::Array(items) => open.extend(items),
            Value::Object(members) => {
                bytes += members.keys().map(|name| name.len() + 3).sum::<usize>();
                open.extend(members.values());
            }
        }
    }
    bytes
}

/// How long the pointers of all values are together, found without recursion.
fn pointer_bytes(document: &Value) -> usize {
    let mut bytes = 0_usize;
    let mut open = vec![(document, 0)];
    while let Some((value, length)) = open.pop() {
        bytes = bytes.saturating_add(length);
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            Value::Array(items) => open.extend(items.iter().map(|item| (item, length + 7))),
            Value::Object(members) => {
                let members = members.iter();
                open.extend(members.map(|(name, member)| (member, length + name.len() + 1)));
            }
        }
    }
    bytes
}

fn machine(node: &Node<'_>, reader: &mut Reader) -> Option<StateMachine> {
    let mut fields = node.object(&mut reader.problems)?;
    reader.default_language = Language::read(&mut fields, None, &mut reader.problems)?;
    let timeout_seconds = fields.optional("TimeoutSeconds");
    let timeout_seconds = timeout_seconds
        .and_then(|node| fields::whole(&node, 1..=SECONDS_MAX, &mut reader.problems));
    if let Some(node) = fields.optional("Version")
        && node
            .string(&mut reader.problems)
            .is_some_and(|version| version != "1.0")
    {
        node.problem(
            "unknown version of the language, expected `1.0`",
            &mut reader.problems,
        );
    }
    let comment = fields.optional("Comment");
    let comment = comment.and_then(|node| node.value.as_str().map(str::to_owned));
    reader.block(&mut fields);
    fields.finish(&mut reader.problems);
    Some(StateMachine {
        comment,
        timeout_seconds,
        blocks: Vec::new(),
    })
}

fn text(node: &Node<'_>, problems: &mut Problems) -> Option<String> {
    node.string(problems).map(str::to_owned)
}

/// What reading a definition collects.
#[derive(Debug, Default)]
pub(super) struct Reader {
    pub(super) problems: Problems,
    pub(super) warnings: Problems,
    /// The machine's language.
    default_language: Language,
    /// The language of the state that is being read.
    pub(super) language: Language,
    blocks: Vec<Option<Block>>,
    /// Where each state name was first used.
    names: BTreeMap<String, String>,
    /// Where each label of a Map was first used.
    pub(super) labels: BTreeMap<String, String>,
    /// The transitions of the state that is being read.
    targets: Vec<Target>,
}

/// The name of a state that another leads to, and where it was named.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) state: String,
    pub(super) pointer: String,
}

impl Reader {
    /// Reads `StartAt`, `States` and `Comment` of a machine, branch or item processor.
    pub(super) fn block(&mut self, fields: &mut Fields<'_>) -> BlockId {
        let index = self.blocks.len();
        self.blocks.push(None);
        if let Some(node) = fields.optional("Comment") {
            node.string(&mut self.problems);
        }
        let start = fields.required("StartAt", &mut self.problems);
        let start = start.and_then(|node| {
            let state = text(&node, &mut self.problems)?;
            let pointer = node.pointer;
            Some(Target { state, pointer })
        });
        let states = fields.required("States", &mut self.problems);
        let states = states.and_then(|node| node.object(&mut self.problems));
        if let (Some(start), Some(fields)) = (start, states)
            && let Some(block) = self.states(start, &fields)
            && let Some(place) = self.blocks.get_mut(index)
        {
            *place = Some(block);
        }
        BlockId(u32::try_from(index).unwrap_or(u32::MAX))
    }

    fn states(&mut self, start: Target, fields: &Fields<'_>) -> Option<Block> {
        let outer = mem::take(&mut self.targets);
        let mut graph = Graph::new(fields.pointer());
        let mut states = IndexMap::new();
        for (name, node) in fields.entries() {
            let before = mem::take(&mut self.problems);
            self.check_name(name, &node);
            let state = self.state(name, &node);
            let found = mem::replace(&mut self.problems, before);
            let state = state.filter(|_| found.is_empty());
            self.problems.extend(found.into_vec());
            let targets = mem::take(&mut self.targets);
            graph.add(name, &node.pointer, targets, state.as_ref());
            states.extend(state.map(|state| (name.to_owned(), state)));
        }
        self.targets = outer;
        graph.check(&start, &mut self.problems, &mut self.warnings);
        Some(Block {
            start_at: start.state,
            states,
        })
    }

    fn check_name(&mut self, name: &str, node: &Node<'_>) {
        if name.is_empty() || name.chars().count() > NAME_CHARACTERS_MAX {
            let message = format!("a state's name has 1 to {NAME_CHARACTERS_MAX} characters");
            let name = fields::bounded(name);
            let theirs = format!(
                "Invalid State name: State '{name}' is not 1 to {NAME_CHARACTERS_MAX} characters long"
            );
            let code = code::INVALID_STATE_NAME;
            let problem = diagnostic::problem(&node.pointer, message, code, theirs);
            self.problems.extend([problem]);
        }
        if let Some(first) = self.names.get(name) {
            let name = fields::bounded(name);
            let message = format!("state name `{name}` is already used at `{first}`");
            let theirs = format!("Duplicate State name: {name}");
            let code = code::DUPLICATE_STATE_NAME;
            let problem = diagnostic::problem(&node.pointer, message, code, theirs);
            self.problems.extend([problem]);
        } else {
            self.names.insert(name.to_owned(), node.pointer.clone());
        }
    }

    fn state(&mut self, name: &str, node: &Node<'_>) -> Option<State> {
        let mut fields = node.object(&mut self.problems)?;
        let around = self.language;
        let default = Some(self.default_language);
        self.language = Language::read(&mut fields, default, &mut self.problems)?;
        let state = self.state_in_language(name, node, &mut fields);
        self.language = around;
        state
    }

    fn state_in_language(
        &mut self,
        name: &str,
        node: &Node<'_>,
        fields: &mut Fields<'_>,
    ) -> Option<State> {
        let language = self.language;
        let kind = Kind::read(fields, &mut self.problems)?;
        kind.check_members(language, fields, &mut self.problems);
        let comment = fields.optional("Comment");
        let comment = comment.and_then(|node| text(&node, &mut self.problems));
        let flow = flow::read(fields, kind, self);
        let assign = flow::assign(fields, "Assign", self);
        let kind = match kind {
            Kind::Task => StateKind::Task(Task::read(fields, self)?),
            Kind::Pass => StateKind::Pass(Pass::read(fields, self)?),
            Kind::Choice => StateKind::Choice(choice::parse::choice(fields, self)?),
            Kind::Wait => StateKind::Wait(Wait::read(fields, self)?),
            Kind::Succeed => StateKind::Succeed,
            Kind::Fail => StateKind::Fail(Fail::read(fields, self)),
            Kind::Parallel => StateKind::Parallel(Parallel::read(fields, self)?),
            Kind::Map => StateKind::Map(Map::read(fields, self)?),
        };
        Some(State {
            name: name.to_owned(),
            pointer: node.pointer.clone(),
            comment,
            flow,
            assign,
            kind,
        })
    }

    /// Reads the name of a state that this one leads to.
    pub(super) fn target(&mut self, node: &Node<'_>) -> Option<String> {
        let state = text(node, &mut self.problems)?;
        self.targets.push(Target {
            state: state.clone(),
            pointer: node.pointer.clone(),
        });
        Some(state)
    }

    /// Reads `Next` or `End`, exactly one of which a state has.
    pub(super) fn next(&mut self, fields: &mut Fields<'_>) -> Option<Next> {
        let end = fields.optional("End");
        let is_end = match &end {
            None => false,
            Some(node) => node.boolean(&mut self.problems)?,
        };
        match (fields.optional("Next"), end) {
            (Some(_), Some(node)) if is_end => {
                let message = "`Next` and `End` exclude each other";
                let theirs = diagnostic::one_of(&["Next", "End"]);
                let place = Some(fields.pointer());
                let pointer = &node.pointer;
                let problem = diagnostic::placed(pointer, message, place, code::SCHEMA, theirs);
                self.problems.extend([problem]);
                None
            }
            (Some(node), _) => self.target(&node).map(Next::State),
            (None, _) if is_end => Some(Next::End),
            (None, _) => {
                let message = "expected `Next`, or `\"End\": true`";
                self.problems.push(fields.pointer(), message);
                None
            }
        }
    }
}
