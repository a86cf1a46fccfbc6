use harness::isolated;

#[isolated(timeout = 5s)]
fn test() {}

fn main() {}
