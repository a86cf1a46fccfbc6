//! Programs of the root, started by the body.

use std::fs;
use std::io::ErrorKind;
use std::process::{Command, Stdio};

use harness_tests::in_each_of;

/// What a program of the root writes, in an environment that is not the host's.
fn output(program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").stdin(Stdio::null());
    let output = command.output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

in_each_of!([busybox, musl];
    fn a_shell_and_its_tools() {
        assert_eq!(output("sh", &["-c", "echo one two | tr a-z A-Z; cat /etc/motd"]), "ONE TWO\na fixture\n");
        // Spawned by fork and exec, with a step between.
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "pwd; umask"]).current_dir("/home/user");
        assert!(String::from_utf8(command.output().unwrap().stdout).unwrap().starts_with("/home/user\n"));
        assert_eq!(output("id", &["-un"]), "root\n");
    }
);

in_each_of!([musl];
    fn a_program_of_another_libc() {
        assert_eq!(output("greet", &["db"]), "hello from musl\ndb is 10.20.30.40\n");
    }
);

in_each_of!([debian];
    fn python_says_hello() {
        assert_eq!(output("python3", &["-c", "print(\"hello\")"]), "hello\n");
        assert_eq!(output("python3", &["-c", "import ssl, ctypes; print(ctypes.CDLL(None).getpid() > 2)"]), "True\n");
    }
);

in_each_of!([debian];
    /// init, body and ps: nothing of the host's.
    fn ps_shows_the_guest() {
        let shown = output("ps", &["-e", "-o", "pid=,comm="]);
        let names: Vec<_> = shown.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
        assert_eq!(names, ["harness-init", "harness-body", "ps"], "{shown}");
    }
);

in_each_of!([debian];
    fn ip_shows_loopback_up_and_nothing_else() {
        let shown = output("ip", &["-brief", "link"]);
        let links: Vec<_> = shown.lines().filter_map(|line| line.split_whitespace().next()).collect();
        assert_eq!(links.first(), Some(&"lo"), "{shown}");
        assert!(shown.contains("LOOPBACK,UP"), "{shown}");
    }
);

in_each_of!([debian];
    /// A package manager writes everywhere: what dpkg knows of is that root's.
    fn dpkg_removes_a_package() {
        assert!(output("dpkg", &["-S", "/usr/bin/python3"]).starts_with("python3-minimal"));
        output("dpkg", &["--purge", "--force-all", "iproute2"]);
        assert_eq!(fs::metadata("/bin/ip").unwrap_err().kind(), ErrorKind::NotFound);
    }
);

in_each_of!([busybox, musl, empty];
    fn the_hosts_programs_are_not_there() {
        for program in ["python3", "cargo", "/usr/bin/env-of-the-host"] {
            assert_eq!(Command::new(program).status().unwrap_err().kind(), ErrorKind::NotFound, "{program}");
        }
    }
);

in_each_of!([busybox, empty];
    /// The body itself lives on without the loader that started it; a second start of it needs the loader.
    fn our_own_binary_cannot_be_started_again() {
        let own = std::env::current_exe().unwrap();
        assert!(own.exists());
        assert_eq!(Command::new(own).arg("--list").status().unwrap_err().kind(), ErrorKind::NotFound);
    }
);
