//! What each kind of state may say.

use super::*;
use crate::template::Source;

fn task(extra: Value) -> Value {
    let mut state = json!({"Type": "Task", "Resource": "component:charge-card@1.2.0"});
    for (name, value) in extra.as_object().unwrap() {
        state[name] = value.clone();
    }
    state
}

fn read_task(extra: Value) -> Task {
    let StateKind::Task(task) = state(one(task(extra))).kind else {
        panic!("not a task")
    };
    task
}

#[test]
fn a_task_reads_its_times_role_and_resource() {
    let read = read_task(json!({
        "Credentials": {"RoleArn": "orders-writer"},
        "TimeoutSeconds": 30,
        "HeartbeatSecondsPath": "$.beat",
    }));
    assert_eq!(read.resource, "component:charge-card@1.2.0");
    assert_eq!(
        read.credentials.unwrap().role_arn,
        Text::Fixed("orders-writer".to_owned())
    );
    assert_eq!(read.timeout, Some(Quantity::Fixed(30)));
    assert_eq!(
        read.heartbeat,
        Some(Quantity::At(Path::parse("$.beat").unwrap()))
    );
    assert_eq!(read.next, Next::End);
}

#[test]
fn a_task_with_impossible_times_or_roles_is_refused() {
    let check = |extra: Value, pointer: &str, message: &str| {
        check_problem(one(task(extra)), &format!("/States/S{pointer}"), message);
    };
    check(json!({"Resource": ""}), "/Resource", "not empty");
    check(
        json!({"TimeoutSeconds": 0}),
        "/TimeoutSeconds",
        "from 1 to 99999999",
    );
    check(
        json!({"TimeoutSeconds": 100_000_000}),
        "/TimeoutSeconds",
        "from 1 to 99999999",
    );
    check(
        json!({"TimeoutSeconds": 1.5}),
        "/TimeoutSeconds",
        "found `1.5`",
    );
    check(
        json!({"TimeoutSecondsPath": "$.a[*]"}),
        "/TimeoutSecondsPath",
        "several places",
    );
    check(
        json!({"TimeoutSeconds": 1, "TimeoutSecondsPath": "$.a"}),
        "/TimeoutSecondsPath",
        "exclude each other",
    );
    check(
        json!({"TimeoutSeconds": 5, "HeartbeatSeconds": 5}),
        "/HeartbeatSeconds",
        "less than",
    );
    check(
        json!({"Credentials": {"RoleArn.$": "role"}}),
        "/Credentials/RoleArn.$",
        "starts with `$`",
    );
    check(
        json!({"Credentials": {}}),
        "/Credentials",
        "`RoleArn` is missing",
    );
    check(
        json!({"Credentials": {"RoleArn": "r", "x": 1}}),
        "/Credentials/x",
        "unknown member",
    );
    check(
        json!({"ResultPath": "$$.x"}),
        "/ResultPath",
        "only the state's input can be written to",
    );
    check(
        json!({"Resources": "x"}),
        "/Resources",
        "unknown member of a `Task` state",
    );
    check(
        json!({"Branches": []}),
        "/Branches",
        "a `Task` state cannot have `Branches`",
    );
}

#[test]
fn flow_fields_default_to_passing_everything_on() {
    let Flow::JsonPath(flow) = state(one(json!({"Type": "Pass"}))).flow else {
        panic!("not JSONPath")
    };
    assert_eq!(*flow, JsonPathFlow::default());
    let Flow::JsonPath(flow) = state(one(json!({
        "Type": "Pass",
        "InputPath": null,
        "OutputPath": "$.out",
        "ResultPath": null,
        "Parameters": {"a.$": "$"},
    })))
    .flow
    else {
        panic!("not JSONPath")
    };
    assert_eq!(flow.input_path, None);
    assert_eq!(flow.output_path, Source::parse("$.out").ok());
    assert_eq!(flow.result_path, ResultPath::Discard);
    assert!(flow.parameters.is_some());
}

#[test]
fn retriers_have_the_services_defaults_and_bounds() {
    let read = read_task(json!({"Retry": [
        {"ErrorEquals": ["a", "b"], "Comment": "c"},
        {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 3, "MaxAttempts": 0, "BackoffRate": 1,
         "MaxDelaySeconds": 9, "JitterStrategy": "FULL"},
    ]}));
    let [first, second] = read.retry.as_slice() else {
        panic!("{:?}", read.retry)
    };
    assert_eq!(first.error_equals, ["a", "b"]);
    assert_eq!(
        (
            first.interval_seconds,
            first.max_attempts,
            first.backoff_rate
        ),
        (1, 3, 2.0)
    );
    assert_eq!(
        (first.max_delay_seconds, first.jitter),
        (None, Jitter::None)
    );
    assert_eq!(
        (
            second.interval_seconds,
            second.max_attempts,
            second.backoff_rate
        ),
        (3, 0, 1.0)
    );
    assert_eq!(
        (second.max_delay_seconds, second.jitter),
        (Some(9), Jitter::Full)
    );
}

