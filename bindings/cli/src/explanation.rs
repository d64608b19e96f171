//! Where the bytes of deltas went, in JSON and in tables.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::ops::Range;

use clap::Args;
use patchcore::delta::{AddendCoding, Codec, ExplainedSegment, Explanation, Inspection, Lane, Part, Stream};
use serde_json::{Value, json};

use crate::table::Align::{Left, Right};
use crate::table::Table;
use crate::text::{Counted, Grouped, Share};

#[derive(Args)]
pub(crate) struct ExplainOption {
    /// Show where every byte went, and how much of the new file is inserted whole
    ///
    /// Every part of the file is checked on the way. One table has the bytes by stream and codec; the streams are those of
    /// FORMAT.md. Another says how much of the new file is copied, changed and inserted. Then come the longest insertions,
    /// where nothing in the old file was worth copying, and the largest segments: ten of each, with --verbose a thousand. For a
    /// chain the tables are about all links together, with a row for each link; with --verbose all of it for each link
    /// follows. With --json, the fields "explanation" hold the same.
    #[arg(long)]
    pub(crate) explain: bool,
}

/// How many of the largest segments and insertions are listed.
pub(crate) fn most_listed(verbose: bool) -> usize {
    if verbose { 1_000 } else { 10 }
}

/// Sums over the explanations of one delta or several.
#[derive(Default)]
pub(crate) struct Totals {
    parts: BTreeMap<(Stream, Codec), Part>,
    delta_size: u64,
    new_size: u64,
    copies: u64,
    copied: u64,
    changed: u64,
    inserted: u64,
    insertions: u64,
}

impl Totals {
    pub(crate) fn of<'a>(explanations: impl IntoIterator<Item = &'a Explanation>) -> Self {
        let mut totals = Self::default();
        explanations.into_iter().for_each(|explanation| totals.add(explanation));
        totals
    }

    fn add(&mut self, explanation: &Explanation) {
        for part in &explanation.parts {
            let sum = self.parts.entry((part.stream, part.codec));
            let sum = sum.or_insert(Part { delta_bytes: 0, decoded_bytes: 0, ..*part });
            sum.delta_bytes += part.delta_bytes;
            sum.decoded_bytes = sum.decoded_bytes.saturating_add(part.decoded_bytes);
        }
        let Inspection { header, copies, copied_bytes, changed_bytes, inserted_bytes } = &explanation.inspection;
        self.delta_size += header.delta_size;
        self.new_size = self.new_size.saturating_add(header.new_size);
        self.copies += copies;
        self.copied = self.copied.saturating_add(*copied_bytes);
        self.changed += changed_bytes;
        self.inserted += inserted_bytes;
        self.insertions += explanation.insertions;
    }

    pub(crate) fn fields(&self) -> Value {
        json!({
            "parts": self.parts.values().map(part_fields).collect::<Vec<_>>(),
            "copies": self.copies,
            "copied_bytes": self.copied,
            "changed_bytes": self.changed,
            "inserted_bytes": self.inserted,
            "insertions": self.insertions,
        })
    }

    /// The bytes of the deltas by stream and codec; `beside` is what else there is in their file.
    pub(crate) fn bytes_table(&self, beside: &[(&str, u64)]) -> impl Display + use<> {
        let whole = self.delta_size + beside.iter().map(|(_, bytes)| bytes).sum::<u64>();
        let row = |what: String, codec: &str, bytes: u64, decoded: String| {
            [what, codec.to_owned(), Grouped(bytes).to_string(), Share { part: bytes, whole }.to_string(), decoded]
        };
        let mut rows = vec![["stream", "codec", "bytes", "share", "decoded"].map(str::to_owned)];
        rows.extend(self.parts.values().map(|part| {
            let name = StreamName(part.stream).to_string();
            match part.stream {
                Stream::Header | Stream::Frames => row(name, "", part.delta_bytes, String::new()),
                _ => row(name, part.codec.name(), part.delta_bytes, Grouped(part.decoded_bytes).to_string()),
            }
        }));
        rows.extend(beside.iter().map(|&(what, bytes)| row(what.to_owned(), "", bytes, String::new())));
        rows.push(row("all".to_owned(), "", whole, String::new()));
        Table { align: [Left, Left, Right, Right, Right], rows }
    }

    /// How the new files come to be, and what of the deltas brings that about.
    pub(crate) fn origins_table(&self) -> impl Display + use<> {
        let taken = |is_meant: fn(Stream) -> bool| {
            let meant = self.parts.values().filter(|part| is_meant(part.stream));
            Grouped(meant.map(|part| part.delta_bytes).sum()).to_string()
        };
        let row = |what: &str, bytes: u64, taken: String| {
            let share = Share { part: bytes, whole: self.new_size };
            [what.to_owned(), Grouped(bytes).to_string(), share.to_string(), taken]
        };
        let rows = vec![
            ["", "bytes", "share", "in the delta"].map(str::to_owned),
            row("copied as they are", self.copied - self.changed, String::new()),
            row("copied and changed", self.changed, taken(Stream::is_of_addends)),
            row("inserted whole", self.inserted, taken(|stream| stream == Stream::Literals)),
        ];
        Table { align: [Left, Right, Right, Right], rows }
    }
}

