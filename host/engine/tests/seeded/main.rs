//! The engine under a seeded simulator: everything that happens follows from one number.
//!
//! `SLUICE_SEED=N` runs that seed alone and prints what happened; `SLUICE_SEEDS=N` runs so many;
//! `SLUICE_FIRST_SEED=N` begins there.

#[cfg(test)]
mod book;
#[cfg(test)]
mod clients;
#[cfg(test)]
mod components;
#[cfg(test)]
mod definitions;
#[cfg(test)]
mod dice;
#[cfg(test)]
#[path = "../simulation/egress.rs"]
#[allow(dead_code, reason = "only some of what is shared is needed here")]
mod egress;
#[cfg(test)]
mod evaluator;
#[cfg(test)]
mod invariants;
#[cfg(test)]
mod outside;
#[cfg(test)]
#[path = "../simulation/people.rs"]
mod people;
#[cfg(test)]
mod plan;
#[cfg(test)]
mod seeds;
#[cfg(test)]
mod simulation;
#[cfg(test)]
#[path = "../simulation/volumes.rs"]
#[allow(dead_code, reason = "only some of what is shared is needed here")]
mod volumes;
#[cfg(test)]
mod weather;
