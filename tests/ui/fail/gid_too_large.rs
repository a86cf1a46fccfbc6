use harness::isolated;

#[isolated(gid = 5000000000)]
fn test() {}

fn main() {}
