//! What an expression reads, and what the service refuses that the engine would take.
//!
//! Walks the tree once with the scopes of its blocks and functions. It recurses as deep as the
//! parser lets a tree be (1,000 levels).

use std::collections::BTreeSet;

use jsonata_core::ast::{AstNode, BinaryOp, PathStep, Stage};
use jsonata_core::value::with_stack;

use crate::error::Error;
use crate::language::{self, Own};

/// The names an expression reads that it does not bind itself.
#[derive(Debug, Default)]
pub(crate) struct References {
    /// Variables without the `$`; not `states`, not functions of the language.
    pub(crate) variables: BTreeSet<String>,
    /// The members of `$states` read by name.
    pub(crate) states: BTreeSet<String>,
    /// The functions it uses that this evaluator implements.
    pub(crate) own: BTreeSet<Own>,
    /// The first name it reads where there is nothing to read names from: at the top, where the
    /// service leaves `$` undefined.
    pub(crate) top_name: Option<String>,
}

/// The name of the variable that holds what the service offers to a state.
const STATES: &str = "states";

/// Finds what `tree` reads.
///
/// # Errors
/// It uses something that JSONata 2.0.6 or the service does not have.
pub(crate) fn of(tree: &AstNode) -> Result<References, Error> {
    let mut walk = Walk {
        found: References::default(),
        scopes: vec![Scope::default()],
        functions: 0,
        contexts: 0,
        refused: None,
    };
    walk.node(tree);
    match walk.refused {
        Some(error) => Err(error),
        None => Ok(walk.found),
    }
}

/// The names bound by one block or function.
#[derive(Default)]
struct Scope {
    bound: Vec<String>,
    /// Bound further down; visible to the bodies of functions, which run later.
    later: Vec<String>,
    /// How many functions this scope is inside of.
    functions: usize,
}

struct Walk {
    found: References,
    scopes: Vec<Scope>,
    functions: usize,
    /// How many steps, filters and functions, each with a context of its own, are around.
    contexts: usize,
    refused: Option<Error>,
}

impl Walk {
    fn node(&mut self, node: &AstNode) {
        with_stack(|| self.visit(node));
    }

    fn visit(&mut self, node: &AstNode) {
        match node {
            AstNode::Name(name) => {
                if self.contexts == 0 {
                    self.found.top_name.get_or_insert_with(|| name.clone());
                }
            }
            AstNode::String(_)
            | AstNode::Number(_)
            | AstNode::Boolean(_)
            | AstNode::Null
            | AstNode::Undefined
            | AstNode::Placeholder
            | AstNode::Regex { .. }
            | AstNode::ParentVariable(_)
            | AstNode::Wildcard
            | AstNode::Descendant
            | AstNode::Parent(_) => {}
            AstNode::Variable(name) => self.name(name),
            AstNode::Path { steps } => self.path(steps),
            AstNode::Binary { op, lhs, rhs } => self.binary(*op, lhs, rhs),
            AstNode::Unary { operand: inner, .. } | AstNode::FunctionApplication(inner) => {
                self.node(inner);
            }
            AstNode::Function {
                name,
                args,
                is_builtin,
            } => {
                if *is_builtin {
                    self.name(name);
                }
                self.each(args);
            }
            AstNode::Call { procedure, args } => {
                self.node(procedure);
                self.each(args);
            }
            AstNode::Lambda { params, body, .. } => self.function(params, body),
            AstNode::Array(items) | AstNode::ArrayGroup(items) => self.each(items),
            AstNode::Object(pairs) => self.pairs(pairs),
            AstNode::ObjectTransform { input, pattern } => {
                self.node(input);
                self.within(|walk| walk.pairs(pattern));
            }
            AstNode::Block(statements) => self.block(statements),
            AstNode::Conditional {
                condition,
                then_branch,
                else_branch,
            } => {
                self.node(condition);
                self.node(then_branch);
                else_branch.iter().for_each(|branch| self.node(branch));
            }
            AstNode::Sort { input, terms } => {
                self.node(input);
                self.within(|walk| terms.iter().for_each(|(term, _)| walk.node(term)));
            }
            AstNode::Transform {
                location,
                update,
                delete,
            } => self.within(|walk| {
                walk.node(location);
                walk.node(update);
                delete.iter().for_each(|delete| walk.node(delete));
            }),
        }
    }

    /// Walks something that has a context of its own.
    fn within(&mut self, walk: impl FnOnce(&mut Self)) {
        self.contexts += 1;
        walk(self);
        self.contexts -= 1;
    }

    fn each(&mut self, nodes: &[AstNode]) {
        nodes.iter().for_each(|node| self.node(node));
    }

