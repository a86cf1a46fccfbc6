//! flock(2) on a file by its name: a lock that ends with its process, and is that of the file which has the name now.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

/// Opens the file, makes it with this mode where it is not there, and locks it. `None` if somebody else has the lock
/// and `how` does not wait. A file that was renamed or removed while we waited is not the one any more.
pub(super) fn take(path: &Path, mode: u32, how: FlockArg) -> io::Result<Option<Flock<File>>> {
    loop {
        let mut options = File::options();
        let file = options.read(true).write(true).create(true).truncate(false).mode(mode).open(path)?;
        let file = match lock(file, how) {
            Ok(file) => file,
            Err(Errno::EWOULDBLOCK) => return Ok(None),
            Err(errno) => return Err(errno.into()),
        };
        let ours = file.metadata()?;
        match fs::metadata(path) {
            Ok(there) if (there.dev(), there.ino()) == (ours.dev(), ours.ino()) => return Ok(Some(file)),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
}

fn lock(mut file: File, how: FlockArg) -> Result<Flock<File>, Errno> {
    loop {
        file = match Flock::lock(file, how) {
            Ok(locked) => return Ok(locked),
            // A signal while waiting.
            Err((file, Errno::EINTR)) => file,
            Err((_, errno)) => return Err(errno),
        }
    }
}
