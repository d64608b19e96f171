//! Applying a delta that arrives in chunks, as steps of bounded work that JavaScript asks for one by one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use napi::bindgen_prelude::Buffer;
use napi_derive::napi;
use patchcore_ffi::applier::{Applier, Slot};
use patchcore_ffi::input::Input;
use patchcore_ffi::job::Job;
use patchcore_ffi::options::ApplierOptions;
use patchcore_ffi::status::{Error, Result, Status};

use crate::input::{InputArgument, input};
use crate::job::{Listener, RunningJob, start};
use crate::options::amount;
use crate::results::{ApplyStats, DeltaInfo};

/// What one step hands over at most, roughly, and how long it works.
const STEP_BYTES: usize = 256 << 10;
const STEP_TIME: Duration = Duration::from_millis(50);

/// An applier that is fed chunks and asked for steps, one at a time.
#[napi]
pub struct SteppedApplier(Arc<Mutex<State>>);

struct State {
    stage: Stage,
    /// The chunk that was fed, and how much of it was taken.
    chunk: Vec<u8>,
    taken: usize,
    made: MadeBytes,
}

enum Stage {
    /// The old file is opened by the first step, on its thread.
    Waiting {
        old: Input,
        options: ApplierOptions,
        checkpoint: Option<Vec<u8>>,
    },
    Applying(Box<Applier>),
    Failed,
}

/// What one step did.
#[napi(object, object_from_js = false)]
pub struct Step {
    /// The next bytes of the new file, maybe none.
    pub output: Buffer,
    /// Whether all of the chunk was taken.
    pub drained: bool,
    /// What the delta says about itself, once that has arrived.
    pub info: Option<DeltaInfo>,
    /// How many bytes of the delta were taken.
    pub delta_offset: f64,
    /// How many bytes of the new file were handed over.
    pub output_offset: f64,
}

#[napi]
impl SteppedApplier {
    /// An applier of a delta from `old`, from the beginning or from a checkpoint.
    #[napi(constructor)]
    pub fn new(
        old: InputArgument,
        max_memory: Option<f64>,
        max_output: Option<f64>,
        checkpoint: Option<&[u8]>,
    ) -> Self {
        let options = ApplierOptions {
            max_memory: amount(max_memory),
            max_output: amount(max_output),
            ..ApplierOptions::default()
        };
        let stage = Stage::Waiting { old: input(old), options, checkpoint: checkpoint.map(<[u8]>::to_vec) };
        Self(Arc::new(Mutex::new(State { stage, chunk: Vec::new(), taken: 0, made: MadeBytes::default() })))
    }

    /// Takes a copy of the next chunk of the delta. The one before must be drained.
    #[napi]
    pub fn feed(&self, chunk: &[u8]) {
        let mut state = lock(&self.0);
        state.chunk = chunk.to_vec();
        state.taken = 0;
    }

    /// Works on the chunk until there is enough to hand over.
    #[napi]
    pub fn step(&self, listener: Listener<Step>) -> napi::Result<RunningJob> {
        let state = self.0.clone();
        start(listener, move |job| lock(&state).step(job))
    }

    /// What to go on with later, once all that was handed over is safe. The chunk must be drained.
    #[napi]
    pub fn checkpoint(&self, listener: Listener<Buffer>) -> napi::Result<RunningJob> {
        let state = self.0.clone();
        start(listener, move |_| lock(&state).applier()?.checkpoint())
    }

    /// Makes sure, once the whole delta was fed, that the new file is what it promises.
    #[napi]
    pub fn finish(&self, listener: Listener<ApplyStats>) -> napi::Result<RunningJob> {
        let state = self.0.clone();
        start(listener, move |_| lock(&state).applier()?.finish())
    }
}

impl State {
    fn step(&mut self, job: &Job) -> Result<Step> {
        let began = Instant::now();
        let chunk = std::mem::take(&mut self.chunk);
        while self.taken < chunk.len() && self.made.len() < STEP_BYTES && began.elapsed() < STEP_TIME {
            if job.cancel_token().is_cancelled() {
                return Err(Error::new(Status::Cancelled, "cancelled; what was handed over is to be thrown away"));
            }
            let taken = self.taken;
            self.taken += self.applier()?.push(&chunk[taken..])?;
        }
        let drained = self.taken == chunk.len();
        if !drained {
            self.chunk = chunk;
        }
        let output = self.made.take().into();
        let applier = self.applier()?;
        Ok(Step {
            output,
            drained,
            info: applier.info().map(DeltaInfo::from),
            delta_offset: applier.delta_offset() as f64,
            output_offset: applier.output_offset() as f64,
        })
    }

    fn applier(&mut self) -> Result<&mut Applier> {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Failed) {
            Stage::Waiting { old, options, checkpoint } => {
                let (old, slot) = (old.open()?, Box::new(self.made.clone()));
                Stage::Applying(Box::new(match checkpoint {
                    None => Applier::new(old, slot, &options)?,
                    Some(checkpoint) => Applier::resume(old, slot, &options, &checkpoint)?,
                }))
            }
            stage => stage,
        };
        match &mut self.stage {
            Stage::Applying(applier) => Ok(applier),
            _ => Err(Error::new(Status::InvalidArgument, "this applier has failed before")),
        }
    }
}

/// The bytes that the applier has made and nobody has taken yet.
#[derive(Clone, Default)]
struct MadeBytes(Arc<Mutex<Vec<u8>>>);

impl MadeBytes {
    fn len(&self) -> usize {
        lock(&self.0).len()
    }

    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut lock(&self.0))
    }
}

impl Slot for MadeBytes {
    fn write(&mut self, _: u64, bytes: &[u8]) -> Result<()> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(())
    }

    /// What was handed over is JavaScript's to make durable.
    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
