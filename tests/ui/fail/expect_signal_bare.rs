use harness::isolated;

#[isolated(expect = SIGKILL)]
fn test() {}

fn main() {}
