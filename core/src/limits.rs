//! What an operation may use, whatever a file asks for.

use crate::error::{Error, Result, Status};

/// Bounds on what input may make an operation use. In every field 0 means the default and `u64::MAX` means no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of memory that decoding a delta or holding its operations may take.
    pub memory: u64,
    /// Operations that composing may produce; the default grows with the input.
    pub operations: u64,
    /// Bytes that a result may have; no limit by default.
    pub output: u64,
}

/// The memory that a delta may ask an applier for unless `--max-apply-memory` says otherwise: a streaming process
/// then stays under 16 MiB, code and stack included.
pub const DEFAULT_APPLY_MEMORY: u64 = 12 << 20;

/// The memory bound of operations that hold whole deltas (apply without `--streaming`, compose) by default.
pub const DEFAULT_MEMORY: u64 = 4 << 30;

/// The least number of operations that composing may always produce by default.
const DEFAULT_OPERATIONS: u64 = 1 << 24;

impl Limits {
    /// The limits of an operation that streams in bounded memory.
    pub fn streaming() -> Self {
        Self { memory: DEFAULT_APPLY_MEMORY, ..Self::default() }
    }

    /// The memory bound in force, in bytes.
    pub fn memory(&self) -> u64 {
        if self.memory == 0 { DEFAULT_MEMORY } else { self.memory }
    }

    /// The bound in force on operations produced from `input` operations read. Real deltas compose to about as many
    /// operations as went in; the factor leaves room for files that repeat themselves.
    pub fn operations(&self, input: u64) -> u64 {
        if self.operations == 0 { input.saturating_mul(64).max(DEFAULT_OPERATIONS) } else { self.operations }
    }

    /// The bound in force on the bytes of a result.
    pub fn output(&self) -> u64 {
        if self.output == 0 { u64::MAX } else { self.output }
    }
}

/// Makes room for exactly `additional` more elements, or says NO_MEMORY.
pub(crate) fn reserve<T>(elements: &mut Vec<T>, additional: usize) -> Result<()> {
    elements.try_reserve_exact(additional).map_err(|_| {
        let bytes = additional.saturating_mul(size_of::<T>());
        Error::new(Status::NoMemory, format!("{bytes} bytes could not be allocated"))
    })
}

/// Room for `capacity` elements, or NO_MEMORY.
pub(crate) fn with_capacity<T>(capacity: usize) -> Result<Vec<T>> {
    let mut elements = Vec::new();
    reserve(&mut elements, capacity)?;
    Ok(elements)
}

/// `len` times `element`, or NO_MEMORY.
pub(crate) fn filled<T: Clone>(element: T, len: usize) -> Result<Vec<T>> {
    let mut elements = with_capacity(len)?;
    elements.resize(len, element);
    Ok(elements)
}
