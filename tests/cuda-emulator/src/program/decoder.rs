//! From statements to instructions: where operands become register indices.

use std::collections::HashMap;

use super::{Address, Class, Index, Instruction, Op, Parameter, Program, Slot, Special};
use crate::ptx::{Kernel, Operand, Space, Statement, Type, Variable};

/// Addresses of the module's variables by name.
pub(crate) type Symbols = HashMap<String, u64>;

/// Decodes `kernel`; `shared` are the module's shared variables.
pub(crate) fn decode(
    kernel: &Kernel,
    shared: &[&Variable],
    symbols: &Symbols,
) -> Result<Program, String> {
    let mut decoder = Decoder::new(kernel, shared, symbols);
    let mut starts = Vec::with_capacity(kernel.statements.len() + 1);
    for statement in &kernel.statements {
        starts.push(decoder.program.code.len() as u32);
        decoder
            .statement(statement)
            .map_err(|e| format!("line {}: {}: {e}", statement.line, statement.opcode))?;
    }
    starts.push(decoder.program.code.len() as u32);
    // A body may end without `ret`.
    let line = kernel.statements.last().map_or(0, |s| s.line);
    decoder.program.code.push(Instruction {
        op: Op::Exit,
        guard: None,
        meets: false,
        line,
        class: Class::Control,
    });
    for instruction in &mut decoder.program.code {
        match &mut instruction.op {
            Op::Branch(target) => *target = starts[*target as usize],
            Op::BranchTable(_, targets) => {
                (targets.iter_mut()).for_each(|target| *target = starts[*target as usize]);
            }
            _ => {}
        }
    }
    let program = &mut decoder.program;
    program.meetings = super::flow::meetings(&program.code);
    for meeting in &program.meetings {
        if let Some(instruction) = program.code.get_mut(*meeting) {
            instruction.meets = true;
        }
    }
    super::allocate::allocate(&mut decoder.program);
    Ok(decoder.program)
}

/// The state of decoding a kernel.
pub(super) struct Decoder<'a> {
    pub(super) kernel: &'a Kernel,
    pub(super) program: Program,
    slots: Vec<Slot>,
    names: HashMap<String, u64>,
    words: HashMap<u32, Index>,
    longs: HashMap<u64, Index>,
    specials: HashMap<String, Index>,
    statement: Option<&'a Statement>,
}

impl<'a> Decoder<'a> {
    fn new(kernel: &'a Kernel, shared: &[&Variable], symbols: &Symbols) -> Self {
        let mut program = Program {
            name: kernel.name.clone(),
            code: Vec::with_capacity(kernel.statements.len() + 1),
            meetings: Vec::new(),
            words: 0,
            longs: 0,
            // The first predicate carries.
            predicates: 1,
            carry: 0,
            word_constants: Vec::new(),
            long_constants: Vec::new(),
            specials: Vec::new(),
            parameters: Vec::new(),
            parameter_bytes: 0,
            static_shared: 0,
            dynamic_shared: 0,
            local: 0,
            constant: false,
            max_threads: kernel.max_threads.unwrap_or(1024).min(1024),
            exact_threads: kernel.exact_threads,
        };
        let mut names = symbols.clone();
        let mut slots = Vec::with_capacity(kernel.registers.len());
        for kind in &kernel.registers {
            slots.push(match kind {
                Type::Pred => Slot::Predicate(take(&mut program.predicates)),
                kind if kind.bits() <= 16 => Slot::Half(take(&mut program.words)),
                kind if kind.bits() <= 32 => Slot::Word(take(&mut program.words)),
                _ => Slot::Long(take(&mut program.longs)),
            });
        }
        for parameter in &kernel.parameters {
            let offset = place(&mut program.parameter_bytes, parameter);
            names.insert(parameter.name.clone(), offset.into());
            program.parameters.push(Parameter {
                offset,
                size: parameter.size,
            });
        }
        let own = kernel.variables.iter();
        for variable in shared.iter().copied().chain(own).filter(|v| v.size > 0) {
            let bytes = match variable.space {
                Space::Local => &mut program.local,
                _ => &mut program.static_shared,
            };
            let offset = place(bytes, variable);
            names.insert(variable.name.clone(), offset.into());
        }
        let dynamic = shared.iter().filter(|variable| variable.size == 0);
        let align = dynamic.clone().map(|v| v.align).fold(16, u32::max);
        program.dynamic_shared = program.static_shared.next_multiple_of(align);
        for variable in dynamic {
            names.insert(variable.name.clone(), program.dynamic_shared.into());
        }
        Self {
            kernel,
            program,
            slots,
            names,
            words: HashMap::new(),
            longs: HashMap::new(),
            specials: HashMap::new(),
            statement: None,
        }
    }

