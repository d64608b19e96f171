//! Headers of ZIP files that others made: fields, sizes and flags that our own packages do not have.

use crate::error::{Error, Result, Status};
use crate::io::ReadAt;
use crate::tree::package::format::{
    CENTRAL, CENTRAL_LEN, ENCRYPTED, Entry, Fields, LOCAL, LOCAL_LEN, MAX32, Method, ZIP64_EXTRA, large, name_of,
};

const STRONGLY_ENCRYPTED: u16 = 1 << 6;
const UNICODE_PATH: u16 = 0x7075;

/// Reads one entry of the directory of a ZIP file that others made from the start of `bytes`, and says how long it is.
pub(super) fn parse_central(bytes: &[u8]) -> Result<(Entry, usize)> {
    let short = || Error::corrupt("the directory of the ZIP file ends early");
    let mut fields = Fields(bytes.get(..CENTRAL_LEN).ok_or_else(short)?);
    if fields.u32() != CENTRAL {
        return Err(Error::corrupt("the directory of the ZIP file is damaged"));
    }
    let made_by = fields.u16();
    let (_version, flags, method) = (fields.u16(), fields.u16(), fields.u16());
    let _moment = fields.u32();
    let (crc, packed, size) = (fields.u32(), fields.u32(), fields.u32());
    let (name_len, extra_len, comment_len) =
        (usize::from(fields.u16()), usize::from(fields.u16()), usize::from(fields.u16()));
    let (disk, _internal, attributes, offset) = (fields.u16(), fields.u16(), fields.u32(), fields.u32());
    let len = CENTRAL_LEN + name_len + extra_len + comment_len;
    let rest = bytes.get(CENTRAL_LEN..len).ok_or_else(short)?;
    let name = name_of(&rest[..name_len])?;
    if flags & (ENCRYPTED | STRONGLY_ENCRYPTED) != 0 {
        return Err(Error::new(Status::Unsupported, format!("\"{}\" is encrypted", name.escape_debug())));
    }
    if disk != 0 {
        return Err(Error::new(Status::Unsupported, "the ZIP file has several parts"));
    }
    let extra = zip64_field(&rest[name_len..name_len + extra_len], [size, packed, offset])?;
    let [size, packed, offset] = large(extra, [size, packed, offset])?;
    let mode = if made_by >> 8 == 3 { attributes >> 16 } else { 0 };
    let is_link = match (mode & 0o170_000, name.ends_with('/')) {
        (0 | 0o100_000, false) | (0 | 0o040_000, true) => false,
        (0o120_000, false) => true,
        _ => {
            let message = format!("\"{}\" in the ZIP file is neither file, link nor folder", name.escape_debug());
            return Err(Error::new(Status::UnsafePath, message));
        }
    };
    let method = Method::of(method)?;
    if method == Method::Stored && size != packed {
        let message = format!("\"{}\" is not compressed and yet of two sizes", name.escape_debug());
        return Err(Error::corrupt(message));
    }
    let executable = mode & 0o100 != 0;
    Ok((Entry { name, method, crc, packed, size, offset, executable, is_link }, len))
}

/// The ZIP64 field among others, where the sizes need one. A field that gives an entry another name is refused.
fn zip64_field(extra: &[u8], small: [u32; 3]) -> Result<&[u8]> {
    let mut found: &[u8] = &[];
    let mut rest = extra;
    while rest.len() >= 4 {
        let mut fields = Fields(rest);
        let (kind, len) = (fields.u16(), usize::from(fields.u16()));
        let Some(field) = rest.get(..4 + len) else { break };
        match kind {
            ZIP64_EXTRA if small.contains(&MAX32) && found.is_empty() => found = field,
            UNICODE_PATH => return Err(Error::corrupt("an entry of the ZIP file has two names")),
            _ => {}
        }
        rest = &rest[4 + len..];
    }
    Ok(found)
}

/// The length of the local header of an entry that others made; `end` is where the directory begins. The name must be the
/// directory's; sizes may stand behind the content, so those are the directory's alone.
pub(super) fn local_len(source: &dyn ReadAt, entry: &Entry, end: u64) -> Result<u64> {
    let damaged =
        |why: &str| Error::corrupt(format!("the header of \"{}\" {why}", entry.name.escape_debug())).at(entry.offset);
    let len = (LOCAL_LEN + entry.name.len()) as u64;
    if entry.offset.checked_add(len).is_none_or(|reach| reach > end) {
        return Err(damaged("reaches into the directory of the ZIP file"));
    }
    let mut header = vec![0; len as usize];
    source.read_at(entry.offset, &mut header)?;
    let mut fields = Fields(&header);
    let (signature, _version, _flags, method) = (fields.u32(), fields.u16(), fields.u16(), fields.u16());
    let _moment_and_sizes = (fields.u64(), fields.u64());
    let (name_len, extra_len) = (fields.u16(), fields.u16());
    if signature != LOCAL
        || method != entry.method.code()
        || usize::from(name_len) != entry.name.len()
        || &header[LOCAL_LEN..] != entry.name.as_bytes()
    {
        return Err(damaged("is not what the directory says"));
    }
    Ok(len + u64::from(extra_len))
}
