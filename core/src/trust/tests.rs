//! What keys and signatures promise, beside the `minisign` tool itself where it is installed.

use super::*;
use crate::digest::Digest;
use crate::error::Status;
use crate::progress::Task;

const MESSAGE: &[u8] = b"firmware of version 2\n";
const KEY: &str = "RWSYyV517tdc3ZQ++Tkb4vDI6Nt/qbnSZwhN2iD0ZGc5PT0L15zwubsX";
const OTHER_KEY: &str = "RWSFkRQ3etUUVr/DgumNhFLiK1ZuGyEKEzNIrDDZmTBbqaPUj+T4+WSB";
const SIGNATURE: &str = "untrusted comment: signature from minisign secret key\nRUSYyV517tdc3VVXk/2FmwKFZcWB9Lqvtbu8RQOGs3xtL5vbFoMS2vhaJ+3oVK2+bJixjHEZZyBFGrpct6hLOoRKC7zflHGwOwo=\ntrusted comment: timestamp:1795271892\tfile:fw\thashed\njj3rkdsDOAIIzrda32JnesmW34KHDWUgkMchPXKL8z0mbIfWLIeRlZ1Il489f7GRWKwTjIyyHiTRZXxhUSrJAg==\n";
const OLD_SIGNATURE: &str = "untrusted comment: signature from minisign secret key\nRWSYyV517tdc3YmFpV0SXLzLcB6Wg8886P2WNRUV7gr6TrUT14vnAWwmR6R9qkI2xr12bx1Nz6nN1gh88bROp8AaNqKvAqY+IAU=\ntrusted comment: timestamp:1795271939\tfile:fw\neUNRNqc5nEguPTk2T0LLuVPOgyaFE4qALe6yWJB4o356Ksxypp8a+zZKM3ccyQ6fXn/l1iEQyfpi/ll0bZn7DA==\n";

fn status(key: &str, signature: &str, mut message: &[u8]) -> Status {
    let result = PublicKey::parse(key)
        .and_then(|key| Signature::parse(signature).map(|signature| (key, signature)))
        .and_then(|(key, signature)| key.verify(&signature, &mut message));
    result.map_or_else(|e| e.status(), |()| Status::Ok)
}

#[test]
fn only_the_signed_bytes_under_the_trusted_key_are_accepted() {
    assert_eq!(status(KEY, SIGNATURE, MESSAGE), Status::Ok);
    assert_eq!(status(&format!("untrusted comment: mine\n{KEY}\n"), SIGNATURE, MESSAGE), Status::Ok);
    assert_eq!(status(OTHER_KEY, SIGNATURE, MESSAGE), Status::UntrustedKey);
    assert_eq!(status(KEY, SIGNATURE, b"firmware of version 3\n"), Status::BadSignature);
    assert_eq!(status(KEY, SIGNATURE, b""), Status::BadSignature);
    assert_eq!(status(KEY, OLD_SIGNATURE, MESSAGE), Status::BadSignature);
}

#[test]
fn another_trusted_comment_breaks_a_signature() {
    let forged = SIGNATURE.replace("file:fw", "file:xx");
    assert_eq!(status(KEY, &forged, MESSAGE), Status::BadSignature);
}

#[test]
fn what_is_no_key_and_no_signature_is_told_apart() {
    for text in ["", "RWS", "untrusted comment: x", "\n\n\n", "untrusted comment: x\nRWS\n"] {
        assert_eq!(PublicKey::parse(text).unwrap_err().status(), Status::InvalidArgument, "{text:?}");
        assert_eq!(Signature::parse(text).err().unwrap().status(), Status::BadSignature, "{text:?}");
    }
}

fn key(text: &str) -> PublicKey {
    PublicKey::parse(text).unwrap()
}

fn both() -> TrustedKeys {
    TrustedKeys::new([key(OTHER_KEY), key(KEY)]).unwrap()
}

#[test]
fn any_trusted_key_may_have_signed_and_no_other() {
    let signature = Signature::parse(SIGNATURE).unwrap();
    both().verify(Some(&signature), &mut &MESSAGE[..]).unwrap();
    let other = TrustedKeys::new([key(OTHER_KEY)]).unwrap();
    let error = other.verify(Some(&signature), &mut &MESSAGE[..]).unwrap_err();
    assert_eq!(error.status(), Status::UntrustedKey);
    let error = both().verify(Some(&signature), &mut &b"other bytes"[..]).unwrap_err();
    assert_eq!(error.status(), Status::BadSignature);
}

#[test]
fn a_missing_signature_and_no_keys_at_all_are_refused() {
    let error = both().verify(None, &mut &MESSAGE[..]).unwrap_err();
    assert_eq!(error.status(), Status::BadSignature);
    assert_eq!(TrustedKeys::new([]).unwrap_err().status(), Status::InvalidArgument);
    let error = Verified::check(MESSAGE.to_vec(), &Promise::default(), Some(&both()), None, &mut Task::new());
    assert_eq!(error.err().unwrap().status(), Status::BadSignature);
}

