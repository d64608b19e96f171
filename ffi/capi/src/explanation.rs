//! Explanations.

use std::ffi::{CString, c_char};

use patchcore_ffi::delta;
use patchcore_ffi::results::{ExplainedPart, ExplainedSegment, Explanation};
use patchcore_ffi::status::Result;

use crate::boundary::{boundary, guarded};
use crate::delta::{
    contents_for_c, info_for_c, patchcore_delta_contents, patchcore_delta_info, patchcore_limits, read_limits,
};
use crate::error::patchcore_error;
use crate::handle::{self, OutPointer};
use crate::input::{self, patchcore_input};
use crate::job::{self, patchcore_job};
use crate::status::patchcore_status;
use crate::structs::{Out, versioned};
use crate::text::{c_string, invalid, null};

/// Where the bytes of a delta went, and how the new file comes to be.
pub struct patchcore_explanation {
    explanation: Explanation,
    parts: Vec<PartNames>,
    /// How the addends of each segment are coded.
    addends: Vec<CString>,
}

struct PartNames {
    stream: CString,
    codec: CString,
}

impl patchcore_explanation {
    pub(crate) fn of(explanation: Explanation) -> Self {
        let names = |part: &ExplainedPart| PartNames { stream: c_string(part.stream), codec: c_string(part.codec) };
        let parts = explanation.parts.iter().map(names).collect();
        let addends = explanation.segments.iter().map(|segment| c_string(segment.addends)).collect();
        Self { explanation, parts, addends }
    }
}

/// What one codec made of one stream, over all segments of a delta. Begin with PATCHCORE_EXPLAINED_PART_INIT.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_explained_part {
    /// sizeof(patchcore_explained_part).
    pub struct_size: usize,
    /// What the bytes mean, such as "literals"; NUL-terminated, borrowed from the explanation.
    pub stream: *const c_char,
    /// How they are coded, such as "zstd"; NUL-terminated, borrowed from the explanation.
    pub codec: *const c_char,
    /// Which of the lanes they belong to, from 0 on.
    pub lane: i32,
    /// How many lanes there are; 0 where the stream is none of a lane.
    pub lanes: i32,
    /// Bytes of the delta.
    pub delta_bytes: u64,
    /// Bytes after decoding.
    pub decoded_bytes: u64,
    /// The bytes of the numbers that changes belong to, where they are coded as such; else 0.
    pub width: i32,
}

/// One segment of a delta. Begin with PATCHCORE_EXPLAINED_SEGMENT_INIT.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_explained_segment {
    /// sizeof(patchcore_explained_segment).
    pub struct_size: usize,
    /// Where what it makes begins in the new file.
    pub output_start: u64,
    /// Where that ends.
    pub output_end: u64,
    /// Where it begins in the delta.
    pub delta_start: u64,
    /// Where it ends.
    pub delta_end: u64,
    /// Its copies.
    pub copies: u64,
    /// Bytes of its output that copies make.
    pub copied_bytes: u64,
    /// Bytes of those that differ from the old file.
    pub changed_bytes: u64,
    /// Bytes of its output that it brings along.
    pub inserted_bytes: u64,
    /// How the changes are coded, such as "lanes"; NUL-terminated, borrowed from the explanation.
    pub addends: *const c_char,
    /// Into how many lanes they are dealt; else 0.
    pub lanes: i32,
    /// 1 where a check of its output follows, else 0.
    pub has_check: i32,
    /// Bytes of memory that applying a delta of such segments takes.
    pub memory: u64,
    /// The bytes of the numbers that changes belong to, where they are coded as such; else 0.
    pub width: i32,
}
versioned!(patchcore_explained_part, patchcore_explained_segment);

/// A range of bytes.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_range {
    /// The first byte.
    pub start: u64,
    /// The byte after the last one.
    pub end: u64,
}

