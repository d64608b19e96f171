//! What clients, publishers and browsers are promised by the service.

#![allow(missing_docs, reason = "a test binary")]

mod changes;
mod files;
mod page;
mod server;
mod support;
mod updates;
mod uploads;
