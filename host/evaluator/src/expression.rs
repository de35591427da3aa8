//! Expressions ready to be evaluated, and those kept from earlier requests.

use std::collections::HashMap;
use std::rc::Rc;

use jsonata_core::ast::AstNode;
use jsonata_core::parser;

use crate::error::Error;
use crate::references::{self, References};
use crate::{language::Own, signatures};

/// How many expressions are kept, and the longest that is.
const KEPT_COUNT_MAX: usize = 256;
const KEPT_BYTES_MAX: usize = 2 << 10;

/// A parsed expression that the service would accept.
#[derive(Debug)]
pub(crate) struct Expression {
    pub(crate) tree: AstNode,
    pub(crate) references: References,
}

impl Expression {
    /// Parses the text between `{%` and `%}`.
    ///
    /// # Errors
    /// It is not JSONata 2.0.6 as the service has it.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let tree = parser::parse(text).map_err(|error| Error::syntax(&error))?;
        let references = references::of(&tree)?;
        let mut statements: Vec<AstNode> = Vec::new();
        for own in &references.own {
            statements.extend(definition(*own)?);
        }
        let tree = if statements.is_empty() {
            tree
        } else {
            statements.push(tree);
            AstNode::Block(statements)
        };
        Ok(Self { tree, references })
    }
}

/// The definition that puts a function in the place of one that cannot be replaced otherwise.
fn definition(own: Own) -> Result<Option<AstNode>, Error> {
    let Some(text) = signatures::definition(own) else {
        return Ok(None);
    };
    let tree = parser::parse(text).map_err(|error| Error::syntax(&error))?;
    Ok(Some(tree))
}

/// Expressions parsed before.
#[derive(Default)]
pub(crate) struct Known {
    expressions: HashMap<String, Rc<Expression>>,
}

impl Known {
    pub(crate) fn parse(&mut self, text: &str) -> Result<Rc<Expression>, Error> {
        if let Some(known) = self.expressions.get(text) {
            return Ok(Rc::clone(known));
        }
        let parsed = Rc::new(Expression::parse(text)?);
        if text.len() <= KEPT_BYTES_MAX {
            if self.expressions.len() >= KEPT_COUNT_MAX {
                self.expressions.clear();
            }
            self.expressions.insert(text.to_owned(), Rc::clone(&parsed));
        }
        Ok(parsed)
    }
}
