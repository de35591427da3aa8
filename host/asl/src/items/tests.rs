use serde_json::{Value, json};

use super::*;
use crate::{Status, Timestamp};

const ALL: ItemLimits = ItemLimits {
    items_max: 10,
    bytes_max: 10_000,
    wanted: 0,
};

fn read(config: Value, content: &str) -> Result<Value, String> {
    read_within(config, content, ALL)
}

fn read_within(config: Value, content: &str, limits: ItemLimits) -> Result<Value, String> {
    let format = ItemFormat::parse(&config).map_err(|error| error.0)?;
    let items = format.items(content.as_bytes(), limits);
    items.map(Value::Array).map_err(|error| error.0)
}

#[test]
fn json_is_an_array_or_the_members_of_an_object() {
    let check = |content: &str, expected: Value| {
        assert_eq!(read(json!({"InputType": "JSON"}), content), Ok(expected));
    };
    check("[1, \"a\"]", json!([1, "a"]));
    check("\u{feff}[]", json!([]));
    check(
        r#"{"b": 1, "a": {}}"#,
        json!([{"Key": "b", "Value": 1}, {"Key": "a", "Value": {}}]),
    );
    let told = read(json!({"InputType": "JSON"}), "7");
    assert_eq!(
        told.unwrap_err(),
        "Attempting to map over non-iterable node."
    );
    assert!(read(Value::Null, "[1").unwrap_err().contains("not JSON"));
}

