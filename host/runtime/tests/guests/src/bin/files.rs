//! Does one thing to a file and says what came of it.

use std::fs;

use runtime_test_guests::{answer, words};

fn main() {
    let words = words();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let result = match words[0] {
        "read" => fs::read_to_string(words[1]),
        "write" => fs::write(words[1], words[2]).map(|()| "written".to_owned()),
        "append" => append(words[1], words[2]).map(|()| "written".to_owned()),
        "make" => fs::create_dir(words[1]).map(|()| "made".to_owned()),
        "remove" => fs::remove_file(words[1]).map(|()| "removed".to_owned()),
        "rename" => fs::rename(words[1], words[2]).map(|()| "renamed".to_owned()),
        "list" => list(words[1]),
        "raw" => return raw(words[1]),
        "hold" | "stream" | "begin" | "reopen" | "lists" | "relist" => {
            return hold(words[0], words[1].parse().expect("a number"));
        }
        "ignore" => {
            let _ = fs::write(words[1], "x");
            Ok("went on".to_owned())
        }
        other => panic!("unknown word {other}"),
    };
    match result {
        Ok(text) => answer(&text),
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(1);
        }
    }
}

fn append(path: &str, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    fs::OpenOptions::new()
        .append(true)
        .open(path)?
        .write_all(text.as_bytes())
}

fn list(path: &str) -> std::io::Result<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names.join(" "))
}

/// Asks the host itself, without the libc in between, to open a path below the first directory,
/// or to write to what it opened for reading.
fn raw(path: &str) {
    use wasip2::filesystem::types::{DescriptorFlags, OpenFlags, PathFlags};
    let directories = wasip2::filesystem::preopens::get_directories();
    let (directory, _) = directories.first().expect("a directory");
    if path == "stream" {
        let opened = directory.open_at(
            PathFlags::empty(),
            "file",
            OpenFlags::empty(),
            DescriptorFlags::READ,
        );
        let stream = opened.expect("opening").write_via_stream(0);
        answer(&format!("{stream:?}"));
        return;
    }
    let opened = directory.open_at(
        PathFlags::SYMLINK_FOLLOW,
        path,
        OpenFlags::empty(),
        DescriptorFlags::READ,
    );
    answer(&format!("{:?}", opened.map(|_| "opened")));
}

/// Opens, streams or lists the same thing again and again, and keeps what it gets unless the
/// word begins with `re`.
fn hold(what: &str, count: usize) {
    use wasip2::filesystem::preopens::get_directories;
    use wasip2::filesystem::types::{Descriptor, DescriptorFlags, OpenFlags, PathFlags};
    let directories = get_directories();
    let (directory, _) = directories.first().expect("a directory");
    let open = || -> Descriptor {
        let (path, flags) = (PathFlags::empty(), OpenFlags::empty());
        let opened = directory.open_at(path, "file", flags, DescriptorFlags::READ);
        opened.expect("opening")
    };
    let (mut files, mut streams, mut listings, mut beginnings) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..count {
        match what {
            "hold" => files.push(open()),
            "stream" => streams.push(open().read_via_stream(0).expect("streaming")),
            "begin" => beginnings.push(get_directories()),
            "reopen" => drop(open()),
            "lists" => listings.push(directory.read_directory().expect("listing")),
            _ => drop(directory.read_directory().expect("listing")),
        }
    }
    answer(&count.to_string());
}
