use harness::isolated;

#[isolated(rootfs = "fixtures/root.tar.gz")]
fn test() {}

fn main() {}
