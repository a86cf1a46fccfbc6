//! Guests whose changes are reported.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};

use harness::isolated;

fn change() {
    fs::write("/new", "new").unwrap();
    fs::write("/hello.txt", "other").unwrap();
    let mode = fs::metadata("/data").unwrap().permissions();
    fs::remove_dir_all("/data").unwrap();
    fs::create_dir("/data").unwrap();
    fs::set_permissions("/data", mode).unwrap();
    fs::create_dir("/data/made again").unwrap();
    fs::write("/data/made again/x", "x").unwrap();
    fs::set_permissions("/etc", Permissions::from_mode(0o700)).unwrap();
    symlink("/new", "/link").unwrap();
    fs::write("/gone", "x").unwrap();
    fs::remove_file("/gone").unwrap();
}

#[isolated(pid, rootfs = "rootfs/fixture", changes)]
fn of_every_kind() {
    change();
}

/// The kernel marks the topmost of new directories only.
#[isolated(pid, rootfs = "rootfs/fixture", changes)]
fn of_what_was_below_a_directory_that_is_made_again() {
    let modes = ["/data", "/data/sub"].map(|path| (path, fs::metadata(path).unwrap().permissions()));
    fs::remove_dir_all("/data").unwrap();
    for (path, mode) in modes {
        fs::create_dir(path).unwrap();
        fs::set_permissions(path, mode).unwrap();
    }
}

/// As in an image whose files all have one time.
#[isolated(pid, rootfs = "rootfs/fixture", changes)]
fn of_content_alone() {
    let before = fs::metadata("/hello.txt").unwrap();
    let file = File::options().write(true).open("/hello.txt").unwrap();
    file.write_all_at(b"HELLO", 0).unwrap();
    file.set_modified(before.modified().unwrap()).unwrap();
    assert_eq!(file.metadata().unwrap().len(), before.len());
}

#[isolated(pid, rootfs = "rootfs/fixture", changes, upper = "disk")]
fn of_every_kind_on_disk() {
    change();
}

#[isolated(pid1, rootfs = "rootfs/fixture", changes)]
fn of_every_kind_as_pid_1() {
    change();
}

#[isolated(pid, rootfs = "rootfs/fixture")]
fn not_asked() {
    change();
}

#[isolated(
    pid,
    rootfs = "rootfs/fixture",
    changes,
    tmpfs = "/scratch/deep",
    bind = "rootfs/shared:/shared",
    file("/etc/motd" = "of its own", "/made/for/it" = "")
)]
fn none() {
    fs::read_to_string("/hello.txt").unwrap();
    drop(File::options().append(true).open("/hello.txt").unwrap());
    fs::write("/scratch/deep/x", "x").unwrap();
    fs::write("/dev/shm/x", "x").unwrap();
    fs::write("/etc/motd", "written").unwrap();
    fs::write("/gone", "x").unwrap();
    fs::remove_file("/gone").unwrap();
}

#[isolated(pid, rootfs, changes)]
fn of_a_view_of_the_host() {
    fs::remove_file("/etc/passwd").unwrap();
    fs::write("/usr/harness-new", "1234").unwrap();
}

#[isolated(pid, rootfs = "rootfs/fixture", changes)]
fn then_panics() {
    fs::write("/new", "new").unwrap();
    panic!("after it");
}

#[isolated(pid, rootfs = "rootfs/fixture", changes)]
fn then_is_killed() {
    fs::write("/new", "new").unwrap();
    nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL).unwrap();
}

#[isolated(pid, rootfs = "rootfs/fixture", changes, timeout = "5s")]
fn then_runs_out_of_time() {
    fs::write("/new", "new").unwrap();
    loop {
        std::thread::park();
    }
}
