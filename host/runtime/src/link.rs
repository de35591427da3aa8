//! Which interfaces a component finds when it is instantiated.
//!
//! One linker for each combination of the capabilities that decide over linking. What is not
//! in a linker does not exist for the component. `wasi:sockets` is in none.

use auth::capability::Capabilities;
use wasmtime::Engine;
use wasmtime::component::Linker;

use crate::capability::{ambient, config, filesystem, http, log};
use crate::guest::Guest;

/// The capabilities that decide over linking. The others are always linked, and powerless
/// unless granted: no directory, a frozen clock, predictable randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) http: bool,
    pub(crate) config: bool,
}

impl Shape {
    pub(crate) const FULL: Self = Self {
        http: true,
        config: true,
    };

    const EVERY: [Self; 4] = [
        Self {
            http: false,
            config: false,
        },
        Self {
            http: false,
            config: true,
        },
        Self {
            http: true,
            config: false,
        },
        Self::FULL,
    ];

    pub(crate) fn of(capabilities: &Capabilities) -> Self {
        Self {
            http: http::is_granted(capabilities),
            config: config::is_granted(capabilities),
        }
    }

    /// Whether an import, such as `wasi:http/types@0.2.6`, exists in this shape.
    pub(crate) fn links(self, import: &str) -> bool {
        let is_in = |interfaces: &[&str]| interfaces.iter().any(|name| import.starts_with(name));
        is_in(log::INTERFACES)
            || is_in(ambient::INTERFACES)
            || is_in(filesystem::INTERFACES)
            || (self.http && is_in(http::INTERFACES))
            || (self.config && is_in(config::INTERFACES))
    }

    /// The capability that an import belongs to, for people.
    pub(crate) fn capability_of(import: &str) -> &'static str {
        let is_in = |interfaces: &[&str]| interfaces.iter().any(|name| import.starts_with(name));
        if is_in(http::INTERFACES) {
            "http"
        } else if is_in(config::INTERFACES) {
            "config"
        } else {
            "import"
        }
    }
}

/// A linker for every shape.
pub(crate) struct Linkers(Vec<(Shape, Linker<Guest>)>);

impl Linkers {
    pub(crate) fn new(engine: &Engine) -> wasmtime::Result<Self> {
        let linker = |shape: &Shape| Ok((*shape, linker(engine, *shape)?));
        Shape::EVERY
            .iter()
            .map(linker)
            .collect::<wasmtime::Result<_>>()
            .map(Self)
    }

    pub(crate) fn of(&self, shape: Shape) -> wasmtime::Result<&Linker<Guest>> {
        let found = self.0.iter().find(|(one, _)| *one == shape);
        found
            .map(|(_, linker)| linker)
            .ok_or_else(|| wasmtime::Error::msg("no linker for this combination of capabilities"))
    }
}

fn linker(engine: &Engine, shape: Shape) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    log::link(&mut linker)?;
    ambient::link(&mut linker)?;
    filesystem::link(&mut linker)?;
    if shape.http {
        http::link(&mut linker)?;
    }
    if shape.config {
        config::link(&mut linker)?;
    }
    Ok(linker)
}
