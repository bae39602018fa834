//! Reading by tables, and the reader against `serde_json` on documents and on damaged documents.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::JsonError::{LoneSurrogate, NotUtf8, Syntax, TooDeep, TrailingBytes};
use super::*;

fn text(text: &str) -> Json<'_> {
    Json::Text(Cow::Borrowed(text))
}

#[rustfmt::skip]
const VALUES: &[(&str, Json<'static>)] = &[
    ("null",                    Json::Null),
    (" \t\r\n true \n",         Json::Bool(true)),
    ("false",                   Json::Bool(false)),
    ("0",                       Json::Number("0")),
    ("-0",                      Json::Number("-0")),
    ("12.340",                  Json::Number("12.340")),
    ("1E+2",                    Json::Number("1E+2")),
    ("-0.0e-00",                Json::Number("-0.0e-00")),
    ("90071992547409.93",       Json::Number("90071992547409.93")),
    ("123456789012345678901234567890", Json::Number("123456789012345678901234567890")),
    (r#""""#,                   Json::Text(Cow::Borrowed(""))),
    (r#""é𝄞""#,                 Json::Text(Cow::Borrowed("é𝄞"))),
    (r#""a\"\\\/\b\f\n\r\tz""#, Json::Text(Cow::Borrowed("a\"\\/\u{8}\u{c}\n\r\tz"))),
    (r#""\u0041\u00e9\u0000""#, Json::Text(Cow::Borrowed("Aé\0"))),
    (r#""\ud834\udd1e""#,       Json::Text(Cow::Borrowed("𝄞"))),
    (r#""\uDBFF\uDFFF""#,       Json::Text(Cow::Borrowed("\u{10ffff}"))),
    (r#""\uFFFF""#,             Json::Text(Cow::Borrowed("\u{ffff}"))),
    ("[]",                      Json::Array(Vec::new())),
    ("[ ]",                     Json::Array(Vec::new())),
    ("{}",                      Json::Object(Vec::new())),
    ("{ }",                     Json::Object(Vec::new())),
];

#[test]
fn values() {
    for (document, expected) in VALUES {
        assert_eq!(parse(document.as_bytes()).as_ref(), Ok(expected), "{document}");
    }
}

#[test]
fn containers_keep_order_and_duplicates() {
    let document = parse(br#" { "b" : [ 1 , "x" , [ ] ] , "a" : { } , "b" : null } "#);
    let elements = [Json::Number("1"), text("x"), Json::Array(Vec::new())];
    let members = [
        (Cow::Borrowed("b"), Json::Array(elements.to_vec())),
        (Cow::Borrowed("a"), Json::Object(Vec::new())),
        (Cow::Borrowed("b"), Json::Null),
    ];
    assert_eq!(document, Ok(Json::Object(members.to_vec())));
}

#[test]
fn strings_without_escapes_are_borrowed() {
    let Ok(Json::Array(elements)) = parse(br#"["plain", "\u0041"]"#) else { panic!() };
    assert!(matches!(elements[0], Json::Text(Cow::Borrowed("plain"))));
    assert!(matches!(elements[1], Json::Text(Cow::Owned(_))));
}

#[rustfmt::skip]
const REFUSED: &[(&[u8], JsonError)] = &[
    (b"",                          Syntax),
    (b" ",                         Syntax),
    (b"nul",                       Syntax),
    (b"True",                      Syntax),
    (b"NaN",                       Syntax),
    (b"-",                         Syntax),
    (b"-a",                        Syntax),
    (b"+1",                        Syntax),
    (b".5",                        Syntax),
    (b"5.",                        Syntax),
    (b"5.e1",                      Syntax),
    (b"1e",                        Syntax),
    (b"1e+",                       Syntax),
    (b"[01]",                      Syntax),
    (b"[1 2]",                     Syntax),
    (b"[1,]",                      Syntax),
    (b"[,1]",                      Syntax),
    (b"[",                         Syntax),
    (b"[1",                        Syntax),
    (b"[1}",                       Syntax),
    (b"]",                         Syntax),
    (b"{",                         Syntax),
    (br#"{"a"}"#,                  Syntax),
    (br#"{"a":}"#,                 Syntax),
    (br#"{"a":1,}"#,               Syntax),
    (br#"{"a":1 "b":2}"#,          Syntax),
    (br#"{"a",1}"#,                Syntax),
    (br#"{a:1}"#,                  Syntax),
    (br#"{1:1}"#,                  Syntax),
    (br#"{'a':1}"#,                Syntax),
    (br#"{"a":1"#,                 Syntax),
    (br#"""#,                      Syntax),
    (br#""a"#,                     Syntax),
    (br#""\"#,                     Syntax),
    (br#""\x""#,                   Syntax),
    (br#""\u12"#,                  Syntax),
    (br#""\u12""#,                 Syntax),
    (br#""\u12g4""#,               Syntax),
    (br#""\u+123""#,               Syntax),
    ("\"\\u12é\"".as_bytes(),      Syntax),
    (b"\"a\nb\"",                  Syntax),
    (b"\"a\0b\"",                  Syntax),
    (b"\"a\x1fb\"",                Syntax),
    ("\u{feff}{}".as_bytes(),      Syntax),
    ("\u{a0}{}".as_bytes(),        Syntax),
    (b"/**/1",                     Syntax),
    (br#""\ud834""#,               LoneSurrogate),
    (br#""\udd1e""#,               LoneSurrogate),
    (br#""\ud834x""#,              LoneSurrogate),
    (br#""\ud834\n""#,             LoneSurrogate),
    (br#""\ud834\u0041""#,         LoneSurrogate),
    (br#""\ud834\ud834\udd1e""#,   LoneSurrogate),
    (br#""\udd1e\ud834""#,         LoneSurrogate),
    (br#"{"x":[{"\ud834":1}]}"#,   LoneSurrogate),
    (b"{}{}",                      TrailingBytes),
    (b"{} x",                      TrailingBytes),
    (b"1 2",                       TrailingBytes),
    (b"01",                        TrailingBytes),
    (b"1,",                        TrailingBytes),
    (b"null\0",                    TrailingBytes),
    (b"\xff",                      NotUtf8),
    (b"{\"a\":\"\xc3\"}",          NotUtf8),
    (b"\"\xed\xa0\xb4\"",          NotUtf8),
    (b"{} \xff",                   NotUtf8),
];

#[test]
fn what_is_no_document() {
    for &(bytes, expected) in REFUSED {
        assert_eq!(parse(bytes), Err(expected), "{}", String::from_utf8_lossy(bytes));
    }
}

#[rustfmt::skip]
const DEPTHS: &[(&str, &str, &str, usize, Option<JsonError>)] = &[
    ("[",        "",   "]", 128,       None),
    ("[",        "",   "]", 129,       Some(TooDeep)),
    ("[",        "1",  "]", 128,       None),
    ("{\"a\":",  "{}", "}", 127,       None),
    ("{\"a\":",  "{}", "}", 128,       Some(TooDeep)),
    ("[{\"a\":", "1",  "}]", 64,       None),
    ("[{\"a\":", "[]", "}]", 64,       Some(TooDeep)),
    ("[",        "",   "",  1_000_000, Some(TooDeep)),
];

#[test]
fn depth() {
    for &(open, inside, close, times, expected) in DEPTHS {
        let document = format!("{}{inside}{}", open.repeat(times), close.repeat(times));
        assert_eq!(parse(document.as_bytes()).err(), expected, "{open} {times}");
    }
    // Depth is how many are open at once, not how many there are.
    let wide = format!("[{}[]]", "[[]],".repeat(1_000));
    assert!(parse(wide.as_bytes()).is_ok());
}

#[rustfmt::skip]
const DUPLICATES: &[(&str, Option<&str>)] = &[
    (r#"1"#,                               None),
    (r#"{}"#,                              None),
    (r#"{"a":1,"b":2}"#,                   None),
    (r#"{"a":{"a":1},"b":{"a":1}}"#,       None),
    (r#"[{"a":1},{"a":1}]"#,               None),
    (r#"{"a":1,"A":1}"#,                   None),
    (r#"{"a":1,"a":1}"#,                   Some("a")),
    (r#"{"a":1,"b":2,"a":3}"#,             Some("a")),
    (r#"{"a":1,"\u0061":2}"#,              Some("a")),
    (r#"{"x":[0,{"y":{"b":1,"b":null}}]}"#, Some("b")),
    (r#"{"z":{"b":1,"b":1},"a":1,"a":1}"#, Some("a")),
];

#[test]
fn duplicate_names() {
    for &(document, expected) in DUPLICATES {
        let json = parse(document.as_bytes()).unwrap();
        assert_eq!(json.duplicate_name(), expected, "{document}");
    }
}

/// The document of RFC 6901, section 5, and more.
const POINTED_AT: &str = r#"{
    "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, "k\"l": 6,
    " ": 7, "m~n": 8, "o": {"p": [{"q": "deep"}], "0": "member"}, "n": null, "~1": "tilde one",
    "twice": {"x": 1}, "twice": {"x": 2}, "inner": {"d": 1, "d": 2, "e": 3}
}"#;

/// What is found, as canonical text.
#[rustfmt::skip]
const POINTERS: &[(&str, Result<&str, Lookup<'static, 'static>>)] = &[
    ("/foo",       Ok(r#"["bar","baz"]"#)),
    ("/foo/0",     Ok(r#""bar""#)),
    ("/foo/1",     Ok(r#""baz""#)),
    ("/",          Ok("0")),
    ("/a~1b",      Ok("1")),
    ("/c%d",       Ok("2")),
    ("/e^f",       Ok("3")),
    ("/g|h",       Ok("4")),
    ("/i\\j",      Ok("5")),
    ("/k\"l",      Ok("6")),
    ("/ ",         Ok("7")),
    ("/m~0n",      Ok("8")),
    ("/~01",       Ok(r#""tilde one""#)),
    ("/o/p/0/q",   Ok(r#""deep""#)),
    ("/o/0",       Ok(r#""member""#)),
    ("/n",         Ok("null")),
    ("/inner/e",   Ok("3")),
    ("/inner",     Ok(r#"{"d":1,"d":2,"e":3}"#)),
    ("/inner/d",   Err(Lookup::Duplicate)),
    ("/twice",     Err(Lookup::Duplicate)),
    ("/twice/x",   Err(Lookup::Duplicate)),
    ("/twice/no",  Err(Lookup::Duplicate)),
    ("/no",        Err(Lookup::Missing)),
    ("/FOO",       Err(Lookup::Missing)),
    ("/foo/2",     Err(Lookup::Missing)),
    ("/foo/-",     Err(Lookup::Missing)),
    ("/foo/00",    Err(Lookup::Missing)),
    ("/foo/01",    Err(Lookup::Missing)),
    ("/foo/+1",    Err(Lookup::Missing)),
    ("/foo/",      Err(Lookup::Missing)),
    ("/foo/99999999999999999999", Err(Lookup::Missing)),
    ("/foo/bar",   Err(Lookup::Missing)),
    ("/foo/0/0",   Err(Lookup::Missing)),
    ("/n/x",       Err(Lookup::Missing)),
    ("//",         Err(Lookup::Missing)),
];

#[test]
fn pointers() {
    let document = parse(POINTED_AT.as_bytes()).unwrap();
    for &(pointer, expected) in POINTERS {
        let parsed = Pointer::parse(pointer).unwrap();
        let found = match document.pointer(&parsed) {
            Lookup::Found(json) => Ok(canonical(json)),
            end => Err(end),
        };
        assert_eq!(found, expected.map(String::from), "{pointer}");
        assert_eq!(parsed.to_string(), pointer);
    }
    let whole = Pointer::parse("").unwrap();
    assert_eq!(document.pointer(&whole), Lookup::Found(&document));
}

#[rustfmt::skip]
const POINTER_SYNTAX: &[(&str, Result<Option<&str>, PointerError>)] = &[
    ("",        Ok(None)),
    ("/",       Ok(Some(""))),
    ("/a",      Ok(Some("a"))),
    ("/a~1b~0", Ok(Some("a/b~"))),
    ("/~01",    Ok(Some("~1"))),
    ("/a/b",    Ok(None)),
    ("a",       Err(PointerError)),
    ("#/a",     Err(PointerError)),
    ("/~",      Err(PointerError)),
    ("/a~",     Err(PointerError)),
    ("/~2",     Err(PointerError)),
    ("/~é",     Err(PointerError)),
    ("/~~0",    Err(PointerError)),
];

#[test]
fn pointer_syntax() {
    for &(text, expected) in POINTER_SYNTAX {
        let pointer = Pointer::parse(text);
        let single = pointer.as_ref().map(Pointer::single).map_err(|error| *error);
        assert_eq!(single, expected, "{text}");
    }
}

fn canonical(json: &Json<'_>) -> String {
    let mut out = String::new();
    json.canonical(&mut out);
    out
}

#[rustfmt::skip]
const CANONICAL: &[(&str, &str)] = &[
    (" [ 1 , 2.50 , -0 , 1E+2 ] ",         "[1,2.50,-0,1E+2]"),
    (r#"{"b":1,"a":{"d":null,"c":true}}"#, r#"{"a":{"c":true,"d":null},"b":1}"#),
    (r#"{"é":1,"z":2,"Z":3,"":4}"#,        r#"{"":4,"Z":3,"z":2,"é":1}"#),
    (r#""\u0041\/\u00e9\ud834\udd1e""#,    r#""A/é𝄞""#),
    (r#""\u000a\u000D\u0009\u0008\u000c""#, r#""\n\r\t\b\f""#),
    (r#""\u0000\u001F\u007f""#,            "\"\\u0000\\u001f\u{7f}\""),
    (r#""\u0022\u005c""#,                  r#""\"\\""#),
    (r#"{"\n":[]}"#,                       r#"{"\n":[]}"#),
    (r#"{"a":1,"b":2,"a":0}"#,             r#"{"a":1,"a":0,"b":2}"#),
    ("[{},[[]],false]",                    "[{},[[]],false]"),
];

#[test]
fn canonical_form() {
    for &(document, expected) in CANONICAL {
        assert_eq!(canonical(&parse(document.as_bytes()).unwrap()), expected);
    }
}

/// A document in text, with escapes and white space as it comes.
fn documents() -> impl Strategy<Value = String> {
    let space = || "[ \t\n\r]{0,2}";
    let string = || r#""([a-cé𝄞~/ ]|\\["\\/bfnrt]|\\u00[0-7][0-9a-fA-F]|\\ud834\\udd1e){0,6}""#;
    let number = "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,4})?([eE][+-]?[0-9]{1,2})?";
    let leaf = prop_oneof![Just("null".to_owned()), "true|false", number, string()];
    leaf.prop_recursive(6, 40, 4, move |inner| {
        let element = (space(), inner.clone(), space()).prop_map(|(a, b, c)| a + &b + &c);
        let member = (space(), string(), space(), space(), inner, space())
            .prop_map(|(a, name, b, c, value, d)| format!("{a}{name}{b}:{c}{value}{d}"));
        prop_oneof![
            prop::collection::vec(element, 1..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(member, 1..4)
                .prop_map(|items| format!("{{{}}}", items.join(","))),
        ]
    })
}

/// The tree as `serde_json` would have it: the last of duplicate names wins, numbers are values.
/// None if one of them is beyond what a float can be, which `serde_json` refuses.
fn value(json: &Json<'_>) -> Option<Value> {
    Some(match json {
        Json::Null => Value::Null,
        Json::Bool(bool) => Value::Bool(*bool),
        Json::Number(token) => serde_json::from_str(token).ok()?,
        Json::Text(text) => Value::String(text.to_string()),
        Json::Array(elements) => Value::Array(elements.iter().map(value).collect::<Option<_>>()?),
        Json::Object(members) => {
            let member = |(name, json): &(Cow<'_, str>, _)| Some((name.to_string(), value(json)?));
            Value::Object(members.iter().map(member).collect::<Option<_>>()?)
        }
    })
}

/// What `serde_json` says of a document. It ignores surrogates in what it ignores, so documents are
/// read as values; shallow ones only, since its own depth limit is another.
fn oracle(bytes: &[u8]) -> Option<Value> {
    serde_json::from_slice(bytes).ok()
}

proptest! {
    #[test]
    fn reads_what_serde_json_reads(document in documents()) {
        let json = parse(document.as_bytes());
        prop_assert_eq!(json.as_ref().ok().and_then(value), oracle(document.as_bytes()));
        prop_assert!(json.is_ok());
    }

    #[test]
    fn refuses_what_serde_json_refuses(
        document in documents(),
        at: prop::sample::Index,
        byte in prop::sample::select(br#"{}[]:,"\u08dDeE+-.19 tfn"#.to_vec()),
        damage in 0..3_u8,
    ) {
        let mut bytes = document.into_bytes();
        let at = at.index(bytes.len());
        match damage {
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            _ => drop(bytes.remove(at)),
        }
        prop_assert_eq!(parse(&bytes).as_ref().ok().and_then(value), oracle(&bytes));
    }

    #[test]
    fn any_bytes_are_a_value_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let known = serde_json::from_slice::<IgnoredAny>(&bytes).is_ok();
        // Whatever is read here is a document to `serde_json` as well.
        prop_assert!(known || parse(&bytes).is_err());
    }

    #[test]
    fn the_canonical_form_is_a_fixed_point_with_the_same_meaning(document in documents()) {
        let json = parse(document.as_bytes()).unwrap();
        let once = canonical(&json);
        let again = parse(once.as_bytes()).unwrap();
        prop_assert_eq!(canonical(&again), once.clone());
        prop_assert_eq!(value(&again), value(&json));
    }

    #[test]
    fn the_order_of_names_does_not_matter(
        names in prop::collection::btree_map("[a-c\"é]{0,3}", 0..9_u8, 0..6),
        seed: u64,
    ) {
        let write = |members: &mut dyn Iterator<Item = (&String, &u8)>| {
            let quoted = |name| serde_json::to_string(name).unwrap();
            let member = |(name, number)| format!("{}:{number}", quoted(name));
            format!("{{{}}}", members.map(member).collect::<Vec<_>>().join(","))
        };
        let mut shuffled: Vec<_> = names.iter().collect();
        let mix = |state: u64, byte| state.rotate_left(7) ^ u64::from(byte);
        shuffled.sort_by_key(|(name, _)| name.bytes().fold(seed, mix));
        let straight = write(&mut BTreeMap::iter(&names));
        let shuffled = write(&mut shuffled.into_iter());
        let form = |document: &str| canonical(&parse(document.as_bytes()).unwrap());
        prop_assert_eq!(form(&straight), form(&shuffled));
    }
}
