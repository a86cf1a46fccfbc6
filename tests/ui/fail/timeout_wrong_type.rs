use harness::isolated;

#[isolated(timeout = forever)]
fn test() {}

fn main() {}
