//! `rootfs = "DIR"`: a copy-on-write view of a directory.

use std::backtrace::Backtrace;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use harness::isolated;
use harness_tests::machine::Need;
use harness_tests::needs;
use harness_tests::twin::Twin;
use harness_tests::{checks, outside};

fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("rootfs").join(name)
}

#[isolated(pid, rootfs = "rootfs/fixture")]
fn shows_the_directory_and_little_else() {
    assert_eq!(fs::read_to_string("/hello.txt").unwrap(), "hello\n");
    assert_eq!(fs::read_to_string("/data/sub/file").unwrap(), "some data\n");
    assert_eq!(std::env::current_dir().unwrap(), Path::new("/"));
    assert!(!Path::new("/etc/passwd").exists() && !Path::new("/usr/bin").exists());
}

#[test]
fn fifty_guests_do_not_change_the_directory() {
    needs!(Need::OVERLAY);
    let name = format!("harness-scribble-{}", std::process::id());
    let before = outside::fingerprint(&fixture("fixture"));
    let ran = Twin::tests(&["files::fifty_scribble_at_once"]).env("SCRIBBLE", &name).run();
    ran.must_pass();
    assert_eq!(ran.runs().len(), 50);
    assert_eq!(outside::fingerprint(&fixture("fixture")), before);
    assert!(!Path::new("/tmp").join(&name).exists() && !Path::new("/dev/shm").join(&name).exists());
}

#[test]
fn symlinks_do_not_lead_to_the_host() {
    needs!(Need::OVERLAY);
    let name = format!("harness-scribble-{}", std::process::id());
    let before = outside::fingerprint(&fixture("hostile"));
    let targets = ["/etc", "/root", "/var/tmp"];
    Twin::tests(&["files::follows_symlinks"]).env("SCRIBBLE", &name).run().must_pass();
    assert_eq!(outside::fingerprint(&fixture("hostile")), before);
    for directory in targets {
        for name in [&name, "harness-bind", "harness-tmpfs", "null", "pts"] {
            assert!(!Path::new(directory).join(name).exists(), "{directory}/{name}");
        }
    }
}

/// A guest's root may change modes and times: of its own nodes, never of the host's.
#[test]
fn device_nodes_of_the_host_stay_as_they_are() {
    needs!(Need::OVERLAY);
    // Not the tty, whose times change with what is typed.
    let nodes = || {
        ["null", "zero", "full", "random", "urandom"].map(|name| {
            let metadata = fs::metadata(Path::new("/dev").join(name)).unwrap();
            (metadata.ino(), metadata.mode(), metadata.ctime(), metadata.ctime_nsec())
        })
    };
    let before = nodes();
    Twin::tests(&["files::touches_device_nodes"]).run().must_pass();
    assert_eq!(nodes(), before);
}

#[test]
fn a_dangling_dev_is_an_error() {
    needs!(Need::OVERLAY);
    let ran = Twin::tests(&["files::follows_a_dangling_symlink"]).run();
    assert!(!ran.passed());
    let error = &ran.run_of("files::follows_a_dangling_symlink")["setup_error"];
    assert_eq!(error["errno"], "EEXIST", "{error}");
    assert!(ran.stdout.contains("make the mount point /dev"), "{}", ran.output());
    assert!(!Path::new("/no").exists());
}

#[isolated(pid, rootfs = "rootfs/empty")]
fn devices_work() {
    for name in ["null", "zero", "full", "random", "urandom", "tty"] {
        let kind = fs::metadata(Path::new("/dev").join(name)).unwrap().file_type();
        assert!(kind.is_char_device(), "{name}");
    }
    let mut bytes = [1; 16];
    fs::File::open("/dev/zero").unwrap().read_exact(&mut bytes).unwrap();
    assert_eq!(bytes, [0; 16]);
    fs::File::open("/dev/urandom").unwrap().read_exact(&mut bytes).unwrap();
    fs::write("/dev/null", bytes).unwrap();
    let full = fs::File::create("/dev/full").unwrap().write_all(&bytes).map_err(|error| error.kind());
    assert_eq!(full, Err(std::io::ErrorKind::StorageFull));
    for name in ["fd", "stdin", "stdout", "stderr", "ptmx"] {
        assert!(fs::symlink_metadata(Path::new("/dev").join(name)).unwrap().is_symlink(), "{name}");
    }
    fs::write("/dev/shm/x", "shared").unwrap();
    fs::write("/dev/stderr", "").unwrap();
}

/// As udev has it on the host, whatever the umask of who runs the tests.
#[isolated(pid, rootfs = "rootfs/empty")]
fn devices_are_for_all() {
    for name in ["null", "zero", "full", "random", "urandom", "tty"] {
        let mode = fs::metadata(Path::new("/dev").join(name)).unwrap().mode();
        assert_eq!(mode & 0o777, 0o666, "{name}");
    }
}

/// No device of the host's disks, nor anything else.
#[isolated(pid, rootfs = "rootfs/empty")]
fn devices_are_few() {
    assert_eq!(fs::read_dir("/dev").unwrap().count(), 13);
}

#[isolated(pid, rootfs = "rootfs/empty")]
fn proc_is_fresh() {
    checks::alone_with_an_init();
    fs::write("/proc/self/comm", "writable").unwrap();
}

#[isolated(pid, rootfs = "rootfs/empty")]
fn sys_is_readonly() {
    let flags = nix::sys::statvfs::statvfs("/sys").unwrap().flags();
    assert!(flags.contains(nix::sys::statvfs::FsFlags::ST_RDONLY));
    checks::is_readonly(&["/sys/fs/cgroup"]);
}

#[isolated(pid, rootfs = "rootfs/empty", env = "TMPDIR=/tmp")]
fn temporary_files_can_be_made() {
    let mut file = tempfile::tempfile_in(std::env::temp_dir()).unwrap();
    file.write_all(b"x").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata("/tmp").unwrap().permissions());
    assert_eq!(mode & 0o7777, 0o1777);
}

/// The same ids in and out: files made inside belong to whom they belonged outside.
#[isolated(pid, rootfs = "rootfs/fixture")]
fn owners_are_those_of_the_directory() {
    use std::os::unix::fs::MetadataExt;
    let [root, file] = ["/", "/hello.txt"].map(|path| fs::metadata(path).unwrap());
    assert_eq!((root.uid(), root.mode() & 0o777), (file.uid(), 0o755));
}

#[isolated(pid, rootfs = "rootfs/empty")]
fn threads_and_backtraces_work() {
    assert!(std::env::current_exe().unwrap().exists());
    let thread = std::thread::Builder::new().name("named".into()).spawn(|| {
        let trace = Backtrace::force_capture().to_string();
        assert!(trace.contains("threads_and_backtraces_work") && trace.contains("directory.rs"), "{trace}");
    });
    thread.unwrap().join().unwrap();
}

#[test]
fn a_panic_in_an_empty_root_has_symbols() {
    needs!(Need::OVERLAY);
    let ran = Twin::tests(&["output::panics_in_an_empty_root"]).env("RUST_BACKTRACE", "1").run();
    assert!(!ran.passed());
    assert!(ran.stdout.contains("inner_function_of_the_panic"), "{}", ran.output());
    assert!(ran.stdout.contains("twins/output.rs"), "{}", ran.output());
}
