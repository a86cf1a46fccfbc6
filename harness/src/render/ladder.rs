//! Why no cgroup leaf with these controllers can be made: what each place offers, and what to do about it.

use nix::errno::Errno;

use super::{remedy, words};
use crate::cgroup::{Controller, Crowded, Hierarchy, Missed, Rung, Version};
use crate::error::{Cause, SetupError, Step};

/// How to get a cgroup hierarchy.
pub(crate) const MOUNT_CGROUPS: &str = "mount it, for example: mount -t cgroup2 none /sys/fs/cgroup; in a container, start \
     it with the cgroup file system mounted (`docker run --cgroupns=private`, podman does)";

const SCOPE: &str = "run the tests in a delegated scope: `harness scope -- cargo test` \
     (`cargo install isolated-harness --features cli`)";

const FEATURE: &str = "run the tests in a delegated scope: `harness scope -- cargo test` (`cargo install \
     isolated-harness --features cli`); or let them ask systemd themselves: isolated-harness with `features = \
     [\"systemd\"]` in Cargo.toml";

const NO_BUS: &str = "give this user a systemd of its own: log in through PAM (ssh, `machinectl shell`), or \
     `loginctl enable-linger`, and set XDG_RUNTIME_DIR=/run/user/UID; or run as root";

const V1: &str = "cgroup v1 has no delegation: run as root, or let root make a cgroup that belongs to this user in \
     each hierarchy, and start the tests in it";

const CONTROLLERS: &str = "let the controllers reach this cgroup: systemd delegates them with `Delegate=cpu cpuset io memory \
     pids` in a drop-in of user@.service (/etc/systemd/system/user@.service.d/delegate.conf), else name them in \
     cgroup.subtree_control of each cgroup above";

/// Whoever may not arrange a cgroup may not for `harness scope` either.
const A_PLACE_OF_OUR_OWN: &str = "run as root, or in a cgroup that belongs to this user";

/// What was found instead of a place for a leaf with these controllers, and the remedy.
pub(crate) fn no_leaf(hierarchies: &[Hierarchy], controllers: &[&str]) -> (String, String) {
    let has_v1 = hierarchies.iter().any(|hierarchy| hierarchy.version == Version::V1);
    let able: Vec<&Hierarchy> =
        hierarchies.iter().filter(|hierarchy| may_have(hierarchy, controllers, has_v1)).collect();
    if able.is_empty() {
        let names = controllers.join(" and ");
        let found = format!("no mounted hierarchy that shows our own cgroup has the {names} controller");
        let remedy = if has_v1 { mount_v1(controllers) } else { MOUNT_CGROUPS.to_owned() };
        return (found, remedy);
    }
    let found: Vec<String> = able.iter().flat_map(|hierarchy| found(hierarchy)).collect();
    // On a hybrid machine a scope has no more to give than what is there.
    let remedy = able.iter().find_map(|hierarchy| remedy_for(hierarchy));
    let remedy = remedy.unwrap_or(if has_v1 { V1 } else { SCOPE });
    (found.join("; "), remedy.to_owned())
}

/// Where one controller has a hierarchy of v1, they all do or can.
fn mount_v1(controllers: &[&str]) -> String {
    let mount = |name: &&str| format!("mount -t cgroup -o {name} none /sys/fs/cgroup/{name}");
    format!("mount it: {}", controllers.iter().map(mount).collect::<Vec<_>>().join(" && "))
}

/// `harness scope` found no place for its command.
#[cfg(feature = "cli")]
pub(crate) fn no_place(reason: &crate::cgroup::NoPlace) -> String {
    use crate::cgroup::NoPlace;
    let (found, remedy) = match reason {
        NoPlace::Unsupported(unsupported) => (unsupported.found.clone(), unsupported.remedy.as_str()),
        NoPlace::Missed(all) => {
            let found: Vec<String> = all.iter().map(missed).collect();
            (found.join("; "), place_remedy(all))
        }
    };
    let mut table =
        words::Table::new("there is no cgroup for this command that its tests could divide".to_owned());
    table.row("found", found);
    table.row("remedy", remedy.to_owned());
    table.text()
}

