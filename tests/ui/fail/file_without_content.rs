use harness::isolated;

#[isolated(file("/etc/hosts"))]
fn test() {}

fn main() {}
