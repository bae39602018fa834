//! A place in a database for what is thrown away afterwards: a schema of its own, beside whatever
//! else is there. For demonstrations and measurements.

use super::address::Address;
use super::classify::classify;
use super::session::Sessions;
use semel_core::failure::{Failure, Stop};
use semel_core::problem::Code;

/// A schema of its own.
pub struct Scratch {
    url: String,
    name: String,
    sessions: Sessions,
}

impl Scratch {
    /// In the database at `url`.
    ///
    /// # Errors
    /// `StoreRefused` when the user may make no schema there; else as [`super::Postgres::open`].
    pub async fn new(url: &str) -> Result<Scratch, Failure> {
        const NAME: &str = "SELECT 'semel_' || replace(gen_random_uuid()::text, '-', '')";
        if url.contains("options=") {
            let detail = "store: options cannot be combined with a schema that is thrown away";
            return Err(Stop::new(Code::Configuration, detail).into());
        }
        let sessions = Sessions::new(&Address::parse(url)?)?;
        let client = sessions.own().await?;
        let sql = |error: tokio_postgres::Error| classify(&error);
        let name: String = client.query_one(NAME, &[]).await.map_err(sql)?.get(0);
        client.batch_execute(&format!("CREATE SCHEMA {name}")).await.map_err(sql)?;
        let mark = if url.contains('?') { '&' } else { '?' };
        let url = format!("{url}{mark}options=-csearch_path%3D{name}");
        Ok(Scratch { url, name, sessions })
    }

    /// A URL whose sessions see nothing but the schema.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Throw it away with everything in it.
    ///
    /// # Errors
    /// A `Failure` of the store; then it is still there.
    pub async fn remove(self) -> Result<(), Failure> {
        let client = self.sessions.own().await?;
        let drop = format!("SET client_min_messages = error; DROP SCHEMA {} CASCADE", self.name);
        client.batch_execute(&drop).await.map_err(|error| classify(&error))
    }
}
