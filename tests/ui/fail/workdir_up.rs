use harness::isolated;

#[isolated(workdir = "/srv/../etc")]
fn test() {}

fn main() {}