#[test]
fn one_key_counts_once_however_it_is_written() {
    let mut bytes = base64::decode(KEY).unwrap();
    bytes[1] = b'D';
    let in_other_words = [
        KEY.to_owned(),
        format!("untrusted comment: one\n{KEY}\n"),
        format!("untrusted comment: two\r\n{KEY}\r\n"),
        base64::encode(&bytes),
    ];
    let trusted = TrustedKeys::new(in_other_words.iter().map(|text| key(text))).unwrap();
    assert_eq!(trusted.keys().len(), 1);
    assert_eq!(both().keys().len(), 2);
}

#[test]
fn a_key_is_written_as_it_is_read() {
    assert_eq!(key(KEY).to_string(), KEY);
    assert_eq!(key(&key(KEY).to_text()), key(KEY));
    assert_eq!(key(KEY).id(), "DD5CD7EE755EC998");
}

#[test]
fn a_signature_may_be_given_as_the_base64_of_its_text() {
    let encoded = base64::encode(SIGNATURE.as_bytes());
    let wrapped: String =
        encoded.as_bytes().chunks(76).map(|line| format!("{}\n", str::from_utf8(line).unwrap())).collect();
    for text in [&encoded, &wrapped, &SIGNATURE.replace('\n', "\r\n")] {
        assert_eq!(status(KEY, text, MESSAGE), Status::Ok);
    }
}

#[test]
fn base64_that_is_no_signature_is_no_signature() {
    let line = SIGNATURE.lines().nth(1).unwrap();
    let nested = base64::encode(base64::encode(SIGNATURE.as_bytes()).as_bytes());
    let long = format!("untrusted comment: {}\n", "x".repeat(1 << 20));
    for text in ["AAAA", line, &nested, "untrusted comment:", &long, "patch_signature_x86_64"] {
        assert_eq!(Signature::parse(text).err().unwrap().status(), Status::BadSignature, "{text:.40}");
    }
}

#[test]
fn the_signer_of_a_verified_source_is_known() {
    let promise = Promise { size: Some(MESSAGE.len() as u64), digest: Some(Digest::of(MESSAGE)) };
    let signature = Signature::parse(SIGNATURE).unwrap();
    let verified =
        Verified::check(MESSAGE.to_vec(), &promise, Some(&both()), Some(&signature), &mut Task::new()).unwrap();
    assert_eq!(verified.signed_by(), Some(&key(KEY)));
    assert_eq!(verified.digest(), Digest::of(MESSAGE));
}

proptest::proptest! {
    #[test]
    fn whatever_is_given_for_a_key_or_signature_is_refused_or_read(
        text in "(untrusted comment: .{0,20}\n)?[A-Za-z0-9+/=]{0,120}\n?(trusted comment: .{0,20}\n[A-Za-z0-9+/=]{0,100})?",
        at in 0usize..400,
        byte in 0u8..128,
    ) {
        let mut damaged = SIGNATURE.as_bytes().to_vec();
        let at = at % damaged.len();
        damaged[at] = byte;
        let damaged = String::from_utf8(damaged).unwrap();
        for text in [&text, &damaged] {
            let _ = PublicKey::parse(text);
            if let Ok(signature) = Signature::parse(text)
                && key(KEY).verify(&signature, &mut &MESSAGE[..]).is_ok()
            {
                // Only the first line is signed by nobody.
                proptest::prop_assert_eq!(text.lines().skip(1).collect::<Vec<_>>(), SIGNATURE.lines().skip(1).collect::<Vec<_>>());
            }
        }
    }
}

#[cfg(feature = "sign")]
mod signing {
    use std::fs;
    use std::io::Write;
    use std::path::Path;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn what_a_new_key_signs_it_verifies() {
        for password in [None, Some("correct horse")] {
            let pair = KeyPair::generate(password).unwrap();
            let secret = SecretKey::parse(&pair.secret, password).unwrap();
            assert_eq!(secret.public_key().unwrap(), pair.public);
            let text = secret.sign(&mut &MESSAGE[..], " version 2 ").unwrap();
            let signature = Signature::parse(&text).unwrap();
            assert_eq!(signature.trusted_comment(), "version 2");
            pair.public.verify(&signature, &mut &MESSAGE[..]).unwrap();
            assert!(pair.public.verify(&signature, &mut &b""[..]).is_err());
        }
    }