/// A stream as people read it.
struct StreamName(Stream);

impl Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0.name().replace('_', " ");
        if self.0.is_of_addends() {
            f.write_str("addends, ")?;
        }
        match self.0 {
            Stream::Zeros(lane) | Stream::Runs(lane) | Stream::Values(lane) if lane.lanes > 1 => {
                write!(f, "{name} of lane {}/{}", lane.lane, lane.lanes)
            }
            Stream::Elements(width) => write!(f, "{name} of {}", Counted(width.into(), "byte")),
            _ => f.write_str(&name),
        }
    }
}

fn part_fields(part: &Part) -> Value {
    let mut fields = json!({
        "stream": part.stream.name(),
        "codec": part.codec.name(),
        "delta_bytes": part.delta_bytes,
        "decoded_bytes": part.decoded_bytes,
    });
    match part.stream {
        Stream::Zeros(lane) | Stream::Runs(lane) | Stream::Values(lane) => {
            let Lane { lanes, lane } = lane;
            fields["lanes"] = lanes.into();
            fields["lane"] = lane.into();
        }
        Stream::Elements(width) => fields["width"] = width.into(),
        _ => {}
    }
    fields
}

/// The explanation of one delta in JSON.
pub(crate) fn explanation_fields(explanation: &Explanation) -> Value {
    let mut fields = Totals::of([explanation]).fields();
    fields["largest_insertions"] = explanation.largest_insertions.iter().map(range_fields).collect();
    fields["largest_segments"] = explanation.largest_segments.iter().map(segment_fields).collect();
    fields
}

fn range_fields(range: &Range<u64>) -> Value {
    json!({ "offset": range.start, "length": range.end - range.start })
}

fn segment_fields(segment: &ExplainedSegment) -> Value {
    let mut fields = json!({
        "output": range_fields(&segment.output),
        "delta": range_fields(&segment.delta),
        "copies": segment.copies,
        "copied_bytes": segment.copied_bytes,
        "changed_bytes": segment.changed_bytes,
        "inserted_bytes": segment.inserted_bytes,
        "addends": segment.addends.name(),
        "apply_memory": segment.memory,
        "has_check": segment.has_check,
    });
    match segment.addends {
        AddendCoding::Lanes(lanes) => fields["lanes"] = lanes.into(),
        AddendCoding::Elements(width) => fields["width"] = width.into(),
        _ => {}
    }
    fields
}

/// The explanation of one delta in tables.
pub(crate) struct Tables<'a>(pub(crate) &'a Explanation);

