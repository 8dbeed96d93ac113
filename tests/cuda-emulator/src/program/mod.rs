//! A kernel decoded for the interpreter: registers are indices, immediates and special registers are
//! registers too, and an operation carries the function that computes it for all lanes at once.

mod allocate;
mod arithmetic;
mod bits;
mod control;
mod convert;
mod decoder;
mod float;
mod flow;
mod logic;
mod memory;
mod operands;
mod predicate;
mod simd;
mod special;
mod tensor;

pub(crate) use decoder::decode;
pub(crate) use special::{LaneMask, Special};

use crate::ptx::{Space, Type};

/// The lanes of a warp.
pub(crate) const LANES: usize = 32;

/// A 32-bit register (or a 16-bit one, which keeps its upper half zero) of all lanes.
pub(crate) type Word = [u32; LANES];

/// A 64-bit register of all lanes.
pub(crate) type Long = [u64; LANES];

/// An index into one of the warp's register files.
pub(crate) type Index = u32;

/// A register and the file it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// A word of which the lower half counts.
    Half(Index),
    /// A word.
    Word(Index),
    /// A long.
    Long(Index),
    /// A predicate: a bit for each lane.
    Predicate(Index),
}

/// What the launch statistics count an instruction as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Matrix products.
    Mma,
    /// Shared memory.
    Shared,
    /// Global, local, constant and parameter memory.
    Global,
    /// Integer and bit arithmetic, comparisons, moves.
    Integer,
    /// Float arithmetic.
    Float,
    /// Branches, barriers and votes.
    Control,
}

/// How a comparison's result is combined with another predicate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Combine {
    /// Not at all.
    None,
    /// `.and`
    And,
    /// `.or`
    Or,
    /// `.xor`
    Xor,
}

/// The predicate results of a comparison and what they are combined with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    pub p: Index,
    pub q: Option<Index>,
    pub combine: Combine,
    pub with: Index,
    pub negated: bool,
}

/// A base register plus an offset.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Address {
    pub base: Slot,
    pub offset: i64,
}

/// A load or store.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub space: Space,
    pub address: Address,
    /// The type of an element.
    pub kind: Type,
    /// Whether nothing may write there while the kernel runs: `.nc`.
    pub constant: bool,
    /// The registers, one an element; `None` for a sink.
    pub registers: Vec<Option<Slot>>,
}

/// The operation of an atomic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Atomic {
    /// `add`
    Add,
    /// `min`
    Min,
    /// `max`
    Max,
    /// `and`
    And,
    /// `or`
    Or,
    /// `xor`
    Xor,
    /// `exch`
    Exchange,
    /// `cas`
    CompareSwap,
    /// `inc`
    Increment,
    /// `dec`
    Decrement,
}

/// An `atom` or `red`.
#[derive(Clone, Debug)]
pub(crate) struct Update {
    pub operation: Atomic,
    pub space: Space,
    pub address: Address,
    pub kind: Type,
    pub result: Option<Slot>,
    pub operand: Slot,
    pub second: Option<Slot>,
}

/// A `cp.async`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Copy {
    pub to: Address,
    pub from: Address,
    pub bytes: u32,
    /// How many of the bytes are read, the rest being zero.
    pub read: Option<Index>,
}

/// An `ldmatrix`.
#[derive(Clone, Debug)]
pub(crate) struct Matrices {
    pub address: Address,
    pub registers: Vec<Index>,
    pub transposed: bool,
}

/// An integer `mma.sync` with 16 rows and 8 columns.
#[derive(Clone, Debug)]
pub(crate) struct Product {
    pub d: [Index; 4],
    /// Two registers for a depth of 16, four for one of 32.
    pub a: Vec<Index>,
    /// Half as many.
    pub b: Vec<Index>,
    pub c: [Index; 4],
    pub a_signed: bool,
    pub b_signed: bool,
    pub saturate: bool,
}

/// How `shfl.sync` picks the lane it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pick {
    /// `.up`
    Up,
    /// `.down`
    Down,
    /// `.bfly`
    Butterfly,
    /// `.idx`
    Lane,
}

/// A `shfl.sync`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shuffle {
    pub pick: Pick,
    pub d: Index,
    pub p: Option<Index>,
    pub a: Index,
    pub b: Index,
    pub c: Index,
    pub members: Index,
}

/// What a vote decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ballot {
    /// Whether all lanes have it.
    All,
    /// Whether any lane has it.
    Any,
    /// Whether all lanes have the same.
    Uniform,
    /// Which lanes have it.
    Which,
}

/// What a barrier does besides waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reduction {
    /// Nothing.
    None,
    /// Counts the threads whose predicate is true.
    Count(Index),
    /// Whether all threads' predicates are true.
    All(Index),
    /// Whether any thread's predicate is true.
    Any(Index),
}

/// A `bar` or `barrier`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Barrier {
    pub id: Index,
    /// How many threads it is for; all of the block if none.
    pub threads: Option<Index>,
    /// Whether the warp must reach it together.
    pub aligned: bool,
    /// Whether the thread waits, or only says that it came.
    pub waits: bool,
    pub reduction: Reduction,
    /// The predicate that is reduced, and whether it is negated.
    pub predicate: (Index, bool),
}

