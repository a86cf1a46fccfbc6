//! Tests that `macro_rules!` write.

use crate::here::ran;
use harness::isolated;

macro_rules! below_test {
    ($($name:ident)*) => {
        $(
            #[test]
            #[isolated(pid)]
            fn $name() {
                ran!(stringify!($name));
            }
        )*
    };
}

below_test! { below_test_one below_test_two }

macro_rules! above_test {
    ($($name:ident)*) => {
        $(
            #[isolated(pid)]
            #[test]
            fn $name() {
                ran!(stringify!($name));
            }
        )*
    };
}

above_test! { above_test_one above_test_two }

macro_rules! alone {
    ($($name:ident)*) => { $( #[isolated(pid)] fn $name() { ran!(stringify!($name)); } )* };
}

alone! { alone_one alone_two }

/// The attributes come from the caller.
macro_rules! passed_on {
    ($($(#[$attr:meta])* fn $name:ident() $body:block)*) => {
        $( $(#[$attr])* fn $name() $body )*
    };
}

passed_on! {
    #[test]
    #[isolated(pid)]
    fn passed_on_below() {
        ran!("passed_on_below");
    }

    #[isolated(pid)]
    #[test]
    fn passed_on_above() {
        ran!("passed_on_above");
    }

    #[isolated(pid)]
    fn passed_on_alone() {
        ran!("passed_on_alone");
    }
}

/// The macro brings `#[test]`, the caller the rest.
macro_rules! brings_test {
    ($($(#[$attr:meta])* fn $name:ident() $body:block)*) => {
        $( #[test] $(#[$attr])* fn $name() $body )*
    };
}

brings_test! {
    #[isolated(pid)]
    fn brought_test() {
        ran!("brought_test");
    }
}

/// The macro brings us, the caller `#[test]`.
macro_rules! brings_isolated {
    ($($(#[$attr:meta])* fn $name:ident() $body:block)*) => {
        $( $(#[$attr])* #[isolated(pid)] fn $name() $body )*
    };
}

brings_isolated! {
    #[test]
    fn brought_isolated() {
        ran!("brought_isolated");
    }

    fn brought_isolated_alone() {
        ran!("brought_isolated_alone");
    }
}

/// The macro takes `#[test]` away: the one in the source is none.
macro_rules! takes_test {
    ($(#[test] fn $name:ident() $body:block)*) => {
        $( #[isolated(pid)] fn $name() $body )*
    };
}

takes_test! {
    #[test]
    fn taken_test() {
        ran!("taken_test");
    }
}

/// Values that come through fragments.
macro_rules! values {
    ($name:ident, $mem:literal, $pids:expr) => {
        #[isolated(pid, mem = $mem, pids = $pids)]
        fn $name() {
            ran!(stringify!($name));
        }
    };
}

values! { fragments, "100M", 20 }
