//! Applies the JSONPath fields to data.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Flow, JsonPathFlow, ResultPath};
use crate::Failure;
use crate::budget::Budget;
use crate::path::{Path, ReferencePath};
use crate::template::Template;

impl Flow {
    /// The state's input after `InputPath`: what paths in the state's own fields read.
    ///
    /// # Errors
    /// `States.Runtime` with the service's cause text.
    pub(crate) fn selected_input(
        &self,
        raw: &Arc<Value>,
        context: &Value,
        budget: &mut Budget,
    ) -> Result<Arc<Value>, Failure> {
        match self {
            Self::JsonPath(flow) => select(flow.input_path.as_ref(), raw, context, budget),
        }
    }

    /// The state's input after `InputPath` and `Parameters`: what a Task's component is given.
    ///
    /// # Errors
    /// `States.Runtime` with the service's cause text.
    pub(crate) fn effective_input(
        &self,
        raw: &Arc<Value>,
        context: &Value,
        budget: &mut Budget,
    ) -> Result<Arc<Value>, Failure> {
        let selected = self.selected_input(raw, context, budget)?;
        match self {
            Self::JsonPath(flow) => fill(flow.parameters.as_ref(), selected, context, budget),
        }
    }

    /// The state's result after `ResultSelector`.
    ///
    /// # Errors
    /// `States.Runtime` with the service's cause text.
    pub(crate) fn result(
        &self,
        raw: Arc<Value>,
        context: &Value,
        budget: &mut Budget,
    ) -> Result<Arc<Value>, Failure> {
        match self {
            Self::JsonPath(flow) => fill(flow.result_selector.as_ref(), raw, context, budget),
        }
    }

    /// The state's raw input with the result at `ResultPath`.
    ///
    /// # Errors
    /// `States.ResultPathMatchFailure` if the place cannot exist in the input.
    pub fn merge(&self, raw: &Arc<Value>, result: Arc<Value>) -> Result<Arc<Value>, Failure> {
        match self {
            Self::JsonPath(flow) => flow.result_path.merge(raw, result),
        }
    }

    /// The state's output after `OutputPath`.
    ///
    /// # Errors
    /// `States.Runtime` with the service's cause text.
    pub(crate) fn output(
        &self,
        merged: &Arc<Value>,
        context: &Value,
        budget: &mut Budget,
    ) -> Result<Arc<Value>, Failure> {
        match self {
            Self::JsonPath(flow) => select(flow.output_path.as_ref(), merged, context, budget),
        }
    }
}

impl ResultPath {
    /// `raw` with `result` in its place; used for states and for catchers.
    ///
    /// # Errors
    /// `States.ResultPathMatchFailure` if the place cannot exist in `raw`.
    pub fn merge(&self, raw: &Arc<Value>, result: Arc<Value>) -> Result<Arc<Value>, Failure> {
        match self {
            Self::Discard => Ok(Arc::clone(raw)),
            Self::At(path) if path.as_path().is_root() => Ok(result),
            Self::At(path) => {
                let written = path.write(Value::clone(raw), Arc::unwrap_or_clone(result))?;
                Ok(Arc::new(written))
            }
        }
    }
}

impl Default for JsonPathFlow {
    /// The effect of leaving every field out.
    fn default() -> Self {
        Self {
            input_path: Some(Path::root()),
            parameters: None,
            result_selector: None,
            result_path: ResultPath::At(ReferencePath::root()),
            output_path: Some(Path::root()),
        }
    }
}

/// What `path` selects; the data itself for `$`, an empty object for `null`.
fn select(
    path: Option<&Path>,
    data: &Arc<Value>,
    context: &Value,
    budget: &mut Budget,
) -> Result<Arc<Value>, Failure> {
    match path {
        None => Ok(Arc::new(Value::Object(Map::new()))),
        Some(path) if path.is_root() => Ok(Arc::clone(data)),
        Some(path) => {
            let selected = path.evaluate_within(data, context, budget);
            selected.map(Arc::new).map_err(|error| error.of_field())
        }
    }
}

