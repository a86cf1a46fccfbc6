use harness::isolated;

#[isolated(pid, caps = "none")]
fn test() {}

fn main() {}
