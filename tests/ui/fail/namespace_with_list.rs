use harness::isolated;

#[isolated(net(lo))]
fn test() {}

fn main() {}
