use harness::isolated;

#[isolated(hostname = 5)]
fn test() {}

fn main() {}
