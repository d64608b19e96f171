//! A file that was verified and gives out only what was verified.
//!
//! An open file is no promise: whoever may write to it can change its bytes between the check and their use. So the check keeps
//! a digest of every block, and a block that is read later is checked against its own. That costs 32 bytes a block instead of a
//! copy of the file.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::digest::{Digest, Hasher};
use crate::error::{Error, Result, Status};
use crate::io::{FileSource, ReadAt};
use crate::progress::{Phase, Task, Unit};
use crate::trust::keys::{PublicKey, TrustedKeys};
use crate::trust::signature::Signature;

/// How many bytes are verified, and later checked, at a time.
const BLOCK_LEN: u64 = 64 << 10;

/// The table of block digests never has more entries; blocks of larger files are larger.
const MOST_BLOCKS: u64 = 1 << 16;

/// What somebody says of a file before it is there.
#[derive(Clone, Debug, Default)]
pub struct Promise {
    /// Its size in bytes.
    pub size: Option<u64>,
    /// Its SHA-256.
    pub digest: Option<Digest>,
}

/// A source whose bytes were verified; what changes afterwards is CORRUPT when it is read.
pub struct Verified<S = FileSource> {
    source: S,
    digest: Digest,
    signed_by: Option<PublicKey>,
    block_len: u64,
    blocks: Vec<Digest>,
    /// The block that was read last, checked.
    current: Mutex<Option<(u64, Vec<u8>)>>,
}

impl<S: ReadAt> Verified<S> {
    /// Checks all of `source`: that it is as promised, and with `keys` that one of those signed it.
    ///
    /// TARGET_MISMATCH where it is not as promised; the signature as in [`TrustedKeys::verify`].
    pub fn check(
        source: S,
        promise: &Promise,
        keys: Option<&TrustedKeys>,
        signature: Option<&Signature>,
        task: &mut Task<'_>,
    ) -> Result<Self> {
        Self::check_in(source, BLOCK_LEN, promise, keys, signature, task)
    }

    fn check_in(
        source: S,
        least_block_len: u64,
        promise: &Promise,
        keys: Option<&TrustedKeys>,
        signature: Option<&Signature>,
        task: &mut Task<'_>,
    ) -> Result<Self> {
        let size = source.size();
        let named = |e: Error| match source.path() {
            Some(path) => e.in_file(path),
            None => e,
        };
        if let Some(promised) = promise.size.filter(|promised| *promised != size) {
            return Err(named(mismatch(format!("it has {size} bytes instead of {promised}"))));
        }
        let mut verifier = keys.map(|keys| keys.verifier(signature)).transpose().map_err(named)?;
        let block_len = least_block_len.max(size.div_ceil(MOST_BLOCKS).next_power_of_two());
        let mut hasher = Hasher::new();
        let mut blocks = Vec::new();
        let mut buffer = vec![0; block_len.min(size) as usize];
        task.begin(Phase::Verify, size, Unit::Bytes)?;
        let mut offset = 0;
        while offset < size {
            let block = &mut buffer[..block_len.min(size - offset) as usize];
            source.read_at(offset, block)?;
            hasher.update(block);
            blocks.push(Digest::of(block));
            if let Some(verifier) = &mut verifier {
                verifier.update(block);
            }
            offset += block.len() as u64;
            task.advance(block.len() as u64)?;
        }
        let digest = hasher.finish();
        if let Some(promised) = promise.digest.filter(|promised| *promised != digest) {
            return Err(named(mismatch(format!("its SHA-256 is {digest} instead of {promised}"))));
        }
        let signed_by = verifier.map(|verifier| verifier.finish()).transpose().map_err(named)?.cloned();
        task.finish()?;
        Ok(Self { source, digest, signed_by, block_len, blocks, current: Mutex::new(None) })
    }

    /// The SHA-256 of all of it.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The trusted key that signed it, where a signature was required.
    pub fn signed_by(&self) -> Option<&PublicKey> {
        self.signed_by.as_ref()
    }

    /// Lets `take` have one checked block.
    fn with_block(&self, number: u64, take: impl FnOnce(&[u8])) -> Result<()> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((held, bytes)) = &*current
            && *held == number
        {
            take(bytes);
            return Ok(());
        }
        let start = number * self.block_len;
        let mut bytes = current.take().map(|(_, bytes)| bytes).unwrap_or_default();
        bytes.resize(self.block_len.min(self.size().saturating_sub(start)) as usize, 0);
        self.source.read_at(start, &mut bytes)?;
        if self.blocks.get(number as usize) != Some(&Digest::of(&bytes)) {
            let error = Error::corrupt("this file was changed after it was verified; get it again").at(start);
            return Err(match self.path() {
                Some(path) => error.in_file(path),
                None => error,
            });
        }
        take(&bytes);
        *current = Some((number, bytes));
        Ok(())
    }
}

