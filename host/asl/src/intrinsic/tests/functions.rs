use serde_json::json;

use super::*;

#[test]
fn format_puts_values_into_places() {
    check("States.Format('no places')", json!("no places"));
    check(
        "States.Format('{}|{}|{}|{}|{}', $.name, $.nil, $.yes, $.half, $.n)",
        json!("Ada|null|true|2.5|7"),
    );
    check(
        "States.Format('\\{\\}{}\\'\\\\', $.object)",
        json!("{}{Arg1=1, Arg2=[]}'\\"),
    );
    check("States.Format($.template, $.none)", json!("[] {}"));
    check(
        "States.Format('{} {} {} {}', 1e7, 0.0001, -123456.75, 1.5e-10)",
        json!("1.0E7 1.0E-4 -123456.75 1.5E-10"),
    );
    check(
        "States.Format('{} {}', States.StringToJson($.quoted), $.quoted)",
        json!("\"x\" \"x\""),
    );
}

#[test]
fn format_refuses_templates_that_do_not_fit() {
    let count = "Invalid arguments in States.Format: number of arguments do not match the occurrences of {}.";
    check_failure("States.Format('{} {}', $.n)", count);
    check_failure("States.Format('', $.n)", count);
    let opened = "Invalid template in States.Format: matching '}' not found for '{'.";
    check_failure("States.Format('Hello {', $.n)", opened);
    check_failure("States.Format('{{}}', $.n)", opened);
    check_failure("States.Format($.json, $.n)", opened);
    let closed = "Invalid template in States.Format: matching '{' not found for '}'.";
    check_failure("States.Format('}')", closed);
    check_arguments("States.Format($.n, $.n)");
}

#[test]
fn json_texts_become_values() {
    check("States.StringToJson($.json)", json!({"k": [1, "x"]}));
    check(
        "States.StringToJson('{\"braces\": {}}')",
        json!({"braces": {}}),
    );
    check("States.StringToJson('')", json!(null));
    check("States.StringToJson(' ')", json!(null));
    check("States.StringToJson('-0')", json!(0));
    check_arguments("States.StringToJson('{bad}')");
    check_arguments("States.StringToJson('1 2')");
    check_arguments("States.StringToJson($.object)");
    let deep = format!(
        "States.StringToJson('{}{}')",
        "[".repeat(101),
        "]".repeat(101)
    );
    assert_eq!(evaluate(&deep), Err(budget::too_deep()));
    let deeper = format!("States.StringToJson('{}')", "[".repeat(100_000));
    check_arguments(&deeper);
}

#[test]
fn values_become_json_texts() {
    check(
        "States.JsonToString($.object)",
        json!("{\"Arg1\":1,\"Arg2\":[]}"),
    );
    check("States.JsonToString('x')", json!("\"x\""));
    check("States.JsonToString($.nil)", json!("null"));
}

#[test]
fn objects_are_merged_one_level_deep() {
    let parsed = |text: &str| format!("States.StringToJson('{text}')");
    let (below, above) = (
        parsed("{\"a\": {\"x\": 1}, \"b\": 2}"),
        parsed("{\"a\": {\"y\": 1}, \"c\": 3}"),
    );
    check(
        &format!("States.JsonMerge({below}, {above}, false)"),
        json!({"a": {"y": 1}, "b": 2, "c": 3}),
    );
    check_arguments(&format!("States.JsonMerge({below}, {above}, true)"));
    check_arguments("States.JsonMerge($.object, $.none, false)");
    check_arguments("States.JsonMerge($.nil, $.object, false)");
}

#[test]
fn arrays_are_partitioned() {
    let partition = |size: &str| format!("States.ArrayPartition($.numbers, {size})");
    check(&partition("2"), json!([[1, 2], [3, 4], [5]]));
    check(&partition("2.9"), json!([[1, 2], [3, 4], [5]]));
    check(&partition("2147483647"), json!([[1, 2, 3, 4, 5]]));
    check("States.ArrayPartition($.none, 2)", json!([]));
    for size in ["0", "0.9", "-1", "'2'", "null", "2147483648"] {
        check_arguments(&partition(size));
    }
    check_arguments("States.ArrayPartition($.object, 2)");
}

#[test]
fn arrays_contain_what_reads_alike() {
    let contains = |array: &str, value: &str| {
        format!("States.ArrayContains(States.StringToJson('{array}'), {value})")
    };
    check("States.ArrayContains($.numbers, 5)", json!(true));
    check("States.ArrayContains($.numbers, 6)", json!(false));
    check(
        &contains("[{\"Arg1\":1,\"Arg2\":[]}]", "$.object"),
        json!(true),
    );
    check(
        &contains("[{\"Arg2\":[],\"Arg1\":1}]", "$.object"),
        json!(false),
    );
    check(&contains("[[1,2,3],2]", "null"), json!(false));
    check(&contains("[1,null]", "null"), json!(true));
    check(&contains("[0,1]", "false"), json!(false));
    check(&contains("[\"true\"]", "true"), json!(true));
    check("States.ArrayContains($.none, $.none)", json!(false));
    check_arguments("States.ArrayContains('abc', 'a')");
}

