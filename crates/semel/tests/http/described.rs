//! Holds answers against `/openapi.json`.

use std::sync::LazyLock;

use serde_json::Value;

use super::harness::Answer;

static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| {
    serde_json::to_value(semel::http::openapi()).expect("the description is JSON")
});

/// What any request may be told without its operation saying so.
const ANYWHERE: [u16; 5] = [204, 405, 408, 431, 500];

/// The path of the description that `path` is an instance of.
pub fn template(path: &str) -> Option<&'static str> {
    let paths = DESCRIPTION["paths"].as_object().expect("paths");
    let segments = |path: &'static str| path.split('/').collect::<Vec<_>>();
    let asked: Vec<&str> = path.split('/').collect();
    let fits = |template: &&'static String| {
        let template = segments(template);
        let fits = |(own, asked): (&&str, &&str)| {
            own == asked || own.starts_with('{') && !asked.is_empty()
        };
        template.len() == asked.len() && template.iter().zip(&asked).all(fits)
    };
    // A path without parameters is meant before one with.
    let mut fitting: Vec<&'static String> = paths.keys().filter(fits).collect();
    fitting.sort_by_key(|template| template.contains('{'));
    fitting.first().map(|template| template.as_str())
}

/// Every (method, path, status) that is described.
pub fn answers() -> Vec<(String, String, u16)> {
    let mut answers = Vec::new();
    for (path, item) in DESCRIPTION["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            for status in operation["responses"].as_object().expect("responses").keys() {
                let status = status.parse().expect("a status");
                answers.push((method.to_uppercase(), path.clone(), status));
            }
        }
    }
    answers
}

/// Every operation's path and id.
pub fn operations() -> Vec<(String, String)> {
    let mut operations = Vec::new();
    for (path, item) in DESCRIPTION["paths"].as_object().expect("paths") {
        for operation in item.as_object().expect("operations").values() {
            let id = operation["operationId"].as_str().expect("an id");
            operations.push((path.clone(), id.to_owned()));
        }
    }
    operations
}

/// The answer's status must be described for its operation, and its body fit the description.
pub fn check(method: &str, path: &str, answer: &Answer) {
    if ANYWHERE.contains(&answer.status) && method != "POST" || answer.status == 405 {
        return;
    }
    let Some(template) = template(path) else {
        assert_eq!(answer.status, 404, "{method} {path} is not described");
        return;
    };
    let operation = &DESCRIPTION["paths"][template][method.replace("HEAD", "GET").to_lowercase()];
    let response = &operation["responses"][answer.status.to_string()];
    assert!(response.is_object(), "{method} {template} is not described to answer {answer:?}");
    let content = response["content"].as_object().expect("every answer has a content");
    let content_type = answer.header("content-type").expect("a content type");
    let essence = content_type.split(';').next().expect("an essence");
    let media = content.get(essence);
    let media = media.unwrap_or_else(|| panic!("{method} {template}: {essence} is not described"));
    if essence.ends_with("json") && method != "HEAD" {
        fits(&answer.json(), &media["schema"], &format!("{method} {template}"));
    }
}

/// `value` must have the form of `schema`, with no member that the schema does not name.
fn fits(value: &Value, schema: &Value, at: &str) {
    let names = members(schema);
    if let (Some(object), false) = (value.as_object(), names.is_empty()) {
        for (name, member) in object {
            let own = names.iter().find(|(own, ..)| own == name);
            let (_, own, _) = own.unwrap_or_else(|| panic!("{at}: `{name}` is not described"));
            fits(member, own, &format!("{at} {name}"));
        }
        for (name, _, required) in &names {
            assert!(!required || object.contains_key(name), "{at}: `{name}` is missing: {value}");
        }
        return;
    }
    let schema = resolved(schema);
    if let Some(items) = value.as_array().filter(|_| schema["items"].is_object()) {
        items.iter().for_each(|item| fits(item, &schema["items"], at));
    }
    let ok = types(schema).is_none_or(|types| types.iter().any(|wanted| is(value, wanted)));
    assert!(ok, "{at}: {value} is none of {:?}", types(schema));
}

/// The members of an object's schema: name, schema, whether it is required. One of several schemas
/// (`oneOf`) is not looked into: which it is depends on more than its form.
fn members(schema: &Value) -> Vec<(String, Value, bool)> {
    let schema = resolved(schema);
    let mut found = Vec::new();
    for part in schema["allOf"].as_array().into_iter().flatten() {
        found.extend(members(part));
    }
    let required = schema["required"].as_array();
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        let required = required.is_some_and(|names| names.iter().any(|own| own == name));
        found.push((name.clone(), member.clone(), required));
    }
    found
}

fn resolved(schema: &Value) -> &Value {
    match schema["$ref"].as_str() {
        Some(reference) => {
            let pointer = reference.trim_start_matches('#');
            DESCRIPTION.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere"))
        }
        None => schema,
    }
}

fn types(schema: &Value) -> Option<Vec<String>> {
    match &schema["type"] {
        Value::String(one) => Some(vec![one.clone()]),
        Value::Array(many) => {
            Some(many.iter().map(|one| one.as_str().unwrap_or("").into()).collect())
        }
        _ => None,
    }
}

fn is(value: &Value, wanted: &str) -> bool {
    match wanted {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "null" => value.is_null(),
        _ => false,
    }
}
