//! Each option, as the program sees it; and without it, that it does not.

use std::path::{Path, PathBuf};
use std::time::Duration;

use harness::{IdMapping, Outcome, Resource, Sandbox, Size};
use harness_tests::run;
use harness_tests::sandbox::{shell, text};

/// The text that a script writes.
macro_rules! said {
    ($sandbox:expr, $script:expr) => {{
        let run = run!(shell($sandbox.timeout(Duration::from_secs(120)), $script));
        assert!(run.passed(), "{run}");
        text(&run.stdout).to_owned()
    }};
}

type With = fn(Sandbox) -> Sandbox;

/// Later than any clock goes.
#[test]
fn a_timeout_without_end() {
    let run = run!(shell(Sandbox::new().timeout(Duration::MAX), "echo here"));
    assert!(run.passed(), "{run}");
}

#[test]
fn namespaces() {
    let all: [(&str, With); 7] = [
        ("user", Sandbox::user),
        ("pid", Sandbox::pid),
        ("mnt", Sandbox::mount),
        ("uts", Sandbox::uts),
        ("ipc", Sandbox::ipc),
        ("net", Sandbox::net),
        ("time", Sandbox::time),
    ];
    for (name, with) in all {
        let script = format!("readlink /proc/self/ns/{name}");
        let inside = said!(with(Sandbox::new()), &script);
        let outside = std::fs::read_link(format!("/proc/self/ns/{name}")).unwrap();
        assert_ne!(Path::new(&inside), outside, "{name}");
        assert_eq!(PathBuf::from(said!(Sandbox::new(), &script)), outside, "{name}");
    }
}

#[test]
fn all_namespaces() {
    let script = "for kind in user pid mnt uts ipc net cgroup time; do readlink /proc/self/ns/$kind; done";
    let [inside, outside] = [said!(Sandbox::new().all(), script), said!(Sandbox::new(), script)];
    let same = inside.lines().zip(outside.lines()).filter(|(inside, outside)| inside == outside);
    assert_eq!((inside.lines().count(), same.count()), (8, 0), "{inside}\n{outside}");
}

#[test]
fn the_cgroup_namespace_is_rooted_at_the_leaf() {
    let script = "grep -E ':memory:|^0::' /proc/self/cgroup | tail -n 1";
    let inside = said!(Sandbox::new().cgroup().memory_max(Size::mib(100)), script);
    assert!(inside.ends_with(":/"), "{inside}");
}

#[test]
fn pids_begin_at_two() {
    assert_eq!(said!(Sandbox::new().pid(), "echo $$"), "2");
    assert_eq!(said!(Sandbox::new().pid1(), "echo $$"), "1");
}

#[test]
fn hostname() {
    assert_eq!(said!(Sandbox::new().hostname("box"), "uname -n"), "box");
    assert_ne!(said!(Sandbox::new(), "uname -n"), "box");
}

#[test]
fn ids() {
    let script = "echo $(id -u) $(id -g); grep CapEff /proc/self/status";
    let inside = said!(Sandbox::new().uid(1234).gid(1235), script);
    assert_eq!(inside, "1234 1235\nCapEff:\t0000000000000000");
    assert_eq!(said!(Sandbox::new().map(IdMapping::Root), "id -u"), "0");
    let own = nix::unistd::geteuid().to_string();
    assert_eq!(said!(Sandbox::new().map(IdMapping::Identity), "id -u"), own);
}

#[test]
fn workdir() {
    assert_eq!(said!(Sandbox::new().workdir("/usr/bin"), "pwd"), "/usr/bin");
    let here = std::env::current_dir().unwrap();
    assert_eq!(Path::new(&said!(Sandbox::new(), "pwd -P")), here.canonicalize().unwrap());
}

#[test]
fn environment() {
    let sandbox = Sandbox::new().env("HARNESS_A", "one").env("HARNESS_A", "two");
    assert_eq!(said!(sandbox.clone(), "echo $HARNESS_A $(env | grep -c ^HARNESS_A=)"), "two 1");
    assert_eq!(said!(Sandbox::new(), "echo $HARNESS_A"), "");
    let path = std::env::var("PATH").unwrap();
    assert_eq!(said!(Sandbox::new(), "echo $PATH"), path, "this process's");
    // Without a PATH the programs are found all the same.
    assert_eq!(
        said!(sandbox.env_clear(), "/usr/bin/env | /usr/bin/grep -vE '^(PWD|SHLVL|_)='"),
        "HARNESS_A=two"
    );
}

/// The directories that a shell of the host needs.
fn with_the_hosts_programs(sandbox: Sandbox) -> Sandbox {
    let needed = ["/usr", "/lib", "/lib64", "/bin"].into_iter().filter(|path| Path::new(path).exists());
    needed.fold(sandbox, |sandbox, path| sandbox.bind_readonly(path, path))
}

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("rootfs/fixture")
}