#[test]
fn ranges_include_both_ends() {
    let range = |arguments: &str| format!("States.ArrayRange({arguments})");
    check(&range("0, 9, 3"), json!([0, 3, 6, 9]));
    check(&range("0, 10, 3"), json!([0, 3, 6, 9]));
    check(&range("1, 9, 9"), json!([1]));
    check(&range("5, 1, -2"), json!([5, 3, 1]));
    check(&range("5.4, -0.6, -2.4"), json!([5, 3, 1]));
    check(&range("3, 3, -1"), json!([3]));
    check(&range("5, 1, 1"), json!([]));
    check(&range("1, 5, -1"), json!([]));
    let Ok(Value::Array(items)) = evaluate(&range("1000, 1, -1")) else {
        panic!("1000 items are allowed");
    };
    assert_eq!(items.len(), 1_000);
    for arguments in [
        "1, 1001, 1",
        "1, 10, 0",
        "1, 10, 0.5",
        "'a', 1, 1",
        "1, null, 1",
        "1, 3000000000, 2000000000",
        "-2147483648, 2147483647, 1",
    ] {
        check_arguments(&range(arguments));
    }
}

#[test]
fn items_are_found_by_index() {
    let item = |index: &str| format!("States.ArrayGetItem($.numbers, {index})");
    check(&item("0"), json!(1));
    check(&item("4.9"), json!(5));
    check("States.ArrayGetItem($.none, 999)", json!(null));
    for index in ["5", "-1", "'1'", "null"] {
        check_arguments(&item(index));
    }
    check_arguments("States.ArrayGetItem($.name, 0)");
}

#[test]
fn lengths_are_those_of_arrays() {
    check("States.ArrayLength($.numbers)", json!(5));
    check_arguments("States.ArrayLength($.name)");
}

#[test]
fn duplicates_are_dropped_and_the_rest_comes_in_the_order_of_the_service() {
    let unique = |array: &str| format!("States.ArrayUnique(States.StringToJson('{array}'))");
    check("States.ArrayUnique($.repeats)", json!([1, 2, 3]));
    check(
        &unique("[\"a\",\"b\",\"a\",\"c\",\"b\"]"),
        json!(["a", "b", "c"]),
    );
    check(&unique("[true,false,true,false]"), json!([false, true]));
    check(&unique("[[1,2],[1,2],[2,1]]"), json!([[2, 1], [1, 2]]));
    check(&unique("[1,\"1\",1,\"01\"]"), json!([1, "1", "01"]));
    check(&unique("[1,null,null]"), json!([null, 1]));
    check(
        &unique(
            "[3000000000,1.5,-7,\"zebra\",\"x\",null,{\"a\":1,\"b\":2},[\"q\",2.25],-1e300,100]",
        ),
        json!([3_000_000_000_u64, "zebra", null, {"a": 1, "b": 2}, ["q", 2.25], 100, -7, -1e300, 1.5, "x"]),
    );
    check(
        &unique("[{\"a\":1,\"b\":2},{\"b\":2,\"a\":1}]"),
        json!([{"a": 1, "b": 2}]),
    );
    check(&unique("[\"Aa\",\"BB\",\"Aa\"]"), json!(["Aa", "BB"]));
    check("States.ArrayUnique($.none)", json!([]));
    check_arguments("States.ArrayUnique($.object)");
}

#[test]
fn texts_are_encoded_and_decoded() {
    check(
        "States.Base64Encode('Data to encode')",
        json!("RGF0YSB0byBlbmNvZGU="),
    );
    check(
        "States.Base64Decode('RGF0YSB0byBlbmNvZGU=')",
        json!("Data to encode"),
    );
    check("States.Base64Decode('4pyT')", json!("✓"));
    check("States.Base64Decode(' YWJ jZA== ')", json!("abcd"));
    check("States.Base64Decode('YWI')", json!("ab"));
    check("States.Base64Decode('YWJjZ')", json!("abc"));
    check("States.Base64Decode('YWI=YWI=')", json!("ab"));
    check("States.Base64Decode('_w==')", json!("\u{fffd}"));
    check("States.Base64Decode('')", json!(""));
    for function in ["Base64Encode", "Base64Decode"] {
        let call = |length| format!("States.{function}('{}')", "a".repeat(length));
        assert!(evaluate(&call(10_000)).is_ok());
        check_arguments(&call(10_001));
        check_arguments(&format!("States.{function}(123)"));
        check_arguments(&format!("States.{function}($.object)"));
    }
}

