use harness::isolated;

#[isolated(pid)]
fn test(x: u32, y: &str) {}

fn main() {}
