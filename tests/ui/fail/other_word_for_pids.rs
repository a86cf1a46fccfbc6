use harness::isolated;

#[isolated(processes = 20)]
fn test() {}

fn main() {}
