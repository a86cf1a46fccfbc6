use harness::isolated;

#[isolated(file("/etc/hosts" = "a"), file("/etc/hosts" = "b"))]
fn test() {}

fn main() {}
