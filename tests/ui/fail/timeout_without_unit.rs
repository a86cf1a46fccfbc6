use harness::isolated;

#[isolated(timeout = 5)]
fn test() {}

fn main() {}
