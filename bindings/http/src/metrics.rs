//! What the service has done so far, for Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

use patchcore::repository::{Package, PackageKind};

/// What an answer's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Manifest,
    Base,
    Combined,
    Delta,
    Squashed,
    Other,
}

impl Content {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Manifest, "manifest"),
        (Self::Base, "base"),
        (Self::Combined, "combined"),
        (Self::Delta, "delta"),
        (Self::Squashed, "squashed"),
        (Self::Other, "other"),
    ];

    pub(crate) fn of(package: &Package) -> Self {
        match package.kind() {
            PackageKind::Base => Self::Base,
            PackageKind::Combined => Self::Combined,
            _ if package.is_squashed => Self::Squashed,
            _ => Self::Delta,
        }
    }
}

/// Counters that only grow, and what was seen last.
#[derive(Default)]
pub(crate) struct Metrics {
    requests: RwLock<BTreeMap<(String, u16), AtomicU64>>,
    bytes: [AtomicU64; Content::ALL.len()],
    pub(crate) cache_hits: AtomicU64,
    pub(crate) cache_misses: AtomicU64,
    publishes: AtomicU64,
    failed_publishes: AtomicU64,
    publish_microseconds: AtomicU64,
    /// Known once something was published.
    dead_bytes: Mutex<Option<u64>>,
}

impl Metrics {
    pub(crate) fn request(&self, route: &str, status: u16) {
        // Looking up a pair of a borrowed text would need it owned: a scan of the few routes is as fast.
        let counted = |requests: &BTreeMap<(String, u16), AtomicU64>| {
            let found = requests.iter().find(|((known, code), _)| known == route && *code == status);
            found.map(|(_, count)| count.fetch_add(1, Ordering::Relaxed)).is_some()
        };
        if !counted(&self.requests.read().unwrap_or_else(PoisonError::into_inner)) {
            let mut requests = self.requests.write().unwrap_or_else(PoisonError::into_inner);
            requests.entry((route.to_owned(), status)).or_default().fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn sent(&self, content: Content, bytes: u64) {
        self.bytes[content as usize].fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn published(&self, took: Duration, succeeded: bool) {
        let counter = if succeeded { &self.publishes } else { &self.failed_publishes };
        counter.fetch_add(1, Ordering::Relaxed);
        self.publish_microseconds.fetch_add(took.as_micros() as u64, Ordering::Relaxed);
    }

    pub(crate) fn left_dead(&self, bytes: u64) {
        *self.dead_bytes.lock().unwrap_or_else(PoisonError::into_inner) = Some(bytes);
    }

    /// The text that Prometheus reads. `combined` is the bytes of the archives of the newest versions.
    pub(crate) fn text(&self, combined: u64, sequence: u64) -> String {
        let mut text = String::new();
        let mut family = |name: &str, kind: &str, help: &str, samples: &[(String, String)]| {
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for (labels, value) in samples {
                let _ = writeln!(text, "{name}{labels} {value}");
            }
        };
        let one = |value: &AtomicU64| (String::new(), value.load(Ordering::Relaxed).to_string());
        let requests: Vec<_> = self
            .requests
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .map(|((route, status), count)| {
                (format!("{{route=\"{route}\",status=\"{status}\"}}"), count.load(Ordering::Relaxed).to_string())
            })
            .collect();
        family("patchcore_http_requests_total", "counter", "Requests by route and status.", &requests);
        let bytes = Content::ALL.map(|(content, name)| {
            (format!("{{kind=\"{name}\"}}"), self.bytes[content as usize].load(Ordering::Relaxed).to_string())
        });
        family("patchcore_sent_bytes_total", "counter", "Bytes of answers by what they are.", &bytes);
        family(
            "patchcore_cache_hits_total",
            "counter",
            "Packages asked for that were made before.",
            &[one(&self.cache_hits)],
        );
        family("patchcore_cache_misses_total", "counter", "Packages that had to be made.", &[one(&self.cache_misses)]);
        let (published, failed) = (&self.publishes, &self.failed_publishes);
        let count = published.load(Ordering::Relaxed) + failed.load(Ordering::Relaxed);
        let seconds = self.publish_microseconds.load(Ordering::Relaxed) as f64 / 1e6;
        let publishes = [("_sum".to_owned(), format!("{seconds}")), ("_count".to_owned(), count.to_string())];
        family("patchcore_publish_seconds", "summary", "How long publishing took.", &publishes);
        family("patchcore_failed_publishes_total", "counter", "Uploads that could not be published.", &[one(failed)]);
        let number = |value: u64| [(String::new(), value.to_string())];
        family("patchcore_combined_bytes", "gauge", "Bytes of the combined archives.", &number(combined));
        let dead = self.dead_bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let dead: Vec<_> = dead.iter().flat_map(|bytes| number(*bytes)).collect();
        family("patchcore_dead_bytes", "gauge", "Bytes that belonged to nothing in the archive last published.", &dead);
        family("patchcore_manifest_sequence", "counter", "The sequence number of the manifest.", &number(sequence));
        text
    }
}
