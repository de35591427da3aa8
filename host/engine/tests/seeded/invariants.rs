//! What must be so at every step, each as one function over plain facts.

pub(crate) mod attempts;
pub(crate) mod audit;
pub(crate) mod authority;
pub(crate) mod history;
pub(crate) mod rest;
pub(crate) mod same;
pub(crate) mod told;

/// What was broken, and how it showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) invariant: &'static str,
    pub(crate) what: String,
}

pub(crate) type Verdict = Result<(), Violation>;

/// The verdict on one thing that must be so.
pub(crate) fn holds(
    is_so: bool,
    invariant: &'static str,
    what: impl FnOnce() -> String,
) -> Verdict {
    match is_so {
        true => Ok(()),
        false => Err(Violation {
            invariant,
            what: what(),
        }),
    }
}
