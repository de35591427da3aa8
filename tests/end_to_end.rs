//! The promises of the README, each against a real host: its own process, on a free port, with
//! its data in a temporary folder. For what is allowed, what is denied.

#[cfg(test)]
mod end_to_end {
    use driver::{guest, host, http, stage};

    mod audit_log;
    mod authority;
    mod aws_wire;
    mod backup;
    mod bad_address;
    mod bad_input;
    mod cli;
    mod concurrency;
    mod crash;
    mod doctor;
    mod express;
    mod full;
    mod language;
    mod listing;
    mod main_job;
    mod observability;
    mod shutdown;
    mod succession;
    mod test_state;
    mod tokens;
    mod traces;
    mod upload;
}
