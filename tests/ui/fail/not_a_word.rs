use harness::isolated;

#[isolated(pid, "100M")]
fn test() {}

fn main() {}
