use harness::isolated;

#[isolated(expect = signal(SIGCHLD))]
fn test() {}

fn main() {}
