//! How hard each level looks for matches.

/// What a level spends on a window.
#[derive(Clone, Copy)]
pub(super) struct Effort {
    /// How far apart the old positions are whose grams are indexed.
    pub(super) stride: usize,
    /// Occurrences of a gram that are looked at on each side of where it is expected.
    pub(super) neighbours: usize,
    /// Candidates whose gain is computed in full, not only at a glance.
    pub(super) compared: usize,
    /// The shortest match that is looked at; a longer one still has to save more than the current diagonal does.
    pub(super) min_match: usize,
    /// Diagonals left behind that are tried again before a search.
    pub(super) recent: usize,
    /// Searches without any match before the walk takes longer steps, and then before these grow again.
    pub(super) patience: usize,
    /// Whether a diagonal that holds, but not exactly, is compared with others.
    pub(super) doubt: bool,
    /// The longest matches anywhere are candidates too where at most so many percent of the new file are left to search.
    pub(super) suffixes: u64,
    /// Diagonals that the path follows at once.
    pub(super) active: usize,
    /// How far before its seed the path follows a diagonal at most.
    pub(super) look_back: usize,
    /// How far behind its last seed the path follows a diagonal, unless it is the best one.
    pub(super) linger: usize,
    /// One byte in so many tells what literals cost.
    pub(super) literal_sampling: usize,
    /// Whether literals are compressed to see what they really cost.
    pub(super) literal_trial: bool,
    /// How often a path with cheaper literals is tried, as long as it makes a smaller delta.
    pub(super) retries: usize,
}

impl Effort {
    /// What `level` spends.
    pub(super) fn of(level: u8) -> Self {
        match level {
            0 | 1 => Self::FASTEST,
            2 => Self { stride: 16, neighbours: 2, min_match: 16, recent: 1, patience: 16, active: 3, ..Self::FASTEST },
            3 | 4 => Self {
                stride: 8,
                neighbours: 4,
                compared: 2,
                min_match: 12,
                active: 6,
                suffixes: 0,
                retries: 0,
                ..Self::NORMAL
            },
            5 | 6 => Self::NORMAL,
            _ => Self { suffixes: 100, patience: usize::MAX, compared: 6, ..Self::NORMAL },
        }
    }

    /// What is spent on a window that holds `old` bytes, if `left` of the `new` bytes of the new file are to be searched.
    ///
    /// What did not change pays for a closer look at what did, and the new file for the memory that a suffix array of
    /// the old bytes takes.
    pub(super) fn on(self, old: usize, left: u64, new: u64) -> Self {
        let always = self.suffixes >= 100;
        let affordable = left as u128 * 100 <= u128::from(self.suffixes) * u128::from(new) && old as u64 / 2 <= new;
        if always || affordable { self } else { Self { suffixes: 0, retries: 0, ..self } }
    }

    const FASTEST: Self = Self {
        stride: 24,
        neighbours: 1,
        compared: 1,
        min_match: 24,
        recent: 0,
        patience: 4,
        doubt: false,
        suffixes: 0,
        active: 1,
        look_back: 256,
        linger: 256,
        literal_sampling: 8,
        literal_trial: false,
        retries: 0,
    };

    const NORMAL: Self = Self {
        stride: 4,
        neighbours: 8,
        compared: 3,
        min_match: 10,
        recent: 4,
        patience: 64,
        doubt: true,
        suffixes: 33,
        active: 10,
        look_back: 64 << 10,
        linger: 8 << 10,
        literal_sampling: 1,
        literal_trial: true,
        retries: 4,
    };
}
