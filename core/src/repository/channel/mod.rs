//! A channel: the newest version of one file and the ways to it from the versions before, as static files.
//!
//! Any web host serves it. The manifest is replaced last and decides what counts; a reader of the one before finds all that it
//! needs, or learns by a digest that there is a newer one. The chain only grows, the newest version has a name of its own content.

mod manifest;
mod place;
mod publish;
mod squash;

pub use manifest::{ChannelManifest, SquashedPatch};
pub use publish::{ChannelPublishOptions, ChannelPublishReport, publish_channel};
