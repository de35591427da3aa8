//! Walking a chain: every link follows from the one before, or the first that does not is named.

use ports::{AuditRecord, Hash, Head, Sealed};

use crate::chain::link_hash;

/// The first bad record of a log, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("audit record {sequence}: {flaw}")]
pub struct Broken {
    /// The number of the first record that is not as it was sealed.
    pub sequence: u64,
    /// What is wrong with it.
    pub flaw: Flaw,
}

/// What can be wrong with a record of the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Another record stands in its place: it was removed, repeated or moved.
    #[error("missing, record {found} stands in its place")]
    OutOfSequence {
        /// The number found.
        found: u64,
    },
    /// It does not name the hash of the record before it.
    #[error("names `{found}` as the record before, which has `{expected}`")]
    Unlinked {
        /// The hash of the record before.
        expected: Hash,
        /// The hash it names.
        found: Hash,
    },
    /// Its content or its hash was changed.
    #[error("its content has the hash `{computed}`, not `{found}`")]
    Altered {
        /// The hash of its content.
        computed: Hash,
        /// The hash it carries.
        found: Hash,
    },
    /// It was sealed as something that is not an audit record.
    #[error("is not an audit record: {0}")]
    Malformed(String),
    /// The log ends before it.
    #[error("missing, the log should end with record {length}")]
    Truncated {
        /// The number of the last record that should be there.
        length: u64,
    },
    /// The log goes on past its head.
    #[error("stands after the end of the log, which is record {length}")]
    BeyondHead {
        /// The number of the last record that should be there.
        length: u64,
    },
    /// The log begins behind it, and nothing says that it may.
    #[error("and those before it are missing, and no record says that the log was pruned")]
    Unanchored,
    /// The last record is not the one that the head names.
    #[error("has the hash `{found}`, but the log's head is `{expected}`")]
    OtherHead {
        /// The head's hash.
        expected: Hash,
        /// The last record's hash.
        found: Hash,
    },
}

/// Walks a chain link by link, so that a log of any length is verified page by page.
#[derive(Clone, Debug)]
pub struct Verifier {
    head: Head,
    /// What the log begins behind, until a record says that it was pruned to there.
    anchor: Option<Head>,
}

impl Verifier {
    /// Starts before the first record.
    pub fn new() -> Self {
        Self::after(Head {
            length: 0,
            hash: Hash([0; 32]),
        })
    }

    /// Starts behind a part of the log that was verified before.
    pub fn after(head: Head) -> Self {
        Self { head, anchor: None }
    }

    /// Starts behind the anchor of a pruned log, which one of its records must name.
    pub fn behind(anchor: Head) -> Self {
        Self {
            head: anchor,
            anchor: (anchor.length > 0).then_some(anchor),
        }
    }

    /// Checks that a log that does not begin with the first record was pruned to where it begins.
    ///
    /// # Errors
    /// No record that was walked says so.
    pub fn anchored(&self) -> Result<(), Broken> {
        match self.anchor {
            None => Ok(()),
            Some(anchor) => Err(Broken {
                sequence: anchor.length,
                flaw: Flaw::Unanchored,
            }),
        }
    }

    /// The last link that was found good.
    pub fn head(&self) -> Head {
        self.head
    }

    /// Checks the next link.
    ///
    /// # Errors
    /// What is wrong with it; the verifier stays where it was.
    pub fn push(&mut self, link: &Sealed) -> Result<(), Broken> {
        let sequence = self.head.length.saturating_add(1);
        let broken = |flaw| Err(Broken { sequence, flaw });
        if link.sequence != sequence {
            return broken(Flaw::OutOfSequence {
                found: link.sequence,
            });
        }
        if link.previous != self.head.hash {
            return broken(Flaw::Unlinked {
                expected: self.head.hash,
                found: link.previous,
            });
        }
        let computed = link_hash(sequence, &link.previous, &link.body);
        if link.hash != computed {
            return broken(Flaw::Altered {
                computed,
                found: link.hash,
            });
        }
        let record = match serde_json::from_str::<AuditRecord>(&link.body) {
            Ok(record) => record,
            Err(error) => return broken(Flaw::Malformed(error.to_string())),
        };
        if self.anchor.is_some() && record.anchor() == self.anchor {
            self.anchor = None;
        }
        self.head = Head {
            length: sequence,
            hash: computed,
        };
        Ok(())
    }

    /// Checks that the walk ended where the log ends, as `expected` has it.
    ///
    /// # Errors
    /// Records are missing at the end, or there are too many, or the last is another one.
    pub fn finish(self, expected: Head) -> Result<Head, Broken> {
        self.anchored()?;
        let Head { length, hash } = self.head;
        let broken = |sequence, flaw| Err(Broken { sequence, flaw });
        if length < expected.length {
            let flaw = Flaw::Truncated {
                length: expected.length,
            };
            return broken(length.saturating_add(1), flaw);
        }
        if length > expected.length {
            let flaw = Flaw::BeyondHead {
                length: expected.length,
            };
            return broken(expected.length.saturating_add(1), flaw);
        }
        if hash != expected.hash {
            let flaw = Flaw::OtherHead {
                expected: expected.hash,
                found: hash,
            };
            return broken(length, flaw);
        }
        Ok(self.head)
    }
}

impl Default for Verifier {
    fn default() -> Self {
        Self::new()
    }
}

/// Checks a run of links, from the first record or from behind `from`, and hands out the last
/// good link; compare it with the log's head by [`Verifier::finish`] to find a missing end.
///
/// # Errors
/// The first bad record.
pub fn verify(links: impl IntoIterator<Item = Sealed>, from: Option<Head>) -> Result<Head, Broken> {
    let mut verifier = from.map_or_else(Verifier::new, Verifier::after);
    for link in links {
        verifier.push(&link)?;
    }
    Ok(verifier.head())
}

#[cfg(test)]
mod tests;
