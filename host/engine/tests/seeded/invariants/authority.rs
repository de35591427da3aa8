//! No attempt is admitted under an authority that was taken back before its commit.

use std::collections::BTreeMap;

use super::{Verdict, holds};

/// What of the authority a simulation changes, as the store's order of commits has it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ground {
    /// Whether the role grants what one component needs.
    pub(crate) is_wide: bool,
    /// The last review of each component under the role.
    pub(crate) approved: BTreeMap<String, bool>,
    /// The state machine that policy forbids.
    pub(crate) forbidden: Option<String>,
}

/// An admission, as the audit log tells it.
#[derive(Clone, Debug)]
pub(crate) struct Admission<'a> {
    pub(crate) machine: &'a str,
    pub(crate) component: &'a str,
    pub(crate) role: &'a str,
}

impl Ground {
    pub(crate) fn admits(&self, admission: &Admission<'_>) -> Verdict {
        let Admission {
            machine,
            component,
            role,
        } = admission;
        let invariant = "no attempt slips past a revocation";
        holds(
            self.forbidden.as_deref() != Some(*machine),
            invariant,
            || format!("`{machine}` runs `{component}` though policy forbids it"),
        )?;
        let lacks = *component == "keyed" && (*role != "worker" || !self.is_wide);
        holds(!lacks, invariant, || {
            format!("`{component}` runs though `{role}` does not grant what it needs")
        })?;
        let is_rejected = *role == "worker" && self.approved.get(*component) == Some(&false);
        holds(!is_rejected, invariant, || {
            format!("`{component}` runs though its last review rejects it")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyed(role: &str) -> Admission<'_> {
        Admission {
            machine: "m0",
            component: "keyed",
            role,
        }
    }

    #[test]
    fn an_attempt_that_slips_past_a_revocation_is_found() {
        let mut ground = Ground {
            is_wide: true,
            ..Ground::default()
        };
        assert!(ground.admits(&keyed("worker")).is_ok());
        assert!(ground.admits(&keyed("plain")).is_err());
        ground.forbidden = Some("m0".to_owned());
        assert!(ground.admits(&keyed("worker")).is_err());
        ground.forbidden = Some("m1".to_owned());
        assert!(ground.admits(&keyed("worker")).is_ok());
        ground.approved.insert("keyed".to_owned(), false);
        assert!(ground.admits(&keyed("worker")).is_err());
        ground.approved.insert("keyed".to_owned(), true);
        ground.is_wide = false;
        assert!(ground.admits(&keyed("worker")).is_err());
    }
}
