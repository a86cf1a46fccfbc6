//! `bind`, `tmpfs`, `readonly`, with and without a root of their own.

use std::fs;
use std::path::Path;

use harness::isolated;
use harness_tests::checks;
use harness_tests::machine::Need;
use harness_tests::needs;
use harness_tests::twin::{Ran, Twin};

/// What the guest of this test wrote to the shared directory; it is removed again.
fn scribble(test: &str) -> (Ran, Option<String>) {
    let name = format!("{}-{}", test.replace("::", "-"), std::process::id());
    let ran = Twin::tests(&[test]).env("SCRIBBLE", &name).run();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("rootfs/shared").join(name);
    let written = fs::read_to_string(&path).ok();
    // It is not there where the bind is read-only.
    drop(fs::remove_file(&path));
    (ran, written)
}

#[test]
fn a_bind_is_the_hosts_own_directory() {
    needs!(Need::OVERLAY);
    for test in ["files::writes_to_a_bind", "files::writes_to_a_bind_in_a_readonly_root"] {
        let (ran, written) = scribble(test);
        ran.must_pass();
        assert_eq!(written.as_deref(), Some("scribbled"), "{test}");
    }
}

#[test]
fn a_readonly_bind_takes_nothing() {
    needs!(Need::NAMESPACES);
    let (ran, written) = scribble("files::writes_to_a_readonly_bind");
    assert_eq!(written, None);
    assert_eq!(ran.outcome("files::writes_to_a_readonly_bind"), "panicked");
    assert!(ran.stdout.contains("Read-only file system"), "{}", ran.output());
}

#[isolated(pid, bind = "rootfs/fixture:/mnt:ro", bind = "rootfs/fixture/hello.txt:/etc/motd:ro")]
fn binds_of_directories_and_files() {
    assert_eq!(fs::read_to_string("/mnt/hello.txt").unwrap(), "hello\n");
    assert_eq!(fs::read_to_string("/etc/motd").unwrap(), "hello\n");
    checks::is_readonly(&["/mnt", "/mnt/data"]);
}

/// As mount(8) does; in the guest's root, whatever its symlinks say.
#[isolated(pid, rootfs = "rootfs/hostile", bind = "rootfs/fixture:/up:ro")]
fn a_bind_goes_where_a_symlink_leads() {
    assert_eq!(fs::read_to_string("/etc/hello.txt").unwrap(), "hello\n");
    assert!(fs::symlink_metadata("/up").unwrap().is_symlink());
    checks::is_readonly(&["/etc"]);
}

#[isolated(
    pid,
    rootfs = "rootfs/empty",
    bind = "rootfs/fixture/hello.txt:/new/place/file:ro",
    bind = "/etc:/host"
)]
fn missing_mount_points_are_made_in_a_root_of_its_own() {
    assert_eq!(fs::read_to_string("/new/place/file").unwrap(), "hello\n");
    assert!(Path::new("/host/passwd").exists());
}

#[isolated(pid, rootfs, bind = "rootfs/fixture:/harness-new/place:ro", tmpfs = "/harness-new/tmpfs:1M")]
fn missing_mount_points_are_made_in_a_view() {
    assert!(Path::new("/harness-new/place/hello.txt").exists());
    fs::write("/harness-new/tmpfs/x", "x").unwrap();
}

#[isolated(pid, tmpfs = "/mnt:1M")]
fn a_tmpfs_has_its_size() {
    assert_eq!(fs::read_dir("/mnt").unwrap().count(), 0);
    checks::is_full_at(Path::new("/mnt"), 1024);
}

#[isolated(pid, rootfs = "rootfs/empty", tmpfs = "/scratch:64K", tmpfs = "/other")]
fn each_tmpfs_is_its_own() {
    checks::is_full_at(Path::new("/scratch"), 64);
    fs::write("/other/x", vec![0; 1 << 20]).unwrap();
}

#[isolated(pid, readonly, tmpfs = "/mnt:1M")]
fn readonly_without_a_root() {
    checks::is_readonly(&["/", "/etc", "/usr", "/tmp", "/root", "/var", "/dev", "/sys/fs/cgroup"]);
    fs::write("/mnt/x", "x").unwrap();
    // The devices themselves take what is written to them.
    fs::write("/dev/null", "x").unwrap();
}

#[isolated(pid, rootfs, readonly, tmpfs = "/tmp:1M", workdir = "/")]
fn readonly_view_of_the_host() {
    checks::is_readonly(&["/", "/etc", "/usr", "/root", "/var", "/sys/fs/cgroup"]);
    fs::write("/tmp/x", "x").unwrap();
}

#[isolated(pid, rootfs = "rootfs/fixture", readonly, tmpfs = "/work")]
fn readonly_directory() {
    checks::is_readonly(&["/", "/etc", "/data/sub", "/tmp"]);
    fs::write("/work/x", "x").unwrap();
}

#[isolated(rootfs = "rootfs/fixture", workdir = "/data/sub")]
fn a_root_without_a_pid_namespace() {
    assert_eq!(fs::read_to_string("file").unwrap(), "some data\n");
    // The host's /proc: it shows who we are to the host.
    let own = std::process::id().to_string();
    assert_eq!(fs::read_link("/proc/self").unwrap(), Path::new(&own));
}

#[test]
fn guests_without_a_size_or_readonly_are_caught() {
    needs!(Need::OVERLAY);
    let ran = Twin::tests(&["without::tmpfs_size", "without::readonly"]).run();
    for test in ["without::tmpfs_size", "without::readonly"] {
        assert_eq!(ran.outcome(test), "panicked", "{}", ran.output());
    }
}
