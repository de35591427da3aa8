//! Taking turns: whoever was served goes to the back, whoever comes anew stands behind all others.

use std::collections::BTreeMap;

/// Members that take turns, each with what is kept for it.
pub(crate) struct Turns<K, V> {
    order: BTreeMap<u64, K>,
    members: BTreeMap<K, (u64, V)>,
    next: u64,
}

impl<K, V> Default for Turns<K, V> {
    fn default() -> Self {
        Self {
            order: BTreeMap::new(),
            members: BTreeMap::new(),
            next: 0,
        }
    }
}

impl<K: Ord + Clone, V: Default> Turns<K, V> {
    pub(crate) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Whose turn it is.
    pub(crate) fn first(&self) -> Option<&K> {
        self.order.first_key_value().map(|(_, key)| key)
    }

    /// What is kept for a member; one that is none yet becomes the last.
    pub(crate) fn join(&mut self, key: &K) -> &mut V {
        let (_, kept) = self.members.entry(key.clone()).or_insert_with(|| {
            let turn = self.next;
            self.next += 1;
            self.order.insert(turn, key.clone());
            (turn, V::default())
        });
        kept
    }

    pub(crate) fn peek(&self, key: &K) -> Option<&V> {
        self.members.get(key).map(|(_, kept)| kept)
    }

    pub(crate) fn of(&mut self, key: &K) -> Option<&mut V> {
        self.members.get_mut(key).map(|(_, kept)| kept)
    }

    /// A member has had its turn.
    pub(crate) fn pass(&mut self, key: &K) {
        if let Some((turn, _)) = self.members.get_mut(key) {
            self.order.remove(turn);
            *turn = self.next;
            self.next += 1;
            self.order.insert(*turn, key.clone());
        }
    }

    pub(crate) fn leave(&mut self, key: &K) {
        if let Some((turn, _)) = self.members.remove(key) {
            self.order.remove(&turn);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(turns: &mut Turns<char, ()>, served: &str) {
        let found: String = std::iter::from_fn(|| {
            let key = *turns.first()?;
            turns.pass(&key);
            Some(key)
        })
        .take(served.len())
        .collect();
        assert_eq!(found, served);
    }

    #[test]
    fn members_take_turns_and_newcomers_stand_last() {
        let mut turns = Turns::default();
        assert!(turns.is_empty());
        for key in ['a', 'b', 'a'] {
            turns.join(&key);
        }
        check(&mut turns, "aba");
        turns.join(&'c');
        check(&mut turns, "bacb");
    }

    #[test]
    fn whoever_leaves_and_comes_back_stands_last() {
        let mut turns = Turns::default();
        for key in ['a', 'b', 'c'] {
            turns.join(&key);
        }
        turns.leave(&'a');
        turns.join(&'a');
        turns.leave(&'x');
        check(&mut turns, "bcabca");
    }
}
