//! Tables for a terminal and for Markdown, from the same rows.

/// A table of text. Every column but the first is set flush right: they hold figures.
pub(crate) struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new<const N: usize>(head: [&str; N]) -> Self {
        Self {
            head: head.map(str::to_owned).to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; missing cells are empty.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(Vec::from(cells));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Columns set with spaces.
    pub(crate) fn plain(&self) -> String {
        let widths: Vec<usize> = (0..self.head.len())
            .map(|column| self.width(column))
            .collect();
        let line = |cells: &[String]| {
            let cells = widths.iter().enumerate().map(|(column, &width)| {
                let cell = cells.get(column).map_or("", String::as_str);
                if column == 0 {
                    format!("{cell:<width$}")
                } else {
                    format!("{cell:>width$}")
                }
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
        };
        let rows = self.rows.iter().map(|row| line(row));
        std::iter::once(line(&self.head)).chain(rows).collect()
    }

    /// A Markdown table.
    pub(crate) fn markdown(&self) -> String {
        let line = |cells: &[String]| {
            let cells: Vec<String> = (0..self.head.len())
                .map(|column| {
                    cells
                        .get(column)
                        .map_or("", String::as_str)
                        .replace('|', "\\|")
                })
                .collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let mut text = line(&self.head);
        for column in 0..self.head.len() {
            text.push_str(if column == 0 { "|---|" } else { "---:|" });
        }
        text.push('\n');
        self.rows.iter().for_each(|row| text.push_str(&line(row)));
        text
    }

    fn width(&self, column: usize) -> usize {
        std::iter::once(&self.head)
            .chain(&self.rows)
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps() -> Table {
        let mut table = Table::new(["step", "time"]);
        table.row(["fmt".into(), "1.2 s".into()]);
        table.row(["a|b".into(), "112.0 s".into()]);
        table
    }

    #[test]
    fn figures_line_up_on_the_right() {
        assert_eq!(
            steps().plain(),
            "step     time\nfmt     1.2 s\na|b   112.0 s\n"
        );
    }

    #[test]
    fn a_bar_in_a_cell_does_not_break_the_markdown() {
        assert_eq!(
            steps().markdown(),
            "| step | time |\n|---|---:|\n| fmt | 1.2 s |\n| a\\|b | 112.0 s |\n"
        );
    }
}
