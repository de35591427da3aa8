//! The promises of `docs/reliability.md`, each against the real host under the fault it names.
#![cfg(target_os = "linux")]

#[cfg(test)]
mod faults {
    mod clock;
    mod damage;
    mod descriptors;
    mod disk_full;
    mod failing_disk;
    mod kill;
    mod load;
    mod power_cut;
    mod round;
    mod script;
    mod slow_disk;
    mod succession;
}
