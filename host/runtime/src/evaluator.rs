//! Evaluates JSONata in a sandbox of its own: the engine compiled to WebAssembly, without any
//! power, under limits of fuel, memory, depth and time.
//!
//! Owns the pool of instances. It does not know what a state machine is, nor where expressions
//! come from.

mod bindings;
mod instance;
mod json;
mod machine;
mod pool;
mod worker;

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use asl::Timestamp;
use asl::jsonata::{
    Evaluated, Evaluation, EvaluationError, EvaluationErrorKind, Evaluator, References,
    SyntaxError, Unavailable,
};
use serde_json::{Map, Value};

use bindings::{Failure, Request};
use instance::Cut;
use machine::Machine;
use pool::{Lease, Pool};

use crate::EvaluatorMetrics;

/// How JSONata is evaluated on this host. The limits hold for each call.
#[derive(Clone, Debug)]
pub struct EvaluatorConfig {
    /// The instructions that one call may execute, a copied byte counting as one; the default is
    /// about a second of a processor.
    pub fuel: u64,
    /// The most bytes of linear memory that one instance may have.
    pub memory_bytes_max: usize,
    /// An instance that grew beyond these bytes is not used again.
    pub memory_bytes_kept: usize,
    /// How long a call may take on the clock, should the machine be slower than the fuel assumes.
    pub time_max: Duration,
    /// How long a call waits for an instance.
    pub wait_max: Duration,
    /// How many calls are served at once.
    pub instances_max: usize,
}

impl Default for EvaluatorConfig {
    fn default() -> Self {
        let processors = std::thread::available_parallelism();
        Self {
            fuel: 6_000_000_000,
            memory_bytes_max: 64 << 20,
            memory_bytes_kept: 16 << 20,
            time_max: Duration::from_secs(10),
            wait_max: Duration::from_secs(30),
            // Two more than execute, for those who only ask what a definition or state is worth.
            instances_max: processors.map_or(1, usize::from).saturating_add(2),
        }
    }
}

/// Evaluates JSONata in the sandbox. Nothing is compiled before the first call.
pub struct JsonataEvaluator {
    config: EvaluatorConfig,
    machine: OnceLock<Result<Machine, String>>,
    pool: Pool,
    metrics: EvaluatorMetrics,
}

impl JsonataEvaluator {
    /// An evaluator that has done nothing yet.
    pub fn new(config: EvaluatorConfig) -> Self {
        Self {
            pool: Pool::new(config.instances_max, config.wait_max),
            config,
            machine: OnceLock::new(),
            metrics: EvaluatorMetrics::default(),
        }
    }

    /// What the evaluator counts and measures of itself.
    pub fn metrics(&self) -> &EvaluatorMetrics {
        &self.metrics
    }

    /// Compiles the evaluator and readies one instance; takes seconds the first time.
    ///
    /// # Errors
    /// The machine cannot do what the sandbox needs.
    pub fn warm(&self) -> Result<(), Unavailable> {
        self.check(&["1"])?;
        let request = Evaluation {
            expressions: &["$sum([1..3])"],
            bindings: &Map::new(),
            at: Timestamp(0),
            seed: 0,
        };
        match self.evaluate(&request) {
            Ok(_) => Ok(()),
            Err(error) => Err(Unavailable(format!(
                "the evaluator does not work: {:?}",
                error.kind
            ))),
        }
    }

