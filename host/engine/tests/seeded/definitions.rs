//! Random state machines: every kind of state, small, and always at an end some day.

mod tasks;

use serde_json::{Map, Value, json};

use crate::dice::Dice;
use tasks::task;
pub(crate) use tasks::{ACTIVITY, COMPONENTS};

/// What a definition may hold.
pub(crate) struct Taste<'a> {
    pub(crate) dice: &'a mut Dice,
    /// Whether what comes out must not depend on when things happen.
    pub(crate) is_calm: bool,
    /// State machines that may be started from this one.
    pub(crate) below: &'a [String],
    /// Whether only what an express state machine may hold.
    pub(crate) is_express: bool,
    /// How many more states there may be.
    pub(crate) states_left: usize,
    names: usize,
}

/// The error that components, answers and Fail states have in common where order must not matter.
pub(crate) const ERROR: &str = "Custom";
pub(crate) const CAUSE: &str = "by script";

impl<'a> Taste<'a> {
    pub(crate) fn new(
        dice: &'a mut Dice,
        is_calm: bool,
        below: &'a [String],
        states: usize,
    ) -> Self {
        Self {
            dice,
            is_calm,
            below,
            is_express: false,
            states_left: states,
            names: 0,
        }
    }

    /// What an express state machine may hold.
    pub(crate) fn express(dice: &'a mut Dice, is_calm: bool, states: usize) -> Self {
        Self {
            is_express: true,
            ..Self::new(dice, is_calm, &[], states)
        }
    }

    /// A definition that the parser accepts.
    pub(crate) fn machine(&mut self) -> Value {
        let mut machine = self.block(0);
        if !self.is_calm && self.dice.one_in(8) {
            machine["TimeoutSeconds"] = json!(self.dice.within(1..=90));
        }
        machine
    }

    /// States that lead from one to the next.
    fn block(&mut self, depth: usize) -> Value {
        let mut length = 1 + usize::try_from(self.dice.within(0..=3)).unwrap();
        length = length.min(self.states_left.max(1));
        self.states_left = self.states_left.saturating_sub(length);
        let names: Vec<String> = (0..length).map(|_| self.name()).collect();
        let mut states = Map::new();
        for (place, name) in names.iter().enumerate() {
            let next = names.get(place + 1);
            for (name, state) in self.state(name, next, depth) {
                states.insert(name, state);
            }
        }
        json!({"StartAt": names[0], "States": states})
    }

    fn name(&mut self) -> String {
        self.names += 1;
        format!("S{}", self.names)
    }

    /// A state, with those that belong to it.
    fn state(&mut self, name: &str, next: Option<&String>, depth: usize) -> Vec<(String, Value)> {
        let is_nested = depth < 2 && self.states_left > 1;
        let mut state = match self.dice.within(0..=19) {
            0..=1 => pass(self.dice),
            2..=3 => self.wait(),
            4 => return self.choice(name, next),
            5 if next.is_none() => return vec![(name.to_owned(), end(self.dice))],
            6..=8 if is_nested => self.parallel(depth),
            9..=10 if is_nested => self.map(depth, false),
            11..=12 if is_nested && !self.is_express => self.map(depth, true),
            _ => task(self),
        };
        let mut others = Vec::new();
        lead(&mut state, next);
        if let Some(catchers) = state.get_mut("Catch").and_then(Value::as_array_mut) {
            let after = match next {
                Some(next) => next.clone(),
                None => {
                    let last = format!("{name}Caught");
                    others.push((last.clone(), json!({"Type": "Pass", "End": true})));
                    last
                }
            };
            catchers
                .iter_mut()
                .for_each(|catcher| catcher["Next"] = json!(after));
        }
        others.push((name.to_owned(), state));
        others
    }

    fn wait(&mut self) -> Value {
        match self.dice.within(0..=4) {
            0 => json!({"Type": "Wait", "SecondsPath": "$.seconds"}),
            1 => json!({"Type": "Wait", "TimestampPath": "$.at"}),
            2 => json!({"Type": "Wait", "Timestamp": "2023-11-14T22:13:50Z"}),
            3 => {
                json!({"Type": "Wait", "QueryLanguage": "JSONata", "Seconds": "{% $states.input.seconds %}"})
            }
            _ if self.is_express => json!({"Type": "Wait", "Seconds": self.dice.within(0..=5)}),
            _ => json!({"Type": "Wait", "Seconds": self.dice.within(0..=120)}),
        }
    }

