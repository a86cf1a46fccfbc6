//! The floor: the system calls that a guest in an overlay of its own cannot do without, and nothing else: no zygote,
//! no /dev, no /sys, no pipes, no report, no evidence.
#![expect(unsafe_code, reason = "_exit")]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::unistd::{chdir, pivot_root};

use crate::calls::{clone, wait};

/// Makes the namespaces with their pid 1, the root, the body; waits for both.
pub(crate) fn run(lower: &Path) -> Duration {
    let start = Instant::now();
    let flags = libc::CLONE_NEWPID | libc::CLONE_NEWNS | libc::CLONE_NEWUTS | libc::CLONE_NEWIPC;
    match clone(u64::from(flags.unsigned_abs()), None) {
        0 => pid1(lower),
        child => wait(child),
    }
    start.elapsed()
}

fn pid1(lower: &Path) -> ! {
    enter(lower).expect("the root");
    match clone(0, None) {
        0 => {}
        body => wait(body),
    }
    // SAFETY: ends this process.
    unsafe { libc::_exit(0) }
}

fn enter(lower: &Path) -> nix::Result<()> {
    const NONE: Option<&str> = None;
    let none = MsFlags::empty();
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE)?;
    mount(Some("tmpfs"), "/tmp", Some("tmpfs"), none, NONE)?;
    for directory in ["/tmp/upper", "/tmp/work", "/tmp/root"] {
        fs::create_dir(directory).map_err(|_| nix::Error::EIO)?;
    }
    let options = format!("lowerdir={},upperdir=/tmp/upper,workdir=/tmp/work", lower.display());
    mount(Some("overlay"), "/tmp/root", Some("overlay"), none, Some(options.as_str()))?;
    mount(Some("proc"), "/tmp/root/proc", Some("proc"), none, NONE)?;
    chdir("/tmp/root")?;
    pivot_root(".", ".")?;
    umount2(".", MntFlags::MNT_DETACH)?;
    chdir("/")
}
