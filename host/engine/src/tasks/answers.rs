//! Answers to Tasks from outside: by whoever holds a Task's token.

use asl::{EffectId, EventKind, ExecutionId, TaskToken};
use auth::names::Name;
use auth::policy::{Action, Permit, Resource, SendTaskFailure, SendTaskHeartbeat, SendTaskSuccess};
use auth::principal::Caller;
use serde_json::Value;
use tokio::sync::oneshot;

use super::TakeOrder;
use crate::actor::Message;
use crate::{Engine, Error, Full};

/// Why a Task was not answered, or no task handed out.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// The token is none of this host's.
    #[error("the token is not valid")]
    InvalidToken,
    /// Nothing waits for the answer any more.
    #[error("the task is not waited for any more")]
    TimedOut,
    /// Too many workers wait: ask again later.
    #[error("too many workers wait for tasks")]
    TooManyWorkers(Full),
    /// As for any other request.
    #[error(transparent)]
    Engine(#[from] Error),
}

/// The Task that a token is for, before anyone has been allowed to answer it.
#[derive(Clone, Debug)]
pub struct WaitingTask {
    machine: Name,
    execution: ExecutionId,
    effect: EffectId,
    token: String,
}

impl WaitingTask {
    /// What a caller must be permitted to answer.
    pub fn resource(&self) -> Resource {
        Resource::execution(&self.machine, self.execution.as_str())
    }
}

/// What may be asked of an execution about one of its Tasks.
pub(crate) enum TaskMessage {
    /// Take this answer.
    Answer(Box<TokenAnswer>),
    /// Hand the task to a worker.
    Take(Box<TakeOrder>),
    /// Say whether the effect is still waited for.
    Awaits(EffectId, oneshot::Sender<bool>),
}

/// An answer by token.
pub(crate) struct TokenAnswer {
    pub(crate) effect: EffectId,
    pub(crate) token: String,
    pub(crate) kind: TokenAnswerKind,
    pub(crate) action: &'static str,
    pub(crate) caller: Caller,
    pub(crate) rules: Vec<String>,
    /// Told once it is durable, or refused.
    pub(crate) done: oneshot::Sender<Result<(), TaskError>>,
}

/// What the holder of a token says.
pub(crate) enum TokenAnswerKind {
    /// The Task is done.
    Success(Value),
    /// It failed.
    Failure {
        /// An ASL error name, if one was given.
        error: Option<String>,
        /// Text for people, if any was given.
        cause: Option<String>,
    },
    /// It is being worked on.
    Heartbeat,
}

impl TokenAnswerKind {
    /// The event that it is.
    pub(crate) fn into_event(self, effect: EffectId) -> EventKind {
        match self {
            Self::Success(output) => EventKind::TaskSucceeded { effect, output },
            Self::Failure { error, cause } => EventKind::TaskFailed {
                effect,
                error: error.unwrap_or_default(),
                cause: cause.unwrap_or_default(),
            },
            Self::Heartbeat => EventKind::TaskHeartbeat { effect },
        }
    }
}

impl Engine {
    /// The Task that a token is for.
    ///
    /// # Errors
    /// [`TaskError::InvalidToken`], or the store failed.
    pub async fn waiting_task(&self, token: &str) -> Result<WaitingTask, TaskError> {
        let TaskToken {
            execution, effect, ..
        } = TaskToken::parse(token).ok_or(TaskError::InvalidToken)?;
        let machine = match self.shared.roster.find(&execution) {
            Some(running) => running.machine,
            None => {
                let archive = &self.shared.ports.archive;
                let known = archive.execution(&execution).await.map_err(Error::from)?;
                let known = known.ok_or(TaskError::InvalidToken)?;
                Name::parse(&known.start.header.machine_name).map_err(Error::host)?
            }
        };
        Ok(WaitingTask {
            machine,
            execution,
            effect,
            token: token.to_owned(),
        })
    }

    /// Ends a Task with a result; returns once that is durable.
    ///
    /// # Errors
    /// As [`TaskError`] says; a repeated answer is [`TaskError::TimedOut`].
    pub async fn send_task_success(
        &self,
        permit: Permit<SendTaskSuccess>,
        task: WaitingTask,
        output: Value,
    ) -> Result<(), TaskError> {
        self.answer(permit, task, TokenAnswerKind::Success(output))
            .await
    }

    /// Ends a Task with an error; returns once that is durable.
    ///
    /// # Errors
    /// As [`TaskError`] says; a repeated answer is [`TaskError::TimedOut`].
    pub async fn send_task_failure(
        &self,
        permit: Permit<SendTaskFailure>,
        task: WaitingTask,
        error: Option<String>,
        cause: Option<String>,
    ) -> Result<(), TaskError> {
        self.answer(permit, task, TokenAnswerKind::Failure { error, cause })
            .await
    }

    /// Gives a sign of life for a Task; returns once that is durable.
    ///
    /// # Errors
    /// As [`TaskError`] says.
    pub async fn send_task_heartbeat(
        &self,
        permit: Permit<SendTaskHeartbeat>,
        task: WaitingTask,
    ) -> Result<(), TaskError> {
        self.answer(permit, task, TokenAnswerKind::Heartbeat).await
    }

    async fn answer<A: Action>(
        &self,
        permit: Permit<A>,
        task: WaitingTask,
        kind: TokenAnswerKind,
    ) -> Result<(), TaskError> {
        if *permit.resource() != task.resource() {
            return Err(TaskError::InvalidToken);
        }
        let answered = self.ask(&task.execution, |done| {
            Message::Task(TaskMessage::Answer(Box::new(TokenAnswer {
                effect: task.effect,
                token: task.token,
                kind,
                action: A::NAME,
                caller: permit.caller().clone(),
                rules: permit.rules().to_vec(),
                done,
            })))
        });
        answered.await?.unwrap_or(Err(TaskError::TimedOut))
    }
}