    fn pairs(&mut self, pairs: &[(AstNode, AstNode)]) {
        for (key, value) in pairs {
            self.node(key);
            self.node(value);
        }
    }

    fn path(&mut self, steps: &[PathStep]) {
        if let [first, second, ..] = steps
            && let AstNode::Variable(name) = &first.node
            && name == STATES
            && !self.is_bound(name)
            && let AstNode::Name(member) | AstNode::String(member) = &second.node
        {
            self.found.states.insert(member.clone());
        }
        for (index, step) in steps.iter().enumerate() {
            match index {
                0 => self.node(&step.node),
                _ => self.within(|walk| walk.node(&step.node)),
            }
            self.bind(step.focus.as_deref());
            self.bind(step.index_var.as_deref());
            for stage in &step.stages {
                match stage {
                    Stage::Filter(condition) => self.within(|walk| walk.node(condition)),
                    Stage::KeepArray => {}
                    Stage::Index(name) => self.bind(Some(name)),
                }
            }
        }
    }

    fn binary(&mut self, operator: BinaryOp, left: &AstNode, right: &AstNode) {
        match operator {
            BinaryOp::Coalesce => self.refuse("S0211", no_operator("??")),
            BinaryOp::Default => self.refuse("S0211", no_operator("?:")),
            BinaryOp::ColonEqual => {
                self.node(right);
                let name = bound_name(left);
                if name.is_none() {
                    let message = "The left side of := must be a variable name (start with $)";
                    self.refuse("S0212", message.to_owned());
                }
                self.bind(name);
            }
            BinaryOp::FocusBind | BinaryOp::IndexBind => {
                self.node(left);
                self.bind(bound_name(right));
            }
            BinaryOp::Add
            | BinaryOp::Subtract
            | BinaryOp::Multiply
            | BinaryOp::Divide
            | BinaryOp::Modulo
            | BinaryOp::Equal
            | BinaryOp::NotEqual
            | BinaryOp::LessThan
            | BinaryOp::LessThanOrEqual
            | BinaryOp::GreaterThan
            | BinaryOp::GreaterThanOrEqual
            | BinaryOp::And
            | BinaryOp::Or
            | BinaryOp::Concatenate
            | BinaryOp::Range
            | BinaryOp::In
            | BinaryOp::ChainPipe => {
                self.node(left);
                self.node(right);
            }
        }
    }

    fn block(&mut self, statements: &[AstNode]) {
        let later = statements.iter().filter_map(assigned_name);
        self.scopes.push(Scope {
            bound: Vec::new(),
            later: later.map(str::to_owned).collect(),
            functions: self.functions,
        });
        self.each(statements);
        self.scopes.pop();
    }

    fn function(&mut self, parameters: &[String], body: &AstNode) {
        self.functions += 1;
        self.scopes.push(Scope {
            bound: parameters.to_vec(),
            later: assigned_name(body).map(str::to_owned).into_iter().collect(),
            functions: self.functions,
        });
        self.within(|walk| walk.node(body));
        self.scopes.pop();
        self.functions -= 1;
    }

    fn bind(&mut self, name: Option<&str>) {
        if let Some(name) = name
            && let Some(scope) = self.scopes.last_mut()
        {
            scope.bound.push(name.to_owned());
        }
    }

    fn is_bound(&self, name: &str) -> bool {
        self.scopes.iter().any(|scope| {
            let is_later = self.functions > scope.functions;
            scope.bound.iter().any(|bound| bound == name)
                || (is_later && scope.later.iter().any(|later| later == name))
        })
    }

    fn name(&mut self, name: &str) {
        if name.is_empty() || self.is_bound(name) {
            return;
        }
        if name == language::REFUSED {
            self.refuse(
                "",
                "the function `$eval` is not available; use `$parse`".to_owned(),
            );
        } else if let Some(own) = Own::named(name) {
            self.found.own.insert(own);
        } else if name != STATES && !language::has_function(name) {
            self.found.variables.insert(name.to_owned());
        }
    }

    fn refuse(&mut self, code: &str, message: String) {
        self.refused.get_or_insert_with(|| Error {
            code: code.to_owned(),
            message,
        });
    }
}

fn no_operator(operator: &str) -> String {
    format!("the operator `{operator}` does not exist in JSONata 2.0.6")
}

fn bound_name(target: &AstNode) -> Option<&str> {
    if let AstNode::Variable(name) = target {
        return Some(name);
    }
    None
}

fn assigned_name(statement: &AstNode) -> Option<&str> {
    if let AstNode::Binary {
        op: BinaryOp::ColonEqual,
        lhs,
        ..
    } = statement
    {
        return bound_name(lhs);
    }
    None
}
