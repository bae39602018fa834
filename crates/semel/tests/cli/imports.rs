//! Files as a source: odd ones, known ones, grown ones, changed ones, somebody else's.

use super::harness::{MAPPING, Place, counts, payment};

const NOTHING: [i64; 7] = [0; 7];

fn paid(count: i64) -> serde_json::Value {
    counts([count, count, count, 0, 0, 0, 0])
}

#[test]
fn odd_line_ends_blank_lines_and_a_byte_order_mark_are_no_matter() {
    let place = Place::new();
    let [one, two, three] = ["1", "2", "3"].map(payment);
    place.write("a.jsonl", format!("\u{feff}{one}\r\n\r\n \t\n{two}\n\n{{\r\n{three}"));
    assert_eq!(place.import("a.jsonl"), counts([4, 3, 3, 0, 0, 0, 1]));
    assert_eq!(place.reasons(), [(6, "undecodable".to_owned())]);
    place.write("empty.jsonl", "");
    place.write("blank.jsonl", "\n\r\n");
    place.write("empty.csv", "");
    for name in ["empty.jsonl", "blank.jsonl", "empty.csv"] {
        assert_eq!(place.import(name), counts(NOTHING), "{name}");
    }
}

#[test]
fn csv_is_read_as_rfc_4180_says() {
    let place = Place::new();
    let file = [
        "\u{feff}k,\"a\",c,d,m,n,x,unused\r\n",
        "1,1.50,USD,c:1,m:1,\"two\nlines, \"\"quoted\"\"\",,\r\n",
        "\r\n",
        "2,1,USD,c:1,m:1,,\"{\"\"b\"\":1}\",z\n",
        "3,1,USD,c:1,m:1,,\n",
        "4,1,USD,c:1,m:1,,,,\n",
        "5,1,USD\rc:1,m:1,,,\n",
        "6,1,USD,c:1,m:1,,,\n",
        "7,1,USD,c:1,m:1,\"open,,\n8,1,USD,c:1,m:1,,,\n",
    ];
    place.write("a.csv", file.concat());
    assert_eq!(place.import("a.csv"), counts([7, 3, 3, 0, 0, 0, 4]));
    let undecodable = [6, 7, 8, 10].map(|line| (line, "undecodable".to_owned()));
    assert_eq!(place.reasons(), undecodable);
    let shown = place.run(&["dead-letters", "show", "dl_2"]).stdout;
    assert!(shown.contains("semel-columns k,\"a\",c,d,m,n,x,unused"), "{shown}");
    assert!(shown.contains("9 columns where the header has 8"), "{shown}");

    place.write("b.csv", b"k,a,c,d,m,n,x\n9,1,USD,c:1,m:1,\xff,\n".as_slice());
    assert_eq!(place.import("b.csv"), counts([1, 0, 0, 0, 0, 0, 1]));
}

#[test]
fn a_record_without_end_is_one_dead_letter() {
    let place = Place::new();
    let long = "x".repeat(3 << 20);
    place.write("a.jsonl", format!("{}\n{long}\n{}\n", payment("1"), payment("2")));
    assert_eq!(place.import("a.jsonl"), counts([3, 2, 2, 0, 0, 0, 1]));
    assert_eq!(place.reasons(), [(2, "too_long".to_owned())]);
    place.write("a.csv", format!("k,a,c,d,m,n,x\n1,\"{long}\n{long}\",,,,,\n3,1,USD,c,d,,\n"));
    assert_eq!(place.import("a.csv"), counts([2, 1, 1, 0, 0, 0, 1]));
    assert_eq!(place.reasons()[1], (2, "too_long".to_owned()));
    let redriven = place.json(&["dead-letters", "redrive", "--yes"]);
    assert_eq!(redriven["refused"], serde_json::json!({ "too_long": 2 }));
}

#[test]
fn the_same_file_adds_nothing_and_a_grown_one_what_is_new() {
    let place = Place::new();
    place.write("a.jsonl", payment("1"));
    assert_eq!(place.import("a.jsonl"), paid(1));
    assert_eq!(place.import("a.jsonl"), counts(NOTHING));
    place.append("a.jsonl", &format!("\n{}\n", payment("2")));
    assert_eq!(place.import("a.jsonl"), paid(1));
    place.append("a.jsonl", &format!("{}\n{{\n", payment("1")));
    assert_eq!(place.import("a.jsonl"), counts([2, 0, 0, 0, 1, 0, 1]));
    assert_eq!(place.reasons(), [(4, "undecodable".to_owned())]);

    // By another name it is another file, and identity finds every payment again.
    std::fs::copy(place.path("a.jsonl"), place.path("b.jsonl")).unwrap();
    assert_eq!(place.import("b.jsonl"), counts([4, 0, 0, 0, 3, 0, 1]));
    // By the name that it had it is the same file.
    let original = place.path("a.jsonl").canonicalize().unwrap();
    let original = original.to_str().unwrap();
    let summary = place.json(&["import", "b.jsonl", "--mapping", "map.toml", "--as", original]);
    assert_eq!(summary["read"], 0);
}

