//! Seeds that failed once: they stay, each with a line that says why, and run first.

use crate::faults::Fault;
use crate::run::Plan;
use std::path::Path;

/// Kept seeds, in the order of their files.
///
/// # Panics
/// When a file of `seeds/` is not `seed payments [without,…]` with a line of why above it.
pub fn kept(plan: &Plan) -> Vec<(String, Plan)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let files = std::fs::read_dir(folder).expect("the folder is part of the crate");
    let mut paths: Vec<_> = files.filter_map(|file| Some(file.ok()?.path())).collect();
    paths.sort();
    paths.iter().map(|path| read(path, plan)).collect()
}

fn read(path: &Path, plan: &Plan) -> (String, Plan) {
    let text = std::fs::read_to_string(path).expect("a file of the crate can be read");
    let mut lines = text.lines();
    let why = lines.next().and_then(|line| line.strip_prefix("# "));
    let mut words = lines.next().unwrap_or_default().split_whitespace();
    let mut number = || words.next()?.parse().ok();
    let numbers = number().zip(number());
    let without = words.next().unwrap_or_default().split(',').filter(|id| !id.is_empty());
    let fault = |id: &str| Fault::ALL.iter().copied().find(|fault| fault.id() == id);
    let without = without.map(fault).collect();
    match (why, numbers, without) {
        (Some(why), Some((seed, payments)), Some(without)) => {
            (why.into(), Plan { seed, payments, without, ..plan.clone() })
        }
        _ => panic!("{}: wants `# why`, then `seed payments [without,…]`", path.display()),
    }
}
