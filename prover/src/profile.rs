//! Where the time of a proof goes, and the memory: spans by stage.

use std::time::Instant;

use serde::Serialize;

use sworn_circuits::memory::{peak_bytes, resident_bytes};

/// A stage of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Stage {
    /// Running the quantised model.
    Witness,
    /// Integers of the witness.
    FirstPhase,
    /// Columns that depend on the challenges.
    SecondPhase,
    /// Running products of the copy constraints.
    Products,
    /// The quotient.
    Quotient,
    /// Evaluations and openings.
    Openings,
}

impl Stage {
    /// All stages, in order.
    pub const ALL: [Self; 6] = [Self::Witness, Self::FirstPhase, Self::SecondPhase, Self::Products, Self::Quotient, Self::Openings];

    /// The name, in words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Witness => "witness",
            Self::FirstPhase => "first phase",
            Self::SecondPhase => "second phase",
            Self::Products => "products",
            Self::Quotient => "quotient",
            Self::Openings => "openings",
        }
    }
}

/// A part of a stage.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Span {
    /// Its stage.
    pub stage: Stage,
    /// What was done.
    pub name: &'static str,
    /// Seconds from the start of the proof to its beginning.
    pub start: f64,
    /// Seconds it took.
    pub seconds: f64,
    /// Resident memory of the process at its end, in bytes, where the system tells.
    pub resident_bytes: Option<u64>,
    /// The largest resident memory of the process until its end.
    pub peak_bytes: Option<u64>,
}

/// The spans of a proof.
#[derive(Clone, Debug)]
pub struct Profile {
    origin: Instant,
    spans: Vec<Span>,
}

impl Profile {
    pub(crate) fn new() -> Self {
        Self { origin: Instant::now(), spans: Vec::new() }
    }

    /// Seconds since the start.
    pub(crate) fn now(&self) -> f64 {
        self.origin.elapsed().as_secs_f64()
    }

    /// Ends a span that began at `start`.
    pub(crate) fn record(&mut self, stage: Stage, name: &'static str, start: f64) {
        let (resident_bytes, peak_bytes) = (resident_bytes(), peak_bytes());
        self.spans.push(Span { stage, name, start, seconds: self.now() - start, resident_bytes, peak_bytes });
    }

    /// Runs a part of a stage.
    pub(crate) fn span<T>(&mut self, stage: Stage, name: &'static str, run: impl FnOnce() -> T) -> T {
        let start = self.now();
        let out = run();
        self.record(stage, name, start);
        out
    }

    /// The spans in the order of their ends.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Seconds of a stage.
    pub fn seconds(&self, stage: Stage) -> f64 {
        self.spans.iter().filter(|s| s.stage == stage).map(|s| s.seconds).sum()
    }

    /// The largest memory of the process up to the end of a stage.
    pub fn peak_bytes(&self, stage: Stage) -> Option<u64> {
        self.spans.iter().filter(|s| s.stage == stage).filter_map(|s| s.peak_bytes).max()
    }

    /// Trace events as Chrome and Perfetto read them.
    pub fn to_chrome_trace(&self) -> serde_json::Value {
        let micros = |seconds: f64| (seconds * 1e6).round();
        let event = |s: &Span| {
            serde_json::json!({
                "name": s.name, "cat": s.stage.name(), "ph": "X", "ts": micros(s.start), "dur": micros(s.seconds), "pid": 1, "tid": 1,
                "args": { "stage": s.stage.name(), "resident_bytes": s.resident_bytes, "peak_bytes": s.peak_bytes },
            })
        };
        let memory = |s: &Span| {
            s.resident_bytes.map(|bytes| {
                serde_json::json!({ "name": "resident memory", "ph": "C", "ts": micros(s.start + s.seconds), "pid": 1, "args": { "bytes": bytes } })
            })
        };
        let events: Vec<_> = self.spans.iter().map(event).chain(self.spans.iter().filter_map(memory)).collect();
        serde_json::json!({ "traceEvents": events, "displayTimeUnit": "ms" })
    }
}