/// Checks a whole delta and says where its bytes went.
///
/// @param delta The delta; borrowed for the call.
/// @param most How many of its largest segments and of its longest insertions are listed.
/// @param limits What checking may use, borrowed, or NULL.
/// @param job Progress, log and cancellation, borrowed for the call, or NULL.
/// @param out_explanation Receives the explanation, to be freed with patchcore_explanation_free(); NULL on failure.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error.
///
/// Thread-safety: may be called from any thread; callbacks are called on that thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_delta_explain(
    delta: *const patchcore_input,
    most: u64,
    limits: *const patchcore_limits,
    job: *const patchcore_job,
    out_explanation: *mut *mut patchcore_explanation,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let out = OutPointer::handle(out_explanation, "out_explanation")?;
            let delta = input::one(delta, "delta")?;
            let limits = read_limits(limits)?;
            let mut job = job::read(job)?;
            let explanation = delta::explain(delta, most_listed(most), &limits, &mut job)?;
            out.put(handle::create(patchcore_explanation::of(explanation)));
            Ok(())
        })
    }
}

pub(crate) fn most_listed(most: u64) -> usize {
    usize::try_from(most).unwrap_or(usize::MAX)
}

/// Says how many parts there are; together they are every byte of the delta.
///
/// @param explanation The explanation, borrowed, or NULL.
/// @return How many; 0 for NULL.
///
/// Thread-safety: an explanation may be read from several threads at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_explanation_part_count(explanation: *const patchcore_explanation) -> usize {
    // SAFETY: NULL, or an explanation that was not freed.
    unsafe { explanation.as_ref() }.map_or(0, |explanation| explanation.parts.len())
}

/// Gives one part.
///
/// @param explanation The explanation, borrowed.
/// @param index Which part, from 0 on.
/// @param out_part Receives it; its strings are borrowed from the explanation.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_INVALID_ARGUMENT where there is no such part.
///
/// Thread-safety: an explanation may be read from several threads at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_explanation_part(
    explanation: *const patchcore_explanation,
    index: usize,
    out_part: *mut patchcore_explained_part,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let patchcore_explanation { explanation, parts, .. } = open(explanation)?;
            let out = Out::required(out_part, "out_part")?;
            let part = item(&explanation.parts, index, "part")?;
            let PartNames { stream, codec } = item(parts, index, "part")?;
            out.put(patchcore_explained_part {
                struct_size: 0,
                stream: stream.as_ptr(),
                codec: codec.as_ptr(),
                lane: part.lane.into(),
                lanes: part.lanes.into(),
                delta_bytes: part.delta_bytes,
                decoded_bytes: part.decoded_bytes,
                width: part.width.into(),
            });
            Ok(())
        })
    }
}

/// Says how many segments are listed; how many there are in all is in patchcore_delta_info.
///
/// @param explanation The explanation, borrowed, or NULL.
/// @return How many; 0 for NULL.
///
/// Thread-safety: an explanation may be read from several threads at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_explanation_segment_count(explanation: *const patchcore_explanation) -> usize {
    // SAFETY: NULL, or an explanation that was not freed.
    unsafe { explanation.as_ref() }.map_or(0, |explanation| explanation.explanation.segments.len())
}

/// Gives one of the segments that take most of the delta, in the order in which they make the new file.
///
/// @param explanation The explanation, borrowed.
/// @param index Which of those listed, from 0 on.
/// @param out_segment Receives it; its string is borrowed from the explanation.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_INVALID_ARGUMENT where no such segment is listed.
///
/// Thread-safety: an explanation may be read from several threads at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_explanation_segment(
    explanation: *const patchcore_explanation,
    index: usize,
    out_segment: *mut patchcore_explained_segment,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let patchcore_explanation { explanation, addends, .. } = open(explanation)?;
            let out = Out::required(out_segment, "out_segment")?;
            let segment: &ExplainedSegment = item(&explanation.segments, index, "segment")?;
            out.put(patchcore_explained_segment {
                struct_size: 0,
                output_start: segment.output.start,
                output_end: segment.output.end,
                delta_start: segment.delta.start,
                delta_end: segment.delta.end,
                copies: segment.copies,
                copied_bytes: segment.copied_bytes,
                changed_bytes: segment.changed_bytes,
                inserted_bytes: segment.inserted_bytes,
                addends: item(addends, index, "segment")?.as_ptr(),
                lanes: segment.lanes.into(),
                has_check: segment.has_check.into(),
                memory: segment.memory,
                width: segment.width.into(),
            });
            Ok(())
        })
    }
}

