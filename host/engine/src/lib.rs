//! Runs executions: applies events, commits transitions, then performs effects.
