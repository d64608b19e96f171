//! What the property tests, the hostile tests and the fuzz targets share.

#![allow(dead_code)] // each test binary uses its own part

pub mod archives;
pub mod calls;
pub mod column;
pub mod files;
pub mod forge;
pub mod kinds;
pub mod promises;
pub mod readers;
pub mod slot;
pub mod targets;
pub mod trees;