#[test]
fn a_pointer_finds_items_inside_a_file() {
    let at = |pointer: &str| read(json!({"ItemsPointer": pointer}), r#"{"a": {"b": [1, 2]}}"#);
    assert_eq!(at("/a/b"), Ok(json!([1, 2])));
    assert!(at("/a/c").unwrap_err().contains("`/a/c`"));
    let config = json!({"InputType": "JSONL", "ItemsPointer": "/a"});
    assert!(read(config, "").is_err());
}

#[test]
fn json_lines_are_one_item_each() {
    let config = || json!({"InputType": "JSONL"});
    let content = "{\"a\": 1}\r\n\n[2]\n\"x\"";
    assert_eq!(read(config(), content), Ok(json!([{"a": 1}, [2], "x"])));
    let told = read(config(), "1\n{\n").unwrap_err();
    assert!(told.starts_with("line 2 of the file is not JSON"), "{told}");
}

#[test]
fn delimited_text_has_its_headers_in_the_first_row_or_given() {
    let first = json!({"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"});
    let content = "a,b\n\"1,\"\"2\"\"\",\"x\ny\"\n\n3\n4,5,6\n";
    let expected = json!([
        {"a": "1,\"2\"", "b": "x\ny"}, {"a": "3", "b": ""}, {"a": "4", "b": "5"},
    ]);
    assert_eq!(read(first.clone(), content), Ok(expected));
    assert_eq!(read(first, ""), Ok(json!([])));
    let given = |delimiter: &str, headers: Value| json!({"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVDelimiter": delimiter, "CSVHeaders": headers});
    for (word, content) in [
        ("COMMA", "1,2"),
        ("PIPE", "1|2"),
        ("SEMICOLON", "1;2"),
        ("SPACE", "1 2"),
        ("TAB", "1\t2"),
    ] {
        let rows = read(given(word, json!(["a", "b"])), content);
        assert_eq!(rows, Ok(json!([{"a": "1", "b": "2"}])), "{word}");
    }
    let twice = read(given("PIPE", json!(["a", "a"])), "1|2");
    assert_eq!(twice.unwrap_err(), "CSV headers cannot contain duplicates.");
    for config in [
        given("COLON", json!(["a"])),
        given("COMMA", json!([])),
        given("COMMA", json!([7])),
        given("COMMA", json!(["a".repeat(10_241)])),
        json!({"InputType": "CSV"}),
        json!({"InputType": "CSV", "CSVHeaderLocation": "LAST_ROW"}),
    ] {
        assert!(read(config.clone(), "1").is_err(), "{config}");
    }
}

#[test]
fn what_is_not_read_here_is_refused_by_name() {
    for word in ["MANIFEST", "PARQUET"] {
        let told = read(json!({"InputType": word}), "[]").unwrap_err();
        assert!(told.contains(word), "{told}");
    }
    assert!(read(json!({"InputType": 7}), "[]").is_err());
}

#[test]
fn limits_hold_whatever_the_definition_wants() {
    let limits = |wanted| ItemLimits {
        items_max: 2,
        bytes_max: 10_000,
        wanted,
    };
    let check = |config: Value, content: &str| {
        let first = read_within(config.clone(), content, limits(1)).unwrap();
        assert_eq!(first.as_array().unwrap().len(), 1);
        let told = read_within(config, content, limits(0)).unwrap_err();
        assert!(told.contains("more than 2 items"), "{told}");
    };
    check(json!({"InputType": "JSON"}), "[1, 2, 3]");
    check(json!({"InputType": "JSONL"}), "1\n2\n3\n");
    check(
        json!({"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}),
        "a\n1\n2\n3\n",
    );
    let nested = |levels: usize| format!("[{}{}]", "[".repeat(levels), "]".repeat(levels));
    assert!(read(Value::Null, &nested(100)).is_ok());
    assert!(read(Value::Null, &nested(101)).is_err());
    assert!(read(Value::Null, &nested(100_000)).is_err());
    // A long header stands in every row.
    let config = json!({"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"});
    let long = format!("{}\n1\n2\n3\n", "a".repeat(4_000));
    let told = read(config, &long).unwrap_err();
    assert!(told.contains("more than 10000 bytes"), "{told}");
}

#[test]
fn what_stands_behind_the_last_wanted_item_is_not_read() {
    let limits = ItemLimits { wanted: 2, ..ALL };
    let check = |config: Value, content: &str, expected: Value| {
        assert_eq!(read_within(config.clone(), content, limits), Ok(expected));
        let told = read(config, content).unwrap_err();
        assert!(told.contains("not JSON"), "{told}");
    };
    check(Value::Null, "[1, 2, ?", json!([1, 2]));
    let config = json!({"ItemsPointer": "/a~1b/1"});
    check(config, r#"{"c": [], "a/b": [0, [1, 2, ?"#, json!([1, 2]));
    let pairs = json!([{"Key": "a", "Value": 1}, {"Key": "b", "Value": [2]}]);
    check(Value::Null, r#"{"a": 1, "b": [2], ?"#, pairs);
    check(json!({"InputType": "JSONL"}), "1\n2\n?", json!([1, 2]));
}

#[test]
fn the_values_inside_items_are_counted_before_they_are_made() {
    let limits = ItemLimits {
        items_max: 100_000,
        bytes_max: 1 << 30,
        wanted: 0,
    };
    let check = |config: Value, content: &str, is_refused: bool| {
        let told = read_within(config, content, limits)
            .err()
            .unwrap_or_default();
        assert_eq!(
            told.contains("more than 2000000 values"),
            is_refused,
            "{told}"
        );
    };
    let list = |values: usize| format!("[{}1]", "1,".repeat(values - 1));
    check(Value::Null, &format!("[{}]", list(2_000_000)), true);
    check(Value::Null, &format!("[{}]", list(1_999_999)), false);
    check(
        json!({"ItemsPointer": "/a"}),
        &format!(r#"{{"b": {}, "a": [1]}}"#, list(2_000_001)),
        false,
    );
    let lines = format!("{}\n{}\n", list(1_000_000), list(999_999));
    check(json!({"InputType": "JSONL"}), &lines, true);
    let headers: Vec<_> = (0..2_000).map(|header| header.to_string()).collect();
    let config = json!({"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": headers});
    check(config.clone(), &"a\n".repeat(1_000), true);
    check(config, &"a\n".repeat(900), false);
}

#[test]
fn a_member_that_appears_twice_is_no_item() {
    let told = read(Value::Null, r#"{"a": 1, "a": 2}"#).unwrap_err();
    assert!(told.contains("appears twice"), "{told}");
    let found = read(json!({"ItemsPointer": "/a"}), r#"{"a": [1], "a": [2]}"#);
    assert_eq!(found, Ok(json!([1])));
    let scalar = read(json!({"ItemsPointer": "/a/b"}), r#"{"a": 1}"#).unwrap_err();
    assert!(scalar.contains("`/a/b`"), "{scalar}");
}

#[test]
fn files_are_listed_by_key() {
    let file = |key: &str| ListedFile {
        key: key.to_owned(),
        bytes: 3,
        modified_at: Timestamp(1_700_000_000_999),
    };
    let items = list(vec![file("b"), file("a/c")], ALL).unwrap();
    assert_eq!(items[0]["Key"], "a/c");
    assert_eq!(items[1]["Size"], 3);
    assert_eq!(items[1]["LastModified"], 1_700_000_000);
}

fn child(status: Status, output: Value) -> ChildResult {
    ChildResult {
        execution_arn: "arn:child".to_owned(),
        name: "one".to_owned(),
        machine_arn: "arn:machine/Map".to_owned(),
        input: json!({"a": 1}),
        status,
        output,
        error: Some("Flaky".to_owned()),
        cause: None,
        started_at: Some(Timestamp(0)),
        stopped_at: Some(Timestamp(1)),
    }
}

#[test]
fn results_are_written_in_full_alone_or_flattened() {
    let check = |config: Value, status: Status, expected: usize| {
        let format = ResultFormat::parse(&config).unwrap();
        let entries = format.entries(child(status, json!([1, 2])));
        assert_eq!(entries.len(), expected, "{config}");
        entries
    };
    let full = check(Value::Null, Status::Succeeded, 1);
    assert_eq!(full[0]["Output"], "[1,2]");
    assert_eq!(full[0]["Input"], r#"{"a":1}"#);
    assert_eq!(full[0]["StartDate"], "1970-01-01T00:00:00.000Z");
    assert!(full[0].get("Error").is_none());
    let compact = check(json!({"Transformation": "COMPACT"}), Status::Succeeded, 1);
    assert_eq!(compact, [json!([1, 2])]);
    check(json!({"Transformation": "FLATTEN"}), Status::Succeeded, 2);
    let failed = check(json!({"Transformation": "FLATTEN"}), Status::Failed, 1);
    assert_eq!(failed[0]["Error"], "Flaky");
    assert!(ResultFormat::parse(&json!({"OutputType": "XML"})).is_err());
    assert!(ResultFormat::parse(&json!({"Transformation": "ZIP"})).is_err());
}

#[test]
fn a_file_of_results_is_an_array_or_lines() {
    let check = |config: Value, expected: [&str; 2]| {
        let format = ResultFormat::parse(&config).unwrap();
        let mut text = ResultText::new(format);
        assert!(text.is_empty());
        assert_eq!(text.take(), expected[0]);
        [json!(1), json!("x")]
            .iter()
            .for_each(|entry| text.push(entry));
        assert_eq!(text.take(), expected[1]);
    };
    check(Value::Null, ["[]", "[1,\"x\"]"]);
    check(json!({"OutputType": "JSONL"}), ["", "1\n\"x\"\n"]);
}
