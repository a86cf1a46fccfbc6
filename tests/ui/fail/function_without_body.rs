use harness::isolated;

trait Tests {
    #[isolated(pid)]
    fn test();
}

fn main() {}
