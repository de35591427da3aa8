//! The engine under simulation: paused time, scripted components, a store that crashes.

#[cfg(test)]
mod activities;
#[cfg(test)]
mod alike;
#[cfg(test)]
mod archive;
#[cfg(test)]
mod binding;
#[cfg(test)]
mod callbacks;
#[cfg(test)]
mod cancellation;
#[cfg(test)]
mod deletion;
#[cfg(test)]
mod disk;
#[cfg(test)]
mod egress;
#[cfg(test)]
mod executions;
#[cfg(test)]
mod express;
#[cfg(test)]
mod fairness;
#[cfg(test)]
mod http_tasks;
#[cfg(test)]
mod judgement;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod map_runs;
#[cfg(test)]
mod nested;
#[cfg(test)]
mod parking;
#[cfg(test)]
mod people;
#[cfg(test)]
mod retention;
#[cfg(test)]
mod traces;
#[cfg(test)]
mod volumes;
#[cfg(test)]
mod world;
