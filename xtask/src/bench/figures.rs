//! Figures as people read them: three digits that mean something, and a unit.

/// A time in the unit that suits it.
pub(crate) fn time(seconds: f64) -> String {
    match seconds {
        s if s >= 1.0 => format!("{} s", digits(s)),
        s if s >= 1e-3 => format!("{} ms", digits(s * 1e3)),
        s => format!("{} us", digits(s * 1e6)),
    }
}

/// A number a second.
pub(crate) fn rate(per_second: f64) -> String {
    match per_second {
        r if r >= 1e6 => format!("{} M/s", digits(r / 1e6)),
        r if r >= 1e4 => format!("{} k/s", digits(r / 1e3)),
        r => format!("{}/s", digits(r)),
    }
}

/// How many times as much.
pub(crate) fn ratio(ratio: f64) -> String {
    format!("{} x", digits(ratio))
}

/// A time that something takes more, or less.
pub(crate) fn more(seconds: f64) -> String {
    let sign = if seconds < 0.0 { "-" } else { "+" };
    format!("{sign}{}", time(seconds.abs()))
}

/// Memory, told in KiB.
pub(crate) fn mebibytes(kib: f64) -> String {
    format!("{:.1} MiB", kib / 1024.0)
}

fn digits(figure: f64) -> String {
    match figure {
        f if f >= 99.95 => format!("{f:.0}"),
        f if f >= 9.995 => format!("{f:.1}"),
        f => format!("{f:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_and_a_fitting_unit() {
        for (seconds, text) in [
            (0.000_000_4, "0.40 us"),
            (0.000_123_4, "123 us"),
            (0.009_87, "9.87 ms"),
            (0.012_34, "12.3 ms"),
            (1.5, "1.50 s"),
            (99.96, "100 s"),
        ] {
            assert_eq!(time(seconds), text);
        }
    }

    #[test]
    fn what_is_added_has_a_sign() {
        assert_eq!(more(0.000_004_2), "+4.20 us");
        assert_eq!(more(-0.001), "-1.00 ms");
    }

    #[test]
    fn rates_and_ratios_do_too() {
        assert_eq!(rate(873.2), "873/s");
        assert_eq!(rate(47_312.0), "47.3 k/s");
        assert_eq!(rate(2_500_000.0), "2.50 M/s");
        assert_eq!(ratio(0.934), "0.93 x");
    }
}