#[test]
fn retriers_out_of_bounds_are_refused() {
    let check = |entry: Value, pointer: &str, message: &str| {
        let mut entry = entry;
        if entry.get("ErrorEquals").is_none() {
            entry["ErrorEquals"] = json!(["x"]);
        }
        let pointer = format!("/States/S/Retry/0{pointer}");
        check_problem(one(task(json!({"Retry": [entry]}))), &pointer, message);
    };
    check(json!({"ErrorEquals": []}), "/ErrorEquals", "at least one");
    check(
        json!({"ErrorEquals": ["States.ALL", "x"]}),
        "/ErrorEquals",
        "the only name",
    );
    check(
        json!({"ErrorEquals": [1]}),
        "/ErrorEquals/0",
        "expected a string",
    );
    check(json!({"IntervalSeconds": 0}), "/IntervalSeconds", "from 1");
    check(json!({"MaxAttempts": -1}), "/MaxAttempts", "from 0");
    check(json!({"BackoffRate": 0.5}), "/BackoffRate", "at least 1.0");
    check(
        json!({"IntervalSeconds": 5, "MaxDelaySeconds": 5}),
        "/MaxDelaySeconds",
        "greater than",
    );
    check(
        json!({"MaxDelaySeconds": 31_622_401}),
        "/MaxDelaySeconds",
        "31622400",
    );
    check(
        json!({"JitterStrategy": "HALF"}),
        "/JitterStrategy",
        "unknown jitter `HALF`",
    );
    check(json!({"Interval": 5}), "/Interval", "unknown member");
}

#[test]
fn catching_everything_comes_last_and_alone() {
    let next = |names: &[&str]| json!({"ErrorEquals": names, "Next": "A"});
    let check = |catch: Value, pointer: &str, message: &str| {
        let state = task(json!({"Catch": catch, "Next": "B"}));
        check_problem(
            branching(state),
            &format!("/States/S/Catch{pointer}"),
            message,
        );
    };
    check(
        json!([next(&["States.ALL"]), next(&["x"])]),
        "/0/ErrorEquals",
        "in the last entry",
    );
    check(
        json!([next(&["x", "States.ALL"])]),
        "/0/ErrorEquals",
        "the only name",
    );
    check(json!({"ErrorEquals": []}), "", "expected an array");
    let catch = json!([{"ErrorEquals": ["x"], "ResultPath": "$.error", "Next": "A"}, next(&["States.ALL"])]);
    let definition = branching(task(json!({"Catch": catch, "Next": "B"})));
    let StateKind::Task(task) = state(definition).kind else {
        panic!("not a task")
    };
    let paths: Vec<_> = task
        .catch
        .iter()
        .map(|catcher| &catcher.result_path)
        .collect();
    let [ResultPath::At(first), ResultPath::At(second)] = paths.as_slice() else {
        panic!("{paths:?}")
    };
    assert_eq!(
        (first.to_string(), second.to_string()),
        ("$.error".to_owned(), "$".to_owned())
    );
}

#[test]
fn a_choice_reads_every_operator() {
    let read = |rule: Value| {
        let mut rule = rule;
        rule["Next"] = json!("A");
        let definition = branching(json!({"Type": "Choice", "Choices": [rule], "Default": "B"}));
        StateMachine::parse(&definition).map(|parsed| parsed.machine)
    };
    let mut operators = vec![
        ("BooleanEquals".to_owned(), json!(true)),
        ("BooleanEqualsPath".to_owned(), json!("$.b")),
        ("StringMatches".to_owned(), json!("a*")),
    ];
    for name in [
        "IsPresent",
        "IsNull",
        "IsBoolean",
        "IsNumeric",
        "IsString",
        "IsTimestamp",
    ] {
        operators.push((name.to_owned(), json!(false)));
    }
    for (family, constant) in [
        ("Numeric", json!(1.5)),
        ("String", json!("x")),
        ("Timestamp", json!("2016-03-14T01:59:00Z")),
    ] {
        for order in [
            "Equals",
            "LessThan",
            "LessThanEquals",
            "GreaterThan",
            "GreaterThanEquals",
        ] {
            operators.push((format!("{family}{order}"), constant.clone()));
            operators.push((format!("{family}{order}Path"), json!("$$.x[0]")));
        }
    }
    assert_eq!(operators.len(), 39);
    for (name, operand) in operators {
        assert!(
            read(json!({"Variable": "$.v", &name: operand})).is_ok(),
            "{name}"
        );
        assert!(
            read(json!({"Variable": "$.v", &name: []})).is_err(),
            "{name}"
        );
        assert!(read(json!({&name: operand})).is_err(), "{name}");
    }
    let plain = json!({"Variable": "$.v", "IsNull": true, "Comment": "c"});
    assert!(read(json!({"And": [plain, {"Not": {"Or": [plain]}}]})).is_ok());
}

