use harness::isolated;

#[isolated(tmpfs = "tmp")]
fn test() {}

fn main() {}
