use harness::isolated;

#[isolated(rootfs = "oci://docker.io/library/busybox:1")]
fn test() {}

fn main() {}