fn check_rule(rule: Value, pointer: &str, message: &str) {
    let fine = json!({"Variable": "$.v", "IsNull": true, "Next": "A"});
    let choice = json!({"Type": "Choice", "Choices": [fine, rule], "Default": "B"});
    let pointer = format!("/States/S/Choices/1{pointer}");
    check_problem(branching(choice), &pointer, message);
}

#[test]
fn malformed_choice_rules_are_refused() {
    check_rule(
        json!({"Variable": "$.v", "Next": "A"}),
        "",
        "expected an operator",
    );
    check_rule(
        json!({"Variable": "$.v", "IsNull": true}),
        "",
        "`Next` is missing",
    );
    check_rule(
        json!({"Variable": "$.v", "IsNull": true, "IsString": true, "Next": "A"}),
        "",
        "expected one operator, found `IsNull`, `IsString`",
    );
    check_rule(
        json!({"Variable": "$.v", "StringEqual": "x", "Next": "A"}),
        "/StringEqual",
        "unknown operator",
    );
    check_rule(
        json!({"Variable": "$.v", "StringMatchesPath": "$", "Next": "A"}),
        "/StringMatchesPath",
        "unknown operator",
    );
    check_rule(
        json!({"Variable": "$.v", "BooleanLessThan": true, "Next": "A"}),
        "/BooleanLessThan",
        "unknown operator",
    );
}

#[test]
fn malformed_operands_and_nestings_are_refused() {
    check_rule(
        json!({"Variable": "$.v[*]", "IsNull": true, "Next": "A"}),
        "/Variable",
        "several places",
    );
    check_rule(
        json!({"Variable": "v", "IsNull": true, "Next": "A"}),
        "/Variable",
        "starts with `$`",
    );
    check_rule(
        json!({"Variable": "$.v", "TimestampEquals": "today", "Next": "A"}),
        "/TimestampEquals",
        "RFC 3339",
    );
    check_rule(
        json!({"Variable": "$.v", "NumericEquals": "1", "Next": "A"}),
        "/NumericEquals",
        "expected a number",
    );
    check_rule(
        json!({"Variable": "$.v", "And": [], "Next": "A"}),
        "/Variable",
        "no meaning beside `And`",
    );
    check_rule(json!({"And": [], "Next": "A"}), "/And", "at least one rule");
    check_rule(
        json!({"Not": {"Variable": "$.v", "IsNull": true, "Next": "A"}, "Next": "A"}),
        "/Not/Next",
        "only a rule of `Choices` itself",
    );
    check_rule(
        json!({"Condition": "{% true %}", "Next": "A"}),
        "/Condition",
        "belongs to query language `JSONata`",
    );
    let empty = json!({"Type": "Choice", "Choices": [], "Default": "S"});
    check_problems(one(empty), &[("/States/S/Choices", "at least one rule")]);
}

#[test]
fn a_wait_has_exactly_one_end() {
    let until = |extra: Value| {
        let mut wait = extra;
        wait["Type"] = json!("Wait");
        let StateKind::Wait(wait) = state(one(wait)).kind else {
            panic!("not a wait")
        };
        wait.until
    };
    let path = Path::parse("$.at").unwrap();
    assert_eq!(
        until(json!({"Seconds": 0})),
        WaitUntil::Seconds(Quantity::Fixed(0))
    );
    assert_eq!(
        until(json!({"SecondsPath": "$.at"})),
        WaitUntil::Seconds(Quantity::At(path.clone()))
    );
    assert_eq!(
        until(json!({"TimestampPath": "$.at"})),
        WaitUntil::TimestampAt(path)
    );
    assert_eq!(
        until(json!({"Timestamp": "1970-01-01T00:00:01Z"})),
        WaitUntil::Timestamp(crate::Timestamp(1000))
    );
    check_problem(one(json!({"Type": "Wait"})), "/States/S", "exactly one of");
    check_problem(
        one(json!({"Type": "Wait", "Seconds": 1, "SecondsPath": "$"})),
        "/States/S",
        "exactly one of",
    );
    for timestamp in [
        "2016-13-05T21:29:29Z",
        "05-12-2016T21:29:29Z",
        "2016-12-05 21:29:29Z",
        "2016-12-05T21:29:29",
    ] {
        check_problem(
            one(json!({"Type": "Wait", "Timestamp": timestamp})),
            "/States/S/Timestamp",
            "expected an RFC 3339 timestamp",
        );
    }
}

