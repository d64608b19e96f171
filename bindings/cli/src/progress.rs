//! Progress on standard error: a bar that disappears on a terminal, lines elsewhere when they are asked for.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use patchcore::{Event, Phase, Unit};

use crate::options::When;

/// The total while nobody knows it.
const UNKNOWN: u64 = u64::MAX;

const LINE_INTERVAL: Duration = Duration::from_secs(1);

/// Dropping it clears the bar, also when the operation failed.
pub(crate) struct Progress {
    display: Display,
    phase: Option<Phase>,
}

enum Display {
    Hidden,
    Bar(ProgressBar),
    Lines { phase_started: Instant, last: Instant },
}

impl Progress {
    pub(crate) fn start(when: When, quiet: bool) -> Self {
        let display = match (when, io::stderr().is_terminal()) {
            (When::Never, _) | (When::Auto, false) => Display::Hidden,
            (When::Auto, true) if quiet => Display::Hidden,
            (_, true) => Display::Bar(ProgressBar::hidden()),
            (When::Always, false) => Display::Lines { phase_started: Instant::now(), last: Instant::now() },
        };
        Self { display, phase: None }
    }

    pub(crate) fn is_shown(&self) -> bool {
        !matches!(self.display, Display::Hidden)
    }

    pub(crate) fn show(&mut self, event: &Event) {
        let begins = self.phase.replace(event.phase) != Some(event.phase) || event.done == 0;
        match &mut self.display {
            Display::Hidden => {}
            Display::Bar(bar) => {
                if begins {
                    // A new bar, since an old one would be drawn once more between its changes.
                    bar.finish_and_clear();
                    *bar = ProgressBar::with_draw_target(Some(event.total), ProgressDrawTarget::stderr())
                        .with_message(event.phase.name());
                }
                if begins || bar.length() != Some(event.total) {
                    bar.set_length(event.total);
                    bar.set_style(style(event.unit, event.total));
                }
                bar.set_position(event.done);
            }
            Display::Lines { phase_started, last } => {
                if begins {
                    *phase_started = Instant::now();
                    *last = *phase_started;
                }
                let ends = event.done == event.total;
                if ends || last.elapsed() >= LINE_INTERVAL {
                    *last = Instant::now();
                    // Progress that nobody can read is no reason to stop.
                    let _ = writeln!(io::stderr(), "{}", line(event, phase_started.elapsed()));
                }
            }
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Display::Bar(bar) = &self.display {
            bar.finish_and_clear();
        }
    }
}

fn style(unit: Unit, total: u64) -> ProgressStyle {
    let template = match unit {
        Unit::Bytes if total == UNKNOWN => "{msg:8} {bytes}, {bytes_per_sec}",
        Unit::Bytes => "{msg:8} [{bar:30}] {bytes}/{total_bytes}, {bytes_per_sec}, ETA {eta}",
        _ => "{msg:8} [{bar:30}] {pos}/{len}, ETA {eta}",
    };
    ProgressStyle::with_template(template)
        .map_or_else(|_| ProgressStyle::default_bar(), |style| style.progress_chars("=> "))
}

fn line(event: &Event, elapsed: Duration) -> String {
    let Event { phase, done, total, unit, .. } = *event;
    let rate = done as f64 / elapsed.as_secs_f64().max(1e-3);
    let left = Duration::try_from_secs_f64(total.saturating_sub(done) as f64 / rate)
        .map_or_else(|_| "unknown".to_owned(), |left| HumanDuration(left).to_string());
    match unit {
        Unit::Bytes if total == UNKNOWN => {
            format!("{}: {}, {}/s", phase.name(), HumanBytes(done), HumanBytes(rate as u64))
        }
        Unit::Bytes => format!(
            "{}: {} of {}, {}/s, ETA {left}",
            phase.name(),
            HumanBytes(done),
            HumanBytes(total),
            HumanBytes(rate as u64),
        ),
        _ => format!("{}: {done} of {total}, ETA {left}", phase.name()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_amount_rate_and_time_left_whatever_the_numbers() {
        let event = |done, total, unit| Event { phase: Phase::Apply, done, total, unit };
        let two_seconds = Duration::from_secs(2);
        assert_eq!(
            line(&event(4 << 20, 12 << 20, Unit::Bytes), two_seconds),
            "apply: 4.00 MiB of 12.00 MiB, 2.00 MiB/s, ETA 4 seconds"
        );
        assert_eq!(line(&event(1, 3, Unit::Items), two_seconds), "apply: 1 of 3, ETA 4 seconds");
        assert!(line(&event(0, 1, Unit::Bytes), two_seconds).ends_with("ETA unknown"));
        assert!(line(&event(1, u64::MAX - 1, Unit::Bytes), Duration::from_secs(9_999)).ends_with("ETA unknown"));
        assert_eq!(line(&event(4 << 20, u64::MAX, Unit::Bytes), two_seconds), "apply: 4.00 MiB, 2.00 MiB/s");
    }
}