/// What the interpreter executes. Where a function stands, it computes all lanes.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Nop,
    Word1(fn(&Word) -> Word, [Index; 2]),
    Word2(fn(&Word, &Word) -> Word, [Index; 3]),
    Word3(fn(&Word, &Word, &Word) -> Word, [Index; 4]),
    Word4(fn(&Word, &Word, &Word, &Word) -> Word, [Index; 5]),
    /// With an operand that is the same in all lanes, as most shifts have.
    WordBy(fn(&Word, u32) -> Word, [Index; 2], u32),
    Lop3([Index; 4], u8),
    Permute([Index; 3], u32),
    Long1(fn(&Long) -> Long, [Index; 2]),
    Long2(fn(&Long, &Long) -> Long, [Index; 3]),
    Long3(fn(&Long, &Long, &Long) -> Long, [Index; 4]),
    LongBy(fn(&Long, u32) -> Long, [Index; 2], u32),
    LongWord(fn(&Long, &Word) -> Long, [Index; 3]),
    LongWord2(fn(&Long, &Word, &Word) -> Long, [Index; 4]),
    Long2Word2(fn(&Long, &Long, &Word, &Word) -> Long, [Index; 5]),
    Widen1(fn(&Word) -> Long, [Index; 2]),
    Widen2(fn(&Word, &Word) -> Long, [Index; 3]),
    Widen3(fn(&Word, &Word, &Long) -> Long, [Index; 4]),
    Narrow1(fn(&Long) -> Word, [Index; 2]),
    /// A conversion that clamps to the range of a type.
    Clamp {
        d: Slot,
        a: Slot,
        from: Type,
        to: Type,
    },
    /// `add` or `sub` with carries.
    Carry {
        d: Slot,
        a: Slot,
        b: Slot,
        subtract: bool,
        carry_in: bool,
        carry_out: bool,
    },
    CompareWord(fn(&Word, &Word) -> u32, [Index; 2], Outcome),
    CompareLong(fn(&Long, &Long) -> u32, [Index; 2], Outcome),
    /// A word of all ones or of this value where the predicate is true, else zero.
    FromPredicate(Index, Index, u32),
    SelectWord([Index; 4]),
    SelectLong([Index; 4]),
    /// `and`, `or`, `xor`, `not` of predicates.
    Predicates(fn(u32, u32) -> u32, [Index; 3]),
    Parameter {
        offset: u32,
        kind: Type,
        registers: Vec<Option<Slot>>,
    },
    Load(Box<Access>),
    Store(Box<Access>),
    Update(Box<Update>),
    CopyAsync(Box<Copy>),
    CopyCommit,
    /// Waits until at most this many groups are on their way.
    CopyWait(u32),
    CopyWaitAll,
    Matrices(Box<Matrices>),
    Product(Box<Product>),
    Branch(u32),
    BranchTable(Index, Vec<u32>),
    Exit,
    /// `trap`: the kernel gives up.
    Trap,
    Barrier(Box<Barrier>),
    WarpBarrier(Index),
    Shuffle(Box<Shuffle>),
    /// The result, the predicate and whether it is negated, the members.
    Vote {
        ballot: Ballot,
        d: Index,
        a: (Index, bool),
        members: Index,
    },
    /// Which lanes have the same value, or whether all have; the predicate is for `.all`.
    Match {
        all: bool,
        d: Index,
        p: Option<Index>,
        a: Slot,
        members: Index,
    },
    Reduce {
        f: fn(u32, u32) -> u32,
        d: Index,
        a: Index,
        members: Index,
    },
    ActiveMask(Index),
}

/// An instruction of a program.
#[derive(Clone, Debug)]
pub(crate) struct Instruction {
    pub op: Op,
    /// The predicate that guards it, and what its bits are flipped with.
    pub guard: Option<(Index, u32)>,
    /// Whether lanes meet here that parted at a branch.
    pub meets: bool,
    pub line: u32,
    pub class: Class,
}

/// One argument of a kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parameter {
    pub offset: u32,
    pub size: u32,
}

/// A kernel that can be launched.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub name: String,
    pub code: Vec<Instruction>,
    /// For each instruction, where lanes that part at it meet again; past the code if nowhere.
    pub meetings: Vec<usize>,
    /// Sizes of the register files.
    pub words: usize,
    pub longs: usize,
    pub predicates: usize,
    /// Registers with a value that never changes.
    pub word_constants: Vec<(Index, u32)>,
    pub long_constants: Vec<(Index, u64)>,
    pub specials: Vec<(Index, Special)>,
    pub parameters: Vec<Parameter>,
    pub parameter_bytes: u32,
    /// Shared memory that is declared, in bytes.
    pub static_shared: u32,
    /// Where the dynamic shared memory starts.
    pub dynamic_shared: u32,
    /// Bytes of local memory of a thread.
    pub local: u32,
    /// Whether it reads memory as constant.
    pub constant: bool,
    pub max_threads: u32,
    pub exact_threads: bool,
    /// The predicate that carries go through.
    pub carry: Index,
}
