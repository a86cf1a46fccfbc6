use harness::isolated;

#[isolated(timeuot = "5s")]
fn test() {}

fn main() {}
