//! `rootfs`: a copy-on-write view of the host's root.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use harness::isolated;
use harness_tests::machine::Need;
use harness_tests::needs;
use harness_tests::outside;
use harness_tests::twin::{Ran, Twin};

/// Runs a guest that changes a tree of ours; the tree before and after.
fn change(test: &str) -> (Ran, bool) {
    let twin = Twin::tests(&[test]);
    let tree = twin.directory().join("tree");
    fs::create_dir(&tree).unwrap();
    for name in ["appended", "removed", "renamed", "changed"] {
        fs::write(tree.join(name), "as it was").unwrap();
        fs::set_permissions(tree.join(name), fs::Permissions::from_mode(0o644)).unwrap();
    }
    let before = outside::fingerprint(&tree);
    let ran = twin.run();
    let same = outside::fingerprint(&tree) == before;
    (ran, same)
}

#[test]
fn changes_do_not_reach_the_host() {
    needs!(Need::Twin("needs::view_of_the_host"));
    let (ran, same) = change("files::changes_a_view");
    ran.must_pass();
    assert!(same);
}

#[test]
fn changes_in_place_would_be_seen() {
    needs!(Need::NAMESPACES);
    let (ran, same) = change("files::changes_in_place");
    ran.must_pass();
    assert!(!same);
}

#[test]
fn scribbles_do_not_reach_the_host() {
    needs!(Need::Root);
    let name = format!("harness-scribble-{}", std::process::id());
    let system = [Path::new("/etc/passwd"), Path::new("/usr/share")].map(outside::fingerprint_of);
    Twin::tests(&["files::scribbles_over_the_view"]).env("SCRIBBLE", &name).run().must_pass();
    assert_eq!([Path::new("/etc/passwd"), Path::new("/usr/share")].map(outside::fingerprint_of), system);
    for directory in ["/", "/etc", "/usr", "/usr/bin", "/tmp", "/root", "/var", "/dev/shm"] {
        assert!(!Path::new(directory).join(&name).exists(), "{directory}");
    }
}

#[isolated(pid, rootfs)]
fn the_host_is_there() {
    let listed = fs::read_dir("/").unwrap().count();
    assert!(listed >= 10 && Path::new("/bin/sh").exists() && Path::new("/etc/passwd").exists());
    assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml").exists());
    assert!(std::env::current_exe().unwrap().exists());
}

#[isolated(pid, rootfs)]
fn is_an_overlay_on_a_private_tmpfs() {
    let mounts = outside::mounts();
    let at = |point| mounts.lines().find(|line| line.split(' ').nth(4) == Some(point));
    let root = at("/").unwrap();
    // Without privilege, an overlay for each directory in the root, which is a tmpfs then.
    let shown = if root.contains(" - tmpfs ") { at("/etc").unwrap() } else { root };
    assert!(shown.contains(" - overlay "), "{mounts}");
    // Told where it is not the machine's default.
    let default = fs::read_to_string("/sys/module/overlay/parameters/redirect_always_follow");
    let is_told = default.is_ok_and(|text| text == "Y\n") && !shown.contains("userxattr");
    assert!(!is_told || shown.contains("redirect_dir=nofollow"), "{shown}");
    assert!(!root.contains("shared:") && !root.contains("master:"), "{root}");
}

/// Where the host's own directories were, nothing but the view is left to reach.
#[isolated(pid, rootfs)]
fn the_old_root_is_gone() {
    let mounts = outside::mounts();
    let roots = mounts.lines().filter(|line| line.split(' ').nth(4) == Some("/")).count();
    assert_eq!(roots, 1, "{mounts}");
    assert_eq!(fs::read_link("/proc/1/root").unwrap(), Path::new("/"));
}
