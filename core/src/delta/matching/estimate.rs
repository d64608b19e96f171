//! About how large a delta gets, because the cost model ranks choices that lie near one another, and cannot tell how
//! well a codec does on all of the literals or addends of one path.

use super::path::Stretch;
use crate::delta::codec;
use crate::error::Result;

/// How hard the columns are compressed. What is compared was compressed in the same way, so little will do.
const LEVEL: i32 = 9;

/// The columns of a delta, as its encoder lays them out, more or less.
#[derive(Default)]
struct Columns {
    literals: Vec<u8>,
    lens: Vec<u8>,
    jumps: Vec<u8>,
    gaps: Vec<u8>,
    differences: Vec<u8>,
}

/// The bytes that the covers in `path` and the literals between them take, to be compared with those of another path.
pub(super) fn encoded_len(old: &[u8], new: &[u8], path: &[Stretch]) -> Result<usize> {
    let mut columns = Columns::default();
    let (mut end, mut diagonal, mut equal) = (0, 0, 0);
    for stretch in path {
        columns.literals.extend_from_slice(&new[end..stretch.new]);
        push_number(&mut columns.lens, stretch.new - end);
        push_number(&mut columns.lens, stretch.len);
        let jump = stretch.diagonal().wrapping_sub(diagonal);
        push_number(&mut columns.jumps, ((jump << 1) ^ (jump >> (isize::BITS - 1))).cast_unsigned());
        for (new, old) in new[stretch.new..stretch.new_end()].iter().zip(&old[stretch.old..]) {
            if new == old {
                equal += 1;
            } else {
                push_number(&mut columns.gaps, equal);
                columns.differences.push(new.wrapping_sub(*old));
                equal = 0;
            }
        }
        (end, diagonal) = (stretch.new_end(), stretch.diagonal());
    }
    columns.literals.extend_from_slice(&new[end..]);
    let columns = [columns.literals, columns.lens, columns.jumps, columns.gaps, columns.differences];
    columns.iter().map(|column| codec::compressed_len(column, LEVEL)).sum()
}

/// Appends `number` in groups of seven bits.
fn push_number(column: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        column.push(number as u8 | 0x80);
        number >>= 7;
    }
    column.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cover_of_equal_bytes_takes_less_than_their_literals_and_less_than_one_with_addends() {
        let old: Vec<u8> = (0..4000u32).map(|i| (i.wrapping_mul(0x9e37_79b1) >> 23) as u8).collect();
        let new = &old[100..3100];
        let len = |path: &[Stretch]| encoded_len(&old, new, path).unwrap();
        let equal = len(&[Stretch { old: 100, new: 0, len: 3000 }]);
        let unlike = len(&[Stretch { old: 101, new: 0, len: 2000 }, Stretch { old: 2100, new: 2000, len: 1000 }]);
        assert!(equal < 100 && equal < unlike && equal < len(&[]));
    }
}
