use serde_json::json;

use super::*;

fn arguments(more: Value) -> Value {
    let mut arguments = json!({"ApiEndpoint": "https://a.example/x", "Method": "POST"});
    if let (Value::Object(arguments), Value::Object(more)) = (&mut arguments, more) {
        arguments.extend(more);
    }
    arguments
}

fn request(more: Value) -> HttpRequest {
    read(&arguments(more)).unwrap()
}

fn body(more: Value) -> String {
    let body = request(more).outgoing.body.unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

fn header<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    let mut headers = request.outgoing.headers.iter();
    let found = headers.find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

#[test]
fn a_request_without_more_has_no_body() {
    let request = request(json!({}));
    assert_eq!(request.shown(), "POST https://a.example/x");
    assert_eq!(request.outgoing.body, None);
    assert_eq!(header(&request, "content-type"), None);
    assert_eq!(header(&request, "user-agent"), Some("sluice"));
}

#[test]
fn a_body_is_json_unless_it_is_a_text_of_another_type() {
    assert_eq!(body(json!({"RequestBody": {"a": [1]}})), r#"{"a":[1]}"#);
    assert_eq!(body(json!({"RequestBody": "a"})), r#""a""#);
    let xml = json!({"RequestBody": "<a/>", "Headers": {"Content-Type": "text/xml"}});
    assert_eq!(body(xml.clone()), "<a/>");
    assert_eq!(header(&request(xml), "content-type"), Some("text/xml"));
    let given = request(json!({"RequestBody": 1}));
    assert_eq!(header(&given, "content-type"), Some("application/json"));
}

#[test]
fn a_form_writes_lists_as_asked() {
    let form = |format: Value| {
        body(json!({
            "RequestBody": {"a b": ["x&y", 1], "c": {"d": true}, "e": null},
            "Transform": {"RequestBodyEncoding": "URL_ENCODED", "RequestEncodingOptions": format},
        }))
    };
    let rest = "c[d]=true&e=";
    for (format, list) in [
        (json!(null), "a+b[0]=x%26y&a+b[1]=1"),
        (json!({"ArrayFormat": "INDICES"}), "a+b[0]=x%26y&a+b[1]=1"),
        (json!({"ArrayFormat": "REPEAT"}), "a+b=x%26y&a+b=1"),
        (json!({"ArrayFormat": "COMMAS"}), "a+b=x%26y,1"),
        (json!({"ArrayFormat": "BRACKETS"}), "a+b[]=x%26y&a+b[]=1"),
        (json!({"ArrayFormat": "NONE"}), "a+b=%5B%22x%26y%22%2C1%5D"),
    ] {
        assert_eq!(form(format), format!("{list}&{rest}"));
    }
    let encoded = json!({"RequestBody": {}, "Transform": {"RequestBodyEncoding": "URL_ENCODED"}});
    assert_eq!(header(&request(encoded), "Content-Type"), Some(FORM));
}

#[test]
fn query_parameters_go_behind_the_address() {
    let given = request(json!({"QueryParameters": {"q": "a b/ü", "n": [1, 2]}}));
    let target = given.endpoint.target();
    assert_eq!(target, "/x?q=a%20b%2F%C3%BC&n=1&n=2");
    assert_eq!(given.shown(), "POST https://a.example/x");
}

#[test]
fn headers_of_the_service_or_of_the_message_are_refused() {
    for name in [
        "Authorization",
        "host",
        "Content-Length",
        "Transfer-Encoding",
        "X-Forwarded-For",
        "x-amz-date",
        "X-Amzn-Trace-Id",
    ] {
        let problem = read(&arguments(json!({"Headers": {name: "x"}}))).unwrap_err();
        assert!(problem.contains(&name.to_ascii_lowercase()), "{problem}");
    }
    for headers in [
        json!({"a": "x\r\nhost: y"}),
        json!({"a:b": "x"}),
        json!({"": "x"}),
        json!({"a": ["x"]}),
        json!({"a": "ü"}),
        json!([]),
    ] {
        read(&arguments(json!({"Headers": headers}))).unwrap_err();
    }
    let given = request(json!({"Headers": {"X-Count": 3, "User-Agent": "mine"}}));
    assert_eq!(header(&given, "x-count"), Some("3"));
    assert_eq!(header(&given, "user-agent"), Some("mine"));
}

#[test]
fn arguments_that_say_something_else_are_refused() {
    for (more, part) in [
        (
            json!({"Authentication": {"ConnectionArn": "arn"}}),
            "secrets",
        ),
        (
            json!({"InvocationConfig": {"ConnectionArn": "arn"}}),
            "secrets",
        ),
        (json!({"Other": 1}), "`Other`"),
        (json!({"Method": 1}), "`Method`"),
        (json!({"ApiEndpoint": "a"}), "`a`"),
        (json!({"ApiEndpoint": null}), "`ApiEndpoint`"),
        (json!({"QueryParameters": "q=1"}), "`QueryParameters`"),
        (
            json!({"Transform": {"RequestBodyEncoding": "GZIP"}}),
            "GZIP",
        ),
        (
            json!({"Transform": {"RequestEncodingOptions": {"ArrayFormat": "X"}}}),
            "ArrayFormat",
        ),
        (
            json!({"RequestBody": [1], "Transform": {"RequestBodyEncoding": "URL_ENCODED"}}),
            "no object",
        ),
    ] {
        let problem = read(&arguments(more)).unwrap_err();
        assert!(problem.contains(part), "{problem}");
    }
    read(&json!([])).unwrap_err();
}

#[test]
fn a_form_is_bounded_in_depth() {
    let mut nested = json!(1);
    for _ in 0..100 {
        nested = json!({"a": nested});
    }
    let more = json!({"RequestBody": nested, "Transform": {"RequestBodyEncoding": "URL_ENCODED"}});
    assert!(read(&arguments(more)).unwrap_err().contains("levels"));
}
