//! `semel verify` on files: a store that nobody touched fits, beside a live server too, and every
//! row that is changed, removed or added by hand is found and named. Keeps P7.

mod altered;
mod file;
mod live;
mod published;
