//! Name resolution in the body: glibc's, which has `files` and `dns` built in (2.34), against the root's /etc.

use std::fs;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};

use harness_tests::in_each_of;

fn resolve(host: &str) -> io::Result<Vec<IpAddr>> {
    Ok((host, 80).to_socket_addrs()?.map(|address| address.ip()).collect())
}

in_each_of!([busybox, musl, debian];
    fn hosts_are_those_of_the_root() {
        assert_eq!(resolve("db").unwrap(), [IpAddr::from([10, 20, 30, 40])]);
        assert!(resolve("localhost").unwrap().iter().all(IpAddr::is_loopback));
        assert!(resolve("of-the-host").is_err());
    }
);

in_each_of!([busybox, musl, empty, debian];
    /// As most small images have it: no nsswitch.conf, no resolv.conf.
    fn a_hosts_file_is_enough() {
        fs::create_dir_all("/etc").unwrap();
        for file in ["/etc/nsswitch.conf", "/etc/resolv.conf"] {
            drop(fs::remove_file(file));
        }
        fs::write("/etc/hosts", "10.1.2.3 written\n").unwrap();
        assert_eq!(resolve("written").unwrap(), [IpAddr::from([10, 1, 2, 3])]);
        assert!(resolve("db").is_err());
    }
);

in_each_of!([empty];
    fn without_a_hosts_file_nothing_is_found_and_nothing_hangs() {
        assert!(resolve("db").is_err());
        assert_eq!(resolve("10.9.8.7").unwrap(), [IpAddr::from([10, 9, 8, 7])]);
    }
);
