//! A second writer and reader of deltas, from `core/FORMAT.md` alone: it writes what our encoder never would, and
//! takes deltas apart so that a test can change what lies beneath their checksums.

pub use super::column::*;

/// The length of a header with its checksum.
pub const HEADER_LEN: usize = 132;
/// What `apply_memory` counts beside frames and columns.
pub const OVERHEAD: u64 = 192 << 10;
/// One operation with a dense addend (empty, or as long as the copy).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    Insert(Vec<u8>),
    Copy { from: u64, len: u64, addend: Vec<u8> },
}

impl Op {
    pub fn copy(from: u64, len: u64) -> Self {
        Op::Copy { from, len, addend: Vec::new() }
    }
}

/// What `ops` make of `old`, by the definition of the op model.
pub fn make(old: &[u8], ops: &[Op]) -> Vec<u8> {
    let mut new = Vec::new();
    for op in ops {
        match op {
            Op::Insert(bytes) => new.extend_from_slice(bytes),
            Op::Copy { from, len, addend } => {
                let old = &old[*from as usize..(*from + *len) as usize];
                match &addend[..] {
                    [] => new.extend_from_slice(old),
                    addend => new.extend(old.iter().zip(addend).map(|(old, add)| old.wrapping_add(*add))),
                }
            }
        }
    }
    new
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub magic: [u8; 8],
    pub version: u16,
    pub reserved: u16,
    pub critical: u32,
    pub optional: u32,
    pub old_size: u64,
    pub new_size: u64,
    pub old_digest: [u8; 32],
    pub new_digest: [u8; 32],
    pub apply_memory: u64,
    pub stream_bytes: u64,
    pub segments: u32,
    pub delta_size: u64,
}

impl Header {
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_LEN);
        out.extend_from_slice(&self.magic);
        out.extend_from_slice(&self.version.to_le_bytes());
        out.extend_from_slice(&self.reserved.to_le_bytes());
        out.extend_from_slice(&self.critical.to_le_bytes());
        out.extend_from_slice(&self.optional.to_le_bytes());
        out.extend_from_slice(&self.old_size.to_le_bytes());
        out.extend_from_slice(&self.new_size.to_le_bytes());
        out.extend_from_slice(&self.old_digest);
        out.extend_from_slice(&self.new_digest);
        out.extend_from_slice(&self.apply_memory.to_le_bytes());
        out.extend_from_slice(&self.stream_bytes.to_le_bytes());
        out.extend_from_slice(&self.segments.to_le_bytes());
        out.extend_from_slice(&self.delta_size.to_le_bytes());
        let check = crc32fast::hash(&out);
        out.extend_from_slice(&check.to_le_bytes());
        out
    }

    /// The fields of a header, believed as they stand; `None` where the bytes are too few.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        fn field<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
            let (head, tail) = bytes.split_first_chunk()?;
            *bytes = tail;
            Some(*head)
        }
        let mut rest = bytes.get(..HEADER_LEN)?;
        let rest = &mut rest;
        Some(Self {
            magic: field(rest)?,
            version: u16::from_le_bytes(field(rest)?),
            reserved: u16::from_le_bytes(field(rest)?),
            critical: u32::from_le_bytes(field(rest)?),
            optional: u32::from_le_bytes(field(rest)?),
            old_size: u64::from_le_bytes(field(rest)?),
            new_size: u64::from_le_bytes(field(rest)?),
            old_digest: field(rest)?,
            new_digest: field(rest)?,
            apply_memory: u64::from_le_bytes(field(rest)?),
            stream_bytes: u64::from_le_bytes(field(rest)?),
            segments: u32::from_le_bytes(field(rest)?),
            delta_size: u64::from_le_bytes(field(rest)?),
        })
    }
}

/// The frame of one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    pub output_len: u64,
    pub records: u64,
    pub width: u8,
    /// 1 where a check follows.
    pub has_check: u8,
    pub check: u32,
    /// Insert lengths, copy lengths, from steps, literals; then zeros, runs and values of each lane.
    pub columns: Vec<Column>,
    /// In the place of the lanes, where `width` says so.
    pub mixed: Option<Mixed>,
    /// What follows the last column.
    pub tail: Vec<u8>,
}

/// Names of the first columns.
pub const INSERT_LENS: usize = 0;
pub const COPY_LENS: usize = 1;
pub const FROM_STEPS: usize = 2;
pub const LITERALS: usize = 3;
/// The columns of lane 0.
pub const ZEROS: usize = 4;
pub const RUNS: usize = 5;
pub const VALUES: usize = 6;

