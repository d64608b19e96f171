//! Where a device keeps its new file, in memory.

use std::sync::{Arc, Mutex};

use patchcore::Result;
use patchcore::delta::{PushApplier, PushOptions, Slot};
use patchcore::io::ReadAt;

/// A slot in memory; what was written since the last flush may get lost.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    durable: usize,
    written_by_call: usize,
    lies: bool,
    reads_back: bool,
}

impl Memory {
    /// A slot whose bytes can be read, maybe as others than were written.
    pub fn that_reads_back(lies: bool) -> Self {
        Self(Arc::new(Mutex::new(State { lies, reads_back: true, ..State::default() })))
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().bytes.clone()
    }

    pub fn lose_what_is_not_durable(&self) {
        let mut state = self.0.lock().unwrap();
        let durable = state.durable;
        state.bytes.truncate(durable);
    }

    pub fn take_written(&self) -> usize {
        std::mem::take(&mut self.0.lock().unwrap().written_by_call)
    }
}

impl Slot for Memory {
    fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        let mut state = self.0.lock().unwrap();
        assert!(offset as usize <= state.bytes.len(), "a hole before {offset}");
        state.bytes.truncate(offset as usize);
        state.bytes.extend_from_slice(bytes);
        state.written_by_call += bytes.len();
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        let mut state = self.0.lock().unwrap();
        state.durable = state.bytes.len();
        Ok(())
    }

    fn can_read(&self) -> bool {
        self.0.lock().unwrap().reads_back
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<()> {
        let state = self.0.lock().unwrap();
        state.bytes[..].read_at(offset, buf)?;
        if state.lies {
            buf[0] ^= 1;
        }
        Ok(())
    }
}

pub fn applier(old: &[u8], slot: &Memory, options: &PushOptions) -> PushApplier {
    PushApplier::new(Box::new(old.to_vec()), Box::new(slot.clone()), options).unwrap()
}

/// Feeds all of `delta`; says how many calls it took.
pub fn feed(applier: &mut PushApplier, mut delta: &[u8], packet: usize) -> Result<usize> {
    let mut calls = 0;
    while !delta.is_empty() {
        let taken = applier.push(&delta[..packet.min(delta.len())])?;
        delta = &delta[taken..];
        calls += 1;
    }
    Ok(calls)
}

/// Applies `delta` in packets.
pub fn apply(old: &[u8], delta: &[u8], packet: usize, options: &PushOptions) -> Result<Vec<u8>> {
    let slot = Memory::default();
    let mut applier = applier(old, &slot, options);
    feed(&mut applier, delta, packet)?;
    applier.finish()?;
    Ok(slot.bytes())
}
