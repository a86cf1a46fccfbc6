use harness::isolated;

#[isolated(rootfs = "docker://docker.io/library/busybox")]
fn test() {}

fn main() {}
