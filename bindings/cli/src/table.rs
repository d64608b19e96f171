//! Columns that line up, however long what is in them.

use std::fmt;

/// Where the cells of a column stand.
#[derive(Clone, Copy)]
pub(crate) enum Align {
    /// At the left: words.
    Left,
    /// At the right: numbers.
    Right,
}

/// Rows of one cell for each column.
pub(crate) struct Table<const COLUMNS: usize> {
    pub(crate) align: [Align; COLUMNS],
    pub(crate) rows: Vec<[String; COLUMNS]>,
}

impl<const COLUMNS: usize> fmt::Display for Table<COLUMNS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; COLUMNS] = std::array::from_fn(width);
        for row in &self.rows {
            let mut line = String::new();
            for ((cell, align), width) in row.iter().zip(self.align).zip(widths) {
                line += "  ";
                line += &match align {
                    Align::Left => format!("{cell:<width$}"),
                    Align::Right => format!("{cell:>width$}"),
                };
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_start_and_numbers_end_in_one_place() {
        let rows = [["", "bytes", "→"], ["größe", "7", ""], ["a", "1,234", "x"]];
        let align = [Align::Left, Align::Right, Align::Left];
        let table = Table { align, rows: rows.map(|row| row.map(str::to_owned)).to_vec() };
        assert_eq!(table.to_string(), "         bytes  →\n  größe      7\n  a      1,234  x\n");
    }
}
