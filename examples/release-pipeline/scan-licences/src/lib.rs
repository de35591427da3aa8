//! Sorts the licences in a bill of materials into allowed, unknown and forbidden ones.

use std::fs;

use sluice_step::{Failure, OrFail, step};

#[derive(serde::Deserialize)]
struct Input {
    sbom: String,
    allowed: Vec<String>,
    forbidden: Vec<String>,
}

#[derive(serde::Deserialize)]
struct BillOfMaterials {
    components: Vec<Component>,
}

#[derive(serde::Deserialize)]
struct Component {
    name: String,
    licence: Option<String>,
}

#[derive(Debug, Default, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Findings {
    allowed: Vec<String>,
    unknown: Vec<String>,
    unknown_count: usize,
    forbidden: Vec<String>,
    forbidden_count: usize,
}

#[step(manifest = "manifest.toml")]
fn scan_licences(input: Input) -> Result<Findings, Failure> {
    let text =
        fs::read_to_string(format!("/artifacts/{}", input.sbom)).or_fail("Release.SbomMissing")?;
    let bill = serde_json::from_str(&text).or_fail("Release.SbomMalformed")?;
    Ok(sort(bill, &input.allowed, &input.forbidden))
}

fn sort(bill: BillOfMaterials, allowed: &[String], forbidden: &[String]) -> Findings {
    let mut findings = Findings::default();
    for component in bill.components {
        let licence = component.licence.unwrap_or_default();
        if forbidden.contains(&licence) {
            findings.forbidden.push(component.name);
        } else if allowed.contains(&licence) {
            findings.allowed.push(component.name);
        } else {
            findings.unknown.push(component.name);
        }
    }
    findings.unknown_count = findings.unknown.len();
    findings.forbidden_count = findings.forbidden.len();
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_are_sorted_and_a_missing_one_is_unknown() {
        let bill = r#"{"components": [{"name": "a", "licence": "MIT"}, {"name": "b"}, {"name": "c", "licence": "SSPL-1.0"}]}"#;
        let findings = sort(
            serde_json::from_str(bill).unwrap(),
            &["MIT".to_owned()],
            &["SSPL-1.0".to_owned()],
        );
        assert_eq!(findings.allowed, ["a"]);
        assert_eq!(findings.unknown, ["b"]);
        assert_eq!(findings.forbidden, ["c"]);
        assert_eq!((findings.unknown_count, findings.forbidden_count), (1, 1));
    }
}
