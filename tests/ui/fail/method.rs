use harness::isolated;

struct Tests;

impl Tests {
    #[isolated(pid)]
    fn test(&self) {}
}

fn main() {}
