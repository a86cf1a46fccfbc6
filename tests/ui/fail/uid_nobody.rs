use harness::isolated;

#[isolated(uid = 4294967295)]
fn test() {}

fn main() {}
