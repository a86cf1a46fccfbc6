use harness::isolated;

#[isolated(rootfs, readonly = true)]
fn test() {}

fn main() {}
