use harness::isolated;

#[isolated(rootfs = "rootfs/fixture", upper = "copy", changes)]
fn test() {}

fn main() {}
