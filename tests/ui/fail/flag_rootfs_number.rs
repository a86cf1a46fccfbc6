use harness::isolated;

#[isolated(rootfs = 5)]
fn test() {}

fn main() {}
