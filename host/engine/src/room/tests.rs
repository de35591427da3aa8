//! That freed room reaches whoever waits for it.

use asl::ExecutionId;
use auth::names::Name;

use super::*;

fn demand(principal: &str, role_max: usize) -> Demand {
    demand_under(1, principal, role_max)
}

fn demand_under(version: u64, principal: &str, role_max: usize) -> Demand {
    Demand {
        under: AuthorityVersion(version),
        owner: Owner {
            principal: principal.into(),
            execution: Arc::new(ExecutionId::parse("one").unwrap()),
            stage: Stage::UnderWay,
        },
        limits: vec![(Limit::Role(Name::parse("role").unwrap()), role_max)],
    }
}

async fn is_waiting(place: &mut Place) -> bool {
    tokio::select! {
        biased;
        _ = place => false,
        () = std::future::ready(()) => true,
    }
}

#[tokio::test]
async fn freed_room_wakes_whoever_is_next() {
    let room = Arc::new(Room::new(1));
    let first = room.try_take(&demand("p", 1)).unwrap();
    let mut second = room.wait(demand("p", 1));
    assert!(is_waiting(&mut second).await);
    assert_eq!(room.load(), (1, 1));
    drop(first);
    let second = second.await;
    assert_eq!(room.load(), (0, 1));
    drop(second);
    assert_eq!(room.load(), (0, 0));
}

#[tokio::test]
async fn room_that_nobody_took_up_goes_to_the_next() {
    let room = Arc::new(Room::new(1));
    let first = room.try_take(&demand("p", 1)).unwrap();
    let (gone, gives_up, last) = (
        room.wait(demand("p", 1)),
        room.wait(demand("p", 1)),
        room.wait(demand("p", 1)),
    );
    drop(gives_up);
    assert_eq!(room.load(), (2, 1));
    drop(first);
    // It was given room, and goes away without having looked.
    drop(gone);
    drop(last.await);
    assert_eq!(room.load(), (0, 0));
}

#[tokio::test]
async fn room_that_is_there_is_taken_at_once_and_only_then() {
    let room = Arc::new(Room::new(2));
    let held = room.wait(demand("p", 1)).await;
    assert!(room.try_take(&demand("q", 1)).is_none());
    let more = room.try_take(&demand("q", 2)).unwrap();
    assert!(room.try_take(&demand("q", 9)).is_none());
    drop((held, more));
    assert!(room.try_take(&demand("q", 1)).is_some());
}

#[tokio::test]
async fn a_demand_of_an_authority_that_has_passed_changes_no_limit() {
    let room = Arc::new(Room::new(9));
    let held = room.try_take(&demand_under(2, "p", 1)).unwrap();
    // The role was narrowed from three to one.
    assert!(room.try_take(&demand_under(1, "p", 3)).is_none());
    let mut waiting = room.wait(demand_under(1, "p", 3));
    assert!(is_waiting(&mut waiting).await);
    let later = room.try_take(&demand_under(3, "p", 2));
    assert!(later.is_none(), "whoever waits goes first");
    assert!(!is_waiting(&mut waiting).await);
    drop(held);
}

#[tokio::test]
async fn a_demand_of_an_authority_that_has_passed_names_a_limit_that_nobody_knows() {
    let room = Arc::new(Room::new(9));
    drop(room.try_take(&demand_under(2, "p", 1)).unwrap());
    let held = room.try_take(&demand_under(1, "p", 2)).unwrap();
    assert!(room.try_take(&demand_under(1, "p", 2)).is_some());
    drop(held);
}
