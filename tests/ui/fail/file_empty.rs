use harness::isolated;

#[isolated(file())]
fn test() {}

fn main() {}
