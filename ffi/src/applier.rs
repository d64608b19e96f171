//! The applier that is fed a delta as it arrives, for devices, with a signature on top where one is required.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use patchcore::delta::{PushApplier, PushOptions};
use patchcore::trust::{PublicKey, Signature};

use crate::input::ReadAt;
use crate::options::ApplierOptions;
use crate::results::{ApplyStats, DeltaInfo};
use crate::status::{Error, Result, Status, invalid};

pub use patchcore::delta::{CHECKPOINT_SIZE, Slot};

/// Applies one delta that is pushed into it. A failed one is of no use any more: resume from a checkpoint, or begin anew.
pub struct Applier {
    push: PushApplier,
    slot: SharedSlot,
    trust: Option<Trust>,
}

/// Whose signature the new file must have.
struct Trust {
    key: PublicKey,
    signature: Signature,
}

impl Applier {
    /// An applier of a delta from `old` that makes its new file in `new`.
    pub fn new(old: Box<dyn ReadAt>, new: Box<dyn Slot>, options: &ApplierOptions) -> Result<Self> {
        let trust = trust(options, &*new)?;
        let slot = SharedSlot(Arc::new(Mutex::new(new)));
        let push = PushApplier::new(old, Box::new(slot.clone()), &push_options(options))?;
        Ok(Self { push, slot, trust })
    }

    /// Goes on from a checkpoint: feed the delta from [`delta_offset`](Self::delta_offset) on; the first write goes to
    /// [`output_offset`](Self::output_offset). A damaged checkpoint is CORRUPT: begin anew.
    pub fn resume(
        old: Box<dyn ReadAt>,
        new: Box<dyn Slot>,
        options: &ApplierOptions,
        checkpoint: &[u8],
    ) -> Result<Self> {
        let trust = trust(options, &*new)?;
        let slot = SharedSlot(Arc::new(Mutex::new(new)));
        let push = PushApplier::resume(old, Box::new(slot.clone()), &push_options(options), checkpoint)?;
        Ok(Self { push, slot, trust })
    }

    /// Takes in some of the next bytes of the delta, does a bounded amount of work, and returns how many bytes were taken,
    /// maybe none. The others are to be fed again.
    pub fn push(&mut self, bytes: &[u8]) -> Result<usize> {
        self.push.push(bytes)
    }

    /// Makes sure, once the whole delta was fed, that the new file is what the delta promises and what was signed, as it
    /// reads back where the slot can do that.
    pub fn finish(&mut self) -> Result<ApplyStats> {
        let stats = self.push.finish()?;
        if let Some(Trust { key, signature }) = &self.trust {
            let mut new_file = SlotReader { slot: &self.slot, position: 0, end: stats.new_size };
            key.verify(signature, &mut new_file)?;
        }
        Ok(stats.into())
    }

    /// Makes what was written durable, and returns at most [`CHECKPOINT_SIZE`] bytes to go on from.
    pub fn checkpoint(&mut self) -> Result<Vec<u8>> {
        self.push.checkpoint()
    }

    /// What the delta says about itself, once that has arrived.
    pub fn info(&self) -> Option<DeltaInfo> {
        self.push.header().map(DeltaInfo::from)
    }

    /// How many bytes of the delta were taken, or where a resumed applier has to be fed from.
    pub fn delta_offset(&self) -> u64 {
        self.push.delta_offset()
    }

    /// How many bytes of the new file were written.
    pub fn output_offset(&self) -> u64 {
        self.push.output_offset()
    }
}

fn push_options(options: &ApplierOptions) -> PushOptions {
    PushOptions { memory: options.max_memory, output: options.max_output, work: options.max_work }
}

fn trust(options: &ApplierOptions, new: &dyn Slot) -> Result<Option<Trust>> {
    let Some(key) = &options.public_key else {
        return match options.signature {
            None => Ok(None),
            Some(_) => Err(invalid("a signature says nothing without the public key that is trusted")),
        };
    };
    let key = PublicKey::parse(key)?;
    let bad = |message: &str| Error::new(Status::BadSignature, message);
    let signature = options.signature.as_deref().ok_or_else(|| bad("a signature is required and none was given"))?;
    let signature = Signature::parse(std::str::from_utf8(signature).map_err(|_| bad("the signature is no text"))?)?;
    if !new.can_read() {
        return Err(invalid("a signature can only be checked where the new file can be read back"));
    }
    Ok(Some(Trust { key, signature }))
}

/// A slot that the push applier writes and the check of the signature reads. Both run in calls of one owner, one at a time.
#[derive(Clone)]
struct SharedSlot(Arc<Mutex<Box<dyn Slot>>>);

impl SharedSlot {
    fn get(&self) -> MutexGuard<'_, Box<dyn Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot for SharedSlot {
    fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        self.get().write(offset, bytes)
    }

    fn flush(&mut self) -> Result<()> {
        self.get().flush()
    }

    fn can_read(&self) -> bool {
        self.get().can_read()
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<()> {
        self.get().read_at(offset, buf)
    }
}

struct SlotReader<'a> {
    slot: &'a SharedSlot,
    position: u64,
    end: u64,
}

impl Read for SlotReader<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = (self.end - self.position).min(buf.len() as u64) as usize;
        if n > 0 {
            self.slot.get().read_at(self.position, &mut buf[..n])?;
        }
        self.position += n as u64;
        Ok(n)
    }
}
