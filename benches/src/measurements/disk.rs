//! The disk alone, in the ways in which a store may use it.

use anyhow::Result;

use super::Here;
use crate::disk::{GROUP, Place, append_and_sync, per_second};
use crate::figure::Figure;

const SYNCS: usize = 500;
const ROUNDS: usize = 3;

pub(super) fn measure(here: &Here) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (place, name) in [
        (Place::Grows, "into a file that grows"),
        (Place::Taken, "into a file whose place is taken"),
    ] {
        let (mut single, mut worst, mut grouped) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let one = append_and_sync(&here.folder, place, 1, SYNCS)?;
            single.push(one.median());
            worst.push(one.quantile(0.99));
            let many = append_and_sync(&here.folder, place, GROUP, SYNCS / 5)?;
            grouped.push(per_second(&many));
        }
        let mut figure = Figure::of_rounds(format!("append + fdatasync {name}"), "ms", single)?;
        figure.p99 = worst.into_iter().reduce(f64::max);
        figures.push(figure);
        let name = format!("64 records a sync {name}");
        figures.push(Figure::of_rounds(name, "/s", grouped)?);
    }
    Ok(figures)
}