    #[test]
    fn a_key_opens_with_its_password_alone() {
        let with = KeyPair::generate(Some("right")).unwrap().secret;
        let without = KeyPair::generate(None).unwrap().secret;
        let mut halves = base64::decode(without.lines().nth(1).unwrap()).unwrap();
        halves[100] ^= 1;
        let damaged = format!("untrusted comment: x\n{}\n", base64::encode(&halves));
        let error = SecretKey::parse(&damaged, None).unwrap().sign(&mut &b""[..], "").unwrap_err();
        assert_eq!(error.status(), Status::InvalidArgument);
        for (text, password) in [
            (&*with, None),
            (&with, Some("wrong")),
            (&with, Some("")),
            (&without, Some("right")),
            (&with[..with.len() - 9], Some("right")),
            (&without[..without.len() - 9], None),
            ("", None),
            ("untrusted comment: x\nAAAA\n", Some("right")),
            (KEY, None),
        ] {
            let error = SecretKey::parse(text, password).err().unwrap();
            assert_eq!(error.status(), Status::InvalidArgument, "{error}");
            assert!(!error.message().contains("right"));
        }
        assert!(KeyPair::generate(Some("")).is_err());
    }

    #[test]
    fn a_trusted_comment_is_one_line() {
        let pair = KeyPair::generate(None).unwrap();
        let secret = SecretKey::parse(&pair.secret, None).unwrap();
        for comment in ["a\nb", "a\rb", &"x".repeat(10_000)] {
            assert_eq!(secret.sign(&mut &b""[..], comment).unwrap_err().status(), Status::InvalidArgument);
        }
    }

    #[test]
    fn an_existing_key_is_not_replaced_unless_forced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let first = create_key_files(&path, None, false).unwrap();
        let kept = fs::read(&path).unwrap();
        assert_eq!(create_key_files(&path, None, false).unwrap_err().status(), Status::InvalidArgument);
        fs::remove_file(folder.path().join("key.pub")).unwrap();
        assert_eq!(create_key_files(&path, None, false).unwrap_err().status(), Status::InvalidArgument);
        assert_eq!(fs::read(&path).unwrap(), kept);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_ne!(create_key_files(&path, None, true).unwrap(), first);
        assert_ne!(fs::read(&path).unwrap(), kept);
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_reads_a_key() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        for force in [false, true] {
            create_key_files(&path, None, force).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        }
    }

    /// Runs the `minisign` tool with `input` on its standard input; `None` where it is not installed.
    fn minisign(folder: &Path, arguments: &str, input: &str) -> Option<bool> {
        let child = Command::new("minisign")
            .args(arguments.split(' '))
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let mut child = match child {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                eprintln!("minisign is not installed, so nothing is compared with it");
                return None;
            }
            child => child.unwrap(),
        };
        // A tool that wants no password may have left already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        Some(child.wait().unwrap().success())
    }

    #[test]
    fn the_minisign_tool_accepts_our_keys_and_signatures() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        fs::write(folder.join("message"), MESSAGE).unwrap();
        for (name, password) in [("open", None), ("closed", Some("correct horse"))] {
            let path = folder.join(name);
            create_key_files(&path, password, false).unwrap();
            let secret = SecretKey::read(&path, password).unwrap();
            sign_file(&folder.join("message"), &secret, &SignOptions::default(), &mut Task::new()).unwrap();
            let Some(accepted) = minisign(folder, &format!("-V -p {name}.pub -m message"), "") else { return };
            assert!(accepted, "{name}");
            let input = password.map(|password| format!("{password}\n")).unwrap_or_default();
            assert_eq!(minisign(folder, &format!("-S -s {name} -m message -x theirs"), &input), Some(true), "{name}");
            let keys = TrustedKeys::new([secret.public_key().unwrap()]).unwrap();
            let theirs = Signature::read(&folder.join("theirs")).unwrap();
            verify_file(&folder.join("message"), &keys, Some(&theirs), &mut Task::new()).unwrap();
            fs::write(folder.join("other"), b"other").unwrap();
            assert_eq!(minisign(folder, &format!("-V -p {name}.pub -m other -x message.minisig"), ""), Some(false));
        }
    }

    #[test]
    fn keys_of_the_minisign_tool_sign() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        fs::write(folder.join("message"), MESSAGE).unwrap();
        for (name, options, input, password) in
            [("open", "-W ", "", None), ("closed", "", "correct horse\ncorrect horse\n", Some("correct horse"))]
        {
            let Some(made) = minisign(folder, &format!("-G {options}-p {name}.pub -s {name}"), input) else { return };
            assert!(made, "{name}");
            let secret = SecretKey::read(&folder.join(name), password).unwrap();
            let public = fs::read_to_string(folder.join(format!("{name}.pub"))).unwrap();
            assert_eq!(secret.public_key().unwrap(), key(&public));
            // The comment above the key is nobody's promise: the tool leaves out zeros that its number begins with.
            assert_eq!(key(&public).to_text().lines().last(), public.lines().last());
            sign_file(&folder.join("message"), &secret, &SignOptions::default(), &mut Task::new()).unwrap();
            assert_eq!(minisign(folder, &format!("-V -p {name}.pub -m message"), ""), Some(true));
        }
    }
}
