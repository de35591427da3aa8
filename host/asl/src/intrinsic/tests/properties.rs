use proptest::prelude::*;
use serde_json::json;

use super::*;

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-3_i64..9).prop_map(Value::from),
        // Adding zero leaves no `-0.0`, which the service tells apart from `0.0`.
        any::<f64>().prop_map(|float| Value::from(float + 0.0)),
        "[ab{}\\\\,']{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec(("[abc]", inner), 0..4)
                .prop_map(|members| members.into_iter().collect()),
        ]
    })
}

fn call_text() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "$",
        "$.a",
        "$.b",
        "$.c[0]",
        "$.a[*]",
        "$name",
        "$list[0].x",
        "$$.State",
        "'{}'",
        "'a,b'",
        "''",
        "'SHA-256'",
        "'MD5'",
        "1",
        "-2.5",
        "1e300",
        "0",
        "true",
        "false",
        "null",
    ]);
    let leaf = leaf.prop_map(str::to_owned);
    let function = prop::sample::select(vec![
        "Format",
        "StringToJson",
        "JsonToString",
        "Array",
        "ArrayPartition",
        "ArrayContains",
        "ArrayRange",
        "ArrayGetItem",
        "ArrayLength",
        "ArrayUnique",
        "Base64Encode",
        "Base64Decode",
        "Hash",
        "JsonMerge",
        "MathRandom",
        "MathAdd",
        "StringSplit",
        "UUID",
    ]);
    let call = (function, prop::collection::vec(leaf.clone(), 0..4))
        .prop_map(|(function, arguments)| format!("States.{function}({})", arguments.join(", ")));
    call.prop_recursive(3, 12, 3, move |inner| {
        let argument = prop_oneof![leaf.clone(), inner];
        prop::collection::vec(argument, 1..4)
            .prop_map(|arguments| format!("States.Array({})", arguments.join(",")))
    })
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(
        text in "(States\\.(Array|Format|UUID)\\()?[\\$.\\[\\]'\"a?@()*:,0-9\\\\{} -]{0,40}|.*",
    ) {
        if let Ok(call) = Intrinsic::parse(&text) {
            prop_assert_eq!(call.to_string(), text.clone());
            let _ = evaluate(&text);
        }
    }

    #[test]
    fn any_call_gives_a_value_or_fails_at_run_time(text in call_text(), data in any_json()) {
        if Intrinsic::parse(&text).is_ok()
            && let Err(failure) = evaluate_seeded(&text, &data, 3)
        {
            prop_assert_eq!(failure.error, "States.Runtime");
        }
    }

    #[test]
    fn what_is_encoded_is_decoded(text in ".{0,200}") {
        let call = "States.Base64Decode(States.Base64Encode($))";
        let data = Value::String(text);
        prop_assert_eq!(evaluate_seeded(call, &data, 1), Ok(data));
    }

    #[test]
    fn partitions_hold_every_item_in_order(
        items in prop::collection::vec(any_json(), 0..20),
        size in 1_usize..25,
    ) {
        let data = json!({"items": items, "size": size});
        let parts = evaluate_seeded("States.ArrayPartition($.items, $.size)", &data, 1).unwrap();
        let parts: Vec<Vec<Value>> = serde_json::from_value(parts).unwrap();
        prop_assert!(parts.iter().all(|part| !part.is_empty() && part.len() <= size));
        prop_assert_eq!(parts.concat(), items);
    }

    #[test]
    fn unique_items_are_the_items_without_repeats(items in prop::collection::vec(any_json(), 0..40)) {
        let data = Value::Array(items.clone());
        let unique = evaluate_seeded("States.ArrayUnique($)", &data, 1).unwrap();
        let unique = unique.as_array().unwrap();
        let is_repeated = |(index, item)| unique.iter().take(index).any(|other| other == item);
        prop_assert!(!unique.iter().enumerate().any(is_repeated));
        prop_assert!(unique.iter().all(|item| items.contains(item)));
        prop_assert!(items.iter().all(|item| unique.contains(item)));
    }

    #[test]
    fn json_texts_and_values_are_each_others_inverse(data in any_json()) {
        let call = "States.StringToJson(States.JsonToString($))";
        prop_assert_eq!(evaluate_seeded(call, &data, 1), Ok(data));
    }
}
