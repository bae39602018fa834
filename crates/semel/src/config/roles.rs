//! `roles`: what a process does of all that a server can do.

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// It takes over HTTP what changes anything. Reading is answered in any case.
    pub http: bool,
    /// It takes topics.
    pub ingest: bool,
    /// It sends events.
    pub publish: bool,
}

const WORDS: [&str; 3] = ["http", "ingest", "publish"];

impl Roles {
    /// All of them.
    pub const ALL: Roles = Roles { http: true, ingest: true, publish: true };

    /// Those that the command line names, else those of the file, else all.
    ///
    /// # Errors
    /// A word that is none.
    pub fn of(given: &[String], written: Option<&[String]>) -> Result<Roles, String> {
        let words = if given.is_empty() { written.unwrap_or_default() } else { given };
        if words.is_empty() {
            return Ok(Roles::ALL);
        }
        if let Some(word) = words.iter().find(|word| !WORDS.contains(&word.as_str())) {
            return Err(format!("roles: `{word}` is none; these are: {}", WORDS.join(", ")));
        }
        let has = |role: &str| words.iter().any(|word| word == role);
        Ok(Roles { http: has(WORDS[0]), ingest: has(WORDS[1]), publish: has(WORDS[2]) })
    }

    /// The words for it.
    pub fn words(self) -> Vec<&'static str> {
        let has = [self.http, self.ingest, self.publish];
        WORDS.into_iter().zip(has).filter_map(|(word, has)| has.then_some(word)).collect()
    }
}
