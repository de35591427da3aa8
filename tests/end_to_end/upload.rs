//! What is no usable component is refused with a reason; what is stored never changes.

use reqwest::Method;
use reqwest::header::CONTENT_LENGTH;
use serde_json::json;

use super::guest;
use super::host::Folder;

#[tokio::test]
async fn what_is_no_component_is_refused_with_a_reason() {
    let folder = Folder::new();
    let host = folder
        .host_with("[limits]\ncomponent_bytes_max = 100000\n")
        .await;
    let author = host.person("author");
    let echo = guest::echo();
    let truncated = &echo[..echo.len() / 2];
    let cases: [(&[u8], u16, &str); 6] = [
        (truncated, 400, "byte"),
        (&guest::core_module(), 400, "core module"),
        (b"hello", 400, "not WebAssembly"),
        (b"(component)", 400, "WebAssembly text"),
        (b"", 400, "empty"),
        (&vec![0; 20_000_000], 413, "100000 bytes"),
    ];
    for (wasm, status, reason) in cases {
        author
            .upload("bad", "1.0.0", wasm)
            .await
            .is_problem(status)
            .says(reason);
    }
    // Also who may not send it at all is told so, and not cut off while still sending.
    host.person("operator")
        .upload("bad", "1.0.0", &vec![0; 20_000_000])
        .await
        .is_denied();
    host.nobody()
        .upload("bad", "1.0.0", &vec![0; 20_000_000])
        .await
        .is_problem(401);
    let path = "/v1/components/bad/versions/1.0.0";
    for content_type in ["application/json", "text/plain", "application/octet-stream"] {
        let refused = author
            .send(Method::PUT, path, content_type, echo.clone())
            .await;
        refused.is_problem(415).says("application/wasm");
    }
    author.get(path).await.is_problem(404);
}

#[tokio::test]
async fn an_import_that_nobody_asked_for_and_a_bad_manifest_are_refused_by_name() {
    let folder = Folder::new();
    let host = folder.host().await;
    let author = host.person("author");
    for import in [
        "wasi:sockets/tcp@0.2.0",
        "wasi:http/outgoing-handler@0.2.0",
        "acme:thing/api@1.0.0",
    ] {
        let refused = author
            .upload("bad", "1.0.0", &guest::echo_importing(import))
            .await;
        assert_eq!(
            refused.is_problem(422).says(import).pointers().len(),
            1,
            "{}",
            refused.text
        );
        assert!(
            refused.pointers()[0].starts_with("/imports/"),
            "{}",
            refused.text
        );
    }
    let manifest = guest::echo_needing("memory = '1GiB'\n[[http]]\norigins = [\"*\"]\n");
    let refused = author.upload("bad", "1.0.0", &manifest).await;
    assert!(
        refused.is_problem(400).pointers().len() >= 3,
        "{}",
        refused.text
    );
    assert!(
        refused
            .pointers()
            .iter()
            .all(|pointer| pointer.starts_with("/manifest")),
        "{}",
        refused.text
    );
    assert_eq!(
        author.get("/v1/components").await.is(200).body["components"],
        json!([])
    );
}

/// The head alone decides: the body of two hundred megabytes is never sent.
#[tokio::test]
async fn an_announced_body_that_is_too_large_is_refused_unread() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let folder = Folder::new();
    let host = folder.host().await;
    let address = host.ready.url.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let token = &host.ready.tokens["author"];
    let head = format!(
        "PUT /v1/components/big/versions/1.0.0 HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/wasm\r\n{CONTENT_LENGTH}: 209715200\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    let read = tokio::time::timeout(super::host::SOON, stream.read_exact(&mut answer)).await;
    read.unwrap().unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
}

#[tokio::test]
async fn a_body_of_no_announced_length_is_cut_off_at_the_limit() {
    let folder = Folder::new();
    let host = folder
        .host_with("[limits]\ncomponent_bytes_max = 100000\n")
        .await;
    let request = host
        .person("author")
        .request(Method::PUT, "/v1/components/big/versions/1.0.0");
    let pieces = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![0; 10_000]));
    let body = reqwest::Body::wrap_stream(futures_util::StreamExt::take(pieces, 1000));
    let answer = super::http::answer(
        request
            .header("content-type", "application/wasm")
            .body(body),
    )
    .await;
    answer.is_problem(413).says("100000 bytes");
}

#[tokio::test]
async fn a_version_once_stored_never_changes() {
    let folder = Folder::new();
    let host = folder.host().await;
    let author = host.person("author");
    let first = author.upload("echo", "1.0.0", &guest::echo()).await;
    assert_eq!(
        first.is(201).body["imports"],
        json!(["sluice:step/types@0.1.0"])
    );
    let again = author.upload("echo", "1.0.0", &guest::echo()).await;
    assert_eq!(again.is(200).body["digest"], first.body["digest"]);
    author
        .upload("echo", "1.0.0", &guest::echo_marked(7))
        .await
        .is_problem(409)
        .says("never changes");
    let other = author.upload("echo", "1.0.1", &guest::echo_marked(7)).await;
    assert_ne!(other.is(201).body["digest"], first.body["digest"]);

    host.kill_9().await;
    let host = folder.host().await;
    let author = host.person("author");
    let stored = author.get("/v1/components/echo/versions/1.0.0").await;
    assert_eq!(stored.is(200).body, first.body);
    let request = author.request(Method::GET, "/v1/components/echo/versions/1.0.0");
    let response = request
        .header("accept", "application/wasm")
        .send()
        .await
        .unwrap();
    assert_eq!(response.bytes().await.unwrap(), guest::echo());
}
