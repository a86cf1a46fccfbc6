use harness::isolated;

#[isolated(unsupported = skipp)]
fn test() {}

fn main() {}
