use harness::isolated;

#[isolated(rootfs, upper = "copy")]
fn test() {}

fn main() {}
