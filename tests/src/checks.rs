//! What a body checks about the isolation around it. Each check is made twice: in a guest that has what
//! it needs (`isolation/`), and in one that has not (`twins/without.rs`), where it must fail.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use nix::net::if_::InterfaceFlags;
use nix::sched::{CpuSet, sched_getaffinity};
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::statfs::{SYSFS_MAGIC, statfs};
use nix::unistd::{Pid, getgroups, gethostname, getresgid, getresuid};

use crate::{outside, sys};

/// Kinds of namespaces, by their names in /proc/self/ns.
pub const NAMESPACES: [&str; 8] = ["user", "pid", "mnt", "uts", "ipc", "net", "cgroup", "time"];

/// The host name is the one asked for.
pub fn hostname_is_box() {
    assert_eq!(gethostname().expect("a host name"), "box");
}

/// Pid 2, below an init, and nobody else.
pub fn alone_with_an_init() {
    assert_eq!(std::process::id(), 2);
    assert_eq!(outside::field(1, "Name:").as_deref(), Some("harness-init"));
    assert_eq!(processes(), ["1", "2"]);
}

/// Pid 1, and nobody else.
pub fn alone() {
    assert_eq!(std::process::id(), 1);
    assert_eq!(processes(), ["1"]);
}

fn processes() -> Vec<String> {
    let names = fs::read_dir("/proc").expect("/proc").flatten();
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    let mut pids: Vec<_> = names.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())).collect();
    pids.sort();
    pids
}

/// A loopback that is up, and nothing else.
pub fn only_loopback() {
    let all: Vec<_> = nix::ifaddrs::getifaddrs().expect("interfaces").collect();
    assert!(all.iter().all(|interface| interface.interface_name == "lo"), "{all:?}");
    let up = InterfaceFlags::IFF_UP | InterfaceFlags::IFF_RUNNING;
    assert!(!all.is_empty() && all.iter().all(|interface| interface.flags.contains(up)), "{all:?}");
    let names = fs::read_to_string("/proc/self/net/dev").expect("/proc/self/net/dev");
    assert_eq!(names.lines().filter(|line| line.contains(':')).count(), 1, "{names}");
    bytes_travel();
}

fn bytes_travel() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind to loopback");
    let address = listener.local_addr().expect("an address");
    let client = thread::spawn(move || {
        TcpStream::connect(address).and_then(|mut client| client.write_all(b"over loopback"))
    });
    let mut text = String::new();
    listener.accept().expect("accept").0.read_to_string(&mut text).expect("read");
    client.join().expect("the client").expect("write");
    assert_eq!(text, "over loopback");
}

/// A port that the host listens on is free here, and nobody answers on it.
pub fn port_is_free(port: u16) {
    let answer = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map_err(|error| error.kind());
    assert!(matches!(answer, Err(std::io::ErrorKind::ConnectionRefused)), "{answer:?}");
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("a free port");
}

/// The leaf is the root of the cgroup namespace in every hierarchy that has it.
pub fn leaf_is_the_root() {
    let text = fs::read_to_string("/proc/self/cgroup").expect("/proc/self/cgroup");
    let path = |line: &str| line.splitn(3, ':').nth(2).map(str::to_owned);
    let of = |controller: &str| {
        let line = text.lines().find(|line| line.split(':').nth(1) == Some(controller));
        line.or_else(|| text.lines().find(|line| line.starts_with("0::"))).and_then(path)
    };
    assert_eq!([of("memory"), of("pids")], [Some("/".to_owned()), Some("/".to_owned())], "{text}");
}

/// An ordinary user: no capability, no group of root's, no access to what is root's.
pub fn unprivileged(uid: u32, gid: u32) {
    let (uids, gids) = (getresuid().expect("uids"), getresgid().expect("gids"));
    let found = [uids.real, uids.effective, uids.saved].map(nix::unistd::Uid::as_raw);
    assert_eq!(found, [uid; 3]);
    assert_eq!([gids.real, gids.effective, gids.saved].map(nix::unistd::Gid::as_raw), [gid; 3]);
    assert!(has_no_group(), "{:?}", getgroups());
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
        let own = i32::try_from(std::process::id()).expect("a pid");
        assert_eq!(outside::field(own, set).as_deref(), Some("0000000000000000"), "{set}");
    }
    let shadow = fs::read("/etc/shadow").map_err(|error| error.kind());
    assert_eq!(shadow.map(drop), Err(std::io::ErrorKind::PermissionDenied));
}