fn fill(
    template: Option<&Template>,
    data: Arc<Value>,
    context: &Value,
    budget: &mut Budget,
) -> Result<Arc<Value>, Failure> {
    match template {
        None => Ok(data),
        Some(template) => template.evaluate(&data, context, budget).map(Arc::new),
    }
}

#[cfg(test)]
mod tests {
    use document::{Node, Problems};
    use serde_json::json;

    use super::*;

    fn flow(change: impl FnOnce(&mut JsonPathFlow)) -> Flow {
        let mut flow = JsonPathFlow::default();
        change(&mut flow);
        Flow::JsonPath(flow)
    }

    fn path(text: &str) -> Path {
        Path::parse(text).unwrap()
    }

    fn template(value: Value) -> Option<Template> {
        Template::parse(&Node::root(&value), &mut Problems::default())
    }

    #[test]
    fn a_flow_without_fields_passes_the_same_payload_on() {
        let input = Arc::new(json!({"a": 1}));
        let flow = flow(|_| {});
        let context = Value::Null;
        assert!(Arc::ptr_eq(
            &flow
                .effective_input(&input, &context, &mut Budget::new())
                .unwrap(),
            &input
        ));
        assert!(Arc::ptr_eq(
            &flow
                .result(Arc::clone(&input), &context, &mut Budget::new())
                .unwrap(),
            &input
        ));
        let result = Arc::new(json!(2));
        assert!(Arc::ptr_eq(
            &flow.merge(&input, Arc::clone(&result)).unwrap(),
            &result
        ));
        assert!(Arc::ptr_eq(
            &flow.output(&input, &context, &mut Budget::new()).unwrap(),
            &input
        ));
    }

    #[test]
    fn input_path_comes_before_parameters() {
        let flow = flow(|flow| {
            flow.input_path = Some(path("$.order"));
            flow.parameters = template(json!({"id.$": "$.id", "run.$": "$$.Execution.Id"}));
        });
        let input = Arc::new(json!({"order": {"id": 7}}));
        let context = json!({"Execution": {"Id": "e"}});
        assert_eq!(
            *flow
                .selected_input(&input, &context, &mut Budget::new())
                .unwrap(),
            json!({"id": 7})
        );
        assert_eq!(
            *flow
                .effective_input(&input, &context, &mut Budget::new())
                .unwrap(),
            json!({"id": 7, "run": "e"})
        );
    }

    #[test]
    fn null_paths_give_an_empty_object_or_discard_the_result() {
        let flow = flow(|flow| {
            flow.input_path = None;
            flow.output_path = None;
            flow.result_path = ResultPath::Discard;
        });
        let input = Arc::new(json!({"a": 1}));
        assert_eq!(
            *flow
                .effective_input(&input, &Value::Null, &mut Budget::new())
                .unwrap(),
            json!({})
        );
        assert_eq!(
            *flow
                .output(&input, &Value::Null, &mut Budget::new())
                .unwrap(),
            json!({})
        );
        assert!(Arc::ptr_eq(
            &flow.merge(&input, Arc::new(json!(2))).unwrap(),
            &input
        ));
    }

    #[test]
    fn failures_carry_the_services_names_and_causes() {
        let flow = flow(|flow| {
            flow.output_path = Some(path("$.no.such.result.path"));
            flow.result_path = ResultPath::At(ReferencePath::parse("$.r").unwrap());
            flow.result_selector = template(json!({"a.$": "$.b"}));
        });
        let data = Arc::new(json!("text"));
        let object = Arc::new(json!({}));
        assert_eq!(
            flow.output(&object, &Value::Null, &mut Budget::new())
                .unwrap_err(),
            Failure::runtime(
                "Invalid path '$.no.such.result.path' : Missing property in path $['no']"
            )
        );
        assert_eq!(
            flow.merge(&data, Arc::clone(&object)).unwrap_err().error,
            "States.ResultPathMatchFailure"
        );
        assert_eq!(
            flow.result(object, &Value::Null, &mut Budget::new())
                .unwrap_err()
                .cause,
            "The JSONPath '$.b' specified for the field 'a.$' could not be found in the input '{}'"
        );
    }
}