impl Segment {
    /// Encodes `ops` (whose output starts at `start`) as `layout` says.
    pub fn of(ops: &[Op], start: u64, layout: &Layout) -> Self {
        let width = layout.width;
        let mut insert_lens = Vec::new();
        let mut copy_lens = Vec::new();
        let mut from_steps = Vec::new();
        let mut literals = Vec::new();
        let mut lanes = vec![Vec::new(); usize::from(width.max(1))];
        let (mut inserted, mut predicted, mut position, mut records) = (0, start, start, 0);
        for op in ops {
            match op {
                Op::Insert(bytes) => {
                    literals.extend_from_slice(bytes);
                    inserted += bytes.len() as u64;
                    position += bytes.len() as u64;
                }
                Op::Copy { from, len, addend } => {
                    put_varint(&mut insert_lens, inserted);
                    put_varint(&mut copy_lens, *len);
                    put_varint(&mut from_steps, zigzag(from.wrapping_sub(predicted) as i64));
                    for i in 0..*len {
                        let lane = ((position + i) % lanes.len() as u64) as usize;
                        lanes[lane].push(addend.get(i as usize).copied().unwrap_or_default());
                    }
                    records += 1;
                    inserted = 0;
                    predicted = from + len;
                    position += len;
                }
            }
        }
        let mut columns: Vec<_> =
            [insert_lens, copy_lens, from_steps, literals].map(|column| layout.column(column)).into();
        if width > 0 {
            for lane in lanes {
                columns.extend(lane_columns(&lane, layout.merge).map(|column| layout.column(column)));
            }
        }
        Self {
            output_len: position - start,
            records,
            width,
            has_check: 0,
            check: 0,
            columns,
            mixed: None,
            tail: Vec::new(),
        }
    }

    /// With the check of the bytes that it makes.
    pub fn checked(mut self, check: u32) -> Self {
        (self.has_check, self.check) = (1, check);
        self
    }

    /// The frame without length and checksum.
    pub fn body(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_varint(&mut out, self.output_len);
        put_varint(&mut out, self.records);
        out.push(self.width);
        out.push(self.has_check);
        if self.has_check == 1 {
            out.extend_from_slice(&self.check.to_le_bytes());
        }
        self.columns.iter().for_each(|column| column.write(&mut out));
        self.mixed.iter().for_each(|mixed| mixed.write(&mut out));
        out.extend_from_slice(&self.tail);
        out
    }

    /// Takes a body apart; what is no column becomes the tail.
    pub fn read(mut body: &[u8]) -> Option<Self> {
        let bytes = &mut body;
        let output_len = take_varint(bytes)?;
        let records = take_varint(bytes)?;
        let &[width, has_check] = take(bytes, 2)? else { return None };
        let check = if has_check == 1 { u32::from_le_bytes(take(bytes, 4)?.try_into().ok()?) } else { 0 };
        let mut columns = Vec::new();
        let is_mixed = MIXED.contains(&width);
        for _ in 0..4 + if is_mixed { 0 } else { 3 * usize::from(width) } {
            let before = *bytes;
            match Column::read(bytes) {
                Some(column) => columns.push(column),
                None => {
                    *bytes = before;
                    break;
                }
            }
        }
        let mut rest = *bytes;
        let mixed = if is_mixed && columns.len() == 4 { Mixed::read(&mut rest) } else { None };
        if mixed.is_some() {
            *bytes = rest;
        }
        Some(Self { output_len, records, width, has_check, check, columns, mixed, tail: bytes.to_vec() })
    }

    fn column_bytes(&self) -> u64 {
        self.columns.iter().fold(0, |sum, column| sum.saturating_add(column.decoded_len()))
    }

    fn stream_bytes(&self) -> u64 {
        self.column_bytes().saturating_add(self.mixed.as_ref().map_or(0, |mixed| mixed.values))
    }

    /// What decoding the frame takes, itself included.
    fn memory(&self, body: &[u8]) -> u64 {
        let codecs = self.columns.iter().map(Column::working_memory);
        let working = codecs.chain(self.mixed.iter().map(Mixed::working_memory)).max().unwrap_or_default();
        (body.len() as u64 + 4).saturating_add(self.column_bytes()).saturating_add(working)
    }
}

/// The columns of one lane: zeros before each run, run lengths, values. With a `merge` of 0 every value is a run of its
/// own, and their lengths are left out.
fn lane_columns(addends: &[u8], merge: u64) -> [Vec<u8>; 3] {
    let mut runs: Vec<(u64, Vec<u8>)> = Vec::new();
    let mut zeros = 0;
    for &addend in addends {
        if addend == 0 {
            zeros += 1;
            continue;
        }
        match runs.last_mut() {
            Some((_, values)) if zeros < merge => {
                values.resize(values.len() + zeros as usize, 0);
                values.push(addend);
            }
            _ => runs.push((zeros, vec![addend])),
        }
        zeros = 0;
    }
    let mut columns = [Vec::new(), Vec::new(), Vec::new()];
    for (zeros, values) in runs {
        put_varint(&mut columns[0], zeros);
        if merge > 0 {
            put_varint(&mut columns[1], values.len() as u64);
        }
        columns[2].extend(values);
    }
    columns
}

/// A delta taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delta {
    pub header: Header,
    pub segments: Vec<Segment>,
}

