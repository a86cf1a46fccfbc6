use harness::isolated;

#[isolated(pids = "20")]
fn test() {}

fn main() {}
