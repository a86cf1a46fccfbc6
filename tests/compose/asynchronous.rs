//! `#[tokio::test]`: the runtime is built in the guest.

use crate::here::ran;
use harness::isolated;
use std::time::Duration;

async fn work() -> u32 {
    tokio::time::sleep(Duration::from_millis(1)).await;
    tokio::spawn(async { 42 }).await.unwrap()
}

#[tokio::test]
#[isolated(pid)]
async fn current_thread_below() {
    ran!("current_thread_below");
    assert_eq!(work().await, 42);
}

#[isolated(pid)]
#[tokio::test]
async fn current_thread_above() {
    ran!("current_thread_above");
    assert_eq!(work().await, 42);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[isolated(pid)]
async fn multi_thread_below() {
    ran!("multi_thread_below");
    assert_eq!(work().await, 42);
}

#[isolated(pid)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn multi_thread_above() {
    ran!("multi_thread_above");
    assert_eq!(work().await, 42);
}

#[isolated(pid)]
#[tokio::test]
async fn result_above() -> Result<(), std::num::ParseIntError> {
    ran!("result_above");
    assert_eq!(work().await, "42".parse::<u32>()?);
    Ok(())
}

#[tokio::test]
#[isolated(pid)]
#[should_panic(expected = "boom")]
async fn should_panic_below() {
    ran!("should_panic_below");
    assert_eq!(work().await, 0, "boom");
}

#[isolated(pid)]
#[should_panic(expected = "boom")]
#[tokio::test]
async fn should_panic_above() {
    ran!("should_panic_above");
    assert_eq!(work().await, 0, "boom");
}

mod imported {
    //! Where `#[test]` is not the standard one.
    use crate::here::ran;
    use harness::isolated;
    use tokio::test;

    #[isolated(pid)]
    #[test]
    async fn above() {
        ran!("above");
        assert_eq!(super::work().await, 42);
    }

    #[test]
    #[isolated(pid)]
    async fn below() {
        ran!("below");
        assert_eq!(super::work().await, 42);
    }
}
