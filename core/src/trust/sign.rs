//! Making keys and signatures, for whoever publishes.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::cancel::CommitPoint;
use crate::error::{Error, Result, Status};
use crate::io::{FileSource, OutputFile, OutputOptions, ReadAt, SourceReader, sync_folder_of};
use crate::progress::{Phase, Task, Unit};
use crate::trust::base64;
use crate::trust::keys::PublicKey;
use crate::trust::signature::Signature;
use crate::trust::verified::signature_path;

/// Longer than any key file.
const MAX_KEY_LEN: u64 = 4 << 10;

/// What minisign takes.
const MAX_PASSWORD_LEN: usize = 1024;
const MAX_COMMENT_LEN: usize = 8 << 10;

const SECRET_KEY_COMMENT: &str = "minisign secret key, keep it to yourself";
const SIGNATURE_COMMENT: &str = "signature from patchcore secret key";

/// A new key as it is kept: what must stay secret and what everybody may know.
pub struct KeyPair {
    /// The text of the key file; encrypted where a password was given.
    pub secret: String,
    /// The key that others trust.
    pub public: PublicKey,
}

impl KeyPair {
    /// Makes a new key, encrypted with `password` if there is one.
    pub fn generate(password: Option<&str>) -> Result<Self> {
        let pair = match password {
            Some(password) => minisign::KeyPair::generate_encrypted_keypair(Some(checked(password)?.to_owned())),
            None => minisign::KeyPair::generate_unencrypted_keypair(),
        };
        let pair = pair.map_err(|e| not_made(&e))?;
        let secret = pair.sk.to_box(Some(SECRET_KEY_COMMENT)).map_err(|e| not_made(&e))?;
        Ok(Self { secret: secret.into_string(), public: PublicKey::parse(&pair.pk.to_base64())? })
    }
}

/// A key that signs.
pub struct SecretKey(minisign::SecretKey);

impl SecretKey {
    /// Reads the text of a key file, with its password where it is encrypted.
    ///
    /// What is no key, a password that is missing or wrong, and one for a key that has none are INVALID_ARGUMENT.
    pub fn parse(text: &str, password: Option<&str>) -> Result<Self> {
        let none = || Error::invalid("this is no minisign secret key");
        let bytes = text.lines().nth(1).and_then(base64::decode).ok_or_else(none)?;
        let encrypted = match bytes.get(2..4) {
            Some([0, 0]) => false,
            Some(b"Sc") => true,
            _ => return Err(none()),
        };
        match (encrypted, password) {
            // The tool leaves the checksum of such a key empty; signing checks that both halves of the key fit.
            (false, None) => minisign::SecretKey::from_bytes(&bytes).map(Self).map_err(|_| none()),
            (false, Some(_)) => Err(Error::invalid("a password was given, and the key has none")),
            (true, None) => Err(Error::invalid("the key has a password; give it with --password-file")),
            (true, Some(password)) => {
                // Without a password the crate would ask for one on a terminal.
                minisign::SecretKeyBox::from(text.to_owned())
                    .into_secret_key(Some(checked(password)?.to_owned()))
                    .map(Self)
                    .map_err(|_| Error::invalid("the password is not that of the key, or the key file is damaged"))
            }
        }
    }

    /// Reads the key file at `path`.
    pub fn read(path: &Path, password: Option<&str>) -> Result<Self> {
        let in_file = |e: io::Error| Error::from(e).in_file(path);
        let mut text = String::new();
        fs::File::open(path).map_err(in_file)?.take(MAX_KEY_LEN).read_to_string(&mut text).map_err(|e| {
            match e.kind() {
                io::ErrorKind::InvalidData => Error::invalid("this is no minisign secret key").in_file(path),
                _ => in_file(e),
            }
        })?;
        Self::parse(&text, password).map_err(|e| e.in_file(path))
    }

    /// The key that others trust.
    pub fn public_key(&self) -> Result<PublicKey> {
        PublicKey::parse(&self.public()?.to_base64())
    }

    fn public(&self) -> Result<minisign::PublicKey> {
        minisign::PublicKey::from_secret_key(&self.0).map_err(|_| damaged())
    }

    /// Signs all bytes of `message` together with `trusted_comment`: the text of a `.minisig` file.
    pub fn sign(&self, message: &mut dyn Read, trusted_comment: &str) -> Result<String> {
        if trusted_comment.len() > MAX_COMMENT_LEN || trusted_comment.contains(['\n', '\r', '\0']) {
            return Err(Error::invalid("a trusted comment is one line of at most 8192 bytes"));
        }
        // Readers trim it, and what they trimmed would not be what was signed.
        let comment = trusted_comment.trim();
        let mut message = Remembering { inner: message, error: None };
        let signature =
            minisign::sign(Some(&self.public()?), &self.0, &mut message, Some(comment), Some(SIGNATURE_COMMENT));
        match (signature, message.error) {
            (_, Some(error)) => Err(error.into()),
            (Ok(signature), None) => Ok(signature.into_string()),
            (Err(_), None) => Err(damaged()),
        }
    }
}

