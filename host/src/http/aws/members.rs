//! The members of a request, checked against the constraints of the service's model.
//!
//! Owns the texts of broken constraints; all of one request are told together. Unknown members
//! are passed over, as the service does.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::fault::Fault;

/// How much of an offending value is told.
const SHOWN_CHARACTERS_MAX: usize = 4096;
const PAGE: u64 = 100;
const PAGE_MAX: u64 = 1000;
const TOKEN_CHARACTERS_MAX: usize = 1024;
/// The lengths of an ARN in most operations, and in those on versions and aliases.
pub(super) const ARN: RangeInclusive<usize> = 1..=256;
/// A member that may be as long as its own rules allow.
pub(super) const ANY: RangeInclusive<usize> = 0..=usize::MAX;

/// The members of a request, or of an object within it.
#[derive(Debug, Default)]
pub(super) struct Members {
    members: Map<String, Value>,
    /// What stands before each member's name in messages.
    prefix: String,
    violations: Vec<String>,
    malformed: Option<Fault>,
}

impl Members {
    /// The members of a request's body.
    ///
    /// # Errors
    /// The body is not a JSON object.
    pub(super) fn of_body(body: Value) -> Result<Self, Fault> {
        match body {
            Value::Object(members) => Ok(Self {
                members,
                ..Self::default()
            }),
            _ => Err(Fault::serialization("the body is not a JSON object")),
        }
    }

    /// Refuses the request if any constraint is broken.
    ///
    /// # Errors
    /// Every broken constraint, or the first member of a wrong type.
    pub(super) fn finish(self) -> Result<(), Fault> {
        if let Some(fault) = self.malformed {
            return Err(fault);
        }
        let errors = match self.violations.len() {
            0 => return Ok(()),
            1 => "1 validation error detected".to_owned(),
            count => format!("{count} validation errors detected"),
        };
        let violations = self.violations.join("; ");
        Err(Fault::validation(format!("{errors}: {violations}")))
    }

    /// A text that must be there; empty where it breaks a constraint.
    pub(super) fn required(&mut self, name: &str, length: RangeInclusive<usize>) -> String {
        if !self.has(name) {
            self.violate(name, None, "Member must not be null");
            return String::new();
        }
        self.text(name, length).unwrap_or_default()
    }

    /// A text, if it is there.
    pub(super) fn text(&mut self, name: &str, length: RangeInclusive<usize>) -> Option<String> {
        let text = match self.take(name)? {
            Value::String(text) => text,
            _ => return self.wrong_type(name, "a string"),
        };
        // Lengths count UTF-16 units, as the service's strings do.
        let units = text.encode_utf16().count();
        if let Some(constraint) = length_constraint(units, &length) {
            self.violate(name, Some(&text), &constraint);
        }
        Some(text)
    }

    /// One of a few words, if it is there.
    pub(super) fn word(&mut self, name: &str, words: &[&str]) -> Option<String> {
        let word = self.text(name, ANY)?;
        if !words.contains(&word.as_str()) {
            let words = words.join(", ");
            let constraint = format!("Member must satisfy enum value set: [{words}]");
            self.violate(name, Some(&word), &constraint);
        }
        Some(word)
    }

    /// A boolean, if it is there.
    pub(super) fn boolean(&mut self, name: &str) -> Option<bool> {
        match self.take(name)? {
            Value::Bool(is_so) => Some(is_so),
            _ => self.wrong_type(name, "a boolean"),
        }
    }

    /// A whole number, if it is there.
    pub(super) fn integer(&mut self, name: &str, range: RangeInclusive<u64>) -> Option<u64> {
        let value = self.take(name)?;
        let Some(number) = value.as_i64() else {
            return self.wrong_type(name, "an integer");
        };
        let (least, most) = (*range.start(), *range.end());
        let constraint = match u64::try_from(number) {
            Ok(number) if range.contains(&number) => return Some(number),
            Ok(number) if number > most => {
                format!("Member must have value less than or equal to {most}")
            }
            Ok(_) | Err(_) => format!("Member must have value greater than or equal to {least}"),
        };
        self.violate(name, Some(&number.to_string()), &constraint);
        None
    }

    /// An object, if it is there; what it breaks is told with [`Self::absorb`].
    pub(super) fn object(&mut self, name: &str) -> Option<Self> {
        match self.take(name)? {
            Value::Object(members) => Some(self.below(name, members)),
            _ => self.wrong_type(name, "an object"),
        }
    }

    /// A list, if it is there.
    pub(super) fn list(&mut self, name: &str) -> Option<Vec<Value>> {
        match self.take(name)? {
            Value::Array(items) => Some(items),
            _ => self.wrong_type(name, "a list"),
        }
    }

