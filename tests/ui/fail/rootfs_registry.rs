use harness::isolated;

#[isolated(rootfs = "oci://busybox")]
fn test() {}

fn main() {}