#[test]
fn rootfs() {
    let before = harness_tests::outside::fingerprint(&fixture());
    // Relative to the current directory, as cargo runs tests: in the crate's.
    for source in [fixture(), PathBuf::from("rootfs/fixture")] {
        let sandbox = with_the_hosts_programs(Sandbox::new().rootfs(source));
        let script = "pwd; cat /hello.txt >/copy; echo scribble >/hello.txt; rm -rf /etc; cat /hello.txt";
        assert_eq!(said!(sandbox, script), "/\nscribble");
    }
    assert_eq!(harness_tests::outside::fingerprint(&fixture()), before);
    // Nothing of ours is in it.
    let names = said!(with_the_hosts_programs(Sandbox::new().rootfs(fixture())), "echo /*");
    assert!(!names.contains("target") && !names.contains("work"), "{names}");
}

#[test]
fn host_rootfs() {
    let place = "/usr/harness-sandbox-was-here";
    let script = format!("echo x >{place} && cat {place}");
    assert_eq!(said!(Sandbox::new().host_rootfs(), &script), "x");
    assert!(!Path::new(place).exists());
}

#[test]
fn readonly() {
    let script = "echo x >/var/tmp/harness-sandbox-was-here || echo refused; echo x >/mnt/x && cat /mnt/x";
    let said = said!(Sandbox::new().readonly().tmpfs("/mnt", Size::mib(1)), script);
    assert_eq!(said, "refused\nx");
}

#[test]
fn bind() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("file"), "host\n").unwrap();
    let script = "cat /mnt/file; echo guest >/mnt/other || echo refused";
    let refused = said!(Sandbox::new().bind_readonly(directory.path(), "/mnt"), script);
    assert_eq!(refused, "host\nrefused");
    assert_eq!(said!(Sandbox::new().bind(directory.path(), "/mnt"), script), "host");
    assert_eq!(std::fs::read(directory.path().join("other")).unwrap(), b"guest\n");
}

#[test]
fn tmpfs() {
    let script = "head -c 2000000 /dev/zero >/mnt/x 2>/dev/null || stat -c %s /mnt/x";
    assert_eq!(said!(Sandbox::new().tmpfs("/mnt", Size::mib(1)), script), (1 << 20).to_string());
    assert_eq!(said!(Sandbox::new().tmpfs("/mnt", None), script), "");
}

#[test]
fn pids_max() {
    let run = run!(shell(Sandbox::new().pid().pids_max(1), "(echo a second process)"));
    assert!(matches!(run.outcome, Outcome::Exited(_)), "{run}");
    let [limit, refused] = [run.usage.pids_limit, run.usage.pids_refused].map(|figure| figure.unwrap().value);
    assert!(limit == 1 && refused > 0, "{limit} {refused}");
    assert_eq!(said!(Sandbox::new().pids_max(2), "(echo a second process)"), "a second process");
}

/// A tenth of a core, and more than a period's worth of work.
#[test]
fn cpu_max() {
    let work = "i=0; while [ $i -lt 40000 ]; do i=$((i + 1)); done";
    let run = run!(shell(Sandbox::new().cpu_max(0.1).timeout(Duration::from_secs(300)), work));
    assert!(run.passed(), "{run}");
    assert!(run.usage.cpu_throttled_periods.unwrap().value > 0);
}

#[test]
fn cpuset() {
    let script = "grep Cpus_allowed_list /proc/self/status | cut -f 2";
    assert_eq!(said!(Sandbox::new().cpuset("0"), script), "0");
}

#[test]
fn swap_max() {
    let run = run!(Sandbox::new().memory_max(Size::mib(64)).swap_max(Size::mib(16)).command("true"));
    assert!(run.passed(), "{run}");
    if let Some(limit) = run.usage.swap_limit {
        assert_eq!(limit.value, 16 << 20);
    }
    let without = run!(Sandbox::new().memory_max(Size::mib(64)).command("true"));
    assert!(without.usage.swap_limit.is_none_or(|limit| limit.value == 0));
}

#[test]
fn rlimits() {
    let limited = Sandbox::new().rlimit(Resource::Nofile, 64).rlimit(Resource::Nofile, 65);
    assert_eq!(said!(limited.rlimit(Resource::Core, 0), "ulimit -n; ulimit -c"), "65\n0");
    assert_ne!(said!(Sandbox::new(), "ulimit -n"), "65");
}

#[test]
fn figures_are_measured_or_absent() {
    let run =
        run!(shell(Sandbox::new().pid().memory_max(Size::mib(64)), "head -c 1000000 /dev/zero >/dev/null"));
    let usage = &run.usage;
    assert!(!usage.wall.is_zero() && usage.maxrss.as_ref().is_some_and(|rss| rss.value > 0), "{usage:?}");
    assert_eq!(usage.memory_limit.as_ref().map(|limit| limit.value), Some(64 << 20));
    let plain = run!(Sandbox::new().command("true"));
    assert_eq!(plain.usage.memory_peak, None, "nothing has counted it");
    assert_eq!(plain.usage.maxrss.map(|rss| rss.source), Some("rusage"));
}

#[test]
fn a_clone_differs_in_what_is_changed() {
    let base = Sandbox::new().hostname("box").env("HARNESS_A", "one");
    let other = base.clone().env("HARNESS_A", "two");
    let script = "echo $(uname -n) $HARNESS_A";
    assert_eq!([said!(base, script), said!(other, script)], ["box one", "box two"]);
}
