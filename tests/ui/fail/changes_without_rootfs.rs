use harness::isolated;

#[isolated(pid, changes)]
fn test() {}

fn main() {}
