use harness::isolated;

#[isolated(timeout = "0s")]
fn test() {}

fn main() {}
