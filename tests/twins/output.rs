//! Guests that write.

use std::io::{self, Write};
use std::process::Command;

use harness::isolated;
use harness_tests::gate;

#[isolated(pid)]
fn says_this_and_that() {
    println!("first, by std");
    Command::new("sh").args(["-c", "echo second, by a child"]).status().unwrap();
    io::stdout().write_all(b"third, without a newline").unwrap();
    io::stdout().flush().unwrap();
    println!(", and then with one");
    eprintln!("first error, by std");
    Command::new("sh").args(["-c", "echo second error, by a child >&2"]).status().unwrap();
    eprint!("third error, without a newline");
    assert!(std::env::var_os("HARNESS_PASS").is_some(), "to show the output");
}

#[isolated(pid, timeout = "60s")]
fn streams() {
    println!("before the gate");
    eprintln!("an error before the gate");
    gate::wait("stream");
    println!("after the gate");
}

#[isolated(pid)]
fn bytes() {
    io::stdout().write_all(b"a\xff\xfeb\n\xe2\x82").unwrap();
    io::stdout().write_all(b"\xac split\n").unwrap();
    panic!("to show the output");
}

/// One line of more than a pipe holds; every character is three bytes, so that pieces end within one.
#[isolated(pid)]
fn a_long_line() {
    println!("<{}>", "\u{20ac}".repeat(200_000));
    panic!("to show the output");
}

/// One gibibyte, in lines of 64 bytes.
#[isolated(pid)]
fn a_gibibyte() {
    const LINE: &[u8] = b"0123456789012345678901234567890123456789012345678901234567890 .\n";
    let block = LINE.repeat(1 << 14);
    let mut stdout = io::stdout().lock();
    stdout.write_all(b"the first line\n").unwrap();
    for _ in 0..1 << 10 {
        stdout.write_all(&block).unwrap();
    }
    stdout.write_all(b"the last line\n").unwrap();
    panic!("to show the output");
}

#[isolated(pid)]
fn panics_with_a_mebibyte() {
    panic!("begin {} end", "m".repeat(1 << 20));
}

/// Grandchildren that keep both pipes open for ever.
#[isolated(leaks = allow)]
fn leaves_a_holder() {
    Command::new("setsid").args(["--fork", "sleep", "1000"]).status().unwrap();
    println!("left one");
}

#[isolated(pid, leaks = allow)]
fn leaves_a_holder_in_a_pid_namespace() {
    Command::new("setsid").args(["--fork", "sleep", "1000"]).status().unwrap();
    println!("left one");
}

#[isolated(pid, uts)]
fn panics_at_a_known_line() {
    inner_function_of_the_panic();
}

#[inline(never)]
fn inner_function_of_the_panic() {
    panic!("known"); // the line that `output/panics.rs` looks for
}

#[isolated(pid, rootfs = "rootfs/empty")]
fn panics_in_an_empty_root() {
    inner_function_of_the_panic();
}

#[isolated(pid)]
#[should_panic(expected = "known")]
fn panics_as_it_should() {
    inner_function_of_the_panic();
}

#[isolated(pid)]
#[should_panic]
fn should_panic_and_returns() {}

#[isolated(pid)]
#[should_panic]
fn should_panic_and_does() {
    panic!("as it should");
}
