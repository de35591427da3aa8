//! Definitions that are judged before anything of them is stored.

use auth::policy::{PublishStateMachine, ReadStateMachine, Resource};
use engine::{Definition, Draft, Error, MachineChange, MachineType, RoleReference, Settings, Tags};
use serde_json::{Value, json};

use crate::world::{World, name};

fn one(state: Value) -> Value {
    json!({"StartAt": "S", "States": {"S": state}})
}

fn activity() -> Value {
    one(
        json!({"Type": "Task", "Resource": "arn:aws:states:us-east-1:000000000000:activity:a", "End": true}),
    )
}

fn pass(output: &str) -> Value {
    one(json!({"Type": "Pass", "QueryLanguage": "JSONata", "Output": output, "End": true}))
}

async fn judge(world: &World, definition: Value, kind: MachineType) -> Result<usize, Error> {
    let permit = world.permit::<ReadStateMachine>("operators", Resource::host());
    let definition = Definition::from(definition);
    let judged = world.engine.judge(permit, &definition, kind);
    judged.await.map(|warnings| warnings.len())
}

#[tokio::test(start_paused = true)]
async fn a_definition_is_judged_without_being_stored() {
    let world = World::new().await;
    assert_eq!(
        judge(&world, pass("{% $states.input %}"), MachineType::Standard)
            .await
            .unwrap(),
        0
    );
    let lacking = judge(&world, json!({}), MachineType::Standard)
        .await
        .unwrap_err();
    assert!(
        matches!(&lacking, Error::Invalid(problems) if problems.len() == 2),
        "{lacking}"
    );
    let permit = world.permit::<ReadStateMachine>("operators", Resource::host());
    assert_eq!(world.engine.state_machines(permit).len(), 0);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_published_whose_expressions_cannot_be_judged() {
    let world = World::new().await;
    world.role("worker", json!({})).await;
    let refused = world.publish("m", &pass("{% $sum([1]) %}"), "worker").await;
    assert!(matches!(refused, Err(Error::Host(_))), "{refused:?}");
    let refused = world
        .publish("m", &pass("{% $states.result %}"), "worker")
        .await;
    assert!(
        matches!(&refused, Err(Error::Invalid(problems)) if problems.len() == 1),
        "{refused:?}"
    );
    world
        .publish("m", &pass("{% $states.input %}"), "worker")
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_changed_definition_must_suit_the_type_that_the_state_machine_has() {
    let world = World::new().await;
    world.role("worker", json!({})).await;
    let permit =
        || world.permit::<PublishStateMachine>("operators", Resource::state_machine(&name("m")));
    let draft = Draft {
        definition: pass("{% $states.input %}").into(),
        role: Some(RoleReference {
            name: name("worker"),
            arn: None,
        }),
        settings: Settings {
            kind: MachineType::Express,
            ..Settings::default()
        },
    };
    let made = world
        .engine
        .create_machine(permit(), name("m"), draft, Tags::default(), None);
    made.await.unwrap();
    let change = MachineChange {
        definition: Some(activity().into()),
        ..MachineChange::default()
    };
    let changed = world
        .engine
        .update_machine(permit(), name("m"), change, None)
        .await;
    assert!(
        matches!(&changed, Err(Error::Invalid(problems)) if problems[0].pointer == "/States/S/Resource"),
        "{changed:?}"
    );
    let judged = judge(&world, activity(), MachineType::Standard).await;
    assert_eq!(judged.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_variables_that_states_read_outlive_the_host() {
    let world = World::new().await;
    world.role("worker", json!({})).await;
    let definition = one(json!({"Type": "Pass", "Parameters": {"a.$": "$b"}, "End": true}));
    world.publish("m", &definition, "worker").await.unwrap();
    let world = world.next_host().await;
    let permit = world.permit::<ReadStateMachine>("operators", Resource::host());
    let machine = world.engine.state_machine(permit, &name("m")).unwrap();
    assert_eq!(machine.variable_references(), json!({"S": ["b"]}));
}