#[test]
fn a_fail_takes_texts_or_paths() {
    let fail = state(one(
        json!({"Type": "Fail", "Error": "E", "CausePath": "$.cause"}),
    ));
    let expected = Fail {
        error: Some(Text::Fixed("E".to_owned())),
        cause: Some(Text::At(Source::parse("$.cause").unwrap())),
    };
    assert_eq!(fail.kind, StateKind::Fail(expected));
    check_problem(
        one(json!({"Type": "Fail", "Error": "E", "ErrorPath": "$.e"})),
        "/States/S/ErrorPath",
        "exclude each other",
    );
    check_problem(
        one(json!({"Type": "Fail", "CausePath": "States.Format('x'"})),
        "/States/S/CausePath",
        "at character",
    );
    check_problem(
        one(json!({"Type": "Fail", "InputPath": "$"})),
        "/States/S/InputPath",
        "cannot have",
    );
}

#[test]
fn a_map_reads_its_present_and_its_older_names() {
    let block = json!({"StartAt": "I", "States": {"I": {"Type": "Succeed"}}, "ProcessorConfig": {"Mode": "INLINE"}});
    let read = |state: Value| {
        let StateKind::Map(map) = super::state(one(state)).kind else {
            panic!("not a map")
        };
        map
    };
    let present = read(json!({
        "Type": "Map",
        "ItemProcessor": block,
        "ItemSelector": {"item.$": "$$.Map.Item.Value"},
        "ItemsPath": "$.items",
        "MaxConcurrency": 2,
    }));
    let older = read(json!({
        "Type": "Map",
        "Iterator": block,
        "Parameters": {"item.$": "$$.Map.Item.Value"},
        "ItemsPath": "$.items",
        "MaxConcurrencyPath": "$.n",
    }));
    assert_eq!(present.item_selector, older.item_selector);
    assert_eq!(present.items, Items::At(Path::parse("$.items").unwrap()));
    assert_eq!(
        (present.processor, present.max_concurrency),
        (BlockId(1), Quantity::Fixed(2))
    );
    assert!(matches!(older.max_concurrency, Quantity::At(_)));

    let check = |extra: Value, pointer: &str, message: &str| {
        let mut state = json!({"Type": "Map", "ItemProcessor": block});
        for (name, value) in extra.as_object().unwrap() {
            state[name] = value.clone();
        }
        check_problem(one(state), &format!("/States/S{pointer}"), message);
    };
    let mut distributed = block.clone();
    distributed["ProcessorConfig"] = json!({"Mode": "DISTRIBUTED", "ExecutionType": "OTHER"});
    check(
        json!({"ItemProcessor": distributed}),
        "/ItemProcessor/ProcessorConfig/ExecutionType",
        "unknown type `OTHER`",
    );
    check(json!({"MaxConcurrency": -1}), "/MaxConcurrency", "from 0");
    check(
        json!({"Parameters": {}, "ItemSelector": {}}),
        "/Parameters",
        "older name of `ItemSelector`",
    );
    check(
        json!({"ItemSelector": []}),
        "/ItemSelector",
        "expected an object",
    );
    check_problem(
        one(json!({"Type": "Map"})),
        "/States/S",
        "`ItemProcessor` is missing",
    );
    check_problem(
        one(json!({"Type": "Parallel", "Branches": []})),
        "/States/S/Branches",
        "at least one branch",
    );
}

#[test]
fn what_is_valid_but_probably_not_meant_is_a_warning() {
    check_warning(
        one(json!({"Type": "Pass", "Parameters": {"a": [{"b": "$.c"}]}})),
        "/States/S/Parameters/a/0/b",
        "name the member `b.$`",
    );
    check_warning(
        one(json!({"Type": "Pass", "Result": {"a.$": "$.b"}})),
        "/States/S/Result",
        "use `Parameters`",
    );
    check_warning(
        branching(json!({"Type": "Choice", "Choices": [
            {"Variable": "$.v", "IsNull": true, "Next": "A"},
            {"Variable": "$.v", "IsNull": false, "Next": "B"},
        ]})),
        "/States/S",
        "States.Runtime",
    );
    assert_eq!(
        parse(&one(task(
            json!({"Parameters": {"a.$": "$.b", "cost": "$5"}})
        )))
        .warnings,
        []
    );
}
