//! What needs nothing of the root: the body was loaded before it came there.

use std::backtrace::Backtrace;
use std::collections::HashMap;
use std::fs;
use std::io::{Read, Seek, Write};
use std::net::{TcpListener, TcpStream};
use std::panic::catch_unwind;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::{Instant, SystemTime};

use harness_tests::in_each_of;
use harness_tests::machine::Need;
use harness_tests::needs;
use harness_tests::twin::Twin;

/// What the runner prints of a panic in this root, and what stands in the report.
fn a_panic_has_symbols_in(root: &'static str) {
    needs!(Need::OVERLAY, Need::Fixture(root));
    let twin = Twin::tests(&["foreign::panics"]).env("ROOT", harness_tests::fixture(root));
    let ran = twin.env("RUST_BACKTRACE", "1").run();
    assert!(!ran.passed());
    let run = ran.run_of("foreign::panics");
    assert_eq!(run["outcome"]["message"], "known", "{run}");
    assert!(ran.stdout.contains("inner_function_of_the_panic"), "{}", ran.output());
    let backtrace = run["evidence"]["panicked"]["backtrace"].as_str().unwrap_or_default();
    assert!(backtrace.contains("inner_function_of_the_panic"), "{run}");
}

#[test]
fn a_panic_has_symbols_in_busybox() {
    a_panic_has_symbols_in("busybox");
}

#[test]
fn a_panic_has_symbols_in_an_empty_root() {
    a_panic_has_symbols_in("empty");
}

#[test]
fn a_panic_has_symbols_beside_another_libc() {
    a_panic_has_symbols_in("musl");
}

#[test]
fn a_panic_has_symbols_in_debian() {
    a_panic_has_symbols_in("debian");
}

/// The test binary is what the symbols come from: without it there are none.
#[test]
fn a_hidden_binary_has_no_symbols() {
    needs!(Need::OVERLAY, Need::Fixture("busybox"));
    let test = "foreign::panics_without_the_binary";
    let twin = Twin::tests(&[test]).env("ROOT", harness_tests::fixture("busybox"));
    let ran = twin.env("RUST_BACKTRACE", "1").run();
    assert_eq!(ran.outcome(test), "panicked");
    assert!(!ran.stdout.contains("inner_function_of_the_panic"), "{}", ran.output());
}

in_each_of!([busybox, musl, empty, debian];
    fn symbols_are_found() {
        assert!(std::env::current_exe().unwrap().exists());
        let trace = Backtrace::force_capture().to_string();
        assert!(trace.contains("symbols_are_found") && trace.contains("foreign/body.rs"), "{trace}");
    }
);

in_each_of!([busybox, musl, empty, debian];
    /// The unwinder is in libgcc_s, which was loaded with the binary.
    fn panics_unwind() {
        struct Flag(mpsc::Sender<&'static str>);
        impl Drop for Flag {
            fn drop(&mut self) {
                self.0.send("dropped").unwrap();
            }
        }
        let (sender, receiver) = mpsc::channel();
        let flag = Flag(sender);
        let panicked = thread::spawn(move || {
            let _flag = flag;
            panic!("in a thread");
        });
        assert!(panicked.join().is_err());
        assert_eq!(receiver.recv(), Ok("dropped"));
        let caught = catch_unwind(|| panic!("caught"));
        assert_eq!(caught.unwrap_err().downcast_ref::<&str>(), Some(&"caught"));
    }
);

in_each_of!([busybox, musl, empty, debian];
    fn threads_run() {
        let total: u64 = thread::scope(|scope| {
            let threads: Vec<_> = (0..8_u64)
                .map(|number| scope.spawn(move || (0..=number).map(|n| n * n).sum::<u64>()))
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(total, 336);
        let named = thread::Builder::new().name("named".to_owned());
        let name = named.spawn(|| fs::read_to_string("/proc/thread-self/comm").unwrap()).unwrap();
        assert_eq!(name.join().unwrap(), "named\n");
    }
);

in_each_of!([busybox, musl, empty, debian];
    /// The runner's TMPDIR means nothing here: it is not passed on.
    fn temporary_files_are_made() {
        let directory = std::env::temp_dir();
        assert!(std::env::var_os("TMPDIR").is_none() && directory == Path::new("/tmp"));
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&directory).unwrap().permissions());
        assert_eq!(mode & 0o7777, 0o1777);
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"text").unwrap();
        file.rewind().unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "text");
        let named = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(named.path().parent(), Some(directory.as_path()));
    }
);

in_each_of!([busybox, musl, empty, debian];
    fn sockets_clocks_and_random_numbers_work() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let client = thread::spawn(move || TcpStream::connect(address).unwrap().write_all(b"hello").unwrap());
        let mut text = String::new();
        listener.accept().unwrap().0.read_to_string(&mut text).unwrap();
        client.join().unwrap();
        assert_eq!(text, "hello");
        assert!(SystemTime::now() > SystemTime::UNIX_EPOCH && Instant::now().elapsed().as_secs() < 3600);
        let seeded: HashMap<_, _> = [(1, 2)].into();
        assert_eq!(seeded[&1], 2);
    }
);

#[test]
fn the_runners_tmpdir_is_passed_on_where_it_is_asked_for() {
    needs!(Need::OVERLAY, Need::Fixture("empty"));
    let spec = harness_tests::root::spec("foreign::asked_tmpdir", "empty").env(&[("TMPDIR", "/var")]);
    harness_tests::root::run(spec, || i32::from(std::env::temp_dir() != Path::new("/var")));
}
