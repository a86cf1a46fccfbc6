//! One userland in every form that it is given away in.

use harness::{ChangeKind, Outcome, Sandbox, Upper};
use harness_tests::machine::Need;
use harness_tests::sandbox::{shell, text};
use harness_tests::twin::Twin;
use harness_tests::{fixture, needs, outside, run};

macro_rules! in_every_form {
    ($($name:ident $file:literal)+) => {$(
        #[test]
        fn $name() {
            needs!(Need::NAMESPACES, Need::Fixture($file));
            let before = outside::fingerprint_of(&fixture($file));
            let run = run!(shell(sandbox($file), "head -c 5 /etc/passwd; echo; ls -d /proc/1; rm -r /bin; echo $?"));
            assert_eq!(run.outcome, Outcome::Passed, "{run}");
            assert_eq!(text(&run.stdout), "root:\n/proc/1\n0", "{run}");
            assert_eq!(outside::fingerprint_of(&fixture($file)), before);
        }
    )+};
}

in_every_form! {
    a_directory "busybox"
    an_archive "busybox.tar"
    an_archive_with_gzip "busybox.tar.gz"
    an_archive_with_zstd "busybox.tar.zst"
    an_archive_with_xz "busybox.tar.xz"
    an_image_layout "busybox.oci"
    an_image_layout_with_zstd "busybox-zstd.oci"
    an_image_layout_in_an_archive "busybox.oci.tar"
    what_docker_saves "busybox.docker.tar"
    what_docker_saved_before "busybox.docker-old.tar"
}

fn sandbox(name: &str) -> Sandbox {
    Sandbox::new().pid().rootfs(fixture(name))
}

#[test]
fn a_copy_of_an_image() {
    needs!(Need::NAMESPACES, Need::Fixture("busybox.oci"));
    let run =
        run!(shell(sandbox("busybox.oci").upper(Upper::Copy), "rm -r /home; grep -c overlay /proc/mounts"));
    assert_eq!(text(&run.stdout), "0", "{run}");
}

#[test]
fn what_was_written_to_it() {
    needs!(Need::NAMESPACES, Need::Fixture("busybox.oci"));
    for upper in [Upper::Tmpfs, Upper::Disk] {
        let script = "echo 12345 > /new; rm /etc/passwd; echo x >> /etc/group";
        let run = run!(shell(sandbox("busybox.oci").upper(upper).changes(), script));
        let told: Vec<_> = run.changes().expect("asked for").iter().collect();
        let told: Vec<_> = told.iter().map(|one| (one.path.to_str().unwrap(), one.kind)).collect();
        let expected = [
            ("/etc/group", ChangeKind::Changed),
            ("/etc/passwd", ChangeKind::Deleted),
            ("/new", ChangeKind::Added),
        ];
        assert_eq!(told, expected, "{run}");
    }
}

#[test]
fn what_is_no_image_is_named() {
    needs!(Need::NAMESPACES);
    let file = tempfile::Builder::new().suffix(".tar").tempfile().unwrap();
    std::fs::write(file.path(), "no archive at all").unwrap();
    let error = shell(Sandbox::new().pid().rootfs(file.path()), "true").output().unwrap_err().to_string();
    assert!(error.starts_with("use the image /"), "{error}");
    assert!(error.contains(".tar: not an archive but") && error.contains("accepted: tar"), "{error}");
}

/// It says what it is not, and what is accepted; there is no errno to tell.
#[test]
fn a_file_that_is_no_archive() {
    needs!(Need::NAMESPACES);
    let ran = Twin::tests(&["needs::file_as_root"]).run();
    assert!(!ran.passed());
    let error = &ran.run_of("needs::file_as_root")["setup_error"];
    assert_eq!(error["errno"], serde_json::Value::Null, "{error}");
    let line = "failed  use the image /etc/passwd: not an archive but something else; accepted: tar, ";
    assert_eq!(ran.output().matches(line).count(), 1, "{}", ran.output());
}
