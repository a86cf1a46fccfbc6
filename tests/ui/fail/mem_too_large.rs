use harness::isolated;

#[isolated(mem = "99999999T")]
fn test() {}

fn main() {}
