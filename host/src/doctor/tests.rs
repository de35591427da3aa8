//! That findings are worth what they say.

use super::*;

#[test]
fn the_worst_verdict_is_the_greatest() {
    assert!(Verdict::Ok < Verdict::Warn && Verdict::Warn < Verdict::Fail);
}

#[test]
fn a_finding_says_what_to_do_unless_all_is_well() {
    assert_eq!(Finding::ok("clock", "right").advice, None);
    for finding in [
        Finding::warn("clock", "late", "set it"),
        Finding::fail("clock", "wrong", "set it"),
    ] {
        assert_eq!(finding.to_json()["advice"], "set it");
    }
}
