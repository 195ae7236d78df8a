//! Lua's syntax as plain tables, for `crun-lua check`: parsed by full_moon, judged in Lua.
//!
//! A node is a table with `kind`, and with `at` and `to`, the places of its first byte and of the byte
//! behind its first token or its whole. Blocks are lists of statements. Texts and numbers stay as they
//! are written (`raw`). The caller has loaded the text before, so that it is Lua and nests no deeper
//! than Lua itself allows.

use full_moon::ast::{
    self, Block, Call, Expression, Field, FunctionArgs, FunctionBody, FunctionCall, Index, LastStmt, Parameter, Prefix, Stmt, Suffix, Var,
};
use full_moon::node::Node;
use full_moon::tokenizer::TokenReference;
use mlua::{Lua, Result, Table, Value};

/// What the module `check` is handed beside its name.
pub fn service(lua: &Lua) -> Result<Table> {
    let service = lua.create_table()?;
    service.raw_set("parse", lua.create_function(|lua, text: String| parse(lua, &text))?)?;
    Ok(service)
}

/// The block of a text; nil and a reason where the parser does not take it.
fn parse(lua: &Lua, text: &str) -> Result<(Option<Table>, Option<String>)> {
    let version = ast::LuaVersion::lua54();
    match full_moon::parse_fallible(text, version).into_result() {
        Ok(ast) => {
            // A sum of ten thousand terms is a tree as deep, which would be dropped by recursion, further
            // than the stack reaches: it stays for the short rest of the program's life.
            let ast = std::mem::ManuallyDrop::new(ast);
            Ok((Some(Maker { lua }.block(ast.nodes())?), None))
        }
        Err(errors) => Ok((None, errors.first().map(|error| error.error_message().into_owned()))),
    }
}

/// Makes tables of nodes.
struct Maker<'a> {
    lua: &'a Lua,
}

