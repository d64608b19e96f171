//! The one way in which values of ours become JSON.

use serde::Serialize;

/// The JSON text of `value`, which is plain data: names, numbers, texts and lists of such, for which there always is one.
pub(crate) fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain data has a JSON text")
}