    fn statement(&mut self, statement: &'a Statement) -> Result<(), String> {
        self.statement = Some(statement);
        let parts: Vec<&str> = statement.opcode.split('.').collect();
        let operands = &statement.operands;
        let known = self.control(&parts, operands)?
            || self.memory(&parts, operands)?
            || self.tensor(&parts, operands)?
            || self.predicate(&parts, operands)?
            || self.convert(&parts, operands)?
            || self.float(&parts, operands)?
            || self.logic(&parts, operands)?
            || self.simd(&parts, operands)?
            || self.arithmetic(&parts, operands)?;
        if known {
            Ok(())
        } else {
            Err("this instruction is not known".into())
        }
    }

    /// Adds an instruction for the current statement.
    pub(super) fn emit(&mut self, class: Class, op: Op) {
        let guard = self.statement.and_then(|s| s.guard);
        let guard = guard.and_then(|(register, negated)| {
            let flip = if negated { u32::MAX } else { 0 };
            match self.slots[register as usize] {
                Slot::Predicate(index) => Some((index, flip)),
                _ => None,
            }
        });
        let line = self.statement.map_or(0, |s| s.line);
        self.program.code.push(Instruction {
            op,
            guard,
            meets: false,
            line,
            class,
        });
    }

    /// The statement that the label `name` stands before, as a target to be resolved.
    pub(super) fn target(&self, name: &str) -> Result<u32, String> {
        let scope = self.statement.map_or(0, |s| s.scope);
        (self.kernel.label(name, scope))
            .map(|statement| statement as u32)
            .ok_or_else(|| format!("label {name} is not defined"))
    }

    /// The innermost braces around the current statement.
    pub(super) fn scope(&self) -> usize {
        self.statement.map_or(0, |s| s.scope)
    }

    /// A constant word.
    pub(super) fn word_constant(&mut self, value: u32) -> Index {
        let program = &mut self.program;
        *self.words.entry(value).or_insert_with(|| {
            let index = take(&mut program.words);
            program.word_constants.push((index, value));
            index
        })
    }

    /// A constant long.
    pub(super) fn long_constant(&mut self, value: u64) -> Index {
        let program = &mut self.program;
        *self.longs.entry(value).or_insert_with(|| {
            let index = take(&mut program.longs);
            program.long_constants.push((index, value));
            index
        })
    }

    /// A word that nothing reads.
    pub(super) fn scratch_word(&mut self) -> Index {
        take(&mut self.program.words)
    }

    /// A long that nothing else reads.
    pub(super) fn scratch_long(&mut self) -> Index {
        take(&mut self.program.longs)
    }

    /// A predicate that nothing else reads.
    pub(super) fn scratch_predicate(&mut self) -> Index {
        take(&mut self.program.predicates)
    }

    /// The value that an operand has at decoding time, if it has one.
    pub(super) fn constant(&self, operand: &Operand) -> Option<u64> {
        match operand {
            Operand::Integer(value) => Some(*value),
            Operand::Single(bits) => Some((*bits).into()),
            Operand::Name(name) => self.names.get(name).copied(),
            Operand::Address(base, offset) => {
                Some(self.constant(base)?.wrapping_add_signed(*offset))
            }
            _ => None,
        }
    }

    /// The slot of a register operand.
    pub(super) fn register(&mut self, operand: &Operand) -> Result<Slot, String> {
        match operand {
            Operand::Register(register) => Ok(self.slots[*register as usize]),
            other => Err(format!("expected a register, found {other:?}")),
        }
    }