    /// A list of objects, if it is there; what they break is told with [`Self::absorb`].
    pub(super) fn objects(&mut self, name: &str) -> Option<Vec<Self>> {
        let items = self.list(name)?;
        let mut objects = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let place = format!("{name}.{}.member", index + 1);
            match item {
                Value::Object(members) => objects.push(self.below(&place, members)),
                Value::Null => self.violate(&place, None, "Member must not be null"),
                _ => return self.wrong_type(&place, "an object"),
            }
        }
        Some(objects)
    }

    /// `maxResults`: how many items one page may hold.
    pub(super) fn page_limit(&mut self) -> usize {
        let limit = self.integer("maxResults", 0..=PAGE_MAX).unwrap_or(0);
        let limit = if limit == 0 { PAGE } else { limit };
        usize::try_from(limit).unwrap_or(usize::MAX)
    }

    /// `nextToken`: where a page begins.
    pub(super) fn page_token(&mut self) -> Option<String> {
        self.text("nextToken", 1..=TOKEN_CHARACTERS_MAX)
    }

    /// Whether a member is there and not null.
    pub(super) fn has(&self, name: &str) -> bool {
        self.members.get(name).is_some_and(|value| !value.is_null())
    }

    /// Refuses a member that is there and null.
    pub(super) fn not_null(&mut self, name: &str) {
        if self.members.get(name).is_some_and(Value::is_null) {
            self.violate(name, None, "Member must not be null");
        }
    }

    /// Takes over what an object within these broke.
    pub(super) fn absorb(&mut self, inner: Self) {
        self.violations.extend(inner.violations);
        if self.malformed.is_none() {
            self.malformed = inner.malformed;
        }
    }

    /// Records a broken constraint; `None` stands for a value that is missing.
    pub(super) fn violate(&mut self, name: &str, value: Option<&str>, constraint: &str) {
        let place = format!("{}{name}", self.prefix);
        let value = match value {
            Some(value) => {
                let shown: String = value.chars().take(SHOWN_CHARACTERS_MAX).collect();
                format!("'{shown}'")
            }
            None => "null".to_owned(),
        };
        self.violations.push(format!(
            "Value {value} at '{place}' failed to satisfy constraint: {constraint}"
        ));
    }

    fn below(&self, name: &str, members: Map<String, Value>) -> Self {
        Self {
            members,
            prefix: format!("{}{name}.", self.prefix),
            ..Self::default()
        }
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        let value = self.members.get_mut(name)?;
        let value = value.take();
        (!value.is_null()).then_some(value)
    }

    fn wrong_type<T>(&mut self, name: &str, expected: &str) -> Option<T> {
        let place = format!("{}{name}", self.prefix);
        let fault = Fault::serialization(format!("'{place}' is not {expected}"));
        self.malformed.get_or_insert(fault);
        None
    }
}

fn length_constraint(units: usize, length: &RangeInclusive<usize>) -> Option<String> {
    let (least, most) = (*length.start(), *length.end());
    if units < least {
        return Some(format!(
            "Member must have length greater than or equal to {least}"
        ));
    }
    (units > most).then(|| format!("Member must have length less than or equal to {most}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn members(body: Value) -> Members {
        Members::of_body(body).unwrap()
    }

    fn told(members: Members) -> (&'static str, String) {
        let fault = members.finish().unwrap_err();
        let (_, code, message) = fault.told();
        (code, message.to_owned())
    }

    #[test]
    fn every_broken_constraint_is_told_in_the_services_words() {
        let body = json!({"maxResults": 1001, "statusFilter": "succeeded", "name": null});
        let mut members = members(body);
        members.page_limit();
        members.word("statusFilter", &["SUCCEEDED", "FAILED"]);
        members.required("name", 1..=80);
        let (code, message) = told(members);
        assert_eq!(code, "ValidationException");
        assert_eq!(
            message,
            "3 validation errors detected: Value '1001' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 1000; \
             Value 'succeeded' at 'statusFilter' failed to satisfy constraint: Member must satisfy enum value set: [SUCCEEDED, FAILED]; \
             Value null at 'name' failed to satisfy constraint: Member must not be null"
        );
    }

    #[test]
    fn members_of_members_are_told_by_their_place() {
        let mut members = members(json!({"tags": [{"key": "a"}, {"key": ""}]}));
        for mut tag in members.objects("tags").unwrap() {
            tag.required("key", 1..=128);
            members.absorb(tag);
        }
        assert_eq!(
            told(members).1,
            "1 validation error detected: Value '' at 'tags.2.member.key' failed to satisfy constraint: Member must have length greater than or equal to 1"
        );
    }

    #[test]
    fn a_member_of_a_wrong_type_is_no_broken_constraint() {
        for body in [json!({"name": 7}), json!({"name": ["x"]})] {
            let mut members = members(body);
            members.text("name", 1..=80);
            assert_eq!(told(members).0, "SerializationException");
        }
        assert!(Members::of_body(json!([])).is_err());
    }

    #[test]
    fn a_page_has_a_hundred_items_unless_the_caller_says_otherwise() {
        for (body, limit) in [
            (json!({}), 100),
            (json!({"maxResults": 0}), 100),
            (json!({"maxResults": 7}), 7),
        ] {
            assert_eq!(members(body).page_limit(), limit);
        }
    }
}
