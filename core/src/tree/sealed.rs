//! Small files of ours that say by themselves whether they are whole: one line of JSON and its digest.

use std::io::{Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::digest::Digest;
use crate::error::{Error, Result, Status};
use crate::io::Folder;
use crate::json;

/// Writes `value` as `name`, durable and whole or not at all.
pub(super) fn write(folder: &Folder, name: &str, value: &impl Serialize) -> Result<()> {
    let temporary = temporary(name);
    let line = json::text(value);
    folder.remove_file(&temporary)?;
    let mut file = folder.create_file(&temporary, 0o666)?;
    let in_file = |e: std::io::Error| Error::from(e).in_file(&folder.path().join(name));
    file.write_all(format!("{line}\n{}\n", Digest::of(line.as_bytes())).as_bytes()).map_err(in_file)?;
    file.sync_all().map_err(in_file)?;
    drop(file);
    folder.replace(&temporary, name)?;
    folder.sync()
}

/// What `name` is called while it is written.
pub(super) fn temporary(name: &str) -> String {
    format!("{name}.tmp")
}

/// Reads what [`write`] wrote; `None` where there is no such file. What is not whole is CORRUPT.
pub(super) fn read<T: DeserializeOwned>(folder: &Folder, name: &str) -> Result<Option<T>> {
    let mut file = match folder.open_file(name) {
        Err(e) if e.status() == Status::NotFound => return Ok(None),
        result => result?,
    };
    let path = folder.path().join(name);
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(|e| Error::from(e).in_file(&path))?;
    let damaged = || Error::corrupt("this file of patchcore's is damaged").in_file(&path);
    let (line, digest) = text.split_once('\n').ok_or_else(damaged)?;
    if digest.trim_end().parse() != Ok(Digest::of(line.as_bytes())) {
        return Err(damaged());
    }
    serde_json::from_str(line).map(Some).map_err(|_| damaged())
}
