//! Every implication and default, by table, on machines made by hand.

mod image;

use std::time::Duration;

use super::*;
use crate::cgroup;
use crate::spec::{Bind, IdMapping, Size};

fn host(privileged: bool) -> Host {
    let (uid, gid) = if privileged { (0, 0) } else { (1000, 100) };
    let all = vec![(0, u32::MAX)];
    Host {
        privileged,
        nested: false,
        uid,
        gid,
        uid_ranges: all.clone(),
        gid_ranges: all,
        cgroups: Err(Unsupported {
            need: "a cgroup".into(),
            found: "none".into(),
            remedy: "mount one".into(),
            step: None,
        }),
    }
}

fn spec() -> Spec<'static> {
    Spec::new("krate::module::test", "/krate")
}

fn caller() -> Caller {
    Caller {
        directory: "/krate/here".into(),
        environment: vec![("A".into(), "1".into()), ("B".into(), "2".into())],
        executable: Some("/target/debug/deps/test".into()),
        ground: Ground { layers: vec!["/layer".into()], upper: "/upper".into() },
    }
}

fn plan(spec: &Spec<'_>, host: &Host) -> Plan {
    resolve(spec, host, &caller(), None).unwrap()
}

#[test]
fn namespaces_bring_what_they_need() {
    use Namespaces as N;
    // (asked, privileged) -> (at clone3, by the init, by the body)
    let cases = [
        (N::NONE, true, "", "", ""),
        (N::UTS, true, "uts", "", ""),
        (N::PID, true, "pid, mount", "", ""),
        (N::TIME.with(N::NET), true, "net", "time", ""),
        (N::NONE, false, "", "", ""),
        (N::UTS, false, "user, uts", "", ""),
    ];
    for (asked, privileged, at_clone, by_init, by_body) in cases {
        let plan = plan(&spec().unshare(asked), &host(privileged));
        let names = [plan.flags, plan.guest.unshare_init, plan.guest.unshare_body].map(flag_names);
        assert_eq!(names, [at_clone, by_init, by_body].map(str::to_owned), "{asked:?} {privileged}");
    }
}

#[test]
fn a_body_that_is_pid_1_enters_the_pid_namespace_by_fork() {
    let plan = plan(&spec().pid1(), &host(true));
    assert_eq!(flag_names(plan.flags), "mount");
    assert_eq!(flag_names(plan.guest.unshare_init), "pid");
    assert!(plan.guest.body_is_pid1 && plan.guest.own_pids);
}

#[test]
fn a_cgroup_namespace_needs_a_leaf_to_be_rooted_at() {
    let asked = spec().unshare(Namespaces::CGROUP);
    assert_eq!(resolve(&asked, &host(true), &caller(), None).unwrap_err().need, "a cgroup");
}

#[test]
fn every_limit_of_a_cgroup_is_refused_without_one_and_no_other_is() {
    let none = Limits::NONE;
    let of_cgroup = [
        Limits { memory_max: Some(Size::bytes(1)), ..none },
        Limits { swap_max: Some(Size::bytes(1)), ..none },
        Limits { pids_max: Some(1), ..none },
        Limits { cpu_max_millis: Some(1), ..none },
        Limits { cpuset_cpus: Some("0"), ..none },
        Limits { cpu_time: Some(Duration::from_secs(1)), ..none },
    ];
    for limits in of_cgroup {
        assert!(resolve(&spec().limits(limits), &host(true), &caller(), None).is_err(), "{limits:?}");
    }
    let rlimit = [Rlimit { resource: Resource::Nofile, value: Some(9) }];
    let others =
        [Limits { timeout: Some(Duration::from_secs(1)), ..none }, Limits { rlimits: &rlimit, ..none }];
    for limits in others {
        assert_eq!(plan(&spec().limits(limits), &host(true)).leaf, None, "{limits:?}");
    }
}

/// Root of a rootless container has every privilege and mounts as a user all the same.
#[test]
fn in_a_nested_user_namespace_overlays_are_those_of_a_user() {
    let userxattr = |nested, namespaces| {
        let host = Host { nested, ..host(true) };
        plan(&spec().unshare(namespaces), &host).guest.tree.unwrap().userxattr
    };
    assert!(!userxattr(false, Namespaces::PID));
    assert!(userxattr(true, Namespaces::PID));
    assert!(userxattr(false, Namespaces::PID.with(Namespaces::USER)));
}

#[test]
fn memory_without_swap_means_no_swap() {
    let Ok(layout) = cgroup::detect() else { return };
    let host = Host { cgroups: Ok(layout), ..host(true) };
    let limits = |swap| Limits { memory_max: Some(Size::bytes(1 << 20)), swap_max: swap, ..Limits::NONE };
    let leaf = |swap| resolve(&spec().limits(limits(swap)), &host, &caller(), None).map(|plan| plan.leaf);
    assert!(leaf(None).is_ok_and(|leaf| leaf.is_some_and(|leaf| leaf.swap_max == Some(0))));
}

