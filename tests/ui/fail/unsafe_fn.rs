use harness::isolated;

#[isolated(pid)]
unsafe fn test() {}

fn main() {}