#[cfg(feature = "cli")]
fn place_remedy(missed: &[Missed]) -> &'static str {
    let is_crowded = |miss: &Missed| matches!(miss, Missed::Crowded(Crowded::Company { .. }));
    match missed.last() {
        Some(Missed::NoScope { .. }) => NO_BUS,
        Some(miss) if is_crowded(miss) => {
            "move them, too, as one does in a container of one's own: `harness scope --all -- CMD`"
        }
        _ => A_PLACE_OF_OUR_OWN,
    }
}

/// `harness scope` could not start its command.
#[cfg(feature = "cli")]
pub(crate) fn not_run_by_scope(program: &std::ffi::OsStr, error: &std::io::Error) -> String {
    let errno = error.raw_os_error().map(|errno| words::errno(Errno::from_raw(errno)));
    let reason = errno.unwrap_or_else(|| error.to_string());
    format!("run {}: {reason}", words::shown(&program.to_string_lossy()))
}

/// On v1 the controllers are the mount's. On v2 they may be anywhere above, beyond what a container shows; on a
/// hybrid machine those that are not at the top are on v1.
fn may_have(hierarchy: &Hierarchy, controllers: &[&str], is_hybrid: bool) -> bool {
    let is_among = |all: &[Controller]| all.iter().any(|one| controllers.contains(&one.name()));
    let is_bare = |rung: &Rung| rung.is_bare() && rung.refusal.is_none();
    let is_bare = hierarchy.rungs.iter().all(is_bare) && hierarchy.missed.is_empty();
    match hierarchy.version {
        Version::V1 => hierarchy.rungs.iter().any(|rung| is_among(&rung.enabled)),
        // A leaf that only has to be there is made on v2.
        Version::V2 => controllers.is_empty() || is_among(&hierarchy.has) || !is_hybrid && !is_bare,
    }
}

fn found(hierarchy: &Hierarchy) -> Vec<String> {
    let rungs = hierarchy.rungs.iter().map(offer);
    rungs.chain(hierarchy.missed.iter().map(missed)).collect()
}

fn offer(rung: &Rung) -> String {
    let dir = words::shown(&rung.parent.to_string_lossy());
    if let Some(errno) = rung.refusal {
        return format!("no cgroup can be made in {dir}: {}", words::errno(errno));
    }
    let mut names: Vec<&str> = rung.enabled.iter().map(|controller| controller.name()).collect();
    names.extend(rung.may_enable.iter().map(|one| one.name()).filter(|name| !rung_has(rung, name)));
    let names = if names.is_empty() { "nothing".to_owned() } else { names.join(" ") };
    format!("{dir} enables {names} for its children")
}

fn rung_has(rung: &Rung, name: &str) -> bool {
    rung.enabled.iter().any(|one| one.name() == name)
}

fn missed(missed: &Missed) -> String {
    match missed {
        Missed::NotOurs(dir) => {
            let dir = words::shown(&dir.to_string_lossy());
            format!("{dir} belongs to a unit of systemd that is not delegated to us")
        }
        Missed::Crowded(Crowded::Company { dir, process }) => {
            let dir = words::shown(&dir.to_string_lossy());
            format!("{dir} cannot be emptied: {} lives there, too", words::process(process))
        }
        Missed::Crowded(Crowded::Failed(error)) => super::setup_error(error),
        Missed::NoScope { why, .. } => format!("systemd gave no scope: {}", words::shown(why)),
    }
}

fn is_forbidden(error: &SetupError) -> bool {
    matches!(error.cause, Cause::Errno(Errno::EACCES | Errno::EPERM))
}

