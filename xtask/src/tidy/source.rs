//! A file as the rules see it: its text, and the same text split into code, prose and strings.
//!
//! The split is Rust's lexer reduced to what can hide a brace or a word: nested comments, strings
//! escaped and raw, characters as against lifetimes. Deliberately absent: a parser. The rules are
//! about lines, comments and words, which a syntax tree has thrown away.

use std::ops::Range;

/// All files of the repository that hold text.
pub struct Tree {
    pub files: Vec<File>,
}

/// One file. `code`, `prose` and `strings` are as long as `text`: what belongs to another is blank.
pub struct File {
    /// Relative to the root, with `/`.
    pub path: String,
    pub text: String,
    pub code: String,
    /// Comments of Rust; all of a `.md` or `.sql` file.
    pub prose: String,
    pub strings: String,
}

impl Tree {
    pub fn rust(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.is("rs"))
    }

    pub fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }
}

impl File {
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        let (path, text) = (path.into(), text.into());
        let [code, prose, strings] = match path.rsplit_once('.') {
            Some((_, "rs")) => split(&text),
            Some((_, "md" | "sql")) => [String::new(), text.clone(), String::new()],
            _ => Default::default(),
        };
        Self { path, text, code, prose, strings }
    }

    pub fn is(&self, extension: &str) -> bool {
        self.path.rsplit_once('.').is_some_and(|(_, is)| is == extension)
    }

    /// The lines that only tests see, in a file of tests or below `#[cfg(test)]`.
    pub fn is_test(&self, line: usize) -> bool {
        let path = format!("/{}", self.path);
        path.contains("/tests/")
            || path.contains("/benches/")
            || path.ends_with("/tests.rs")
            || self.code.match_indices("#[cfg(test)]").any(|(at, attribute)| {
                let body = body(&self.code, at + attribute.len());
                body.is_some_and(|body| {
                    (line_of(&self.code, at)..=line_of(&self.code, body.end)).contains(&line)
                })
            })
    }
}

/// Lines with their numbers, counted from 1.
pub fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line))
}

/// The number, from 1, of the line that holds byte `at`.
pub fn line_of(text: &str, at: usize) -> usize {
    1 + text[..at].matches('\n').count()
}

/// Where `name` stands in `line` as a whole word: no identifier goes on before or after it.
pub fn find_word(line: &str, name: &str) -> Option<usize> {
    let in_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let joins_before = in_word(name.chars().next());
    let joins_after = in_word(name.chars().next_back());
    line.match_indices(name).map(|(at, _)| at).find(|&at| {
        !(joins_before && in_word(line[..at].chars().next_back())
            || joins_after && in_word(line[at + name.len()..].chars().next()))
    })
}

/// Where `keyword` declares something with a name: `fn take`, but not the type `fn(u8)`.
pub fn declarations<'a>(code: &'a str, keyword: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(keyword).map(|(at, _)| at).filter(move |&at| {
        let before = code[..at].chars().next_back();
        let mut after = code[at + keyword.len()..].chars();
        before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '#')
            && after.next() == Some(' ')
            && after.next().is_some_and(|c| c.is_alphabetic() || c == '_')
    })
}

/// The braces, inclusive, of the item that begins at `from`; none when it ends with a semicolon.
pub fn body(code: &str, from: usize) -> Option<Range<usize>> {
    let (mut round, mut braces, mut open) = (0, 0, None);
    for (at, c) in code[from..].char_indices().map(|(at, c)| (from + at, c)) {
        match c {
            '(' | '[' if open.is_none() => round += 1,
            ')' | ']' if open.is_none() => round -= 1,
            ';' if open.is_none() && round == 0 => return None,
            '{' if open.is_some() || round == 0 => {
                open.get_or_insert(at);
                braces += 1;
            }
            '}' if open.is_some() => {
                braces -= 1;
                if braces == 0 {
                    return open.map(|open| open..at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Code,
    Comment,
    Text,
}

fn split(text: &str) -> [String; 3] {
    let chars: Vec<char> = text.chars().collect();
    let mut views = [Kind::Code, Kind::Comment, Kind::Text].map(|kind| (kind, String::new()));
    let mut at = 0;
    while at < chars.len() {
        let (kind, length) = token(&chars[at..]);
        for &c in &chars[at..at + length] {
            // A blank for each byte, so that a byte's place is the same in every view.
            for (view, out) in &mut views {
                match *view == kind || c == '\n' {
                    true => out.push(c),
                    false => out.extend(std::iter::repeat_n(' ', c.len_utf8())),
                }
            }
        }
        at += length;
    }
    views.map(|(_, out)| out)
}

/// The kind and the length of the token that `rest` begins with.
fn token(rest: &[char]) -> (Kind, usize) {
    match rest {
        ['/', '/', ..] => {
            (Kind::Comment, rest.iter().position(|&c| c == '\n').unwrap_or(rest.len()))
        }
        ['/', '*', ..] => (Kind::Comment, block_comment(rest)),
        ['"', ..] => (Kind::Text, quoted(rest, '"')),
        ['\'', '\\', ..] | ['\'', _, '\'', ..] => (Kind::Text, quoted(rest, '\'')),
        [c, ..] if c.is_alphanumeric() || *c == '_' => word(rest),
        _ => (Kind::Code, 1),
    }
}

/// An identifier or a number, or a raw string when the word is the prefix of one.
fn word(rest: &[char]) -> (Kind, usize) {
    let ends = rest.iter().position(|&c| !(c.is_alphanumeric() || c == '_'));
    let length = ends.unwrap_or(rest.len());
    let hashes = rest[length..].iter().take_while(|&&c| c == '#').count();
    let opens = length + hashes;
    let is_raw = matches!(rest[..length], ['r'] | ['b' | 'c', 'r']);
    if !is_raw || rest.get(opens) != Some(&'"') {
        return (Kind::Code, length);
    }
    let closing: Vec<char> = "\"".chars().chain("#".repeat(hashes).chars()).collect();
    let inside = &rest[opens + 1..];
    let closes = inside.windows(closing.len()).position(|end| end == closing);
    (Kind::Text, closes.map_or(rest.len(), |closes| opens + 1 + closes + closing.len()))
}

fn quoted(rest: &[char], quote: char) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

fn block_comment(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}
