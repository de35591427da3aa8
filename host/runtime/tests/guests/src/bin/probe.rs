//! Does one thing to itself or its surroundings.

use std::io::Write as _;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use runtime_test_guests::{answer, words};

#[unsafe(link_section = "sluice:manifest")]
#[used]
static MANIFEST: [u8; 14] = *b"name = 'probe'";

fn main() {
    let words = words();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let number = |index: usize| words[index].parse::<u64>().expect("a number");
    match words[0] {
        "echo" => answer(words[1]),
        "nothing" => {}
        "text" => print!("plain text"),
        "exit" => {
            eprintln!("leaving with {}", words[1]);
            std::process::exit(number(1) as i32);
        }
        "panic" => panic!("on purpose"),
        "control" => {
            eprint!("\u{1b}[31mred\u{202e}\r\nsecond\n\nlast");
            answer("ok");
        }
        "stdout" => flood(&mut std::io::stdout(), number(1)),
        "stderr" => flood(&mut std::io::stderr(), number(1)),
        "lines" => (0..number(1)).for_each(|_| eprintln!()),
        "sleep" => {
            std::thread::sleep(Duration::from_millis(number(1)));
            answer("awake");
        }
        "clock" => {
            let wall = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .expect("after 1970");
            let started = Instant::now();
            std::thread::sleep(Duration::from_millis(20));
            answer(&format!(
                "{} {}",
                wall.as_millis(),
                started.elapsed().as_millis()
            ));
        }
        "random" => {
            let bytes = wasip2::random::random::get_random_bytes(40);
            let number = wasip2::random::random::get_random_u64();
            let insecure = wasip2::random::insecure::get_insecure_random_u64();
            let seed = wasip2::random::insecure_seed::insecure_seed();
            answer(&format!("{bytes:?} {number} {insecure} {seed:?}"));
        }
        "many-random" => {
            wasip2::random::random::get_random_bytes(number(1));
        }
        "surroundings" => {
            let variables = std::env::vars().count();
            let arguments = std::env::args().count();
            let directories = wasip2::filesystem::preopens::get_directories().len();
            answer(&format!("{variables} {arguments} {directories}"));
        }
        "allocate" => {
            let bytes = vec![1_u8; number(1) as usize * 1024 * 1024];
            answer(&format!(
                "{}",
                bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>()
            ));
        }
        "handles" => {
            let handles: Vec<_> = (0..number(1))
                .map(|_| wasip2::cli::stdout::get_stdout())
                .collect();
            answer(&handles.len().to_string());
        }
        other => panic!("unknown word {other}"),
    }
}

fn flood(stream: &mut dyn std::io::Write, bytes: u64) {
    let chunk = [b'x'; 1024];
    for _ in 0..bytes / 1024 {
        stream.write_all(&chunk).expect("writing");
    }
    stream.flush().expect("flushing");
    std::io::stdout().flush().expect("flushing");
}
