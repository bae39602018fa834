//! The bytes of the wire, one record of each sort, exactly as they have to stay: whoever reads them
//! goes by them for ever.

use crate::reader::records;
use crate::script::check;
use crate::world::World;
use std::fmt::Write;

const GOLDEN: &str = include_str!("../golden/messages.txt");

#[test]
fn records_are_what_they_were() {
    let world = World::new(2);
    world.books.state().store = check(
        r#"
  pay     k1 4999 USD bank  alice note="é",{ meta={"order":"7"} | succeeded
  refund  k2 k1 999                                             | refunded 999
  pay     k3 5000 USD alice shop                                | declined insufficient_funds
"#,
    );
    world.settle();
    let mut actual = String::new();
    for partition in 0..2 {
        for record in records(&world.broker, partition) {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            writeln!(actual, "\n# partition {partition}, offset {}", record.offset).unwrap();
            writeln!(actual, "key {}", text(record.raw.key.as_deref().unwrap())).unwrap();
            for (name, value) in &record.raw.headers {
                writeln!(actual, "{name}: {}", text(value)).unwrap();
            }
            writeln!(actual, "{}", text(record.raw.value.as_deref().unwrap())).unwrap();
        }
    }
    for (line, (actual, golden)) in (1..).zip(actual.lines().zip(GOLDEN.lines())) {
        assert_eq!(actual, golden, "golden/messages.txt:{line}: readers go by this for ever");
    }
    assert_eq!(actual, GOLDEN, "golden/messages.txt: every record is in it, and no other");
}
