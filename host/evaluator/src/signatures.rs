//! Where our own functions are put among the engine's.

use crate::language::Own;

/// The name a function is registered under.
pub(crate) const fn registered(own: Own) -> &'static str {
    match own {
        Own::Distinct => "__distinct",
        Own::EncodeUrl => "__encodeUrl",
        Own::EncodeUrlComponent => "__encodeUrlComponent",
        Own::Hash => "hash",
        Own::Now => "now",
        Own::Parse => "parse",
        Own::Partition => "partition",
        Own::Random => "random",
        Own::Range => "range",
        Own::Shuffle => "shuffle",
        Own::Uuid => "uuid",
    }
}

/// The definition that shadows a built-in: the engine refuses to replace `$distinct`, and a
/// registered function would not get the context value that `$encodeUrl` may take.
pub(crate) const fn definition(own: Own) -> Option<&'static str> {
    match own {
        Own::Distinct => Some("$distinct := $__distinct"),
        Own::EncodeUrl => Some("$encodeUrl := function($s)<s-:s>{ $__encodeUrl($s) }"),
        Own::EncodeUrlComponent => {
            Some("$encodeUrlComponent := function($s)<s-:s>{ $__encodeUrlComponent($s) }")
        }
        Own::Hash
        | Own::Now
        | Own::Parse
        | Own::Partition
        | Own::Random
        | Own::Range
        | Own::Shuffle
        | Own::Uuid => None,
    }
}
