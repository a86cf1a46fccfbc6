use harness::isolated;

#[isolated(expect = signal(SIGSEG))]
fn test() {}

fn main() {}
