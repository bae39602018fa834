//! Defects of a source: what was read once is not what is read again.

use semel_core::exactly_once::{Batch, Cursor, Failure, Source};

/// Wherever a cursor stands, its tail is believed.
pub struct TailUnchecked<S>(pub S);

impl<S: Source> Source for TailUnchecked<S> {
    type Item = S::Item;

    async fn read(
        &mut self,
        from: &Cursor,
        limit: usize,
    ) -> Result<Option<Batch<S::Item>>, Failure> {
        let from = walk(&mut self.0, from.next).await?;
        self.0.read(&from, limit).await
    }
}

/// The hint, which is only where to look first, is taken for the position.
pub struct HintTrusted<S>(pub S);

impl<S: Source> Source for HintTrusted<S> {
    type Item = S::Item;

    async fn read(
        &mut self,
        from: &Cursor,
        limit: usize,
    ) -> Result<Option<Batch<S::Item>>, Failure> {
        let from = walk(&mut self.0, from.hint).await?;
        self.0.read(&from, limit).await
    }
}

/// The cursor of `source` at `next`, or at its end.
async fn walk<S: Source>(source: &mut S, next: u64) -> Result<Cursor, Failure> {
    let mut at = Cursor::START;
    while at.next < next {
        match source.read(&at, 1).await? {
            Some(batch) => at = batch.to,
            None => break,
        }
    }
    Ok(at)
}