fn remedy_for(hierarchy: &Hierarchy) -> Option<&'static str> {
    let refusal = hierarchy.rungs.first().and_then(|rung| rung.refusal);
    if refusal == Some(Errno::EROFS) {
        return remedy(Step::MakeLeaf, Errno::EROFS);
    }
    if hierarchy.version == Version::V1 {
        return refusal.map(|_| V1);
    }
    let is_climbed = hierarchy.rungs.iter().any(|rung| !rung.may_enable.is_empty());
    match hierarchy.missed.last() {
        Some(Missed::NoScope { asked: false, .. }) => Some(FEATURE),
        Some(Missed::NoScope { .. }) => Some(NO_BUS),
        Some(Missed::Crowded(Crowded::Failed(error))) if is_forbidden(error) => Some(A_PLACE_OF_OUR_OWN),
        // There is a place of ours, but what is asked for does not reach it.
        _ if is_climbed => Some(CONTROLLERS),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::error::{Object, SetupError};
    use crate::evidence::Process;

    fn rung(dir: &str, enabled: &[Controller], refusal: Option<Errno>) -> Rung {
        let (parent, enabled) = (PathBuf::from(dir), enabled.to_vec());
        Rung { name: "test", parent, enabled, may_enable: Vec::new(), refusal }
    }

    fn v2(rungs: Vec<Rung>, missed: Vec<Missed>) -> Hierarchy {
        Hierarchy { rungs, missed, ..Hierarchy::default() }
    }

    fn v1(rung: Rung) -> Hierarchy {
        Hierarchy { version: Version::V1, ..v2(vec![rung], vec![]) }
    }

    #[test]
    fn a_hybrid_machine_without_the_hierarchy_of_a_controller() {
        let hybrid = [v1(rung("/m", &[Controller::Memory], None)), v2(vec![rung("/u", &[], None)], vec![])];
        let (found, remedy) = no_leaf(&hybrid, &["pids"]);
        assert_eq!(found, "no mounted hierarchy that shows our own cgroup has the pids controller");
        assert_eq!(remedy, "mount it: mount -t cgroup -o pids none /sys/fs/cgroup/pids");
    }

    /// Debian's 6.12: memory on v2, pids on v1.
    #[test]
    fn a_hybrid_machine_whose_controllers_are_split() {
        let memory = vec![Controller::Memory];
        let unified = Hierarchy { has: memory.clone(), ..v2(vec![rung("/u", &memory, None)], vec![]) };
        let split = [v1(rung("/c", &[Controller::Cpu], None)), unified];
        assert_eq!(
            no_leaf(&split, &["pids"]).1,
            "mount it: mount -t cgroup -o pids none /sys/fs/cgroup/pids"
        );
        // It has memory, though not at a place of ours.
        let away = Hierarchy { has: memory, ..v2(vec![rung("/u/own", &[], None)], vec![]) };
        assert_eq!(no_leaf(&[away], &["memory"]).0, "/u/own enables nothing for its children");
        let refused = rung("/u", &[], Some(Errno::EACCES));
        let split = [v1(rung("/c", &[Controller::Cpu], None)), v2(vec![refused], vec![])];
        let (found, remedy) = no_leaf(&split, &[]);
        assert_eq!(
            (found.as_str(), remedy.as_str()),
            ("no cgroup can be made in /u: permission denied (EACCES)", V1)
        );
    }

    #[test]
    fn every_reason_with_its_remedy() {
        let own = || rung("/c/own", &[], None);
        let cargo = Process { pid: 7, comm: "cargo".into(), cmdline: "cargo test".into() };
        let company = Missed::Crowded(Crowded::Company { dir: "/c/own".into(), process: cargo });
        let failed = SetupError::new(Step::MakeRoom, Object::Path("/c/own".into()), Errno::EACCES);
        let no_scope = |asked, why: &str| Missed::NoScope { asked, why: why.to_owned() };
        let ours = Rung { may_enable: vec![Controller::Pids], ..own() };
        let cases = [
            ("nothing mounted", vec![]),
            ("read-only", vec![v2(vec![rung("/c", &[], Some(Errno::EROFS))], vec![])]),
            (
                "not ours, not asked",
                vec![v2(
                    vec![own()],
                    vec![Missed::NotOurs("/c/own".into()), no_scope(false, "it was not asked")],
                )],
            ),
            ("no bus", vec![v2(vec![own()], vec![no_scope(true, "no such file\nor directory")])]),
            ("company", vec![v2(vec![own()], vec![company])]),
            ("failed", vec![v2(vec![own()], vec![Missed::Crowded(Crowded::Failed(failed))])]),
            ("controllers", vec![v2(vec![ours], vec![])]),
            ("v1", vec![v1(rung("/m", &[Controller::Memory], Some(Errno::EACCES)))]),
        ];
        let shown = cases.map(|(name, hierarchies)| {
            let (found, remedy) = no_leaf(&hierarchies, &["memory"]);
            format!("{name}\n  found   {found}\n  remedy  {remedy}\n")
        });
        insta::assert_snapshot!(shown.join("\n"));
    }
}