/// Keeps the error of a reader, of which the crate keeps only the text.
struct Remembering<'a> {
    inner: &'a mut dyn Read,
    error: Option<io::Error>,
}

impl Read for Remembering<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.inner.read(buf) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => {
                    self.error = Some(e);
                    return Err(io::ErrorKind::Other.into());
                }
                result => return result,
            }
        }
    }
}

fn checked(password: &str) -> Result<&str> {
    match password.len() {
        0 => Err(Error::invalid("the password is empty; leave it away for a key without one")),
        1..=MAX_PASSWORD_LEN => Ok(password),
        _ => Err(Error::invalid("a password has at most 1024 bytes")),
    }
}

fn damaged() -> Error {
    Error::invalid("the secret key is damaged; its halves do not fit each other")
}

fn not_made(why: &minisign::PError) -> Error {
    Error::new(Status::Internal, format!("no key could be made: {why}"))
}

/// Makes a new key: `path` gets the secret one, readable by its owner alone, `path.pub` the public one.
///
/// An existing file is INVALID_ARGUMENT unless `force` gives it up.
pub fn create_key_files(path: &Path, password: Option<&str>, force: bool) -> Result<PublicKey> {
    let mut public_path = path.as_os_str().to_owned();
    public_path.push(".pub");
    let public_path = PathBuf::from(public_path);
    let exists = |path: &Path| {
        Error::invalid("this file exists, and a key that is replaced is lost; name another one, or use --force")
            .in_file(path)
    };
    if !force {
        for path in [path, &public_path] {
            if fs::symlink_metadata(path).is_ok() {
                return Err(exists(path));
            }
        }
    }
    let pair = KeyPair::generate(password)?;
    let in_file = |e: io::Error| Error::from(e).in_file(path);
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Temporary files are their owner's alone, so the key is never readable by others, not for a moment.
    let mut secret = tempfile::Builder::new()
        .prefix(".patchcore-")
        .tempfile_in(folder)
        .map_err(|e| Error::from(io::Error::from(e.kind())).in_file(path))?;
    secret.write_all(pair.secret.as_bytes()).map_err(in_file)?;
    secret.as_file().sync_all().map_err(in_file)?;
    let mut public = OutputFile::create(&public_path, OutputOptions { no_clobber: !force })?;
    public.write_all(pair.public.to_text().as_bytes())?;
    let placed = if force { secret.persist(path) } else { secret.persist_noclobber(path) };
    placed.map_err(|e| match e.error.kind() {
        io::ErrorKind::AlreadyExists => exists(path),
        _ => in_file(e.error),
    })?;
    let done = sync_folder_of(path).map_err(in_file).and_then(|()| public.commit(&CommitPoint::default()));
    if let Err(error) = done {
        // Half a pair is of no use, and would stand in the way of the next attempt. The error is what matters.
        let _ = fs::remove_file(path);
        return Err(error);
    }
    Ok(pair.public)
}

/// How a file is signed.
#[derive(Clone, Debug, Default)]
pub struct SignOptions<'a> {
    /// What is signed beside the file; time and name of the file unless given.
    pub trusted_comment: Option<&'a str>,
    /// Where the signature goes; beside the file, as `FILE.minisig`, unless given.
    pub output: Option<&'a Path>,
    /// What becomes of a file that is there.
    pub output_options: OutputOptions,
}

/// Signs the file at `path`. Returns where the signature is, and the signature.
pub fn sign_file(
    path: &Path,
    key: &SecretKey,
    options: &SignOptions<'_>,
    task: &mut Task<'_>,
) -> Result<(PathBuf, Signature)> {
    let source = FileSource::open(path)?;
    let comment = options.trusted_comment.map_or_else(|| default_comment(path), str::to_owned);
    task.begin(Phase::Hash, source.size(), Unit::Bytes)?;
    let text = key.sign(&mut Watched { inner: SourceReader::new(&source), task }, &comment)?;
    task.finish()?;
    let target = options.output.map_or_else(|| signature_path(path), Path::to_owned);
    let mut output = OutputFile::create(&target, options.output_options)?;
    output.write_all(text.as_bytes())?;
    output.commit(task.commit_point())?;
    Ok((target, Signature::parse(&text)?))
}

fn default_comment(path: &Path) -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
    let name = path.file_name().unwrap_or_default().to_string_lossy().replace(char::is_control, "_");
    format!("timestamp:{seconds}\tfile:{name}\thashed")
}

/// Reports what is read.
struct Watched<'a, 'b, R> {
    inner: R,
    task: &'a mut Task<'b>,
}

impl<R: Read> Read for Watched<'_, '_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.task.advance(n as u64)?;
        Ok(n)
    }
}
