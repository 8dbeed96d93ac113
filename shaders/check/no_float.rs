//! The lint behind "integer-only": no type, literal, constant or expression of a shader may be
//! anything but a 32-bit integer or a truth value.

use naga::valid::ModuleInfo;
use naga::{Expression, Function, Literal, Module, Scalar, ScalarKind, Span, TypeInner};

/// The violations in `module`, each with the place in `source`.
pub fn violations(module: &Module, info: &ModuleInfo, source: &str) -> Vec<String> {
    let mut lint = Lint {
        module,
        source,
        found: Vec::new(),
    };
    for (handle, ty) in module.types.iter() {
        lint.inner(&ty.inner, module.types.get_span(handle), "type");
    }
    for (handle, variable) in module.global_variables.iter() {
        let span = module.global_variables.get_span(handle);
        lint.inner(&module.types[variable.ty].inner, span, "variable");
    }
    for (handle, expression) in module.global_expressions.iter() {
        let span = module.global_expressions.get_span(handle);
        lint.expression(expression, span);
    }
    for (handle, function) in module.functions.iter() {
        lint.function(function, &info[handle]);
    }
    for (index, entry) in module.entry_points.iter().enumerate() {
        lint.function(&entry.function, info.get_entry_point(index));
    }
    lint.found.sort();
    lint.found.dedup();
    lint.found
}

struct Lint<'a> {
    module: &'a Module,
    source: &'a str,
    found: Vec<String>,
}

impl Lint<'_> {
    fn function(&mut self, function: &Function, info: &naga::valid::FunctionInfo) {
        for (handle, expression) in function.expressions.iter() {
            let span = function.expressions.get_span(handle);
            self.expression(expression, span);
            let inner = info[handle].ty.inner_with(&self.module.types);
            self.inner(inner, span, "expression");
        }
    }

    fn expression(&mut self, expression: &Expression, span: Span) {
        match expression {
            Expression::Literal(
                Literal::F16(_) | Literal::F32(_) | Literal::F64(_) | Literal::AbstractFloat(_),
            ) => self.report(span, "literal"),
            Expression::As {
                kind: ScalarKind::Float | ScalarKind::AbstractFloat,
                ..
            } => self.report(span, "conversion"),
            _ => {}
        }
    }

    fn inner(&mut self, inner: &TypeInner, span: Span, what: &str) {
        if !self.allowed(inner) {
            self.report(span, what);
        }
    }

    fn allowed(&self, inner: &TypeInner) -> bool {
        let types = &self.module.types;
        match inner {
            TypeInner::Scalar(scalar)
            | TypeInner::Vector { scalar, .. }
            | TypeInner::Atomic(scalar)
            | TypeInner::ValuePointer { scalar, .. } => integer(*scalar),
            TypeInner::Pointer { base, .. } | TypeInner::Array { base, .. } => {
                self.allowed(&types[*base].inner)
            }
            TypeInner::Struct { members, .. } => {
                (members.iter()).all(|member| self.allowed(&types[member.ty].inner))
            }
            _ => false,
        }
    }

    fn report(&mut self, span: Span, what: &str) {
        let place = if span.is_defined() {
            let location = span.location(self.source);
            let line = self.source.lines().nth(location.line_number as usize - 1);
            format!(
                "line {}:{}: `{}`",
                location.line_number,
                location.line_position,
                line.unwrap_or_default().trim()
            )
        } else {
            "an unnamed place".to_string()
        };
        let message = format!("{place}: {what} that is no 32-bit integer");
        self.found.push(message);
    }
}

fn integer(scalar: Scalar) -> bool {
    match scalar.kind {
        ScalarKind::Bool | ScalarKind::AbstractInt => true,
        ScalarKind::Sint | ScalarKind::Uint => scalar.width == 4,
        ScalarKind::Float | ScalarKind::AbstractFloat => false,
    }
}
