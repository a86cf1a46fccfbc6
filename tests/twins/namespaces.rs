//! Guests that say which namespaces they are in, and guests that try to see what is the host's.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};

use harness::isolated;
use harness_tests::{checks, gate, outside, sys};
use nix::mount::{MsFlags, mount};

/// One line for the test outside.
fn tell(test: &str) {
    let link = |kind: &&str| fs::read_link(format!("/proc/self/ns/{kind}")).expect("a namespace");
    let links: Vec<_> = checks::NAMESPACES.iter().map(|kind| link(kind).display().to_string()).collect();
    println!("namespaces of {test}: {}", links.join(" "));
}

#[isolated(hostname = "box")]
fn hostname() {
    tell("uts");
    gate::arrive("hostname", &nix::unistd::gethostname().unwrap().into_string().unwrap());
}

macro_rules! tells {
    ($($name:ident)*) => {
        mod tells {
            $(#[harness::isolated($name, timeout = "60s")]
            fn $name() {
                super::tell(stringify!($name));
            })*

            #[harness::isolated(timeout = "60s")]
            fn nothing() {
                super::tell("nothing");
            }
        }
    };
}
tells! { user pid pid1 mount uts ipc net cgroup time all }

fn key() -> i32 {
    std::env::var("QUEUE").unwrap().parse().unwrap()
}

fn port() -> u16 {
    std::env::var("PORT").unwrap().parse().unwrap()
}

#[isolated(ipc)]
fn foreign_queues() {
    checks::queues_are_invisible(key(), &format!("/harness.{}", key()));
}

#[isolated(uts)]
fn own_queues() {
    checks::queues_are_invisible(key(), &format!("/harness.{}", key()));
}

/// Vanishes with the namespace.
#[isolated(ipc)]
fn makes_a_queue() {
    sys::make_queue(key()).unwrap();
    gate::arrive("queue", "made");
}

#[isolated(net)]
fn foreign_port() {
    checks::port_is_free(port());
}

#[isolated(uts)]
fn own_port() {
    checks::port_is_free(port());
}

/// Two guests have the same port at the same time.
#[isolated(net, timeout = "60s")]
fn takes_the_port() {
    let _listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port())).unwrap();
    gate::arrive("port", "bound");
}

#[isolated(net, timeout = "60s")]
fn takes_the_port_too() {
    takes_the_port_inside();
}

fn takes_the_port_inside() {
    let _listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port())).unwrap();
    gate::arrive("port", "bound");
}

#[isolated(mount, timeout = "60s")]
fn mounts_a_tmpfs_inside() {
    let point = gate::directory().join("point");
    mount(Some("harness-probe"), &point, Some("tmpfs"), MsFlags::empty(), None::<&str>).unwrap();
    fs::write(point.join("inside"), "").unwrap();
    assert!(outside::mounts().contains("harness-probe"));
    gate::arrive("mount", "mounted");
}
