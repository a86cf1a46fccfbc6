use harness::isolated;

#[isolated(user = 1000)]
fn test() {}

fn main() {}
