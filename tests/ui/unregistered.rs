//! Tests that the source shows to be some other attribute's to register, and that nobody registers: `main.rs` builds
//! this. Without the error they would never run, and the run would be `ok`.

use harness::isolated;

/// Takes `#[test]` away and passes the rest on.
macro_rules! takes_test {
    ($(#[test] $(#[$attr:meta])* fn $name:ident() $body:block)*) => {
        $( $(#[$attr])* #[isolated(pid)] fn $name() $body )*
    };
}

takes_test! {
    #[test]
    fn taken() {
        panic!();
    }

    #[test]
    #[allow(unused)]
    fn taken_and_allowed_to_be_unused() {
        panic!();
    }
}
