//! The applier that is fed a delta as it arrives, and hands out the new file as it comes to be.

#![allow(clippy::too_many_arguments, reason = "Python has an argument for each option")]

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use patchcore_ffi::applier::{self, Slot};
use patchcore_ffi::input::Input;
use patchcore_ffi::options::ApplierOptions;
use patchcore_ffi::status::{Error, Result, Status};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors::{Raise, raise};
use crate::results;
use crate::source::Source;

/// Bytes that one step makes at most, roughly: a few milliseconds, between which signals are looked at.
const STEP: u64 = 1 << 20;

/// Applies one delta that arrives in pieces of any size, in bounded memory.
///
/// Each piece of the new file goes to ``write`` as soon as it is made, on the thread that pushes. The old file is verified
/// before the first of them; the new one is only known to be right once :meth:`finish` returns, so what was written before
/// a failure is to be thrown away::
///
///     with open("new.bin.part", "wb") as part:
///         applier = patchcore.Applier("old.bin", part.write)
///         for piece in response:
///             applier.push(piece)
///         applier.finish()
///     os.replace("new.bin.part", "new.bin")
///
/// After a failure, also one of ``write``, go on from a checkpoint or begin anew.
///
/// :param old: the old file: a path or a bytes-like object.
/// :param write: called with the bytes of the new file, in order.
/// :param flush: called before each checkpoint, to make durable what was written.
/// :param max_memory: bytes that this may take; 12 MiB unless given.
/// :param max_output: bytes that the new file may have; no limit unless given.
/// :raises patchcore.PatchcoreError: IoError and its kin for the old file.
#[pyclass(frozen, module = "patchcore")]
pub(crate) struct Applier {
    write: Py<PyAny>,
    flush: Option<Py<PyAny>>,
    state: Mutex<State>,
}

struct State {
    applier: applier::Applier,
    made: Made,
    /// Whether a callback raised, so that bytes of the new file are lost.
    failed: bool,
}

#[pymethods]
impl Applier {
    #[new]
    #[pyo3(signature = (old, write, *, flush=None, max_memory=None, max_output=None))]
    fn new(
        py: Python<'_>,
        old: Source,
        write: Bound<'_, PyAny>,
        flush: Option<Bound<'_, PyAny>>,
        max_memory: Option<u64>,
        max_output: Option<u64>,
    ) -> PyResult<Self> {
        Self::with_checkpoint(py, old, write, None, flush, max_memory, max_output)
    }

    /// Goes on from a checkpoint: the next byte to be pushed is that at :attr:`delta_offset` of the delta, and the next
    /// one to be written that at :attr:`output_offset` of the new file.
    ///
    /// :param old: the old file: a path or a bytes-like object.
    /// :param write: called with the bytes of the new file, in order.
    /// :param checkpoint: what :meth:`checkpoint` returned.
    /// :param flush: called before each checkpoint, to make durable what was written.
    /// :param max_memory: bytes that this may take; 12 MiB unless given.
    /// :param max_output: bytes that the new file may have; no limit unless given.
    /// :raises patchcore.PatchcoreError: CorruptError where the checkpoint is damaged: begin anew; IoError and its kin.
    #[staticmethod]
    #[pyo3(signature = (old, write, checkpoint, *, flush=None, max_memory=None, max_output=None))]
    fn resume(
        py: Python<'_>,
        old: Source,
        write: Bound<'_, PyAny>,
        checkpoint: &[u8],
        flush: Option<Bound<'_, PyAny>>,
        max_memory: Option<u64>,
        max_output: Option<u64>,
    ) -> PyResult<Self> {
        Self::with_checkpoint(py, old, write, Some(checkpoint), flush, max_memory, max_output)
    }

    /// Takes the next bytes of the delta and writes what they make.
    ///
    /// :param piece: a bytes-like object of any size.
    /// :raises patchcore.PatchcoreError: SourceMismatchError where the old file is another one; CorruptError, LimitError,
    ///     UnsupportedError for the delta; BusyError from within ``write``, and while another thread pushes.
    fn push(&self, py: Python<'_>, piece: Source) -> PyResult<()> {
        let Source::Buffer(piece) = piece else {
            return Err(PyTypeError::new_err("expected a bytes-like object, not a path; apply() takes those"));
        };
        let mut state = self.state(py)?;
        let mut held = [0; 64 << 10];
        let mut taken = 0;
        while taken < piece.size() {
            let most = usize::try_from(piece.size() - taken).unwrap_or(usize::MAX).min(held.len());
            let held = &mut held[..most];
            let State { applier, .. } = &mut *state;
            let step = || piece.read_at(taken, held).and_then(|()| applier.push(held));
            taken += py.detach(step).or_raise(py)? as u64;
            self.hand_out(py, &mut state)?;
        }
        Ok(())
    }

