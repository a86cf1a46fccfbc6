//! Guests that write everywhere. The test outside looks at what they wrote to.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;

use harness::isolated;
use harness_tests::gate;

/// In the directory shared with the test outside: read, append, rename, remove, change, make.
fn change(directory: &Path) {
    assert_eq!(fs::read_to_string(directory.join("appended")).unwrap(), "as it was");
    fs::write(directory.join("appended"), "something else").unwrap();
    fs::remove_file(directory.join("removed")).unwrap();
    fs::rename(directory.join("renamed"), directory.join("new name")).unwrap();
    fs::set_permissions(directory.join("changed"), fs::Permissions::from_mode(0o777)).unwrap();
    fs::create_dir(directory.join("made")).unwrap();
}

#[isolated(pid, rootfs)]
fn changes_a_view() {
    change(&gate::directory().join("tree"));
}

/// What the one above would do without `rootfs`.
#[isolated(pid)]
fn changes_in_place() {
    change(&gate::directory().join("tree"));
}

/// A name that tells the test outside whose it is.
fn scribble(directories: &[&str]) {
    let name = std::env::var("SCRIBBLE").unwrap();
    for directory in directories {
        let path = Path::new(directory).join(&name);
        fs::write(&path, "scribbled").unwrap();
        assert_eq!(fs::read_to_string(path).unwrap(), "scribbled");
    }
}

#[isolated(pid, rootfs)]
fn scribbles_over_the_view() {
    scribble(&["/", "/etc", "/usr", "/usr/bin", "/tmp", "/root", "/var", "/dev/shm"]);
    fs::write("/etc/passwd", "nobody").unwrap();
    fs::remove_dir_all("/usr/share").unwrap();
}

#[isolated(pid, rootfs = "rootfs/fixture")]
fn scribbles_over_a_directory() {
    scribble(&["/", "/etc", "/data/sub", "/tmp", "/dev/shm"]);
    fs::write("/data/sub/file", "something else").unwrap();
    fs::rename("/hello.txt", "/bye.txt").unwrap();
    fs::set_permissions("/etc/motd", fs::Permissions::from_mode(0o600)).unwrap();
    fs::remove_dir_all("/data").unwrap();
}

#[test]
fn fifty_scribble_at_once() {
    thread::scope(|scope| {
        let threads: Vec<_> =
            (0..10).map(|_| scope.spawn(|| (0..5).for_each(|_| scribbles_over_a_directory()))).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// Absolute symlinks lead somewhere below the new root, never to the host.
#[isolated(
    pid,
    rootfs = "rootfs/hostile",
    bind = "rootfs/fixture:/link/harness-bind",
    tmpfs = "/up/harness-tmpfs:1M"
)]
fn follows_symlinks() {
    scribble(&["/tmp", "/var/tmp", "/link", "/up", "/dev"]);
    assert_eq!(fs::read_to_string("/link/harness-bind/hello.txt").unwrap(), "hello\n");
    assert!(fs::metadata("/root/harness-bind/hello.txt").is_ok());
    assert!(fs::metadata("/dev/null").is_ok());
}

/// The same mode again is a change of the inode, too. Where the nodes are the host's it is refused.
#[isolated(pid, rootfs = "rootfs/empty")]
fn touches_device_nodes() {
    for name in ["null", "zero", "full", "random", "urandom"] {
        let node = std::path::Path::new("/dev").join(name);
        let mode = fs::metadata(&node).unwrap().permissions();
        if let Err(error) = fs::set_permissions(&node, mode) {
            assert!(matches!(error.raw_os_error(), Some(libc::EPERM | libc::EROFS)), "{name}: {error}");
        }
    }
}

/// Its `tmp` and `dev` lead nowhere.
#[isolated(pid, rootfs = "rootfs/dangling")]
fn follows_a_dangling_symlink() {}

#[isolated(pid, bind = "rootfs/shared:/mnt")]
fn writes_to_a_bind() {
    scribble(&["/mnt"]);
}

#[isolated(pid, rootfs = "rootfs/fixture", readonly, bind = "rootfs/shared:/made/for/it")]
fn writes_to_a_bind_in_a_readonly_root() {
    scribble(&["/made/for/it"]);
    assert!(fs::write("/made/for/x", "").is_err());
}

#[isolated(pid, bind = "rootfs/shared:/mnt:ro")]
fn writes_to_a_readonly_bind() {
    scribble(&["/mnt"]);
}

#[isolated(pid, file("/etc/passwd" = "somebody else"))]
fn covers_a_file_of_the_host() {
    fs::write("/etc/passwd", "written").unwrap();
}

#[isolated(pid, file("/etc/harness-is-not-there" = "somebody else"))]
fn makes_a_file_in_the_host() {}
