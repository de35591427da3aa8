//! Several people who use a host at once, until it is gone.

use reliability::client::Client;
use reliability::machines::{ENDING, STAYING};
use reliability::random::Random;
use serde_json::json;
use tokio::task::JoinSet;

/// How many people there are.
const SIDES: u64 = 4;
/// How many executions one of them remembers.
const REMEMBERED: usize = 8;

/// The people, and those who follow what they started.
pub(super) struct Load(JoinSet<()>);

impl Load {
    /// Begins; `round` keeps the names of several loads on one store apart.
    pub(super) fn begin(client: &Client, round: &str, seed: u64) -> Self {
        let mut sides = JoinSet::new();
        let working = client.clone();
        sides.spawn(async move { working.work().await.unwrap_or_default() });
        for side in 0..SIDES {
            let random = Random::new(seed.wrapping_mul(SIDES) + side);
            let name = format!("{round}-{side}");
            let client = client.clone();
            sides.spawn(async move { use_it(client, name, random).await.unwrap_or_default() });
        }
        Self(sides)
    }

    /// Waits until everybody has noticed that the host is gone.
    pub(super) async fn end(self) {
        self.0.join_all().await;
    }
}

/// Starts, looks at, follows and stops executions at random.
async fn use_it(client: Client, name: String, mut random: Random) -> Option<()> {
    let mut followers = JoinSet::new();
    let mut known: Vec<String> = Vec::new();
    for count in 0_u64.. {
        let chosen = random.below(known.len().max(1) as u64) as usize;
        match random.below(10) {
            0 => drop(client.read_audit(random.below(50)).await?),
            1 if !known.is_empty() => drop(client.look(&known[chosen]).await?),
            2 if !known.is_empty() => drop(client.stop(&known.swap_remove(chosen)).await?),
            _ => {
                let machine = [ENDING.as_slice(), &[STAYING]].concat()[random.below(5) as usize];
                let name = format!("{name}-{count}");
                // Who may be stopped is remembered; the others must come to their own end.
                let started = client.start(machine, &name, json!({"of": name})).await?;
                let Some(id) = started.body["id"].as_str().map(str::to_owned) else {
                    continue;
                };
                if machine == STAYING && known.len() < REMEMBERED {
                    known.push(id);
                } else if random.once_in(2) {
                    let following = client.clone();
                    followers.spawn(async move { following.follow(&id).await });
                }
            }
        }
    }
    Some(())
}
