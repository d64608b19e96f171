//! Documents and parts of files, held in memory.

use patchcore::transfer::{FetchOptions, fetch_range, fetch_text};
use patchcore::{Status, Task};

use crate::server::{Server, head, send, serve, serve_at_most};
use crate::{noise, quick};

#[test]
fn a_text_comes_whole_or_not_at_all() {
    let server = Server::start(|asked, stream| match (asked.path.as_str(), asked.number) {
        ("/ill", 0) => head(stream, "500 Oh", &[("Content-Length", "0")]),
        ("/short", _) => serve_at_most(asked, stream, b"{\"a\": 1}", "\"one\"", 3),
        ("/latin", _) => serve(asked, stream, b"caf\xe9", "\"one\""),
        ("/endless", _) => {
            head(stream, "200 OK", &[]);
            while send(stream, &[b' '; 4096]) {}
        }
        _ => serve(asked, stream, "{\"é\": 1}".as_bytes(), "\"one\""),
    });
    let text = |path: &str| fetch_text(&server.url(path), &quick(), &mut Task::new());
    assert_eq!(text("ill").unwrap(), "{\"é\": 1}");
    assert_eq!(text("short").unwrap_err().status(), Status::Network);
    let error = text("latin").unwrap_err();
    assert_eq!((error.status(), error.offset()), (Status::Corrupt, Some(3)));
    assert_eq!(text("endless").unwrap_err().status(), Status::Limit);
    let fewer = FetchOptions { max_size: 5, ..quick() };
    assert_eq!(fetch_text(&server.url("f"), &fewer, &mut Task::new()).unwrap_err().status(), Status::Limit);
}

#[test]
fn a_part_is_exactly_the_one_that_was_asked_for() {
    let bytes = noise(1, 1000);
    let served = bytes.clone();
    let server = Server::start(move |asked, stream| match asked.path.as_str() {
        "/whole" => {
            head(stream, "200 OK", &[("Content-Length", "1000")]);
            send(stream, &served);
        }
        "/other" => {
            head(stream, "206 Partial Content", &[("Content-Range", "bytes 0-99/1000"), ("Content-Length", "100")]);
            send(stream, &served[..100]);
        }
        _ => serve(asked, stream, &served, "\"one\""),
    });
    let part = |path: &str, range| fetch_range(&server.url(path), range, &quick(), &mut Task::new());
    assert_eq!(part("f", 100..300).unwrap(), &bytes[100..300]);
    assert_eq!(part("f", 0..1).unwrap(), &bytes[..1]);
    assert_eq!(part("f", 5..5).unwrap(), b"");
    assert_eq!(part("f", 900..1100).unwrap_err().status(), Status::Corrupt);
    assert_eq!(part("whole", 100..300).unwrap_err().status(), Status::Unsupported);
    assert_eq!(part("other", 100..300).unwrap_err().status(), Status::TargetMismatch);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(fetch_range(path.to_str().unwrap(), 3..9, &quick(), &mut Task::new()).unwrap(), &bytes[3..9]);
}
