//! What one principal may have of what the host has.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A number of places, of which each principal may have a share.
pub struct Shares {
    max: usize,
    each_max: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by: BTreeMap<Arc<str>, usize>,
}

/// A place that is taken; dropped, it is given back.
pub struct Share {
    shares: Arc<Shares>,
    principal: Arc<str>,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// The principal has its share.
    Share,
    /// Every place is taken.
    Host,
}

/// How much `percent` of `max` is: one at least.
pub(super) fn share_of(max: usize, percent: usize) -> usize {
    (max.saturating_mul(percent) / 100).clamp(1, max.max(1))
}

impl Shares {
    /// So many places, of which each principal may have so many of a hundred.
    pub fn new(max: usize, percent: usize) -> Self {
        Self {
            max,
            each_max: share_of(max, percent),
            taken: Mutex::default(),
        }
    }

    /// Takes a place.
    ///
    /// # Errors
    /// There is none, or none for this principal.
    pub fn take(self: &Arc<Self>, principal: &str) -> Result<Share, Full> {
        let mut taken = self.lock();
        if taken.all >= self.max {
            return Err(Full::Host);
        }
        let own = taken.by.get(principal).copied().unwrap_or(0);
        if own >= self.each_max {
            return Err(Full::Share);
        }
        Ok(self.add(&mut taken, principal))
    }

    /// Takes a place even where there is none, for what is there already.
    pub fn take_beyond(self: &Arc<Self>, principal: &str) -> Share {
        self.add(&mut self.lock(), principal)
    }

    /// How many places are taken.
    pub fn taken(&self) -> usize {
        self.lock().all
    }

    fn add(self: &Arc<Self>, taken: &mut Taken, principal: &str) -> Share {
        let known = taken.by.get_key_value(principal);
        let principal = known.map_or_else(|| principal.into(), |(known, _)| Arc::clone(known));
        taken.all += 1;
        *taken.by.entry(Arc::clone(&principal)).or_default() += 1;
        Share {
            shares: Arc::clone(self),
            principal,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.shares.lock();
        taken.all = taken.all.saturating_sub(1);
        if let Some(own) = taken.by.get_mut(&self.principal) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                taken.by.remove(&self.principal);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_principal_cannot_have_everything() {
        let shares = Arc::new(Shares::new(4, 50));
        let held: Vec<_> = [(); 2].map(|()| shares.take("p").ok().unwrap()).into();
        assert_eq!(shares.take("p").err(), Some(Full::Share));
        let others = [(); 2].map(|()| shares.take("q").ok().unwrap());
        assert_eq!(shares.take("r").err(), Some(Full::Host));
        drop(others);
        assert!(shares.take("r").is_ok());
        assert_eq!(shares.taken(), 2);
        drop(held);
        assert!(shares.lock().by.is_empty());
    }

    #[test]
    fn what_is_there_already_counts_beyond_the_limit() {
        let shares = Arc::new(Shares::new(1, 100));
        let held = [shares.take_beyond("p"), shares.take_beyond("p")];
        assert_eq!(shares.taken(), 2);
        assert_eq!(shares.take("q").err(), Some(Full::Host));
        drop(held);
        assert!(shares.take("q").is_ok());
    }

    #[test]
    fn a_share_is_one_place_at_least() {
        for (max, percent, share) in [(100, 50, 50), (1, 1, 1), (10, 1, 1), (7, 100, 7)] {
            assert_eq!(share_of(max, percent), share, "{percent} of {max}");
        }
    }
}