/// How [`Delta::of`] lays out one segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The number of lanes.
    pub width: u8,
    /// Zeros between addends that are fewer than this stay among the values.
    pub merge: u64,
    /// By zstd.
    pub compressed: bool,
    /// By LZMA instead.
    pub lzma: bool,
    /// Whether the segment carries a check; the last one always does.
    pub check: bool,
}

impl Default for Layout {
    fn default() -> Self {
        Self { width: 1, merge: 1, compressed: false, lzma: false, check: true }
    }
}

impl Layout {
    fn column(&self, bytes: Vec<u8>) -> Column {
        match bytes.len() {
            0 => Column::Empty,
            _ if self.lzma => Column::lzma(&bytes),
            _ if self.compressed => Column::zstd(&bytes),
            _ => Column::Raw(bytes),
        }
    }
}

impl Delta {
    /// The delta whose segments are `segments`, for `old`; correct in every field.
    pub fn of(old: &[u8], segments: &[(Vec<Op>, Layout)]) -> Self {
        let mut new = Vec::new();
        let mut frames = Vec::new();
        let mut unchecked = 0;
        for (i, (ops, layout)) in segments.iter().enumerate() {
            let start = new.len();
            new.extend(make(old, ops));
            let mut segment = Segment::of(ops, start as u64, layout);
            if layout.check || i + 1 == segments.len() {
                segment = segment.checked(crc32fast::hash(&new[unchecked..]));
                unchecked = new.len();
            }
            frames.push(segment);
        }
        let header = Header {
            magic: patchcore::delta::MAGIC,
            version: patchcore::delta::FORMAT_VERSION,
            reserved: 0,
            critical: 0,
            optional: 0,
            old_size: old.len() as u64,
            new_size: new.len() as u64,
            old_digest: patchcore::Digest::of(old).0,
            new_digest: patchcore::Digest::of(&new).0,
            apply_memory: 0,
            stream_bytes: 0,
            segments: 0,
            delta_size: 0,
        };
        let mut delta = Self { header, segments: frames };
        delta.fit();
        delta
    }

    /// One segment of `ops` in the plainest layout.
    pub fn plain(old: &[u8], ops: &[Op]) -> Self {
        Self::of(old, &[(ops.to_vec(), Layout::default())])
    }

    /// Makes the header say what the segments are.
    pub fn fit(&mut self) {
        let bodies: Vec<_> = self.segments.iter().map(Segment::body).collect();
        let needs = bodies.iter().zip(&self.segments).map(|(body, segment)| segment.memory(body));
        self.header.apply_memory = OVERHEAD.saturating_add(needs.max().unwrap_or_default());
        self.header.stream_bytes =
            self.segments.iter().fold(0, |sum, segment| sum.saturating_add(segment.stream_bytes()));
        self.header.segments = self.segments.len() as u32;
        self.header.delta_size = (HEADER_LEN + bodies.iter().map(|body| frame(body).len()).sum::<usize>()) as u64;
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut out = self.header.bytes();
        self.segments.iter().for_each(|segment| out.extend(frame(&segment.body())));
        out
    }

    /// The bytes after the header was made to fit.
    pub fn fitted(mut self) -> Vec<u8> {
        self.fit();
        self.bytes()
    }

    pub fn read(bytes: &[u8]) -> Option<Self> {
        let header = Header::read(bytes)?;
        let mut rest = &bytes[HEADER_LEN..];
        let mut segments = Vec::new();
        while !rest.is_empty() {
            let len = take_varint(&mut rest)?.checked_sub(4)?;
            segments.push(Segment::read(take(&mut rest, len)?)?);
            take(&mut rest, 4)?;
        }
        Some(Self { header, segments })
    }
}

/// A body with its length before it and its checksum behind it.
pub fn frame(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_varint(&mut out, body.len() as u64 + 4);
    out.extend_from_slice(body);
    out.extend_from_slice(&crc32fast::hash(body).to_le_bytes());
    out
}

/// Makes every checksum, length of a frame and size in the header fit the bytes as they are, so that a parser that
/// compares them goes on to what is wrong beneath. What is too short for a header stays as it is.
pub fn reseal(bytes: &[u8]) -> Vec<u8> {
    let Some(mut header) = Header::read(bytes) else { return bytes.to_vec() };
    let mut rest = &bytes[HEADER_LEN..];
    let mut frames = Vec::new();
    let mut count = 0;
    while !rest.is_empty() {
        let len = take_varint(&mut rest).unwrap_or_default().min(rest.len() as u64);
        let taken = take(&mut rest, len).unwrap_or_default();
        frames.extend(frame(&taken[..taken.len().saturating_sub(4)]));
        count += 1;
    }
    header.magic = patchcore::delta::MAGIC;
    header.version = patchcore::delta::FORMAT_VERSION;
    header.segments = count;
    header.delta_size = (HEADER_LEN + frames.len()) as u64;
    let mut out = header.bytes();
    out.extend(frames);
    out
}
