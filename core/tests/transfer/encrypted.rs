//! Over TLS, beside the server of the `openssl` tool where it is installed.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use patchcore::Status;
use patchcore::transfer::FetchOptions;

use crate::server::Server;
use crate::{Folder, quick, wanting};

/// Answers that lie in files as they are, each with its head.
struct Encrypted {
    child: Child,
    port: u16,
}

impl Drop for Encrypted {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn openssl(folder: &Path, arguments: &str) -> Option<()> {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output();
    match output {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("openssl is not installed, so nothing is fetched over TLS");
            None
        }
        output => {
            let output = output.unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            Some(())
        }
    }
}

/// A server whose certificate is good for those who trust `authority.pem` in the folder.
fn serve(folder: &Path) -> Option<Encrypted> {
    const KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    fs::write(folder.join("names"), "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n").unwrap();
    openssl(folder, &format!("req -x509 {KEY} -days 2 -keyout authority.key -out authority.pem -subj /CN=Authority"))?;
    openssl(folder, &format!("req {KEY} -keyout server.key -out request -subj /CN=Server"))?;
    let authority = "-CA authority.pem -CAkey authority.key -CAcreateserial";
    openssl(folder, &format!("x509 -req -in request {authority} -days 2 -out server.pem -extfile names"))?;
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut child = Command::new("openssl")
        .args([
            "s_server",
            "-accept",
            &format!("127.0.0.1:{port}"),
            "-cert",
            "server.pem",
            "-key",
            "server.key",
            "-HTTP",
        ])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.by_ref().any(|line| line.unwrap().contains("ACCEPT")));
    // What it says later must find a reader.
    std::thread::spawn(move || lines.for_each(drop));
    Some(Encrypted { child, port })
}

#[test]
fn only_a_server_of_a_trusted_authority_is_listened_to_and_never_led_away_from_tls() {
    let place = tempfile::tempdir().unwrap();
    let Some(encrypted) = serve(place.path()) else { return };
    let plain = Server::of(b"the bytes".to_vec());
    fs::write(place.path().join("file"), "HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\nthe bytes").unwrap();
    let away = format!("HTTP/1.0 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", plain.url("file"));
    fs::write(place.path().join("away"), away).unwrap();
    let url = |name: &str| format!("https://127.0.0.1:{}/{name}", encrypted.port);
    let trusting = FetchOptions { authorities: Some(place.path().join("authority.pem")), ..wanting(b"the bytes") };
    let folder = Folder::new();
    folder.fails(Status::Network, &url("file"), &FetchOptions { retries: 0, ..wanting(b"the bytes") });
    let error = folder.fails(Status::Network, &url("away"), &trusting);
    assert!(error.message().contains("from https to http"), "{error}");
    assert!(plain.asked().is_empty());
    folder.fetch(&url("file"), &trusting).unwrap();
    assert_eq!(folder.read(), b"the bytes");
    let none = FetchOptions { authorities: Some(place.path().join("server.key")), ..quick() };
    let error = Folder::new().fetch(&url("file"), &none).unwrap_err();
    assert_eq!(error.status(), Status::InvalidArgument);
}
