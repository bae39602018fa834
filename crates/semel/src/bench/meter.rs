//! What a stage measures: latencies, processor time, bytes on disk.

use hdrhistogram::Histogram;
use std::path::Path;
use std::time::Duration;

/// Latencies with three significant digits.
pub struct Latencies(Histogram<u64>);

impl Latencies {
    /// None yet.
    pub fn new() -> Latencies {
        Latencies(Histogram::new(3).expect("three digits are allowed"))
    }

    /// One more.
    pub fn record(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.0.record(micros).expect("it grows as needed");
    }

    /// All of another's.
    pub fn add(&mut self, other: &Latencies) {
        self.0.add(&other.0).expect("both grow as needed");
    }

    /// The latency that `percent` of all kept, in milliseconds.
    #[expect(clippy::float_arithmetic, reason = "a measurement, not money")]
    pub fn percentile_ms(&self, percent: f64) -> f64 {
        self.0.value_at_percentile(percent) as f64 / 1_000.0
    }
}

/// Processor time that the process `pid` (or `self`) has used; `None` where the system has no
/// `/proc`.
pub fn cpu_time(pid: &str) -> Option<Duration> {
    Some(Duration::from_millis(stat(pid)?.ticks * 10))
}

/// Processor time that all processes of a server have used: the parent of the process `pid`, its
/// children, and those that have ended. `None` where that is none of this machine's servers.
pub fn family_cpu_time(pid: i32) -> Option<Duration> {
    let parent = stat(&pid.to_string()).filter(|stat| stat.name.starts_with("postgres"))?.parent;
    let own = stat(&parent).filter(|stat| stat.name.starts_with("postgres"))?;
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    let all = processes.filter_map(|process| stat(process.file_name().to_str()?));
    let children = all.filter(|stat| stat.parent == parent).map(|stat| stat.ticks);
    let ticks = own.ticks + own.ended_ticks + children.sum::<u64>();
    Some(Duration::from_millis(ticks * 10))
}

/// What the system says of a process (Linux, `proc_pid_stat(5)`).
struct Stat {
    name: String,
    parent: String,
    /// User and system time in clock ticks, 100 a second.
    ticks: u64,
    /// The same of children that have ended.
    ended_ticks: u64,
}

fn stat(pid: &str) -> Option<Stat> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is a name in brackets and may hold anything.
    let (begin, rest) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    let ticks = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Stat {
        name: begin.split_once('(')?.1.to_owned(),
        parent: (*fields.get(1)?).to_owned(),
        ticks: ticks(11)? + ticks(12)?,
        ended_ticks: ticks(13)? + ticks(14)?,
    })
}

/// The process on this machine that listens where the first of `servers` (`HOST:PORT,…`) says.
pub fn listener(servers: &str) -> Option<u32> {
    let port: u16 = servers.split(',').next()?.rsplit_once(':')?.1.parse().ok()?;
    let sockets: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| std::fs::read_to_string(table).ok())
        .flat_map(|table| {
            table.lines().filter_map(|line| listening(line, port)).collect::<Vec<_>>()
        })
        .collect();
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    let mut numbers = processes.filter_map(|process| process.file_name().to_str()?.parse().ok());
    numbers.find(|pid: &u32| {
        let files = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        let mut links = files.filter_map(|file| std::fs::read_link(file.path()).ok());
        links.any(|link| sockets.iter().any(|socket| link.as_os_str() == socket.as_str()))
    })
}

/// The socket of a line of `/proc/net/tcp`, if it listens on `port`.
fn listening(line: &str, port: u16) -> Option<String> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
    let is_it = *state == "0A" && local.rsplit_once(':')?.1 == format!("{port:04X}");
    is_it.then(|| format!("socket:[{inode}]"))
}

/// The most memory that the process `pid` has had at once, in bytes.
pub fn peak_memory(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1_024)
}

/// The size of all files in `dir`, in bytes.
pub fn bytes_on_disk(dir: &Path) -> u64 {
    let Ok(files) = std::fs::read_dir(dir) else { return 0 };
    files.flatten().filter_map(|file| file.metadata().ok()).map(|meta| meta.len()).sum()
}

/// What this machine is, as far as it says.
pub fn machine() -> serde_json::Value {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|info| {
        let line = info.lines().find(|line| line.starts_with("model name"))?.to_owned();
        Some(line.split_once(": ")?.1.to_owned())
    });
    let memory = std::fs::read_to_string("/proc/meminfo").ok().and_then(|info| {
        let line = info.lines().find_map(|line| line.strip_prefix("MemTotal:"))?.trim().to_owned();
        line.strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1_024)
    });
    serde_json::json!({
        "os": std::env::consts::OS,
        "arch": std::env::consts::ARCH,
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "cpu": cpu,
        "memory_bytes": memory,
    })
}