impl<S: ReadAt> ReadAt for Verified<S> {
    fn size(&self) -> u64 {
        self.source.size()
    }

    fn read_at(&self, mut offset: u64, mut buf: &mut [u8]) -> Result<()> {
        if offset.checked_add(buf.len() as u64).is_none_or(|end| end > self.size()) {
            return Err(Error::corrupt("the file ends early").at(self.size()));
        }
        while !buf.is_empty() {
            let within = (offset % self.block_len) as usize;
            let mut taken = 0;
            self.with_block(offset / self.block_len, |block| {
                taken = buf.len().min(block.len() - within);
                buf[..taken].copy_from_slice(&block[within..within + taken]);
            })?;
            buf = &mut buf[taken..];
            offset += taken as u64;
        }
        Ok(())
    }

    fn path(&self) -> Option<&Path> {
        self.source.path()
    }

    /// The block around it is held already.
    fn short_reads_are_cheap(&self) -> bool {
        true
    }
}

fn mismatch(why: String) -> Error {
    Error::new(Status::TargetMismatch, format!("this is not the file that was promised: {why}"))
}

/// Checks that one of `keys` signed the file at `path`. The signature is looked for beside it, as `path.minisig`, unless one is
/// given.
pub fn verify_file(
    path: &Path,
    keys: &TrustedKeys,
    signature: Option<&Signature>,
    task: &mut Task<'_>,
) -> Result<Verified<FileSource>> {
    let source = FileSource::open(path)?;
    let beside = match signature {
        Some(_) => None,
        None => match Signature::read(&signature_path(path)) {
            Ok(signature) => Some(signature),
            Err(e) if e.status() == Status::NotFound => None,
            Err(e) => return Err(e),
        },
    };
    Verified::check(source, &Promise::default(), Some(keys), signature.or(beside.as_ref()), task)
}

/// Where the signature of the file at `path` lies.
pub fn signature_path(path: &Path) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".minisig");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::RwLock;

    /// Bytes that somebody else may change.
    struct Shared(RwLock<Vec<u8>>);

    impl ReadAt for &Shared {
        fn size(&self) -> u64 {
            self.0.read().unwrap().len() as u64
        }

        fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
            self.0.read().unwrap().as_slice().read_at(offset, buf)
        }
    }

    fn check(shared: &Shared, block_len: u64) -> Verified<&Shared> {
        let promise = Promise { size: None, digest: Some(Digest::of(&shared.0.read().unwrap())) };
        Verified::check_in(shared, block_len, &promise, None, None, &mut Task::new()).unwrap()
    }

    #[test]
    fn every_range_is_what_was_verified() {
        let bytes: Vec<u8> = (0..1000u32).map(|i| (i * 7) as u8).collect();
        let shared = Shared(RwLock::new(bytes.clone()));
        for block_len in [1, 64, 999, 1000, 4096] {
            let verified = check(&shared, block_len);
            for (start, end) in [(0, 1000), (0, 0), (1000, 1000), (63, 65), (999, 1000), (100, 900)] {
                let mut buf = vec![0; end - start];
                verified.read_at(start as u64, &mut buf).unwrap();
                assert_eq!(buf, bytes[start..end]);
            }
            assert!(verified.read_at(999, &mut [0; 2]).is_err());
            assert!(verified.read_at(u64::MAX, &mut [0; 2]).is_err());
        }
    }

    #[test]
    fn what_changes_after_the_check_is_never_given_out() {
        let shared = Shared(RwLock::new(vec![7; 1000]));
        let verified = check(&shared, 64);
        shared.0.write().unwrap()[500] ^= 1;
        let mut buf = [0; 64];
        verified.read_at(0, &mut buf).unwrap();
        for offset in [448, 450, 511] {
            let error = verified.read_at(offset, &mut buf).unwrap_err();
            assert_eq!((error.status(), error.offset()), (Status::Corrupt, Some(448)));
        }
        shared.0.write().unwrap().truncate(300);
        assert!(verified.read_at(600, &mut buf).is_err());
    }

    #[test]
    fn another_size_or_digest_than_promised_is_told() {
        let bytes = b"abc".to_vec();
        for promise in
            [Promise { size: Some(4), digest: None }, Promise { size: Some(3), digest: Some(Digest::of(b"abd")) }]
        {
            let error = Verified::check(bytes.clone(), &promise, None, None, &mut Task::new()).err().unwrap();
            assert_eq!(error.status(), Status::TargetMismatch);
        }
        let promise = Promise { size: Some(0), digest: Some(Digest::of(b"")) };
        assert_eq!(Verified::check(Vec::new(), &promise, None, None, &mut Task::new()).unwrap().size(), 0);
    }
}
