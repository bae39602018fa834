//! `cargo xtask sim`: whole Semel installations under every fault, each run from one seed.
//!
//! Reading order: [`world`] (tasks, time, chance), [`faults`] (what can go wrong), [`model`] and
//! [`broker`] (store and wire), [`process`] (the product's own doors and legs), [`clients`] and
//! [`feeds`] (the workload), [`reader`] (who follows what is published), [`fate`] (what happens at
//! some moment), [`run`] (one run), [`audit`] (what of it was wrong), [`campaign`] (many runs),
//! [`shrink`] (a smaller run that fails too).
//! Deliberately absent: real time, real networks and real brokers; they have tests of their own.

mod audit;
mod broker;
mod campaign;
mod clients;
mod copy;
mod coverage;
mod defects;
mod evidence;
mod fate;
mod faults;
mod feeds;
mod links;
mod model;
mod net;
mod process;
mod reader;
mod report;
mod run;
mod seeds;
mod setup;
mod shrink;
mod site;
mod sqlite;
mod store;
#[path = "../../core/tests/planted/tampered.rs"]
mod tampered;
#[cfg(test)]
mod tests;
mod world;

use clap::Parser;
use defects::{Defect, Planted};
use faults::Fault;
use run::Plan;
use std::process::ExitCode;
use std::time::Duration;

/// Simulates whole Semel installations under every fault, each run from one seed.
#[derive(Parser)]
#[command(name = "cargo xtask sim", disable_version_flag = true)]
struct Arguments {
    /// How many seeds to run
    #[arg(long, default_value_t = 500)]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Stop after so many minutes, however many seeds are left
    #[arg(long)]
    minutes: Option<u64>,
    /// Payments that are wished for in each run
    #[arg(long, default_value_t = 2_000)]
    payments: u64,
    /// Run this seed alone and show its timeline
    #[arg(long)]
    seed: Option<u64>,
    /// Leave these faults out, by their ids
    #[arg(long, value_delimiter = ',', value_parser = fault)]
    without: Vec<Fault>,
    /// Plant a defect, by its name
    #[arg(long, value_parser = defect)]
    defect: Option<Defect>,
    /// Plant every defect in turn and see that it is caught
    #[arg(long)]
    defects: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

fn fault(id: &str) -> Result<Fault, String> {
    let known = Fault::ALL.iter().copied().find(|fault| fault.id() == id);
    let ids = || Fault::ALL.iter().map(|fault| fault.id()).collect::<Vec<_>>().join(", ");
    known.ok_or_else(|| format!("no such fault; there are {}", ids()))
}

fn defect(name: &str) -> Result<Defect, String> {
    let known = Defect::ALL.iter().find(|(_, known, ..)| *known == name);
    let names = || Defect::ALL.iter().map(|(_, name, ..)| *name).collect::<Vec<_>>().join("; ");
    known
        .map(|(defect, ..)| *defect)
        .ok_or_else(|| format!("no such defect; there are {}", names()))
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let plan = Plan {
        seed: arguments.seed.unwrap_or(arguments.from),
        payments: arguments.payments,
        without: arguments.without.iter().copied().collect(),
        defect: Planted(arguments.defect),
        told: arguments.seed.is_some(),
    };
    let is_well = if arguments.seed.is_some() {
        campaign::show(&plan)
    } else if arguments.defects {
        campaign::plant_all(&plan)
    } else {
        let minutes = arguments.minutes.map(|minutes| Duration::from_secs(60 * minutes));
        campaign::run(&plan, arguments.seeds, minutes, arguments.json)
    };
    if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
