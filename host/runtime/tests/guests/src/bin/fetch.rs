//! Makes requests, METHOD SCHEME AUTHORITY PATH each, and says what came back.

use runtime_test_guests::{answer, words};
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{ErrorCode, Fields, Method, OutgoingBody, OutgoingRequest, Scheme};

fn main() {
    let words = words();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let answers: Vec<String> = match words[0] {
        // Starts a request and ends without waiting for it.
        "drop" => {
            let _ = handle(request(&words[1..]), None);
            vec!["dropped".to_owned()]
        }
        // Writes as many bytes as the last word says.
        "send" => vec![send(&words[1..])],
        _ => words.chunks(4).map(fetch).collect(),
    };
    answer(&answers.join(", "));
}

fn request(words: &[&str]) -> OutgoingRequest {
    let headers = Fields::from_list(&[("x-from".to_owned(), b"guest".to_vec())]).expect("headers");
    let request = OutgoingRequest::new(headers);
    let method = match words[0] {
        "GET" => Method::Get,
        "POST" => Method::Post,
        other => Method::Other(other.to_owned()),
    };
    request.set_method(&method).expect("method");
    let scheme = if words[1] == "https" {
        Scheme::Https
    } else {
        Scheme::Http
    };
    request.set_scheme(Some(&scheme)).expect("scheme");
    request.set_authority(Some(words[2])).expect("authority");
    request.set_path_with_query(Some(words[3])).expect("path");
    request
}

fn fetch(words: &[&str]) -> String {
    let future = match handle(request(words), None) {
        Ok(future) => future,
        Err(error) => return shown(&error),
    };
    receive(&future)
}

fn send(words: &[&str]) -> String {
    let request = request(words);
    let body = request.body().expect("body");
    let future = match handle(request, None) {
        Ok(future) => future,
        Err(error) => return shown(&error),
    };
    let stream = body.write().expect("stream");
    for _ in 0..words[4].parse::<u64>().expect("a number") / 4096 {
        if stream.blocking_write_and_flush(&[b'x'; 4096]).is_err() {
            break;
        }
    }
    drop(stream);
    let _ = OutgoingBody::finish(body, None);
    receive(&future)
}

fn receive(future: &wasip2::http::types::FutureIncomingResponse) -> String {
    future.subscribe().block();
    let response = match future.get().expect("ready").expect("once") {
        Ok(response) => response,
        Err(error) => return shown(&error),
    };
    let body = response.consume().expect("body");
    let stream = body.stream().expect("stream");
    let mut bytes = Vec::new();
    while let Ok(chunk) = stream.blocking_read(64 * 1024) {
        bytes.extend(chunk);
        if bytes.len() > 1024 * 1024 {
            bytes.truncate(16);
        }
    }
    let text = String::from_utf8_lossy(&bytes)
        .chars()
        .take(200)
        .collect::<String>();
    format!("{} {text}", response.status())
}

fn shown(error: &ErrorCode) -> String {
    format!("{error:?}")
}
