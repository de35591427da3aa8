//! What holds for every definition and every order of events.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "properties/definitions.rs"]
mod definitions;
#[path = "fixture/header.rs"]
mod header;
#[path = "properties/world.rs"]
mod world;

use asl::{Delta, Execution, StateMachine, Status, Timestamp, apply};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use header::{NoEvaluator, header};
use world::World;

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_order_of_events_is_survived(
        definition in definitions::machine(),
        input in definitions::input(),
        script in prop::collection::vec(any::<[u8; 4]>(), 1..40),
    ) {
        let machine = StateMachine::parse(&definition);
        let machine = machine.unwrap_or_else(|problems| panic!("{problems:?} in {definition}")).machine;
        play(&machine, input, &script);
    }
}

fn config() -> ProptestConfig {
    let failure_persistence =
        Some(Box::new(FileFailurePersistence::WithSource("regressions")) as Box<_>);
    ProptestConfig {
        cases: 200,
        failure_persistence,
        ..ProptestConfig::default()
    }
}

/// Plays a script and checks every property after every event.
fn play(machine: &StateMachine, input: serde_json::Value, script: &[[u8; 4]]) {
    let start = Timestamp(1_000_000);
    let mut execution = Execution::start(header(start), input);
    let mut records = vec![stored(&execution.take_delta())];
    let mut world = World::new(start);
    let mut last_event = 0;
    for choices in [[0; 4]].iter().chain(script) {
        let event = world.event(*choices);
        let before = execution.clone();
        let transition = apply(machine, execution, event.clone(), &NoEvaluator);

        let again = apply(machine, before.clone(), event.clone(), &NoEvaluator);
        assert_eq!(transition, again, "a replay differs");
        execution = transition.execution;
        if transition.ignored.is_some() {
            assert_eq!(execution, before, "an ignored event changed something");
            assert!(transition.effects.is_empty());
        }
        world.follow(&event, transition.ignored.is_some(), &transition.effects);
        world.check(&execution);
        assert_eq!(
            execution.status() == Status::Running,
            !execution.outstanding().is_empty()
        );

        let delta = execution.take_delta();
        for event in &delta.history {
            assert_eq!(event.id, last_event + 1);
            assert!(event.previous_id < event.id);
            last_event = event.id;
        }
        records.push(stored(&delta));
        let restored = Execution::restore(
            execution.header().clone(),
            records.iter().map(|text| loaded(text)),
        );
        assert_eq!(
            restored.as_ref(),
            Ok(&execution),
            "save and load changed something"
        );
    }
}

fn stored(delta: &Delta) -> String {
    serde_json::to_string(delta).unwrap()
}

fn loaded(text: &str) -> Delta {
    serde_json::from_str(text).unwrap()
}
