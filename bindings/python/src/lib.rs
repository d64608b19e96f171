//! patchcore for Python: what `import patchcore` finds in its native half.
//!
//! The way of one call: `source` and `target` turn arguments into inputs and outputs of the facade, `call` runs the
//! operation on a thread of its own and keeps Python's signals and callbacks on the caller's, `results` and `errors` turn
//! what came of it into the classes of `results.py` and `errors.py`. Nothing is decided here that another face would
//! have to decide again.

mod applier;
mod buffer;
mod call;
mod cancel;
mod chain;
mod channel;
mod command;
mod delta;
mod errors;
mod options;
mod patch;
mod repository;
mod results;
mod source;
mod target;
mod transfer;
mod tree;
mod tree_results;
mod trust;
mod update;
mod version;

/// The native half of patchcore; import `patchcore` instead.
#[pyo3::pymodule]
mod _patchcore {
    #[pymodule_export]
    use crate::applier::Applier;
    #[pymodule_export]
    use crate::call::_wait_for_workers;
    #[pymodule_export]
    use crate::cancel::CancelToken;
    #[pymodule_export]
    use crate::chain::Chain;
    #[pymodule_export]
    use crate::channel::{publish_channel, update_file};
    #[pymodule_export]
    use crate::command::_run_command;
    #[pymodule_export]
    use crate::delta::{apply, compose, diff, digest, explain, file_kind, inspect, verify};
    #[pymodule_export]
    use crate::errors::_statuses;
    #[pymodule_export]
    use crate::patch::TreePatch;
    #[pymodule_export]
    use crate::repository::Repository;
    #[pymodule_export]
    use crate::transfer::fetch;
    #[pymodule_export]
    use crate::tree::{
        tree_clean, tree_diff, tree_diff_operations, tree_installed, tree_recover, tree_rollback, tree_scan,
        tree_squash,
    };
    #[pymodule_export]
    use crate::trust::{create_key_files, key_id, sign_file, verify_file};
    #[pymodule_export]
    use crate::update::Updater;

    /// For a limit: none at all.
    #[pymodule_export]
    const NO_LIMIT: u64 = u64::MAX;

    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "the name that Python gives it")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
