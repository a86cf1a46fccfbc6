use harness::isolated;

#[isolated(pid)]
fn test<T: Default>() {}

fn main() {}
