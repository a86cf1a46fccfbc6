use harness::isolated;

#[isolated(uid = -1)]
fn test() {}

fn main() {}
