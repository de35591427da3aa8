//! A typed walk over a document that collects problems instead of stopping at the first.

use serde_json::{Map, Value};

use crate::{Finding, Problem, Problems};

/// A value and where it stands.
#[derive(Clone, Debug)]
pub struct Node<'a> {
    /// The value itself.
    pub value: &'a Value,
    /// Its JSON pointer.
    pub pointer: String,
}

impl<'a> Node<'a> {
    /// The document's own value.
    pub fn root(value: &'a Value) -> Self {
        Self {
            value,
            pointer: String::new(),
        }
    }

    /// The members of an object, or a problem.
    pub fn object(&self, problems: &mut Problems) -> Option<Fields<'a>> {
        let Value::Object(members) = self.value else {
            self.expected("an object", problems);
            return None;
        };
        Some(Fields {
            members,
            pointer: self.pointer.clone(),
            read: Vec::new(),
        })
    }

    /// The elements of an array, or a problem.
    pub fn array(&self, problems: &mut Problems) -> Option<Vec<Node<'a>>> {
        let Value::Array(items) = self.value else {
            self.expected("an array", problems);
            return None;
        };
        let items = items.iter().enumerate().map(|(index, value)| Node {
            value,
            pointer: format!("{}/{index}", self.pointer),
        });
        Some(items.collect())
    }

    /// A string, or a problem.
    pub fn string(&self, problems: &mut Problems) -> Option<&'a str> {
        let string = self.value.as_str();
        if string.is_none() {
            self.expected("a string", problems);
        }
        string
    }

    /// A boolean, or a problem.
    pub fn boolean(&self, problems: &mut Problems) -> Option<bool> {
        let boolean = self.value.as_bool();
        if boolean.is_none() {
            self.expected("true or false", problems);
        }
        boolean
    }

    /// An integer of at least zero, or a problem.
    pub fn unsigned(&self, problems: &mut Problems) -> Option<u64> {
        let unsigned = self.value.as_u64();
        if unsigned.is_none() {
            self.expected("a whole number of at least 0", problems);
        }
        unsigned
    }

    /// An array of strings, or problems.
    pub fn strings(&self, problems: &mut Problems) -> Option<Vec<String>> {
        let items = self.array(problems)?;
        let strings: Vec<_> = items
            .iter()
            .filter_map(|item| item.string(problems).map(str::to_owned))
            .collect();
        (strings.len() == items.len()).then_some(strings)
    }

    /// Records a problem with this value.
    pub fn problem(&self, message: impl Into<String>, problems: &mut Problems) {
        problems.push(self.pointer.clone(), message);
    }

    fn expected(&self, what: &str, problems: &mut Problems) {
        let found = match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        };
        self.problem(format!("expected {what}, found {found}"), problems);
    }
}

/// The members of one object; [`Fields::finish`] reports those nobody asked for.
#[derive(Debug)]
pub struct Fields<'a> {
    members: &'a Map<String, Value>,
    pointer: String,
    read: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// The object's JSON pointer.
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// The member `name` if it is there.
    pub fn optional(&mut self, name: &'static str) -> Option<Node<'a>> {
        self.read.push(name);
        let value = self.members.get(name)?;
        Some(self.node(name, value))
    }

    /// The member `name`, or a problem.
    pub fn required(&mut self, name: &'static str, problems: &mut Problems) -> Option<Node<'a>> {
        let node = self.optional(name);
        if node.is_none() {
            let problem = Problem::new(self.pointer(), format!("member `{name}` is missing"));
            problems.extend([problem.found(Finding::Missing(name))]);
        }
        node
    }

    /// Every member with its name, for objects whose keys are data.
    pub fn entries(&self) -> Vec<(&'a str, Node<'a>)> {
        let entries = self.members.iter();
        entries
            .map(|(name, value)| (name.as_str(), self.node(name, value)))
            .collect()
    }

    /// Reports every member that was never asked for.
    pub fn finish(self, problems: &mut Problems) {
        for (name, node) in self.entries() {
            if !self.read.contains(&name) {
                let known = self.read.join("`, `");
                let message = format!("unknown member, expected one of `{known}`");
                let problem = Problem::new(node.pointer, message);
                problems.extend([problem.found(Finding::Unknown)]);
            }
        }
    }

    fn node(&self, name: &str, value: &'a Value) -> Node<'a> {
        let escaped = name.replace('~', "~0").replace('/', "~1");
        Node {
            value,
            pointer: format!("{}/{escaped}", self.pointer),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_problem_is_reported_with_its_pointer() {
        let value = json!({"name": 7, "list": ["a", 1], "a/b": true});
        let mut problems = Problems::default();
        let mut fields = Node::root(&value).object(&mut problems).unwrap();
        fields
            .required("name", &mut problems)
            .unwrap()
            .string(&mut problems);
        fields
            .required("list", &mut problems)
            .unwrap()
            .strings(&mut problems);
        fields.required("size", &mut problems);
        fields.finish(&mut problems);
        let pointers: Vec<_> = problems.into_vec().into_iter().map(|p| p.pointer).collect();
        assert_eq!(pointers, ["/name", "/list/1", "", "/a~1b"]);
    }
}