#[test]
fn a_file_that_was_changed_where_it_was_read_is_refused() {
    let place = Place::new();
    let [one, two, other] = ["1", "2", "9"].map(payment);
    for (what, before, after) in [
        ("other content", format!("{one}\n{two}\n"), format!("{one}\n{other}\n")),
        ("shorter", format!("{one}\n{two}\n"), format!("{one}\n")),
        ("the last line grown", one.clone(), format!("{one}1")),
        ("the last line broken", one.clone(), format!("{one}\r{two}")),
    ] {
        let place = Place::new();
        place.write("a.jsonl", before);
        place.import("a.jsonl");
        place.write("a.jsonl", after);
        let ran = place.run(&["import", "a.jsonl", "--mapping", "map.toml"]);
        assert_eq!(ran.code, 3, "{what}: {ran:?}");
        assert!(
            ran.stderr.contains("SEMEL-0110") && ran.stderr.contains("--as"),
            "{what}: {ran:?}"
        );
    }
    place.write("a.csv", "k,a,c,d,m,n,x\n1,1,USD,c:1,m:1,,\n");
    place.import("a.csv");
    place.write("a.csv", "k,a,c,m,d,n,x\n1,1,USD,c:1,m:1,,\n");
    assert_eq!(place.run(&["import", "a.csv", "--mapping", "map.toml"]).code, 3);
}

#[test]
fn a_sheet_that_ended_inside_quotes_may_not_go_on_there() {
    const HEADER: &str = "k,a,c,d,m,n,x\n";
    for (end, rest) in [
        ("1,1,USD,c:1,m:1,\"x\n", "2,9,USD,c:1,m:1,y\",\n"),
        ("1,1,USD,c:1,m:1,\"x", "\n2,9,USD,c:1,m:1,y\",\n"),
    ] {
        let place = Place::new();
        place.write("a.csv", [HEADER, end].concat());
        assert_eq!(place.import("a.csv"), counts([1, 0, 0, 0, 0, 0, 1]));
        assert_eq!(place.import("a.csv"), counts(NOTHING), "unchanged");
        place.append("a.csv", rest);
        let ran = place.run(&["import", "a.csv", "--mapping", "map.toml"]);
        assert_eq!(ran.code, 3, "{end}: {ran:?}");
        assert!(ran.stderr.contains("SEMEL-0110") && ran.stderr.contains("quotes"), "{ran:?}");
    }
}

#[test]
fn a_sheet_that_ended_in_a_long_line_without_quotes_goes_on_behind_it() {
    let place = Place::new();
    place.write("a.csv", ["k,a,c,d,m,n,x\n1,", &"9".repeat(3 << 20)].concat());
    assert_eq!(place.import("a.csv"), counts([1, 0, 0, 0, 0, 0, 1]));
    place.append("a.csv", "\n2,9,USD,c:1,m:1,,\n");
    assert_eq!(place.import("a.csv"), paid(1));
}

#[test]
fn a_file_belongs_to_one_ingest_and_one_ledger() {
    let place = Place::new();
    place.write("a.jsonl", payment("1"));
    place.import("a.jsonl");
    place.write("other.toml", MAPPING.replace("\"shop\"", "\"other\""));
    let ran = place.run(&["import", "a.jsonl", "--mapping", "other.toml"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stderr.contains("SEMEL-0111"), "{ran:?}");

    let args = ["import", "a.jsonl", "--mapping", "map.toml", "--ledger", "b"];
    let ran = place.run(&args);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("semel ledger create b"), "{ran:?}");
    assert_eq!(place.run(&["ledger", "create", "b"]).code, 0);
    let ran = place.run(&args);
    assert!(ran.code == 3 && ran.stderr.contains("SEMEL-0111"), "{ran:?}");
    // Another ledger knows neither the file nor its keys.
    let summary = place.json(&[&args[..], &["--as", "again"]].concat());
    assert_eq!(summary["accepted"], 1);
    let ledgers = place.json(&["ledger", "list"]);
    let names: Vec<_> = ledgers["data"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
    assert_eq!(names, ["main", "b"]);
}

#[test]
fn a_mapping_may_stand_bare_or_in_the_configuration() {
    let place = Place::new();
    place.write("a.jsonl", payment("1"));
    place.write("b.jsonl", payment("2"));
    let nameless = MAPPING.replace("[[ingest]]", "").replace("name = \"shop\"", "");
    place.write("bare.toml", nameless);
    let args = ["import", "a.jsonl", "--mapping", "bare.toml", "--ingest", "shop"];
    assert_eq!(place.json(&args)["accepted"], 1);
    place.write("semel.toml", MAPPING.replace("topic = \"payments\"", "ledger = \"b\""));
    assert_eq!(place.json(&["import", "b.jsonl"])["accepted"], 1);
    let events = |list: serde_json::Value, index: usize| list["data"][index]["events"].clone();
    assert_eq!(events(place.json(&["ledger", "list"]), 1), 3);
}