#[test]
fn ids_are_all_mapped_with_privilege_and_one_without() {
    let map = |spec: &Spec<'_>, privileged| plan(spec, &host(privileged)).id_maps.unwrap();
    let user = spec().unshare(Namespaces::USER);
    assert_eq!(map(&user, true).uid_map, "0 0 4294967295\n");
    assert!(!map(&user, true).deny_setgroups);
    assert_eq!(map(&user, false).uid_map, "0 1000 1\n");
    assert_eq!(map(&user, false).gid_map, "0 100 1\n");
    assert!(map(&user, false).deny_setgroups);
    assert_eq!(map(&spec().uid(7).gid(8), false).uid_map, "7 1000 1\n");
    let itself = spec().map(IdMapping::Identity);
    assert_eq!(map(&itself, false).uid_map, "1000 1000 1\n");
    let guest = plan(&itself, &host(false)).guest;
    assert_eq!((guest.uid, guest.gid), (Some(1000), Some(100)), "an ordinary user, without capabilities");
    assert_eq!(map(&itself, true).uid_map, "0 0 4294967295\n");
    assert_eq!(plan(&itself, &host(true)).guest.uid, None);
    let root = spec().map(IdMapping::Root);
    assert_eq!(map(&root, false), map(&user, false));
    assert_eq!(map(&root, true), map(&user, true));
    let capable = Host { uid: 1000, gid: 100, ..host(true) };
    assert_eq!(plan(&root, &capable).id_maps.unwrap().gid_map, "0 100 1\n");
    assert_eq!(plan(&spec().uid(7), &host(true)).id_maps, None, "root changes its id without a namespace");
}

#[test]
fn a_foreign_root_starts_at_its_root_and_keeps_the_binary_visible() {
    let foreign = plan(&spec().rootfs(Rootfs::Source("fixture")), &host(true));
    let tree = foreign.guest.tree.unwrap();
    assert_eq!(tree.root, Root::Layers(vec!["/layer".into()]));
    assert_eq!(foreign.guest.workdir, Some("/".into()));
    let visible: Vec<_> = tree.visible.iter().map(|bind| (bind.source.as_path(), bind.readonly)).collect();
    assert_eq!(visible, [(Path::new("/target/debug/deps/test"), true)]);
    let own = plan(&spec().unshare(Namespaces::UTS), &host(true));
    assert_eq!(own.guest.workdir, Some("/krate/here".into()));
    assert_eq!(own.guest.tree, None);
}

#[test]
fn what_is_written_goes_where_it_is_asked_to() {
    let of = |upper| plan(&spec().rootfs(Rootfs::Host).upper(upper), &host(true)).guest.tree.unwrap().upper;
    assert_eq!(of(Upper::Tmpfs), rootfs::Upper::Tmpfs);
    assert_eq!(of(Upper::Disk), rootfs::Upper::Disk("/upper".into()));
    assert_eq!(of(Upper::Copy), rootfs::Upper::Copy);
}

#[test]
fn files_and_changes_reach_the_tree() {
    let files = [crate::spec::InlineFile { target: "/etc/hosts", content: "127.0.0.1 db" }];
    let tree = plan(&spec().rootfs(Rootfs::Host).files(&files).changes(), &host(true)).guest.tree.unwrap();
    assert!(tree.changes);
    assert_eq!(tree.files, [NewFile { target: "/etc/hosts".into(), content: "127.0.0.1 db".into() }]);
}

#[test]
fn a_foreign_root_has_no_temporary_directory_of_the_runners() {
    let mut caller = caller();
    caller.environment.push(("TMPDIR".into(), "/home/me/tmp".into()));
    let value = |spec: &Spec<'_>| {
        let variables = resolve(spec, &host(true), &caller, None).unwrap().guest.environment;
        variables.into_iter().find(|(name, _)| name == "TMPDIR").map(|(_, value)| value)
    };
    let foreign = || spec().rootfs(Rootfs::Source("/r"));
    assert_eq!(value(&foreign()), None);
    assert_eq!(value(&foreign().env(&[("TMPDIR", "/scratch")])), Some("/scratch".into()));
    assert_eq!(value(&spec().rootfs(Rootfs::Host)), Some("/home/me/tmp".into()));
    assert_eq!(value(&spec()), Some("/home/me/tmp".into()));
}

#[test]
fn the_coverage_directory_stays_writable() {
    let mut caller = caller();
    caller.environment.push(("LLVM_PROFILE_FILE".into(), "/cov/x-%m.profraw".into()));
    let plan = resolve(&spec().rootfs(Rootfs::Source("/r")), &host(true), &caller, None).unwrap();
    let visible = plan.guest.tree.unwrap().visible;
    assert!(visible.iter().any(|bind| bind.source == Path::new("/cov") && !bind.readonly), "{visible:?}");
}

#[test]
fn relative_sources_start_at_the_crate() {
    let binds = [Bind { source: "data", target: "/data", readonly: true }];
    let tree = plan(&spec().binds(&binds), &host(true)).guest.tree.unwrap();
    assert_eq!(tree.binds[0].source, Path::new("/krate/data"));
}

#[test]
fn env_replaces_and_clear_env_empties() {
    let set = [("B", "3"), ("C", "4")];
    let pairs = |spec: &Spec<'_>| -> Vec<String> {
        let environment = plan(spec, &host(true)).guest.environment;
        environment.iter().map(|(k, v)| format!("{}={}", k.display(), v.display())).collect()
    };
    assert_eq!(pairs(&spec().env(&set)), ["A=1", "B=3", "C=4"]);
    assert_eq!(pairs(&spec().clear_env().env(&set)), ["B=3", "C=4"]);
    assert_eq!(pairs(&spec().clear_env()), [""; 0]);
}
