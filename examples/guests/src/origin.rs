//! Points the manifests of built components to a service that listens on a free port.

use anyhow::{Result, ensure};

/// The origin that the manifests and roles in `examples/` name.
pub const PLACEHOLDER_ORIGIN: &str = "http://127.0.0.1:18750";

/// The component with `origin` in its manifest wherever [`PLACEHOLDER_ORIGIN`] stood.
///
/// # Errors
/// `origin` is not as long as the placeholder, so that the binary's offsets would shift, or
/// the component does not name the placeholder.
pub fn at_origin(mut component: Vec<u8>, origin: &str) -> Result<Vec<u8>> {
    let (from, to) = (PLACEHOLDER_ORIGIN.as_bytes(), origin.as_bytes());
    ensure!(
        from.len() == to.len(),
        "`{origin}` does not fit into the manifests, it must be as long as `{PLACEHOLDER_ORIGIN}`"
    );
    let mut replaced = 0;
    let mut rest = component.as_mut_slice();
    while let Some(start) = rest.windows(from.len()).position(|window| window == from) {
        let (_, tail) = rest.split_at_mut(start);
        let (place, tail) = tail.split_at_mut(from.len());
        place.copy_from_slice(to);
        replaced += 1;
        rest = tail;
    }
    ensure!(
        replaced > 0,
        "the component does not name `{PLACEHOLDER_ORIGIN}`"
    );
    Ok(component)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_pointed_to_the_new_origin() {
        let component = format!("a{PLACEHOLDER_ORIGIN}b{PLACEHOLDER_ORIGIN}").into_bytes();
        let moved = at_origin(component, "http://127.0.0.1:40001").unwrap();
        assert_eq!(moved, b"ahttp://127.0.0.1:40001bhttp://127.0.0.1:40001");
    }

    #[test]
    fn an_origin_of_another_length_or_a_component_without_one_is_refused() {
        let component = PLACEHOLDER_ORIGIN.as_bytes().to_vec();
        assert!(at_origin(component, "http://127.0.0.1:80").is_err());
        assert!(at_origin(b"nothing".to_vec(), "http://127.0.0.1:40001").is_err());
    }
}
