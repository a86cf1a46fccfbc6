use harness::isolated;

#[isolated(workdir = "srv")]
fn test() {}

fn main() {}
