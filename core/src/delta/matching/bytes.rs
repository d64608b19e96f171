//! Comparing stretches of bytes eight at a time, because the matcher spends most of its time here.

/// How many bytes from the start on are equal.
pub(super) fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    let len = a.len().min(b.len());
    let (a, b) = (&a[..len], &b[..len]);
    let words = a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0);
    for (index, (x, y)) in words.enumerate() {
        let difference = u64::from_le_bytes(*x) ^ u64::from_le_bytes(*y);
        if difference != 0 {
            return index * 8 + (difference.trailing_zeros() / 8) as usize;
        }
    }
    let rest = len & !7;
    rest + a[rest..].iter().zip(&b[rest..]).take_while(|(x, y)| x == y).count()
}

/// How many bytes before the end are equal.
pub(super) fn common_suffix(a: &[u8], b: &[u8]) -> usize {
    let len = a.len().min(b.len());
    let (a, b) = (&a[a.len() - len..], &b[b.len() - len..]);
    let words = a.as_rchunks::<8>().1.iter().rev().zip(b.as_rchunks::<8>().1.iter().rev());
    for (index, (x, y)) in words.enumerate() {
        let difference = u64::from_le_bytes(*x) ^ u64::from_le_bytes(*y);
        if difference != 0 {
            return index * 8 + (difference.leading_zeros() / 8) as usize;
        }
    }
    let rest = len % 8;
    len - rest + a[..rest].iter().rev().zip(b[..rest].iter().rev()).take_while(|(x, y)| x == y).count()
}

/// How many bytes differ from the byte at the same place; the slices have the same length.
pub(super) fn differences(a: &[u8], b: &[u8]) -> usize {
    // Sums of 64 fit a byte, so the compiler can count in vectors of bytes.
    a.chunks(64)
        .zip(b.chunks(64))
        .map(|(a, b)| usize::from(a.iter().zip(b).map(|(x, y)| u8::from(x != y)).sum::<u8>()))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whole_words_count_what_single_bytes_count(
            a in prop::collection::vec(0u8..2, 0..200),
            b in prop::collection::vec(0u8..2, 0..200),
            same in prop::collection::vec(0u8..9, 0..100),
        ) {
            let (x, y) = ([&same[..], &a].concat(), [&same[..], &b].concat());
            prop_assert_eq!(common_prefix(&x, &y), x.iter().zip(&y).take_while(|(x, y)| x == y).count());
            let (x, y) = ([&a[..], &same].concat(), [&b[..], &same].concat());
            let expected = x.iter().rev().zip(y.iter().rev()).take_while(|(x, y)| x == y).count();
            prop_assert_eq!(common_suffix(&x, &y), expected);
            let len = a.len().min(b.len());
            let expected = a.iter().zip(&b).filter(|(x, y)| x != y).count();
            prop_assert_eq!(differences(&a[..len], &b[..len]), expected);
        }
    }
}
