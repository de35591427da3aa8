//! Figures as lines for people.

use std::fmt::Write as _;

use crate::figure::{Bound, Figure, Part};
use crate::report::{Measured, Report};

/// Where and what is measured.
pub(crate) fn header(report: &Report) -> String {
    let machine = report.machine();
    let mut line = format!(
        "{}, {} cores, Linux {}, {}",
        machine.processor, machine.cores, machine.kernel, machine.filesystem
    );
    if let Some(load) = machine.load_average {
        let _ = write!(line, ", load average {load}");
    }
    if let Some(revision) = report.revision() {
        let _ = write!(line, ", revision {revision}");
    }
    line
}

/// One measurement with its figures.
pub(crate) fn measured(measured: &Measured) -> String {
    let mut text = format!(
        "\n{} ({}, {:.0} s)\n",
        measured.about, measured.name, measured.seconds
    );
    for figure in &measured.figures {
        text.push_str(&line(figure));
    }
    if let Some(error) = &measured.error {
        let _ = writeln!(text, "  FAILED: {error}");
    }
    text
}

fn line(figure: &Figure) -> String {
    let mut line = format!(
        "  {:<44} {:>9} {:<8}",
        figure.name,
        number(figure.median),
        figure.unit
    );
    if let Some(p99) = figure.p99 {
        let _ = write!(line, "  p99 {}", number(p99));
    }
    if let Some(rounds) = figure.rounds {
        let (count, min, max) = (rounds.count, number(rounds.min), number(rounds.max));
        let _ = write!(line, "  {count} rounds {min} to {max}");
    }
    if let Some(limit) = &figure.limit {
        let (before, after) = (number(limit.before), number(limit.after));
        let _ = write!(line, "  {}: {before}, {after}", limit.what);
    }
    if let Some(ratio) = figure.ratio {
        let _ = write!(line, "  ratio {}", number(ratio));
    }
    line.push('\n');
    for target in &figure.targets {
        let of = match target.of {
            Part::Median => "",
            Part::P99 => "p99 ",
            Part::Ratio => "ratio ",
        };
        let bound = match target.bound {
            Bound::AtMost => "at most",
            Bound::AtLeast => "at least",
        };
        let verdict = if target.is_met { "met" } else { "MISSED" };
        let (value, why) = (number(target.value), &target.why);
        let _ = writeln!(line, "      {verdict}: {of}{bound} {value}, {why}");
    }
    line
}

/// Three digits that say something, or all of a whole number with its thousands apart.
fn number(value: f64) -> String {
    match value.abs() {
        large if large >= 1_000.0 => thousands(value),
        large if large >= 100.0 => format!("{value:.0}"),
        large if large >= 10.0 => format!("{value:.1}"),
        large if large >= 0.1 || large == 0.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        let left = digits.len() - place;
        if place > 0 && left.is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_long_as_they_are_worth_reading() {
        for (value, expected) in [
            (1_234_567.8, "1,234,568"),
            (999.4, "999"),
            (12.34, "12.3"),
            (1.234, "1.23"),
            (0.0, "0.00"),
            (0.012_34, "0.0123"),
        ] {
            assert_eq!(number(value), expected);
        }
    }

    #[test]
    fn a_line_says_all_of_a_figure() {
        let figure = Figure::of_values("latency", "ms", [4.0]).unwrap();
        let figure = figure.limit("disk", 2.0, 2.0);
        let line = line(&figure.at_most(Part::P99, 3.0, "promised"));
        for part in [
            "latency",
            "4.00 ms",
            "p99 4.00",
            "disk: 2.00, 2.00",
            "ratio 2.00",
        ] {
            assert!(line.contains(part), "{line}");
        }
        assert!(
            line.ends_with("MISSED: p99 at most 3.00, promised\n"),
            "{line}"
        );
    }
}