    /// A choice that goes back once, with the state that counts.
    fn choice(&mut self, name: &str, next: Option<&String>) -> Vec<(String, Value)> {
        let (count, end) = (format!("{name}Count"), format!("{name}End"));
        let after = next.unwrap_or(&end);
        let rule = match self.dice.within(0..=2) {
            0 => json!({"Variable": "$.n", "NumericLessThan": 2, "Next": count}),
            1 => json!({"And": [{"Variable": "$.n", "IsNumeric": true},
                {"Not": {"Variable": "$.n", "NumericGreaterThanEquals": 2}}], "Next": count}),
            _ => json!({"Variable": "$$.State.Name", "StringEquals": "nowhere", "Next": count}),
        };
        let choice = json!({"Type": "Choice", "Choices": [rule], "Default": after});
        let unwrap = format!("{name}Unwrap");
        let counting = json!({"Type": "Pass", "Next": unwrap, "ResultPath": "$.n",
            "Parameters": {"up.$": "States.MathAdd($.n, 1)"}});
        let unwrapping =
            json!({"Type": "Pass", "InputPath": "$.n.up", "ResultPath": "$.n", "Next": name});
        let mut states = vec![
            (name.to_owned(), choice),
            (count, counting),
            (unwrap, unwrapping),
        ];
        if next.is_none() {
            states.push((end, json!({"Type": "Succeed"})));
        }
        states
    }

    fn parallel(&mut self, depth: usize) -> Value {
        let branches = 1 + self.dice.within(0..=2);
        let branches: Vec<Value> = (0..branches).map(|_| self.block(depth + 1)).collect();
        let state = json!({"Type": "Parallel", "Branches": branches, "ResultPath": "$.p"});
        self.handled(state)
    }

    fn map(&mut self, depth: usize, is_distributed: bool) -> Value {
        let mut processor = self.block(depth + 1);
        let mut state = json!({"Type": "Map", "ItemsPath": "$.items", "ResultPath": "$.m"});
        if self.dice.one_in(2) {
            state["MaxConcurrency"] = json!(self.dice.within(1..=2));
        }
        if is_distributed {
            processor["ProcessorConfig"] =
                json!({"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"});
            match self.dice.within(0..=3) {
                0 => state["ToleratedFailureCount"] = json!(1),
                1 => state["ToleratedFailurePercentage"] = json!(50),
                _ => {}
            }
            if self.dice.one_in(4) {
                state["ItemBatcher"] = json!({"MaxItemsPerBatch": 2, "BatchInput":
                    {"n": 1, "seconds": 2, "items": [], "at": "2023-11-14T22:13:40Z"}});
            } else if self.dice.one_in(3) {
                state["ItemSelector"] = json!({"n.$": "$$.Map.Item.Index", "seconds": 1,
                    "items": [], "at.$": "$.at"});
            }
        }
        state["ItemProcessor"] = processor;
        match is_distributed && self.is_calm {
            // Which failure is one too many depends on the order they come in.
            true => {
                state["Catch"] = json!([{"ErrorEquals": ["States.ALL"], "ResultPath": null}]);
                state["ResultPath"] = Value::Null;
                state
            }
            false => self.handled(state),
        }
    }

    /// The state with, or without, `Retry` and `Catch`; the catcher's `Next` is filled in later.
    pub(crate) fn handled(&mut self, mut state: Value) -> Value {
        if self.dice.one_in(3) {
            let errors = match self.dice.one_in(2) {
                true => json!([ERROR]),
                false => json!(["States.ALL"]),
            };
            state["Retry"] = json!([{"ErrorEquals": errors, "IntervalSeconds": self.dice.within(1..=5),
                "MaxAttempts": self.dice.within(1..=3), "BackoffRate": 1.5}]);
            if !self.is_calm && self.dice.one_in(2) {
                state["Retry"][0]["JitterStrategy"] = json!("FULL");
            }
        }
        if self.dice.one_in(3) {
            state["Catch"] = match self.dice.within(0..=2) {
                0 => json!([{"ErrorEquals": [ERROR], "ResultPath": "$.error"}]),
                1 => json!([{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error"}]),
                _ => json!([{"ErrorEquals": ["States.Timeout"], "ResultPath": null},
                    {"ErrorEquals": ["States.TaskFailed"], "ResultPath": null}]),
            };
        }
        if state["QueryLanguage"].is_string() {
            let catchers = state.get_mut("Catch").and_then(Value::as_array_mut);
            for catcher in catchers.into_iter().flatten() {
                catcher["Output"] = json!("{% $states.input %}");
                catcher.as_object_mut().unwrap().remove("ResultPath");
            }
        }
        state
    }
}

fn lead(state: &mut Value, next: Option<&String>) {
    match next {
        Some(next) => state["Next"] = json!(next),
        None => state["End"] = json!(true),
    }
}

fn pass(dice: &mut Dice) -> Value {
    let all = [
        json!({"Type": "Pass"}),
        json!({"Type": "Pass", "Result": [1, 2], "ResultPath": "$.result"}),
        json!({"Type": "Pass", "Parameters": {"all.$": "$.n", "state.$": "$$.State.Name"}, "ResultPath": "$.made"}),
        json!({"Type": "Pass", "Assign": {"v": [1], "w.$": "$.n"}}),
        json!({"Type": "Pass", "QueryLanguage": "JSONata", "Assign": {"v": "{% $states.input.items %}"},
            "Output": "{% $states.input %}"}),
    ];
    dice.pick(&all).clone()
}

fn end(dice: &mut Dice) -> Value {
    match dice.one_in(2) {
        true => json!({"Type": "Succeed"}),
        false => json!({"Type": "Fail", "Error": ERROR, "Cause": CAUSE}),
    }
}
