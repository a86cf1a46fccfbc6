use harness::isolated;

#[serial_test::serial]
#[isolated(pid)]
fn test() {}

fn main() {}
