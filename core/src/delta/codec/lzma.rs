//! Raw LZMA streams: smaller than zstd's and some ten times slower to decode.

use liblzma::stream::{Action, Filters, LzmaOptions, MatchFinder, Mode, Status as StreamStatus, Stream};

use crate::delta::levels::LzmaSearch;
use crate::error::{Error, Result, Status};

/// Literal context bits, literal position bits and position bits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Properties {
    literal_context: u32,
    literal_position: u32,
    position: u32,
}

/// For addends and their gaps, which have no alignment.
pub(super) const UNALIGNED: Properties = Properties::new(1, 0, 0);

/// For anything: text and code, records without any alignment, and numbers of four bytes.
pub(super) const ANY: [Properties; 3] = [Properties::new(3, 0, 2), UNALIGNED, Properties::new(1, 2, 2)];

/// What a decoder takes beside its dictionary at most, in bytes.
const OVERHEAD: u64 = 64 << 10;

/// The least dictionary that there is.
const MIN_DICTIONARY: u64 = 4 << 10;

/// The bytes of memory that decoding a column of `len` bytes takes beside the column.
pub(super) fn decoder_memory(len: u64) -> u64 {
    len.max(MIN_DICTIONARY) + OVERHEAD
}

impl Properties {
    const fn new(literal_context: u32, literal_position: u32, position: u32) -> Self {
        Self { literal_context, literal_position, position }
    }

    /// In one byte, as in the header of a `.lzma` file.
    pub(super) fn to_byte(self) -> u8 {
        ((self.position * 5 + self.literal_position) * 9 + self.literal_context) as u8
    }

    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        let byte = u32::from(byte);
        let properties = Self::new(byte % 9, byte / 9 % 5, byte / 45);
        (properties.position <= 4 && properties.literal_context + properties.literal_position <= 4)
            .then_some(properties)
    }

    fn filters(self, search: LzmaSearch, len: usize) -> Result<Filters> {
        let dictionary = u32::try_from((len as u64).max(MIN_DICTIONARY))
            .map_err(|_| Error::limit(format!("a column of {len} bytes is too long for LZMA")))?;
        let mut options = LzmaOptions::new_preset(6).map_err(no_memory)?;
        options
            .dict_size(dictionary)
            .literal_context_bits(self.literal_context)
            .literal_position_bits(self.literal_position)
            .position_bits(self.position)
            .mode(Mode::Normal)
            .match_finder(if search.trees { MatchFinder::BinaryTree4 } else { MatchFinder::HashChain4 })
            .nice_len(search.nice_len)
            .depth(search.depth);
        let mut filters = Filters::new();
        filters.lzma1(&options);
        Ok(filters)
    }
}

/// The longest column that is ever given to LZMA: its dictionary is bounded.
pub(super) const MAX_LEN: usize = 1 << 30;

fn no_memory(e: liblzma::stream::Error) -> Error {
    Error::new(Status::NoMemory, format!("LZMA could not be set up: {e}"))
}

/// The stream that `search` finds for `column`, or `None` where it is not below `limit` bytes.
pub(super) fn encode(
    column: &[u8],
    properties: Properties,
    search: LzmaSearch,
    limit: usize,
) -> Result<Option<Vec<u8>>> {
    let mut stream = Stream::new_raw_encoder(&properties.filters(search, column.len())?).map_err(no_memory)?;
    let mut encoded = vec![0; limit];
    loop {
        let (read, written) = (stream.total_in() as usize, stream.total_out() as usize);
        match stream.process(&column[read..], &mut encoded[written..], Action::Finish).map_err(no_memory)? {
            StreamStatus::StreamEnd => break,
            _ if stream.total_out() as usize == limit => return Ok(None),
            _ => {}
        }
    }
    encoded.truncate(stream.total_out() as usize);
    Ok(Some(encoded))
}

/// Decoders do not search.
const ANY_SEARCH: LzmaSearch = LzmaSearch { trees: false, nice_len: 24, depth: 1, least_gain: 1, least_share: 1 };

/// Fills `column` from `encoded`, which must end where the column does.
pub(super) fn decode(encoded: &[u8], properties: Properties, column: &mut [u8]) -> Result<()> {
    let damaged = || Error::corrupt("an LZMA column of the segment is damaged");
    let filters = properties.filters(ANY_SEARCH, column.len())?;
    let mut stream = Stream::new_raw_decoder(&filters).map_err(no_memory)?;
    loop {
        let before = (stream.total_in(), stream.total_out());
        let (read, written) = (before.0 as usize, before.1 as usize);
        match stream.process(&encoded[read..], &mut column[written..], Action::Finish) {
            Ok(StreamStatus::StreamEnd) => break,
            Ok(_) if (stream.total_in(), stream.total_out()) != before => {}
            _ => return Err(damaged()),
        }
    }
    if stream.total_in() as usize == encoded.len() && stream.total_out() as usize == column.len() {
        Ok(())
    } else {
        Err(damaged())
    }
}