#[test]
fn texts_are_digested() {
    let hash = |algorithm: &str| format!("States.Hash('input data', '{algorithm}')");
    check(&hash("MD5"), json!("812f45842bc6d66ee14572ce20db8e86"));
    check(
        &hash("SHA-1"),
        json!("aaff4a450a104cd177d28d18d74485e8cae074b7"),
    );
    check(
        &hash("SHA-256"),
        json!("b4a697a057313163aee33cd8d40c66e9f0f177e00cac2de32475ffff6169c3e3"),
    );
    check(
        &hash("SHA-384"),
        json!(
            "d28a7d5cf25a74f11a50a18452b75e04bb3d70c9dd0510d6123aa008c756511b87525bdc835ebb27e1fb9e9374a15562"
        ),
    );
    check(
        &hash("SHA-512"),
        json!(
            "6ce4adb348546d4f449c4d25aad9a7c9cb711d9e91982d3f0b29ca2f3f47d4ce2deba23bf2954f0f1d593fc50283731a533d30d425402d4f91316d871303aac4"
        ),
    );
    assert_eq!(
        evaluate("States.Hash(7, 'MD5')"),
        evaluate("States.Hash('7', 'MD5')")
    );
    for algorithm in ["sha-256", "SHA256", "MD-5", ""] {
        check_arguments(&hash(algorithm));
    }
    check_arguments("States.Hash('a', 1)");
    let long = format!("States.Hash('{}', 'MD5')", "a".repeat(10_001));
    check_arguments(&long);
}

#[test]
fn sums_round_their_terms_with_halves_upwards() {
    let add = |left: &str, right: &str| format!("States.MathAdd({left}, {right})");
    for (left, right, sum) in [
        ("-9", "3", -6),
        ("1.49", "1.5", 3),
        ("1.5", "1.51", 4),
        ("-1.49", "-1.5", -2),
        ("-1.5", "-1.51", -3),
        ("-0.5", "0.5", 1),
        ("-3.5", "0", -3),
        ("0.49999999999999994", "0", 0),
        ("2147483646", "1", 2_147_483_647),
    ] {
        check(&add(left, right), json!(sum));
    }
    for (left, right) in [
        ("2147483647", "1"),
        ("-2147483648", "-1"),
        ("3000000000", "-1000000000"),
        ("1e300", "0"),
        ("'1'", "2"),
        ("true", "1"),
        ("null", "1"),
    ] {
        check_arguments(&add(left, right));
    }
}

#[test]
fn random_numbers_start_at_one_bound_and_end_before_the_other() {
    let draw = |seed| evaluate_seeded("States.MathRandom(1.9, 4.2)", &data(), seed).unwrap();
    let mut drawn: Vec<_> = (0..100).filter_map(|seed| draw(seed).as_i64()).collect();
    drawn.sort_unstable();
    drawn.dedup();
    assert_eq!(drawn, [1, 2, 3]);
    for arguments in [
        "1, 1",
        "10, 5",
        "1.4, 1.6",
        "'a', 10",
        "1, null",
        "1, 9, 'x'",
        "1, 9, null",
    ] {
        check_arguments(&format!("States.MathRandom({arguments})"));
    }
}

#[test]
fn a_seed_gives_the_number_it_gives_in_the_service() {
    check("States.MathRandom(-5, 5, 42)", json!(-5));
    check("States.MathRandom(0, 10, 42)", json!(0));
    check("States.MathRandom(0, 100, 42)", json!(30));
    check("States.MathRandom(0, 16, 42)", json!(11));
    check("States.MathRandom(0, 999, 3.9)", json!(239));
    let wide = "States.MathRandom(-2147483648, 2147483647, 42)";
    check(wide, json!(-1_170_105_035));
}

#[test]
fn texts_are_split_at_any_of_the_characters() {
    check("States.StringSplit($.text, ',;')", json!(["a", "b", "c"]));
    check("States.StringSplit($.text, ';')", json!(["a,,b", "c,"]));
    check(
        "States.StringSplit('Hello\nWorld', '\n')",
        json!(["Hello", "World"]),
    );
    check("States.StringSplit('a.b', '.+')", json!(["a", "b"]));
    check("States.StringSplit(',', ',')", json!([]));
    check("States.StringSplit('', ',')", json!([]));
    check("States.StringSplit('abc', '')", json!(["abc"]));
    check_arguments("States.StringSplit($.n, ',')");
    check_arguments("States.StringSplit($.text, 1)");
    check_arguments("States.StringSplit($.nil, ',')");
}

#[test]
fn identifiers_differ_within_and_between_events() {
    let call = "States.Array(States.UUID(), States.UUID())";
    let first = evaluate(call).unwrap();
    assert_ne!(first[0], first[1]);
    assert_eq!(evaluate(call), Ok(first.clone()));
    assert_ne!(evaluate_seeded(call, &data(), 2), Ok(first.clone()));
    let text = first[0].as_str().unwrap();
    let shape: Vec<_> = text.split('-').map(str::len).collect();
    assert_eq!(shape, [8, 4, 4, 4, 12]);
    assert_eq!(text.get(14..15), Some("4"));
    assert!(matches!(text.get(19..20), Some("8" | "9" | "a" | "b")));
}