/// Whether there is nobody else to become: a user without privilege maps one id, its own.
pub fn is_the_only_user() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").expect("/proc/self/uid_map");
    let counts: Vec<_> = map.lines().map(|line| line.split_whitespace().nth(2)).collect();
    counts == [Some("1")]
}

/// None; or its own and nobody's, where a user without privilege has made the user namespace: setgroups(2) is
/// denied there, and groups that cannot be given up are shown as nobody's.
fn has_no_group() -> bool {
    let denied = fs::read_to_string("/proc/self/setgroups").is_ok_and(|word| word.trim() == "deny");
    let groups = getgroups().expect("groups");
    let own = nix::unistd::getegid();
    groups.is_empty() || denied && groups.iter().all(|group| *group == own || group.as_raw() == 65534)
}

/// There is no System V queue of this key and no POSIX queue of this name.
pub fn queues_are_invisible(key: i32, name: &str) {
    assert!(!sys::has_queue(key), "a System V queue of the host's");
    let flags = nix::mqueue::MQ_OFlag::O_RDONLY;
    let mode = nix::sys::stat::Mode::empty();
    let opened = nix::mqueue::mq_open(name, flags, mode, None);
    assert_eq!(opened.map(drop), Err(nix::errno::Errno::ENOENT));
}

/// Runs on the first CPU only.
pub fn runs_on_cpu_0_only() {
    let set = sched_getaffinity(Pid::from_raw(0)).expect("the affinity");
    let cpus: Vec<_> = (0..CpuSet::count()).filter(|cpu| set.is_set(*cpu).unwrap_or(false)).collect();
    assert_eq!(cpus, [0]);
}

/// A second process is refused.
pub fn forks_fail() {
    let refused = sys::fork(|| {});
    assert_eq!(refused, Err(nix::errno::Errno::EAGAIN));
}

/// This soft and hard limit is in force.
pub fn rlimit_is(resource: Resource, value: u64) {
    assert_eq!(getrlimit(resource), Ok((value, value)), "{resource:?}");
}

/// A directory takes no more than this many KiB.
pub fn is_full_at(directory: &Path, kib: usize) {
    let mut file = fs::File::create(directory.join("full")).expect("create");
    let block = [1_u8; 1024];
    let written = (0..=kib).take_while(|_| file.write_all(&block).is_ok()).count();
    assert!(written <= kib, "{written} KiB");
    let error = file.write_all(&block).map_err(|error| error.kind());
    assert_eq!(error, Err(std::io::ErrorKind::StorageFull));
}

/// Nothing can be made in these directories.
pub fn is_readonly(directories: &[&str]) {
    for directory in directories {
        let made = fs::write(Path::new(directory).join("harness-probe"), "").map_err(|error| error.kind());
        assert_eq!(made, refused_in(directory), "{directory}");
    }
}

/// Where no cgroup hierarchy is mounted, its place is sysfs's, which takes no file of anybody's.
fn refused_in(directory: &str) -> Result<(), std::io::ErrorKind> {
    let is_sysfs = statfs(directory).is_ok_and(|found| found.filesystem_type() == SYSFS_MAGIC);
    Err(if is_sysfs { std::io::ErrorKind::NotFound } else { std::io::ErrorKind::ReadOnlyFilesystem })
}

/// How often the constructors of this library ran in this process: one that the linker sorts before all
/// others, and one at its own place.
pub fn constructed() -> (usize, usize) {
    (constructors::EARLY.load(Ordering::Relaxed), constructors::LATE.load(Ordering::Relaxed))
}

#[expect(unsafe_code, reason = "constructors, as the ctor crate makes them")]
mod constructors {
    use super::{AtomicUsize, Ordering};

    pub(super) static EARLY: AtomicUsize = AtomicUsize::new(0);
    pub(super) static LATE: AtomicUsize = AtomicUsize::new(0);

    extern "C" fn early() {
        EARLY.fetch_add(1, Ordering::Relaxed);
    }

    extern "C" fn late() {
        LATE.fetch_add(1, Ordering::Relaxed);
    }

    #[used]
    #[unsafe(link_section = ".init_array.00200")]
    static FIRST: extern "C" fn() = early;

    #[used]
    #[unsafe(link_section = ".init_array")]
    static SECOND: extern "C" fn() = late;
}
