//! Keys and signatures at a shell.

use crate::support::Folder;

fn folder() -> Folder {
    let folder =
        Folder::with(&[("file", b"the bytes"), ("password", b"correct horse\nsecond line\n"), ("wrong", b"x\n")]);
    folder.ok("keygen -o key");
    folder
}

#[test]
fn what_one_signs_everybody_verifies() {
    let folder = folder();
    let said = folder.ok("sign file --key key --trusted-comment hello");
    assert!(said.starts_with("file.minisig: signed by the key "), "{said}");
    let said = folder.ok("verify file -p key.pub");
    assert!(said.contains("Signature: verified, by the key ") && said.contains("Signed comment: hello\n"), "{said}");
    let line = String::from_utf8(folder.read("key.pub")).unwrap().lines().nth(1).unwrap().to_owned();
    let object = folder.json(&format!("verify file -P {line} -x file.minisig"));
    assert_eq!((&object["signature"], &object["trusted_comment"]), (&"verified".into(), &"hello".into()));
    assert_eq!(object["kind"], "file");
}

#[test]
fn every_wrong_signature_has_its_status() {
    let folder = folder();
    let message = folder.fails_with(50, "verify file -p key.pub").stderr;
    assert!(message.contains("a signature is required and there is none"), "{message}");
    folder.ok("sign file --key key");
    folder.ok("keygen -o other");
    folder.fails_with(51, "verify file -p other.pub");
    folder.ok("verify file -p other.pub -p key.pub -p key.pub");
    folder.write("file", b"other bytes");
    folder.fails_with(50, "verify file -p key.pub");
    folder.fails_with(50, "verify file -p key.pub -x password");
    folder.fails_with(10, "verify file -p password");
    folder.fails_with(10, "verify file -x file.minisig");
    folder.fails_with(21, "verify file -p missing");
    folder.fails_with(30, "verify file");
}

#[test]
fn a_delta_is_checked_with_its_signature() {
    let folder = folder();
    folder.write("new", b"the new bytes");
    folder.ok("diff file new -o delta");
    folder.ok("sign delta --key key");
    let said = folder.ok("verify delta -p key.pub --old file");
    assert!(said.contains("an intact delta") && said.contains("Signature: verified"), "{said}");
    assert!(folder.ok("verify delta").contains("Signature: not checked, since no key was given"));
}

#[test]
fn a_password_comes_from_a_file_and_never_from_a_prompt() {
    let folder = folder();
    folder.ok("keygen -o closed --password-file password");
    folder.ok("sign file --key closed --password-file password");
    folder.ok("verify file -p closed.pub");
    let message = folder.fails_with(10, "sign file --key closed").stderr;
    assert!(message.contains("--password-file"), "{message}");
    folder.fails_with(10, "sign file --key closed --password-file wrong");
    folder.fails_with(10, "sign file --key key --password-file password");
    folder.fails_with(21, "sign file --key closed --password-file missing");
}

#[test]
fn a_key_is_not_replaced_without_force() {
    let folder = folder();
    let message = folder.fails_with(10, "keygen -o key").stderr;
    assert!(message.contains("--force"), "{message}");
    let before = folder.read("key");
    folder.ok("keygen -o key --force");
    assert_ne!(folder.read("key"), before);
    folder.ok("sign file --key key -x signature");
    folder.fails_with(10, "sign file --key key -x signature --no-clobber");
    folder.fails_with(10, "sign file --key file");
}

#[cfg(unix)]
#[test]
fn a_secret_key_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    assert_eq!(std::fs::metadata(folder.join("key")).unwrap().permissions().mode() & 0o777, 0o600);
}