    /// Makes sure, once the whole delta was pushed, that what was written is the file that it promises.
    ///
    /// :return: an :class:`~patchcore.ApplyStats`.
    /// :raises patchcore.PatchcoreError: CorruptError where the delta ends early; TargetMismatchError.
    fn finish<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let mut state = self.state(py)?;
        let State { applier, .. } = &mut *state;
        let finished = py.detach(|| applier.finish());
        self.hand_out(py, &mut state)?;
        results::apply_stats(py, &finished.or_raise(py)?)
    }

    /// Has ``flush`` make durable what was written, and returns what :meth:`resume` needs to go on from here.
    ///
    /// :return: some hundred bytes.
    fn checkpoint<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let mut state = self.state(py)?;
        if let Some(flush) = &self.flush {
            flush.call0(py)?;
        }
        let State { applier, .. } = &mut *state;
        let checkpoint = py.detach(|| applier.checkpoint()).or_raise(py)?;
        Ok(PyBytes::new(py, &checkpoint))
    }

    /// What the delta says about itself; None until that has arrived.
    #[getter]
    fn info<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let info = self.state(py)?.applier.info();
        info.map(|info| results::delta_info(py, &info)).transpose()
    }

    /// How many bytes of the delta were taken, or from which one a resumed applier has to be fed.
    #[getter]
    fn delta_offset(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.state(py)?.applier.delta_offset())
    }

    /// How many bytes of the new file were written.
    #[getter]
    fn output_offset(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.state(py)?.applier.output_offset())
    }

    fn __repr__(&self) -> String {
        match self.state.try_lock() {
            Ok(state) => format!(
                "<patchcore.Applier delta_offset={} output_offset={}>",
                state.applier.delta_offset(),
                state.applier.output_offset()
            ),
            Err(_) => "<patchcore.Applier at work>".to_owned(),
        }
    }
}

impl Applier {
    fn with_checkpoint(
        py: Python<'_>,
        old: Source,
        write: Bound<'_, PyAny>,
        checkpoint: Option<&[u8]>,
        flush: Option<Bound<'_, PyAny>>,
        max_memory: Option<u64>,
        max_output: Option<u64>,
    ) -> PyResult<Self> {
        for (name, callback) in [("write", Some(&write)), ("flush", flush.as_ref())] {
            if callback.is_some_and(|callback| !callback.is_callable()) {
                return Err(PyTypeError::new_err(format!("argument '{name}': expected a callable")));
            }
        }
        let options = ApplierOptions {
            max_memory: max_memory.unwrap_or_default(),
            max_output: max_output.unwrap_or_default(),
            max_work: STEP,
            ..ApplierOptions::default()
        };
        let made = Made::default();
        let slot = Box::new(made.clone());
        let applier = py.detach(|| {
            let old = Input::from(old).open()?;
            match checkpoint {
                None => applier::Applier::new(old, slot, &options),
                Some(checkpoint) => applier::Applier::resume(old, slot, &options, checkpoint),
            }
        });
        let state = Mutex::new(State { applier: applier.or_raise(py)?, made, failed: false });
        Ok(Self { write: write.unbind(), flush: flush.map(Bound::unbind), state })
    }

    /// The state, unless somebody is at it: waiting for a callback's own thread would be for ever.
    fn state(&self, py: Python<'_>) -> PyResult<MutexGuard<'_, State>> {
        let state = match self.state.try_lock() {
            Ok(state) => state,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                return Err(raise(py, &Error::new(Status::Busy, "this applier is at work already")));
            }
        };
        match state.failed {
            false => Ok(state),
            true => Err(raise(py, &lost())),
        }
    }

    fn hand_out(&self, py: Python<'_>, state: &mut State) -> PyResult<()> {
        let made = state.made.take();
        if made.is_empty() {
            return py.check_signals();
        }
        state.failed = true;
        self.write.call1(py, (PyBytes::new(py, &made),))?;
        py.check_signals()?;
        state.failed = false;
        Ok(())
    }
}

fn lost() -> Error {
    let message = "a callback failed and bytes of the new file are lost; resume from a checkpoint, or begin anew";
    Error::new(Status::InvalidArgument, message)
}

/// What a step made of the new file.
#[derive(Clone, Default)]
struct Made(Arc<Mutex<Vec<u8>>>);

impl Made {
    fn take(&self) -> Vec<u8> {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Slot for Made {
    fn write(&mut self, _: u64, bytes: &[u8]) -> Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}
