//! The engine under simulation: paused time, scripted components, a store that crashes.

#[cfg(test)]
mod executions;
#[cfg(test)]
mod world;
