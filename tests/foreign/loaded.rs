//! What libc loads while the program runs comes from the root: this is what does not work in a foreign one.

use harness_tests::in_each_of;
use harness_tests::sys::{converts, loads};

in_each_of!([busybox, musl, empty];
    fn no_library_is_found() {
        assert!(!loads(c"libz.so.1") && !loads(c"libresolv.so.2"));
        // Loaded with the binary: unwinding and pthread_cancel find it.
        assert!(loads(c"libgcc_s.so.1") && loads(c"libc.so.6"));
    }
);

in_each_of!([debian];
    /// Of the root's, not of the host's, though their libc is ours.
    fn libraries_are_those_of_the_root() {
        assert!(loads(c"libz.so.1"));
        let mapped = std::fs::read_to_string("/proc/self/maps").unwrap();
        assert!(mapped.contains("libz.so.1"), "{mapped}");
    }
);

in_each_of!([busybox, musl, empty];
    /// The conversions that are built in, and no other.
    fn few_encodings_are_known() {
        assert!(converts(c"UTF-8", c"UCS-4"));
        assert!(!converts(c"UTF-8", c"KOI8-R"));
    }
);
