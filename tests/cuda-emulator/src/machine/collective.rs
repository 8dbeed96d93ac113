//! What the lanes of a warp do together.

use super::block::Context;
use super::warp::{ALL, Warp};
use super::{Step, Trap};
use crate::program::{Ballot, Index, LANES, Pick, Shuffle, Slot};

impl Context<'_> {
    /// The members of a `.sync` instruction, once they are all there. If they are not, the lanes wait.
    pub(super) fn members(
        &mut self,
        warp: &mut Warp,
        members: Index,
        lanes: u32,
    ) -> Step<Option<u32>> {
        let first = lanes.trailing_zeros();
        let members = &warp.words[members as usize];
        let mask = members[first as usize];
        for lane in (0..32).filter(|lane| lanes >> lane & 1 == 1) {
            let own = members[lane as usize];
            if own != mask {
                let message =
                    format!("the member mask is {own:#010x} here and {mask:#010x} in lane {first}");
                return Err(Trap::check(lane, message));
            }
            if mask >> lane & 1 == 0 {
                let message = format!("the member mask {mask:#010x} does not name the lane itself");
                return Err(Trap::check(lane, message));
            }
        }
        Ok(warp.together(lanes, mask).then_some(mask))
    }

    /// Whether all lanes that live are there for an `.aligned` instruction. If not, those that are wait for
    /// the others, which it is a fault to have parted from.
    pub(super) fn aligned(&mut self, warp: &mut Warp, lanes: u32) -> Step<bool> {
        let first = lanes.trailing_zeros();
        if lanes != warp.active {
            let rest = warp.active & !lanes;
            let message = format!("an .aligned instruction that the lanes {rest:#010x} skip");
            return Err(Trap::check(first, message));
        }
        if let Some(branch) = warp.parted() {
            let message = format!(
                "an .aligned instruction of the lanes {lanes:#010x} without others of the warp, which \
                 took another way at line {}",
                self.launch.program.code[branch].line
            );
            return Err(Trap::check(first, message));
        }
        Ok(warp.together(lanes, ALL))
    }

    /// `shfl.sync` of lanes that are all there.
    pub(super) fn shuffle(&mut self, warp: &mut Warp, shuffle: &Shuffle, lanes: u32) -> Step<()> {
        let a = warp.words[shuffle.a as usize];
        let b = &warp.words[shuffle.b as usize];
        let c = &warp.words[shuffle.c as usize];
        let mut out = [0; LANES];
        let mut inside = 0;
        for lane in 0..LANES {
            let own = lane as i32;
            let (clamp, segment) = ((c[lane] & 31) as i32, (c[lane] >> 8 & 31) as i32);
            let most = own & segment | clamp & !segment;
            let least = own & segment;
            let by = (b[lane] & 31) as i32;
            let (from, valid) = match shuffle.pick {
                Pick::Up => (own - by, own - by >= most),
                Pick::Down => (own + by, own + by <= most),
                Pick::Butterfly => (own ^ by, own ^ by <= most),
                Pick::Lane => {
                    let from = least | by & !segment;
                    (from, from <= most)
                }
            };
            let from = if valid { from } else { own };
            inside |= u32::from(valid) << lane;
            if lanes >> lane & 1 == 1 && lanes >> from & 1 == 0 {
                let message = format!("shfl.sync reads lane {from}, which does not take part");
                return Err(Trap::check(lane as u32, message));
            }
            out[lane] = a[from as usize];
        }
        warp.set_word(shuffle.d, lanes, &out);
        if let Some(p) = shuffle.p {
            warp.set_predicate(p, lanes, inside);
        }
        Ok(())
    }

    /// `vote.sync` of lanes that are all there.
    pub(super) fn vote(
        &mut self,
        warp: &mut Warp,
        ballot: Ballot,
        d: Index,
        a: (Index, bool),
        lanes: u32,
    ) {
        let flip = if a.1 { u32::MAX } else { 0 };
        let votes = (warp.predicates[a.0 as usize] ^ flip) & lanes;
        let all = |value: bool| if value { u32::MAX } else { 0 };
        match ballot {
            Ballot::Which => warp.set_word(d, lanes, &[votes; LANES]),
            Ballot::All => warp.set_predicate(d, lanes, all(votes == lanes)),
            Ballot::Any => warp.set_predicate(d, lanes, all(votes != 0)),
            Ballot::Uniform => {
                warp.set_predicate(d, lanes, all(votes == 0 || votes == lanes));
            }
        }
    }

    /// `match.sync` of lanes that are all there.
    pub(super) fn matches(
        &mut self,
        warp: &mut Warp,
        all: bool,
        d: Index,
        p: Option<Index>,
        a: Slot,
        lanes: u32,
    ) {
        let equal = |lane: usize| {
            let here = (0..LANES).filter(|other| lanes >> other & 1 == 1);
            let same = here.filter(|other| warp.lane(a, *other) == warp.lane(a, lane));
            same.fold(0u32, |mask, other| mask | 1 << other)
        };
        let mut out: [u32; LANES] = std::array::from_fn(equal);
        let first = lanes.trailing_zeros() as usize;
        let same = out[first] == lanes;
        if all && !same {
            out = [0; LANES];
        }
        warp.set_word(d, lanes, &out);
        if let Some(p) = p {
            warp.set_predicate(p, lanes, if same { u32::MAX } else { 0 });
        }
    }

    /// `redux.sync` of lanes that are all there.
    pub(super) fn reduce(
        &mut self,
        warp: &mut Warp,
        f: fn(u32, u32) -> u32,
        d: Index,
        a: Index,
        lanes: u32,
    ) {
        let a = &warp.words[a as usize];
        let values = (0..LANES).filter(|lane| lanes >> lane & 1 == 1);
        let total = values.map(|lane| a[lane]).reduce(f).unwrap_or(0);
        warp.set_word(d, lanes, &[total; LANES]);
    }
}
