use harness::isolated;

#[isolated(rootfs, upper = "memory")]
fn test() {}

fn main() {}
