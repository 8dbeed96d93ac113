//! PTX text as data: variables, kernels, and statements with resolved registers. What an
//! instruction means is decided in [`crate::program`].

mod instruction;
mod kernel;
mod lexer;
mod parser;

pub(crate) use parser::parse;

/// A type as PTX writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// A predicate.
    Pred,
    /// Untyped bits of this many bits.
    B(u8),
    /// An unsigned integer of this many bits.
    U(u8),
    /// A signed integer of this many bits.
    S(u8),
    /// A float of this many bits.
    F(u8),
}

impl Type {
    /// The type that `name`, without its dot, names.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        if name == "pred" {
            return Some(Self::Pred);
        }
        let bits = match name.get(1..)? {
            "8" => 8,
            "16" => 16,
            "32" => 32,
            "64" => 64,
            "128" => 128,
            _ => return None,
        };
        Some(match name.as_bytes()[0] {
            b'b' => Self::B(bits),
            b'u' => Self::U(bits),
            b's' => Self::S(bits),
            b'f' => Self::F(bits),
            _ => return None,
        })
    }

    /// How many bits a value has.
    pub(crate) fn bits(self) -> u32 {
        match self {
            Self::Pred => 1,
            Self::B(bits) | Self::U(bits) | Self::S(bits) | Self::F(bits) => bits.into(),
        }
    }

    /// How many bytes a value has in memory.
    pub(crate) fn bytes(self) -> u32 {
        self.bits() / 8
    }

    /// Whether its values have a sign that widening extends.
    pub(crate) fn signed(self) -> bool {
        matches!(self, Self::S(_))
    }
}

/// A state space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Space {
    /// Any of the others, told apart by the address.
    Generic,
    /// Device memory.
    Global,
    /// Read-only device memory of the module.
    Const,
    /// Memory of the block.
    Shared,
    /// Memory of the thread.
    Local,
    /// The kernel's arguments.
    Param,
}

/// A register of a kernel: an index into [`Kernel::registers`].
pub(crate) type Register = u32;

/// An operand of a statement.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Operand {
    /// A register.
    Register(Register),
    /// `!p`.
    Not(Register),
    /// `p|q`, of which either may be `_`.
    Pair(Box<Operand>, Box<Operand>),
    /// A special register such as `%tid.x`.
    Special(String),
    /// An integer, as its two's complement.
    Integer(u64),
    /// The bits of a 32-bit float.
    Single(u32),
    /// The name of a variable or a label.
    Name(String),
    /// `[base + offset]`.
    Address(Box<Operand>, i64),
    /// `{a, b, …}`.
    Vector(Vec<Operand>),
    /// `_`: the result is not wanted.
    Sink,
}

/// An instruction before it is decoded.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    /// Its line in the PTX text.
    pub line: u32,
    /// The predicate that guards it, and whether that is negated.
    pub guard: Option<(Register, bool)>,
    /// The opcode with its modifiers.
    pub opcode: String,
    /// The operands in order.
    pub operands: Vec<Operand>,
    /// The innermost braces it stands in, for its labels.
    pub scope: usize,
}

/// A variable in memory.
#[derive(Clone, Debug)]
pub(crate) struct Variable {
    /// Its name.
    pub name: String,
    /// Where it lives.
    pub space: Space,
    /// Its alignment in bytes.
    pub align: u32,
    /// Its size in bytes; zero for dynamic shared memory.
    pub size: u32,
    /// Its first bytes; the rest is zero.
    pub bytes: Vec<u8>,
}

/// A label: where it may be seen from, its name, and the statement it stands before.
#[derive(Clone, Debug)]
pub(crate) struct Label {
    /// The braces it stands in.
    pub scope: usize,
    /// Its name.
    pub name: String,
    /// The index of the statement after it.
    pub statement: usize,
}

/// A table of labels for `brx.idx`.
#[derive(Clone, Debug)]
pub(crate) struct Targets {
    /// The braces it stands in.
    pub scope: usize,
    /// Its name.
    pub name: String,
    /// The labels in order.
    pub labels: Vec<String>,
}

/// A kernel before it is decoded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kernel {
    /// Its name.
    pub name: String,
    /// Its parameters, of [`Space::Param`].
    pub parameters: Vec<Variable>,
    /// The most threads of a block, from `.maxntid` or `.reqntid`.
    pub max_threads: Option<u32>,
    /// Whether a block must have exactly `max_threads`.
    pub exact_threads: bool,
    /// The types of the registers.
    pub registers: Vec<Type>,
    /// Shared and local variables of its own.
    pub variables: Vec<Variable>,
    /// The instructions.
    pub statements: Vec<Statement>,
    /// The labels.
    pub labels: Vec<Label>,
    /// The branch tables.
    pub targets: Vec<Targets>,
    /// For each braces, those around them; the outermost name themselves.
    pub scopes: Vec<usize>,
}

impl Kernel {
    /// The statement that `name`, seen from `scope`, stands before.
    pub(crate) fn label(&self, name: &str, scope: usize) -> Option<usize> {
        let at = |scope: usize| {
            let here = |l: &&Label| l.scope == scope && l.name == name;
            self.labels.iter().find(here).map(|l| l.statement)
        };
        self.outwards(scope, at)
    }

    /// The branch table `name`, seen from `scope`.
    pub(crate) fn table(&self, name: &str, scope: usize) -> Option<&Targets> {
        let here =
            |scope: usize| (self.targets.iter()).find(|t| t.scope == scope && t.name == name);
        self.outwards(scope, here)
    }

    fn outwards<T>(&self, mut scope: usize, find: impl Fn(usize) -> Option<T>) -> Option<T> {
        loop {
            if let Some(found) = find(scope) {
                return Some(found);
            }
            let outer = self.scopes[scope];
            if outer == scope {
                return None;
            }
            scope = outer;
        }
    }
}

/// A module before it is decoded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Source {
    /// The compute capability of `.target`, 80 for `sm_80`.
    pub target: u32,
    /// The PTX version, 87 for 8.7.
    pub version: u32,
    /// Variables of the module.
    pub variables: Vec<Variable>,
    /// Its kernels.
    pub kernels: Vec<Kernel>,
}
