//! Copies that share their blocks with the original until one of both changes, where the file system has such.

use std::fs::File;
use std::io;

/// Makes the empty file `to` a copy of `from` that takes no space. Says whether it is one: elsewhere nothing happens.
#[cfg(target_os = "linux")]
pub(crate) fn clone_file(from: &File, to: &File) -> io::Result<bool> {
    use rustix::io::Errno;
    match rustix::fs::ioctl_ficlone(to, from) {
        Ok(()) => Ok(true),
        // File systems say in many ways that they cannot.
        Err(Errno::OPNOTSUPP | Errno::NOTTY | Errno::INVAL | Errno::XDEV | Errno::NOSYS | Errno::PERM) => Ok(false),
        Err(e) => Err(e.into()),
    }
}

/// [`clone_file`](self) where no such call is used.
#[cfg(not(target_os = "linux"))]
pub(crate) fn clone_file(_from: &File, _to: &File) -> io::Result<bool> {
    Ok(false)
}
