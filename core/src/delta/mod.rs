//! One file to another: match, encode, decode, apply, compose.
//!
//! Everything speaks one model of operations (`ops`): a delta is a list of *copy* (old bytes plus a sparse addend)
//! and *insert* in target order. Matching produces it, the encoder and the applier consume it, and because both ends
//! of it are the same, two deltas compose into one without any version of the file.
//!
//! ```text
//! diff      matching ─► encode ─► delta file
//! apply                 delta file ─► decode ─► apply ─► new file
//! compose   delta file ─► decode ─► compose ─► encode ─► delta file
//! ```

mod applier;
mod apply;
mod checkpoint;
mod codec;
mod compose;
mod decode;
mod diff;
mod encode;
mod explain;
mod files;
mod format;
mod frame;
mod hashing;
mod inspect;
mod joined;
mod lanes;
mod levels;
mod matching;
mod mixing;
mod ops;
mod options;
mod push;
mod recompose;
mod replay;
mod segment;
mod sparse;
mod view;

pub(crate) use apply::apply_chain_to_known;
pub use apply::{ApplyStats, apply, apply_chain};
pub use checkpoint::CHECKPOINT_SIZE;
pub use compose::compose;
pub use diff::diff;
pub(crate) use diff::identity;
pub use encode::DeltaFile;
pub use explain::{AddendCoding, Codec, ExplainedSegment, Explanation, Lane, Part, Stream, explain};
pub(crate) use files::in_old;
pub use files::{
    apply_file, apply_into_file, compose_files, compose_into_file, diff_files, diff_into_file, verify_file,
};
pub use format::{FORMAT_VERSION, Header, MAGIC};
pub use inspect::{Inspection, verify};
pub(crate) use joined::{Ends, Joint, apply_joined, diff_joined, sources_of_joined};
pub use options::{ApplyOptions, DEFAULT_LEVEL, DiffOptions, EncodeOptions, Engine, MAX_LEVEL, MIN_LEVEL};
pub use push::{PushApplier, PushOptions, Slot};
pub(crate) use recompose::Composition;