    /// Evaluates as [`Evaluator::evaluate`] does, with a value for `$` and `$$` at the top, which
    /// the service leaves undefined.
    ///
    /// # Errors
    /// As [`Evaluator::evaluate`].
    pub fn evaluate_over(
        &self,
        input: Option<&Value>,
        request: &Evaluation<'_>,
    ) -> Result<Evaluated, EvaluationError> {
        let refused = |kind| EvaluationError {
            index: 0,
            kind,
            instructions: 0,
        };
        let limit = |limit: String| refused(EvaluationErrorKind::Limit(limit));
        let bytes_max = self.config.memory_bytes_max;
        let wire = Request {
            expressions: owned(request.expressions),
            bindings: json::object(request.bindings, bytes_max).map_err(limit)?,
            input: input
                .map(|input| json::value(input, bytes_max))
                .transpose()
                .map_err(limit)?,
            seed: request.seed,
        };
        let unavailable = |error: Unavailable| refused(EvaluationErrorKind::Unavailable(error.0));
        let mut lease = self.lease().map_err(unavailable)?;
        let (index, instructions, answer) = lease.evaluate(&wire, request.at, &self.config);
        let failed = |kind| EvaluationError {
            index,
            kind,
            instructions,
        };
        let kind = match answer {
            Ok(Ok(values)) => {
                return read(&values)
                    .map(|values| Evaluated {
                        values,
                        instructions,
                    })
                    .map_err(failed);
            }
            Ok(Err(Failure::Raised(problem))) => EvaluationErrorKind::Raised {
                code: problem.code,
                message: problem.message,
            },
            Ok(Err(Failure::Unsupported)) => EvaluationErrorKind::Unsupported,
            Ok(Err(Failure::Limit(limit))) | Err(Cut::Limit(limit)) => {
                EvaluationErrorKind::Limit(limit)
            }
            Err(Cut::Fault(message)) => EvaluationErrorKind::Raised {
                code: String::new(),
                message,
            },
        };
        Err(failed(kind))
    }

    /// A ready instance, to be given back when dropped.
    fn lease(&self) -> Result<Lease<'_>, Unavailable> {
        let machine = match self.machine.get() {
            Some(machine) => machine,
            None => worker::aside(|| self.machine.get_or_init(Machine::compile)),
        };
        let machine = machine
            .as_ref()
            .map_err(|error| Unavailable(error.clone()))?;
        let mut lease = self.pool.lease()?;
        lease.ready(machine, &self.config)?;
        Ok(lease)
    }
}

impl Evaluator for JsonataEvaluator {
    fn evaluate(&self, request: &Evaluation<'_>) -> Result<Evaluated, EvaluationError> {
        let begun = Instant::now();
        let evaluated = self.evaluate_over(None, request);
        let outcome = match &evaluated {
            Ok(_) => "evaluated",
            Err(error) => match error.kind {
                EvaluationErrorKind::Raised { .. } | EvaluationErrorKind::Unsupported => "raised",
                EvaluationErrorKind::Limit(_) => "limit",
                EvaluationErrorKind::Unavailable(_) => "unavailable",
            },
        };
        self.metrics.ended(outcome, begun.elapsed().as_secs_f64());
        evaluated
    }

    fn check(
        &self,
        expressions: &[&str],
    ) -> Result<Vec<Result<References, SyntaxError>>, Unavailable> {
        let judge = |expression: &&str| self.judge(expression);
        expressions.iter().map(judge).collect()
    }
}

impl JsonataEvaluator {
    /// Checks one expression; each has the limits of a call to itself.
    fn judge(&self, expression: &str) -> Result<Result<References, SyntaxError>, Unavailable> {
        let mut lease = self.lease()?;
        let error = |code: String, message: String| SyntaxError {
            code,
            message,
            position: None,
        };
        Ok(match lease.check(expression, &self.config) {
            Ok(Ok(references)) => Ok(References {
                variables: references.variables,
                states: references.states,
            }),
            Ok(Err(problem)) => Err(error(problem.code, problem.message)),
            Err(Cut::Limit(message) | Cut::Fault(message)) => Err(error(String::new(), message)),
        })
    }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn read(values: &[Option<String>]) -> Result<Vec<Option<Value>>, EvaluationErrorKind> {
    let values = values.iter().map(|value| {
        let value = value.as_deref().map(serde_json::from_str).transpose();
        value.map_err(|error| {
            EvaluationErrorKind::Unavailable(format!("its answer is not JSON: {error}"))
        })
    });
    values.collect()
}