    /// An operand of 16 or 32 bits.
    pub(super) fn word(&mut self, operand: &Operand) -> Result<Index, String> {
        if let Some(value) = self.constant(operand) {
            return Ok(self.word_constant(value as u32));
        }
        match operand {
            Operand::Special(name) => self.special(name),
            Operand::Sink => Ok(self.scratch_word()),
            _ => match self.register(operand)? {
                Slot::Half(index) | Slot::Word(index) => Ok(index),
                other => Err(format!("expected a 32-bit register, found {other:?}")),
            },
        }
    }

    /// An operand of 16 bits, of which an immediate keeps the lower half.
    pub(super) fn half(&mut self, operand: &Operand) -> Result<Index, String> {
        match self.constant(operand) {
            Some(value) => Ok(self.word_constant(value as u32 & 0xffff)),
            None => self.word(operand),
        }
    }

    /// An operand of 64 bits.
    pub(super) fn long(&mut self, operand: &Operand) -> Result<Index, String> {
        if let Some(value) = self.constant(operand) {
            return Ok(self.long_constant(value));
        }
        match operand {
            Operand::Sink => Ok(self.scratch_long()),
            _ => match self.register(operand)? {
                Slot::Long(index) => Ok(index),
                other => Err(format!("expected a 64-bit register, found {other:?}")),
            },
        }
    }

    /// An operand of `bits` bits in whichever file it is.
    pub(super) fn slot(&mut self, operand: &Operand, bits: u32) -> Result<Slot, String> {
        match bits {
            64 => self.long(operand).map(Slot::Long),
            32 => self.word(operand).map(Slot::Word),
            _ => self.half(operand).map(Slot::Half),
        }
    }

    /// A predicate that is written.
    pub(super) fn predicate_result(&mut self, operand: &Operand) -> Result<Index, String> {
        if *operand == Operand::Sink {
            return Ok(self.scratch_predicate());
        }
        match self.register(operand)? {
            Slot::Predicate(index) => Ok(index),
            other => Err(format!("expected a predicate, found {other:?}")),
        }
    }

    /// A predicate that is read, and whether it is negated.
    pub(super) fn predicate_source(&mut self, operand: &Operand) -> Result<(Index, bool), String> {
        match operand {
            Operand::Not(register) => match self.slots[*register as usize] {
                Slot::Predicate(index) => Ok((index, true)),
                other => Err(format!("expected a predicate, found {other:?}")),
            },
            // An untouched predicate is false in all lanes.
            Operand::Integer(value) => Ok((self.scratch_predicate(), *value != 0)),
            _ => Ok((self.predicate_result(operand)?, false)),
        }
    }

    /// `[base + offset]`.
    pub(super) fn address(&mut self, operand: &Operand) -> Result<Address, String> {
        if let Some(value) = self.constant(operand) {
            let base = Slot::Long(self.long_constant(value));
            return Ok(Address { base, offset: 0 });
        }
        match operand {
            Operand::Address(base, offset) => {
                let base = self.register(base)?;
                if !matches!(base, Slot::Word(_) | Slot::Long(_)) {
                    return Err("an address needs a register of 32 or 64 bits".into());
                }
                Ok(Address {
                    base,
                    offset: *offset,
                })
            }
            other => Err(format!("expected an address, found {other:?}")),
        }
    }

    fn special(&mut self, name: &str) -> Result<Index, String> {
        if let Some(index) = self.specials.get(name) {
            return Ok(*index);
        }
        let special =
            Special::parse(name).ok_or_else(|| format!("special register {name} is not known"))?;
        let index = take(&mut self.program.words);
        self.program.specials.push((index, special));
        self.specials.insert(name.to_owned(), index);
        Ok(index)
    }
}

fn take(count: &mut usize) -> Index {
    *count += 1;
    (*count - 1) as Index
}

/// Aligns `bytes`, adds the variable, and gives its offset.
fn place(bytes: &mut u32, variable: &Variable) -> u32 {
    let offset = bytes.next_multiple_of(variable.align.max(1));
    *bytes = offset + variable.size;
    offset
}
