use harness::isolated;

#[isolated(assert(mem_peak < "64M"))]
fn test() {}

fn main() {}
