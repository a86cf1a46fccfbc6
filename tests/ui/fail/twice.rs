use harness::isolated;

#[isolated(mem = "100M", pid, mem = "200M")]
fn test() {}

fn main() {}