/// Says how many stretches of the new file are inserted, not copied, in all.
///
/// @param explanation The explanation, borrowed, or NULL.
/// @return How many; 0 for NULL.
///
/// Thread-safety: an explanation may be read from several threads at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_explanation_insertions(explanation: *const patchcore_explanation) -> u64 {
    // SAFETY: NULL, or an explanation that was not freed.
    unsafe { explanation.as_ref() }.map_or(0, |explanation| explanation.explanation.insertions)
}

/// Says how many of the insertions are listed.
///
/// @param explanation The explanation, borrowed, or NULL.
/// @return How many; 0 for NULL.
///
/// Thread-safety: an explanation may be read from several threads at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_explanation_insertion_count(explanation: *const patchcore_explanation) -> usize {
    // SAFETY: NULL, or an explanation that was not freed.
    unsafe { explanation.as_ref() }.map_or(0, |explanation| explanation.explanation.longest_insertions.len())
}

/// Gives one of the longest insertions, the longest first.
///
/// @param explanation The explanation, borrowed.
/// @param index Which of those listed, from 0 on.
/// @param out_range Receives which bytes of the new file it makes.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_INVALID_ARGUMENT where no such insertion is listed.
///
/// Thread-safety: an explanation may be read from several threads at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_explanation_insertion(
    explanation: *const patchcore_explanation,
    index: usize,
    out_range: *mut patchcore_range,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let out = OutPointer::required(out_range, patchcore_range { start: 0, end: 0 }, "out_range")?;
            let patchcore_explanation { explanation, .. } = open(explanation)?;
            let range = item(&explanation.longest_insertions, index, "insertion")?;
            out.put(patchcore_range { start: range.start, end: range.end });
            Ok(())
        })
    }
}

/// Gives what the delta says about itself and what it holds as a whole.
///
/// @param explanation The explanation, borrowed.
/// @param out_info Receives what the delta says about itself, or NULL.
/// @param out_contents Receives what was counted, or NULL.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error.
///
/// Thread-safety: an explanation may be read from several threads at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_explanation_contents(
    explanation: *const patchcore_explanation,
    out_info: *mut patchcore_delta_info,
    out_contents: *mut patchcore_delta_contents,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let patchcore_explanation { explanation, .. } = open(explanation)?;
            let out_info = Out::new(out_info, "out_info")?;
            let out_contents = Out::new(out_contents, "out_contents")?;
            out_info.put(info_for_c(&explanation.info));
            out_contents.put(contents_for_c(&explanation.contents));
            Ok(())
        })
    }
}

/// Frees an explanation, and the strings borrowed from it.
///
/// @param explanation The explanation, which must not be used any more, or NULL.
///
/// Thread-safety: from one thread, when no other reads it any more.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_explanation_free(explanation: *mut patchcore_explanation) {
    // SAFETY: NULL, or an explanation that is freed once.
    guarded((), || unsafe { handle::release(explanation) });
}

/// # Safety
/// `explanation` is NULL or was not freed, and is not while the call lasts: reading one calls nobody back.
unsafe fn open<'a>(explanation: *const patchcore_explanation) -> Result<&'a patchcore_explanation> {
    // SAFETY: the caller's promise.
    unsafe { explanation.as_ref() }.ok_or_else(|| null("explanation"))
}

fn item<'a, T>(items: &'a [T], index: usize, what: &str) -> Result<&'a T> {
    items.get(index).ok_or_else(|| invalid(format!("no {what} {index} is listed, only {}", items.len())))
}
