use harness::isolated;

#[isolated(pid, unsupported = skip)]
#[should_panic]
fn test() {}

fn main() {}
