//! Every namespace: the guest is in another one than the runner, in no other but those it asked for, and
//! sees nothing of the host's.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};

use harness::isolated;
use harness_tests::machine::Need;
use harness_tests::needs;
use harness_tests::twin::Twin;
use harness_tests::{checks, outside, sys};

/// Which namespaces are new, for each argument.
const NEW: &[(&str, &[&str])] = &[
    ("nothing", &[]),
    ("user", &["user"]),
    // With its own /proc.
    ("pid", &["pid", "mnt"]),
    ("pid1", &["pid", "mnt"]),
    ("mount", &["mnt"]),
    ("uts", &["uts"]),
    ("ipc", &["ipc"]),
    ("net", &["net"]),
    ("cgroup", &["cgroup"]),
    ("time", &["time"]),
    ("all", &checks::NAMESPACES),
];

/// Without privilege a user namespace comes with any other.
fn is_added(kind: &str, asked: &[&str]) -> bool {
    kind == "user" && !asked.contains(&kind) && !asked.is_empty() && !nix::unistd::geteuid().is_root()
}

#[test]
fn just_those_asked_for_are_new() {
    needs!(Need::NAMESPACES, Need::CGROUP_NAMESPACE);
    let ran = Twin::module("namespaces::tells").arg("--nocapture").run();
    ran.must_pass();
    let said = ran.output();
    let said: BTreeMap<_, _> =
        said.lines().filter_map(|line| line.split_once("namespaces of ")?.1.split_once(": ")).collect();
    assert_eq!(said.len(), NEW.len(), "{}", ran.output());
    for (name, new) in NEW {
        let links = checks::NAMESPACES.iter().zip(said[name].split(' '));
        let differ = links.filter(|(kind, link)| {
            fs::read_link(format!("/proc/self/ns/{kind}")).unwrap().to_str() != Some(link)
        });
        let differ: Vec<_> = differ.map(|(kind, _)| *kind).filter(|kind| !is_added(kind, new)).collect();
        assert_eq!(differ, *new, "{name}");
    }
}

#[isolated(hostname = "box")]
fn hostname_inside() {
    checks::hostname_is_box();
}

#[test]
fn hostname_outside() {
    needs!(Need::NAMESPACES);
    let before = nix::unistd::gethostname().unwrap();
    let twin = Twin::tests(&["namespaces::hostname"]);
    let mut gate = twin.gate("hostname");
    let running = twin.start();
    assert_eq!(gate.arrived(), "box");
    assert_eq!(nix::unistd::gethostname().unwrap(), before);
    gate.open();
    running.finish().must_pass();
}

#[isolated(pid)]
fn pid_2_below_an_init() {
    checks::alone_with_an_init();
}

#[isolated(pid1)]
fn pid_1() {
    checks::alone();
}

#[isolated(net)]
fn only_loopback() {
    checks::only_loopback();
}

#[isolated(cgroup, mem = "100M", pids = 10)]
fn the_leaf_is_the_root_of_the_cgroup_namespace() {
    checks::leaf_is_the_root();
}

/// With the time namespace the clocks are there to be set.
#[isolated(time)]
fn clocks_of_its_own() {
    let offsets = fs::read_to_string("/proc/self/timens_offsets").unwrap();
    assert_eq!(offsets.split_whitespace().collect::<Vec<_>>(), ["monotonic", "0", "0", "boottime", "0", "0"]);
}

/// Removed even if the test fails.
struct Queues(i32, i32);

impl Drop for Queues {
    fn drop(&mut self) {
        sys::remove_queue(self.0);
        // ENOENT: it was not made.
        let _ = nix::mqueue::mq_unlink(format!("/harness.{}", self.1).as_str());
    }
}

#[test]
fn queues_of_the_host_are_invisible() {
    needs!(Need::NAMESPACES);
    use nix::mqueue::{MQ_OFlag, MqAttr, mq_close, mq_open};
    let key = std::process::id().cast_signed();
    let name = format!("/harness.{key}");
    let _queues = Queues(sys::make_queue(key).unwrap(), key);
    let (flags, mode) = (MQ_OFlag::O_CREAT | MQ_OFlag::O_RDWR, nix::sys::stat::Mode::S_IRWXU);
    let queue = mq_open(name.as_str(), flags, mode, Some(&MqAttr::new(0, 1, 8, 0))).unwrap();
    mq_close(queue).unwrap();
    let ran = Twin::tests(&["namespaces::foreign_queues", "namespaces::own_queues"])
        .env("QUEUE", key.to_string())
        .run();
    assert_eq!(ran.outcome("namespaces::foreign_queues"), "passed", "{}", ran.output());
    assert_eq!(ran.outcome("namespaces::own_queues"), "panicked");
}

#[test]
fn queues_of_a_guest_are_invisible() {
    needs!(Need::NAMESPACES);
    // Not the key of the test above.
    let key = std::process::id().cast_signed() | 1 << 30;
    let twin = Twin::tests(&["namespaces::makes_a_queue"]).env("QUEUE", key.to_string());
    let mut gate = twin.gate("queue");
    let running = twin.start();
    gate.arrived();
    assert!(!sys::has_queue(key));
    gate.open();
    running.finish().must_pass();
}

#[test]
fn ports_of_the_host_are_invisible() {
    needs!(Need::NAMESPACES);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let ran = Twin::tests(&["namespaces::foreign_port", "namespaces::own_port"]).env("PORT", port).run();
    assert_eq!(ran.outcome("namespaces::foreign_port"), "passed", "{}", ran.output());
    assert_eq!(ran.outcome("namespaces::own_port"), "panicked");
}

#[test]
fn two_guests_have_the_same_port() {
    needs!(Need::NAMESPACES);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let tests = ["namespaces::takes_the_port", "namespaces::takes_the_port_too"];
    let twin = Twin::tests(&tests).env("PORT", port).env("RUST_TEST_THREADS", "2");
    let mut gate = twin.gate("port");
    let running = twin.start();
    assert_eq!([gate.arrived(), gate.arrived()], ["bound", "bound"]);
    gate.open();
    gate.open();
    running.finish().must_pass();
}

/// In a mount namespace whose mounts are shared, as systemd makes them: there a guest's mount would
/// come back.
#[test]
fn mounts_of_a_guest_do_not_come_back() {
    needs!(Need::Root);
    let unshare = ["unshare", "--mount", "--propagation=shared"];
    let twin = Twin::in_shell(&unshare, "", &["namespaces::mounts_a_tmpfs_inside"]);
    fs::create_dir(twin.directory().join("point")).unwrap();
    let mut gate = twin.gate("mount");
    let running = twin.start();
    assert_eq!(gate.arrived(), "mounted");
    let seen =
        |pid: i32| fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap().contains("harness-probe");
    assert!(seen(running.process("harness-body").pid));
    assert!(!seen(running.pid) && !outside::mounts().contains("harness-probe"));
    gate.open();
    running.finish().must_pass();
}
