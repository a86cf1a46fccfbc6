use harness::isolated;

#[isolated(pid, nett)]
fn test() {}

fn main() {}
