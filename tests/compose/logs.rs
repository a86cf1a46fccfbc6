//! `#[test_log::test]`: the logger is set up in the guest.

use crate::here::ran;
use harness::isolated;

#[test_log::test]
#[isolated(pid)]
fn below() {
    ran!("below");
}

#[isolated(pid)]
#[test_log::test]
fn above() {
    ran!("above");
}

#[isolated(pid)]
#[test_log::test(tokio::test)]
async fn with_tokio_above() {
    ran!("with_tokio_above");
}

#[test_log::test(tokio::test)]
#[isolated(pid)]
async fn with_tokio_below() {
    ran!("with_tokio_below");
}

mod imported {
    use crate::here::ran;
    use harness::isolated;
    use test_log::test;

    #[isolated(pid)]
    #[test]
    fn above() {
        ran!("above");
    }

    #[test]
    #[isolated(pid)]
    fn below() {
        ran!("below");
    }
}
