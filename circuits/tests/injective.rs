//! What `groups/weights` needs of the layout: the polynomials that an identity compares have a monomial for each of their values.
//!
//! Of random graphs, in random lanes: every accumulator of a layer enters exactly one identity of it, and every value of a tensor
//! each evaluation that reads it, with a power of the challenges that no other has. Were two to share one, a liar could move a
//! difference from the one to the other.
#![expect(clippy::unwrap_used, reason = "tests")]

mod build;

use std::collections::{BTreeSet, HashMap};

use build::satisfied::Assignment;
use build::{lie, Build};
use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::PrimeField;
use sworn_circuits::error::{GraphError, LayoutError, WitnessError};
use sworn_circuits::graph::{NodeId, Op, QuantGraph};
use sworn_circuits::layout::{Choice, Layout, Visibility};
use sworn_circuits::shape::{Cell, Place};
use sworn_circuits::witness::Witness;

/// Random graphs that are looked at.
const GRAPHS: usize = 12;
const VISIBILITY: Visibility = Visibility { input: false, pack_public: false };

/// A graph in lanes that follow from the seed, with a witness.
struct Case {
    seed: u64,
    graph: QuantGraph,
    layout: Layout,
    witness: Witness,
}

impl Case {
    /// None if the random graph is refused, or none of its inputs stays in range.
    fn new(seed: u64) -> Option<Self> {
        let (graph, mut inputs) = Build::any_graph(4 + (seed % 3) as u32, seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let chosen = match Layout::new(&graph, VISIBILITY) {
            Err(LayoutError::Graph(GraphError::Malformed { .. })) => return None,
            layout => layout.unwrap(),
        };
        let (lanes, weight_lanes) = (1 + seed as usize % 6, 1 + seed as usize / 6 % 5);
        let given = |log_rows| Layout::restore(&graph, VISIBILITY, Choice { log_rows, lanes, weight_lanes, limbs: 1, pack: 1 }).ok();
        let layout = (4..=12).find_map(given).filter(|_| seed.is_multiple_of(2)).unwrap_or(chosen);
        for _ in 0..8 {
            match Witness::new(&graph, &layout, &inputs) {
                Ok(witness) => return Some(Self { seed, graph, layout, witness }),
                Err(WitnessError::Graph(GraphError::OutOfRange { .. })) => inputs.iter_mut().flatten().for_each(|v| *v /= 2),
                Err(error) => panic!("{error}"),
            }
        }
        None
    }

    fn advice(&self, column: usize) -> Place {
        Place::Advice(u16::try_from(column).unwrap())
    }
}

/// Differences that a cell makes, and the place whose change of 1 made each.
#[derive(Default)]
struct Monomials(HashMap<[u8; 32], (usize, usize)>);

impl Monomials {
    fn insert(&mut self, seed: u64, difference: Fr, at: (usize, usize)) {
        let other = self.0.insert(difference.to_repr(), at);
        assert_eq!(other, None, "seed {seed}: {at:?} has the monomial of another");
    }
}

/// Accumulators of every layer, wanted or not; answers their number.
fn accumulators(case: &Case, honest: &Assignment<'_>) -> usize {
    let Case { layout, witness, .. } = case;
    let a = layout.shape.columns();
    let (dot, mut changed, mut count) = (case.advice(a.weights.dot), honest.clone(), 0);
    let is_layer = |op: &Op| matches!(op, Op::Linear(_) | Op::Reduce(_));
    for node in (0..case.graph.nodes.len()).filter(|&i| is_layer(&case.graph.nodes[i].op)) {
        let rows = layout.unit_rows(NodeId(node)).unwrap();
        let is_result = |(from, to): &&(Cell, Cell)| to.place == dot && rows.contains(&(from.row as usize));
        let results: Vec<Cell> = layout.copies.iter().filter(is_result).map(|(from, _)| *from).collect();
        let mut monomials: Vec<Monomials> = results.iter().map(|_| Monomials::default()).collect();
        for (row, lane) in rows.clone().flat_map(|row| (0..layout.shape.lanes).map(move |lane| (row, lane))) {
            changed.assign(&lie::with(witness, a.units.r[lane], row, 1));
            let differences = results.iter().map(|&cell| changed.value(cell) - honest.value(cell)).enumerate();
            let hits: Vec<(usize, Fr)> = differences.filter(|(_, difference)| *difference != Fr::ZERO).collect();
            assert_eq!(hits.len(), 1, "seed {} node {node} row {row} lane {lane}: identities with this accumulator", case.seed);
            hits.into_iter().for_each(|(index, difference)| monomials[index].insert(case.seed, difference, (row, lane)));
            count += 1;
        }
    }
    count
}

/// Values in every evaluation that is a factor of a layer; answers their number.
fn values(case: &Case, honest: &Assignment<'_>) -> usize {
    let Case { layout, witness, .. } = case;
    let a = layout.shape.columns();
    let factor = case.advice(a.weights.factor);
    let is_evaluation = |cell: &Cell| matches!(cell.place, Place::Advice(column) if usize::from(column) >= a.num_first_phase);
    let factors = layout.copies.iter().filter(|(_, to)| to.place == factor).map(|(from, _)| *from);
    let evaluations: BTreeSet<Cell> = factors.filter(is_evaluation).collect();
    let (mut changed, mut count) = (honest.clone(), 0);
    let mut monomials: HashMap<Cell, Monomials> = HashMap::new();
    for &column in a.units.u.iter().chain(&a.units.f).chain(a.gather.iter().flat_map(|g| g.values.iter().chain([&g.max]))) {
        let fixed = layout.fixed[layout.shape.columns().units.keep].len();
        for row in 0..witness.first[column].len().max(fixed).min(layout.usable_rows()) {
            changed.assign(&lie::with(witness, column, row, 1));
            for &cell in &evaluations {
                let difference = changed.value(cell) - honest.value(cell);
                // A sum has 1 everywhere, and so has the last slot.
                if difference != Fr::ZERO && difference != Fr::ONE {
                    monomials.entry(cell).or_default().insert(case.seed, difference, (column, row));
                    count += 1;
                }
            }
        }
    }
    count
}

#[test]
fn no_two_values_share_a_monomial() {
    let (mut accumulated, mut evaluated) = (0, 0);
    for case in (5000..).filter_map(Case::new).take(GRAPHS) {
        let honest = Assignment::new(&case.layout, &case.witness);
        assert!(honest.holds(), "seed {}", case.seed);
        accumulated += accumulators(&case, &honest);
        evaluated += values(&case, &honest);
    }
    assert!(accumulated > 1000 && evaluated > 150, "{accumulated} accumulators and {evaluated} values were looked at");
}
