//! Whether every history ends. The checker's own `eventually` does not look at cycles; this looks at the whole graph.
//!
//! Once the faults of a setting are used up nothing but fair steps is left: a call that can be made is made, a minute
//! passes, a lost execution is found. Two things have to hold then. From every state an end can be reached by fair steps
//! alone, so that nothing waits for luck. And no set of states can be gone round in for ever by fair steps without an end,
//! unless some fair step could be taken in all of them and never is.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use stateright::Model;

use crate::action::Action;
use crate::check::{Protocol, told};
use crate::machine::Unbuildable;
use crate::setting::Setting;
use crate::snapshot::fingerprint;
use crate::state::{Owner, State};

/// What the graph of all states says.
#[derive(Clone, Debug)]
pub struct Progress {
    /// States.
    pub states: usize,
    /// Transitions by fair steps.
    pub transitions: usize,
    /// States in which everything is over.
    pub ends: usize,
    /// States from which no end can be reached by fair steps.
    pub stuck: usize,
    /// States in which it can be gone round for ever.
    pub endless: usize,
    /// The way to the first of them.
    pub way: Option<String>,
    /// The time it took.
    pub took: Duration,
}

/// A class of fair steps: one that stays possible is taken at last.
type Kind = u8;

const TICK: Kind = 0;
const SWEEP: Kind = 1;
const NOBODY: Kind = 2;
const WATCHDOG: Kind = 8;
const WATCHED: Kind = 16;
const DRIVEN: Kind = 24;

fn kind(state: &State, action: Action) -> Kind {
    match action {
        Action::Watchdog(execution) => WATCHDOG + execution,
        Action::Sweep(_) => SWEEP,
        Action::Call { running, .. } => {
            match state.running.get(usize::from(running)).map(|live| live.owner) {
                Some(Owner::Execution(execution)) => DRIVEN + execution,
                Some(Owner::Watchdog(execution)) => WATCHED + execution,
                Some(Owner::Sweep) => SWEEP,
                Some(Owner::Nobody) | None => NOBODY,
            }
        }
        _ => TICK,
    }
}

#[derive(Default)]
struct Graph {
    /// For each state, its fair steps.
    edges: Vec<Vec<(Kind, u32)>>,
    over: Vec<bool>,
    /// The way back to the first state.
    before: Vec<Option<(u32, Action)>>,
}

fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn at(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn explore(protocol: &Protocol) -> Graph {
    let mut graph = Graph::default();
    let mut known: HashMap<u64, u32> = HashMap::new();
    let mut layer: Vec<(u32, State)> = Vec::new();
    for state in protocol.init_states() {
        let id = graph.add(&state, None);
        known.insert(fingerprint(&state), id);
        layer.push((id, state));
    }
    let mut actions = Vec::new();
    while !layer.is_empty() {
        let mut following = Vec::new();
        for (id, state) in &layer {
            protocol.actions(state, &mut actions);
            for action in actions.drain(..) {
                let Some(next) = protocol.next_state(state, action) else { continue };
                let fingerprint = fingerprint(&next);
                let found = known.get(&fingerprint).copied();
                let target = found.unwrap_or_else(|| {
                    let target = graph.add(&next, Some((*id, action)));
                    known.insert(fingerprint, target);
                    following.push((target, next));
                    target
                });
                if action.is_fair()
                    && let Some(edges) = graph.edges.get_mut(at(*id))
                {
                    edges.push((kind(state, action), target));
                }
            }
        }
        layer = following;
    }
    graph
}

impl Graph {
    fn add(&mut self, state: &State, before: Option<(u32, Action)>) -> u32 {
        let id = number(self.edges.len());
        self.edges.push(Vec::new());
        self.over.push(state.is_over());
        self.before.push(before);
        id
    }

    fn edges(&self, id: u32) -> &[(Kind, u32)] {
        self.edges.get(at(id)).map_or(&[], Vec::as_slice)
    }

    fn is_over(&self, id: u32) -> bool {
        self.over.get(at(id)).copied().unwrap_or(false)
    }

    fn ids(&self) -> std::ops::Range<u32> {
        0..number(self.edges.len())
    }

    /// The states from which no end is reached by fair steps.
    fn stuck(&self) -> Vec<u32> {
        let mut back: Vec<Vec<u32>> = vec![Vec::new(); self.edges.len()];
        for id in self.ids() {
            for (_, target) in self.edges(id) {
                if let Some(sources) = back.get_mut(at(*target)) {
                    sources.push(id);
                }
            }
        }
        let mut ends = self.over.clone();
        let mut todo: Vec<u32> = self.ids().filter(|id| self.is_over(*id)).collect();
        while let Some(id) = todo.pop() {
            for source in back.get(at(id)).into_iter().flatten() {
                if let Some(ends) = ends.get_mut(at(*source))
                    && !*ends
                {
                    *ends = true;
                    todo.push(*source);
                }
            }
        }
        self.ids().zip(ends).filter(|(_, ends)| !ends).map(|(id, _)| id).collect()
    }

    /// The states of all strongly connected sets, outside of the ends, that can be gone round in fairly. A set that a
    /// possible kind of step always leads out of is none; what is true of the largest sets is true of each within them.
    fn endless(&self) -> Vec<u32> {
        let sets = self.connected();
        let mut of: Vec<u32> = vec![u32::MAX; self.edges.len()];
        for (set, members) in (0..).zip(&sets) {
            for id in members {
                if let Some(of) = of.get_mut(at(*id)) {
                    *of = set;
                }
            }
        }
        let of = |id: u32| of.get(at(id)).copied();
        let goes_round = |members: &&Vec<u32>| {
            let within = |id: u32, target: u32| of(id) == of(target);
            let inside: u64 = members
                .iter()
                .flat_map(|id| self.edges(*id).iter().filter(|(_, target)| within(*id, *target)))
                .fold(0, |kinds, (kind, _)| kinds | 1 << kind);
            let always = members
                .iter()
                .map(|id| self.edges(*id).iter().fold(0_u64, |kinds, (kind, _)| kinds | 1 << kind))
                .fold(u64::MAX, |all, kinds| all & kinds);
            inside != 0 && always & !inside == 0
        };
        sets.iter().filter(goes_round).flatten().copied().collect()
    }

    /// Tarjan's algorithm on the states that are no ends, without recursion.
    fn connected(&self) -> Vec<Vec<u32>> {
        let mut search = Search {
            index: vec![0; self.edges.len()],
            low: vec![0; self.edges.len()],
            open: vec![false; self.edges.len()],
            stack: Vec::new(),
            sets: Vec::new(),
            next: 1,
        };
        for root in self.ids().filter(|id| !self.is_over(*id)) {
            if search.index.get(at(root)) == Some(&0) {
                self.search(root, &mut search);
            }
        }
        search.sets
    }

    fn search(&self, root: u32, search: &mut Search) {
        let mut path: Vec<(u32, usize)> = vec![(root, 0)];
        search.enter(root);
        while let Some((id, edge)) = path.pop() {
            let Some((_, target)) = self.edges(id).get(edge) else {
                search.leave(id);
                if let Some((parent, _)) = path.last() {
                    let low = search.low.get(at(id)).copied().unwrap_or(u32::MAX);
                    search.lower(*parent, low);
                }
                continue;
            };
            path.push((id, edge + 1));
            if self.is_over(*target) {
                continue;
            }
            if search.index.get(at(*target)) == Some(&0) {
                search.enter(*target);
                path.push((*target, 0));
            } else if search.open.get(at(*target)) == Some(&true) {
                let index = search.index.get(at(*target)).copied().unwrap_or(u32::MAX);
                search.lower(id, index);
            }
        }
    }

    fn way(&self, protocol: &Protocol, to: u32) -> String {
        let mut actions = Vec::new();
        let mut id = to;
        while let Some(Some((before, action))) = self.before.get(at(id)) {
            actions.push(*action);
            id = *before;
        }
        let mut told_all = Vec::new();
        let mut state = protocol.init_states().pop();
        while let (Some(now), action) = (&state, actions.pop()) {
            told_all.push(told(now, action.as_ref()));
            state = action.and_then(|action| protocol.next_state(now, action));
        }
        told_all.join("\n")
    }
}

struct Search {
    index: Vec<u32>,
    low: Vec<u32>,
    open: Vec<bool>,
    stack: Vec<u32>,
    sets: Vec<Vec<u32>>,
    next: u32,
}

impl Search {
    fn enter(&mut self, id: u32) {
        for numbers in [&mut self.index, &mut self.low] {
            if let Some(number) = numbers.get_mut(at(id)) {
                *number = self.next;
            }
        }
        self.next += 1;
        self.stack.push(id);
        if let Some(open) = self.open.get_mut(at(id)) {
            *open = true;
        }
    }

    fn lower(&mut self, id: u32, to: u32) {
        if let Some(low) = self.low.get_mut(at(id)) {
            *low = to.min(*low);
        }
    }

    fn leave(&mut self, id: u32) {
        if self.low.get(at(id)) != self.index.get(at(id)) {
            return;
        }
        let mut set = Vec::new();
        while let Some(member) = self.stack.pop() {
            if let Some(open) = self.open.get_mut(at(member)) {
                *open = false;
            }
            set.push(member);
            if member == id {
                break;
            }
        }
        self.sets.push(set);
    }
}

/// Whether every history of a setting ends.
///
/// # Errors
/// [`Unbuildable`].
pub fn progress(setting: Setting) -> Result<Progress, Unbuildable> {
    let protocol = Protocol::new(setting)?;
    let begun = Instant::now();
    let graph = explore(&protocol);
    let (stuck, endless) = (graph.stuck(), graph.endless());
    let way = stuck.first().or(endless.first()).map(|id| graph.way(&protocol, *id));
    Ok(Progress {
        states: graph.edges.len(),
        transitions: graph.edges.iter().map(Vec::len).sum(),
        ends: graph.over.iter().filter(|over| **over).count(),
        stuck: stuck.len(),
        endless: endless.len(),
        way,
        took: begun.elapsed(),
    })
}