impl Maker<'_> {
    fn node(&self, kind: &str, place: &impl Node) -> Result<Table> {
        let node = self.lua.create_table()?;
        node.raw_set("kind", kind)?;
        if let Some((from, to)) = place.range() {
            node.raw_set("at", from.bytes() + 1)?;
            node.raw_set("to", to.bytes() + 1)?;
        }
        Ok(node)
    }

    /// A node from the beginning of one to the end of another. What a long sum begins with is not asked of
    /// the parser's tree, which looks for it by recursion.
    fn placed(&self, kind: &str, from: &Table, to: &Table) -> Result<Table> {
        let node = self.lua.create_table()?;
        node.raw_set("kind", kind)?;
        node.raw_set("at", from.raw_get::<Value>("at")?)?;
        node.raw_set("to", to.raw_get::<Value>("to")?)?;
        Ok(node)
    }

    fn name(&self, token: &TokenReference) -> Result<Table> {
        let node = self.node("name", token)?;
        node.raw_set("name", token.token().to_string())?;
        Ok(node)
    }

    fn list<'n, T: 'n>(&self, items: impl Iterator<Item = &'n T>, make: impl Fn(&T) -> Result<Table>) -> Result<Table> {
        let list = self.lua.create_table()?;
        for item in items {
            list.raw_push(make(item)?)?;
        }
        Ok(list)
    }

    fn expressions<'n>(&self, items: impl Iterator<Item = &'n Expression>) -> Result<Table> {
        self.list(items, |item| self.expression(item))
    }

    fn block(&self, block: &Block) -> Result<Table> {
        let list = self.list(block.stmts(), |statement| self.statement(statement))?;
        match block.last_stmt() {
            Some(LastStmt::Return(ending)) => {
                let node = self.node("return", ending.token())?;
                node.raw_set("values", self.expressions(ending.returns().iter())?)?;
                list.raw_push(node)?;
            }
            Some(LastStmt::Break(token)) => list.raw_push(self.node("break", token)?)?,
            _ => {}
        }
        Ok(list)
    }

    fn statement(&self, statement: &Stmt) -> Result<Table> {
        match statement {
            Stmt::Assignment(stmt) => {
                let targets = self.list(stmt.variables().iter(), |var| self.variable(var))?;
                let first: Table = targets.raw_get(1)?;
                let node = self.placed("assign", &first, &first)?;
                node.raw_set("targets", targets)?;
                node.raw_set("values", self.expressions(stmt.expressions().iter())?)?;
                Ok(node)
            }
            Stmt::Do(stmt) => self.with_block("do", stmt.do_token(), stmt.block()),
            Stmt::FunctionCall(call) => {
                let call = self.call(call)?;
                let node = self.placed("statement", &call, &call)?;
                node.raw_set("value", call)?;
                Ok(node)
            }
            Stmt::FunctionDeclaration(stmt) => {
                let node = self.node("assign", stmt.name())?;
                let (target, is_method) = self.declared(stmt.name())?;
                let function = self.function(stmt.body())?;
                function.raw_set("is_method", is_method)?;
                node.raw_set("targets", self.lua.create_sequence_from([target])?)?;
                node.raw_set("values", self.lua.create_sequence_from([function])?)?;
                node.raw_set("declares", true)?;
                Ok(node)
            }
            Stmt::GenericFor(stmt) => {
                let node = self.with_block("for", stmt.for_token(), stmt.block())?;
                node.raw_set("names", self.list(stmt.names().iter(), |name| self.name(name))?)?;
                node.raw_set("values", self.expressions(stmt.expressions().iter())?)?;
                Ok(node)
            }
            Stmt::NumericFor(stmt) => {
                let node = self.with_block("for", stmt.for_token(), stmt.block())?;
                node.raw_set("names", self.lua.create_sequence_from([self.name(stmt.index_variable())?])?)?;
                let bounds = [Some(stmt.start()), Some(stmt.end()), stmt.step()];
                node.raw_set("values", self.expressions(bounds.into_iter().flatten())?)?;
                Ok(node)
            }
            Stmt::If(stmt) => self.conditional(stmt),
            Stmt::LocalAssignment(stmt) => {
                let node = self.node("local", stmt.local_token())?;
                let names = self.lua.create_table()?;
                let mut attributes = stmt.attributes();
                for name in stmt.names() {
                    let entry = self.name(name)?;
                    if let Some(attribute) = attributes.next().flatten() {
                        entry.raw_set("attribute", attribute.name().token().to_string())?;
                    }
                    names.raw_push(entry)?;
                }
                node.raw_set("names", names)?;
                node.raw_set("values", self.expressions(stmt.expressions().iter())?)?;
                Ok(node)
            }
            Stmt::LocalFunction(stmt) => {
                let node = self.node("local function", stmt.name())?;
                node.raw_set("name", self.name(stmt.name())?)?;
                node.raw_set("value", self.function(stmt.body())?)?;
                Ok(node)
            }
            Stmt::Repeat(stmt) => {
                let node = self.with_block("repeat", stmt.repeat_token(), stmt.block())?;
                node.raw_set("condition", self.expression(stmt.until())?)?;
                Ok(node)
            }
            Stmt::While(stmt) => {
                let node = self.with_block("while", stmt.while_token(), stmt.block())?;
                node.raw_set("condition", self.expression(stmt.condition())?)?;
                Ok(node)
            }
            Stmt::Goto(stmt) => self.node("goto", stmt),
            Stmt::Label(stmt) => self.node("label", stmt),
            other => self.node("unknown", other),
        }
    }

    fn with_block(&self, kind: &str, place: &impl Node, block: &Block) -> Result<Table> {
        let node = self.node(kind, place)?;
        node.raw_set("block", self.block(block)?)?;
        Ok(node)
    }

    fn conditional(&self, stmt: &ast::If) -> Result<Table> {
        let node = self.node("if", stmt.if_token())?;
        let clauses = self.lua.create_table()?;
        let clause = |condition: &Expression, block: &Block| -> Result<Table> {
            let condition = self.expression(condition)?;
            let entry = self.placed("clause", &condition, &condition)?;
            entry.raw_set("condition", condition)?;
            entry.raw_set("block", self.block(block)?)?;
            Ok(entry)
        };
        clauses.raw_push(clause(stmt.condition(), stmt.block())?)?;
        for other in stmt.else_if().into_iter().flatten() {
            clauses.raw_push(clause(other.condition(), other.block())?)?;
        }
        node.raw_set("clauses", clauses)?;
        if let Some(block) = stmt.else_block() {
            node.raw_set("otherwise", self.block(block)?)?;
        }
        Ok(node)
    }

    /// The target of `function a.b:c()`, and whether it has `self`.
    fn declared(&self, name: &ast::FunctionName) -> Result<(Table, bool)> {
        let mut target: Option<Table> = None;
        for token in name.names().iter().chain(name.method_name()) {
            target = Some(match target {
                Some(object) => self.indexed(object, self.key(token)?, token)?,
                None => self.name(token)?,
            });
        }
        let target = target.map_or_else(|| self.node("unknown", name), Ok)?;
        Ok((target, name.method_name().is_some()))
    }

    /// A name behind a dot: the text that it is.
    fn key(&self, token: &TokenReference) -> Result<Table> {
        let node = self.node("string", token)?;
        node.raw_set("value", token.token().to_string())?;
        Ok(node)
    }

    fn indexed(&self, object: Table, key: Table, place: &impl Node) -> Result<Table> {
        let node = self.node("index", place)?;
        node.raw_set("object", object)?;
        node.raw_set("key", key)?;
        Ok(node)
    }

    fn function(&self, body: &FunctionBody) -> Result<Table> {
        let node = self.node("function", body)?;
        let names = self.lua.create_table()?;
        for parameter in body.parameters() {
            match parameter {
                Parameter::Name(name) => names.raw_push(self.name(name)?)?,
                _ => node.raw_set("varargs", true)?,
            }
        }
        node.raw_set("names", names)?;
        node.raw_set("block", self.block(body.block())?)?;
        Ok(node)
    }

    fn raw(&self, kind: &str, token: &TokenReference) -> Result<Table> {
        let node = self.node(kind, token)?;
        node.raw_set("raw", token.token().to_string())?;
        Ok(node)
    }

    fn expression(&self, expression: &Expression) -> Result<Table> {
        match expression {
            Expression::BinaryOperator { .. } => self.binary(expression),
            Expression::Parentheses { contained, expression: inner } => {
                let node = self.node("parentheses", contained)?;
                node.raw_set("value", self.expression(inner)?)?;
                Ok(node)
            }
            Expression::UnaryOperator { unop, expression: inner } => {
                let node = self.node("unary", unop.token())?;
                node.raw_set("operator", unop.token().token().to_string())?;
                node.raw_set("value", self.expression(inner)?)?;
                Ok(node)
            }
            Expression::Function(function) => self.function(function.body()),
            Expression::FunctionCall(call) => self.call(call),
            Expression::TableConstructor(table) => self.table(table),
            Expression::Number(token) => self.raw("number", token),
            Expression::String(token) => self.raw("string", token),
            Expression::Symbol(token) => self.raw("symbol", token),
            Expression::Var(var) => self.variable(var),
            other => self.node("unknown", other),
        }
    }

    /// `a + b + c` may go on for as long as a file: its left side is walked, not descended.
    fn binary(&self, expression: &Expression) -> Result<Table> {
        let mut spine = Vec::new();
        let mut left = expression;
        while let Expression::BinaryOperator { lhs, binop, rhs } = left {
            spine.push((binop, rhs));
            left = lhs;
        }
        let mut made = self.expression(left)?;
        for (operator, right) in spine.into_iter().rev() {
            let right = self.expression(right)?;
            let node = self.placed("binary", &made, &right)?;
            node.raw_set("operator", operator.token().token().to_string())?;
            node.raw_set("left", made)?;
            node.raw_set("right", right)?;
            made = node;
        }
        Ok(made)
    }

    fn table(&self, table: &ast::TableConstructor) -> Result<Table> {
        let node = self.node("table", table)?;
        let fields = self.lua.create_table()?;
        for field in table.fields() {
            let (key, value) = match field {
                Field::NameKey { key, value, .. } => (Some(self.key(key)?), &**value),
                Field::ExpressionKey { key, value, .. } => (Some(self.expression(key)?), &**value),
                Field::NoKey(value) => (None, value),
                _ => continue,
            };
            let value = self.expression(value)?;
            let entry = self.placed("field", key.as_ref().unwrap_or(&value), &value)?;
            entry.raw_set("key", key)?;
            entry.raw_set("value", value)?;
            fields.raw_push(entry)?;
        }
        node.raw_set("fields", fields)?;
        Ok(node)
    }

    fn variable(&self, var: &Var) -> Result<Table> {
        match var {
            Var::Name(token) => self.name(token),
            Var::Expression(whole) => self.suffixed(whole.prefix(), whole.suffixes()),
            other => self.node("unknown", other),
        }
    }

    fn call(&self, call: &FunctionCall) -> Result<Table> {
        self.suffixed(call.prefix(), call.suffixes())
    }

    fn suffixed<'n>(&self, prefix: &Prefix, suffixes: impl Iterator<Item = &'n Suffix>) -> Result<Table> {
        let mut made = match prefix {
            Prefix::Name(token) => self.name(token)?,
            Prefix::Expression(inner) => self.expression(inner)?,
            other => self.node("unknown", other)?,
        };
        for suffix in suffixes {
            made = match suffix {
                Suffix::Index(Index::Dot { name, .. }) => self.indexed(made, self.key(name)?, name)?,
                Suffix::Index(Index::Brackets { brackets, expression }) => {
                    self.indexed(made, self.expression(expression)?, brackets.tokens().0)?
                }
                Suffix::Call(Call::AnonymousCall(arguments)) => self.called(made, None, arguments)?,
                Suffix::Call(Call::MethodCall(call)) => self.called(made, Some(call.name()), call.args())?,
                other => self.node("unknown", other)?,
            };
        }
        Ok(made)
    }

    fn called(&self, callee: Table, method: Option<&TokenReference>, arguments: &FunctionArgs) -> Result<Table> {
        let node = self.node("call", arguments)?;
        if let Some(name) = method {
            node.raw_set("method", self.key(name)?)?;
        }
        node.raw_set("callee", callee)?;
        let list = match arguments {
            FunctionArgs::Parentheses { arguments, .. } => self.expressions(arguments.iter())?,
            FunctionArgs::String(token) => self.lua.create_sequence_from([self.raw("string", token)?])?,
            FunctionArgs::TableConstructor(table) => self.lua.create_sequence_from([self.table(table)?])?,
            _ => self.lua.create_table()?,
        };
        node.raw_set("arguments", list)?;
        Ok(node)
    }
}