impl Display for Tables<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Explanation { inspection, largest_segments, insertions, largest_insertions, .. } = self.0;
        let totals = Totals::of([self.0]);
        writeln!(f, "Where the bytes of the delta went:\n{}", totals.bytes_table(&[]))?;
        let [copied, inserted] = [inspection.copies, *insertions].map(|count| Counted(count, "piece"));
        writeln!(f, "Where the new file comes from ({copied} copied, {inserted} inserted):")?;
        write!(f, "{}", totals.origins_table())?;
        if *insertions > 0 {
            let which = Largest("longest", largest_insertions.len(), *insertions, "insertion");
            writeln!(f, "\n{which}, where nothing in the old file was worth copying:")?;
            write!(f, "{}", insertions_table(largest_insertions))?;
        }
        let segments = u64::from(inspection.header.segments);
        if segments > 0 {
            let which = Largest("largest", largest_segments.len(), segments, "segment");
            write!(f, "\n{which}:\n{}", segments_table(largest_segments))?;
        }
        Ok(())
    }
}

/// What a list is of, and whether that is all there are: `10 longest of 123 insertions`.
struct Largest(&'static str, usize, u64, &'static str);

impl Display for Largest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let &Self(largest, listed, all, what) = self;
        if (listed as u64) < all {
            write!(f, "{} {largest} of ", Grouped(listed as u64))?;
        }
        write!(f, "{}", Counted(all, what))
    }
}

fn insertions_table(ranges: &[Range<u64>]) -> impl Display + use<> {
    let row =
        |range: &Range<u64>| [Grouped(range.start), Grouped(range.end - range.start)].map(|cell| cell.to_string());
    let rows = std::iter::once(["at byte", "bytes"].map(str::to_owned)).chain(ranges.iter().map(row)).collect();
    Table { align: [Right; 2], rows }
}

fn segments_table(segments: &[ExplainedSegment]) -> impl Display + use<> {
    let head = ["at byte", "bytes", "in the delta", "copies", "changed", "inserted", "memory", "addends", "check"];
    let row = |segment: &ExplainedSegment| {
        let ExplainedSegment { output, delta, .. } = segment;
        let [at, bytes, taken, copies, changed, inserted, memory] = [
            output.start,
            output.end - output.start,
            delta.end - delta.start,
            segment.copies,
            segment.changed_bytes,
            segment.inserted_bytes,
            segment.memory,
        ]
        .map(|number| Grouped(number).to_string());
        let addends = match segment.addends {
            AddendCoding::Lanes(lanes) => Counted(lanes.into(), "lane").to_string(),
            AddendCoding::Elements(width) => format!("elements of {}", Counted(width.into(), "byte")),
            other => other.name().to_owned(),
        };
        let check = if segment.has_check { "yes" } else { "no" };
        [at, bytes, taken, copies, changed, inserted, memory, addends, check.to_owned()]
    };
    let rows = std::iter::once(head.map(str::to_owned)).chain(segments.iter().map(row)).collect();
    Table { align: [Right, Right, Right, Right, Right, Right, Right, Left, Left], rows }
}

/// One row for each of several deltas: its name, its bytes, and where its new file comes from.
pub(crate) fn deltas_table(what: &str, deltas: &[(String, Explanation)]) -> impl Display + use<> {
    let head = [what, "bytes", "as they are", "changed", "inserted", "longest insertion"].map(str::to_owned);
    let row = |(name, explanation): &(String, Explanation)| {
        let Inspection { header, copied_bytes, changed_bytes, inserted_bytes, .. } = &explanation.inspection;
        let longest = explanation.largest_insertions.first().map_or(0, |range| range.end - range.start);
        let [bytes, unchanged, changed, inserted, longest] =
            [header.delta_size, copied_bytes - changed_bytes, *changed_bytes, *inserted_bytes, longest]
                .map(|number| Grouped(number).to_string());
        [name.clone(), bytes, unchanged, changed, inserted, longest]
    };
    let rows = std::iter::once(head).chain(deltas.iter().map(row)).collect();
    Table { align: [Left, Right, Right, Right, Right, Right], rows }
}
