//! The adapter that plays a layout and a witness into halo2's `Circuit`.

use halo2_proofs::circuit::{Cell as HaloCell, Layouter, SimpleFloorPlanner, Value};
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::{Advice, Any, Challenge, Circuit, Column, ConstraintSystem, Error, Fixed, Instance};

use crate::column::IntColumn;
use crate::derivation::Derivation;
use crate::field::embed;
use crate::gates::{Challenges, Gates};
use crate::layout::Layout;
use crate::number::index;
use crate::shape::{Cell, Place, Shape, DEGREE};
use crate::witness::Witness;

/// A layout, with a witness or without.
#[derive(Clone, Copy, Debug)]
pub struct SwornCircuit<'a> {
    /// The layout.
    pub layout: &'a Layout,
    /// The witness; none for keys.
    pub witness: Option<&'a Witness>,
}

/// The columns of a configured circuit.
#[derive(Clone, Debug)]
pub struct Config {
    advice: Vec<Column<Advice>>,
    fixed: Vec<Column<Fixed>>,
    instance: Column<Instance>,
    challenges: Challenges<Challenge>,
    num_first_phase: usize,
    derivations: Vec<Derivation>,
}

/// Creates the columns, challenges and gates of a shape.
pub fn configure(meta: &mut ConstraintSystem<Fr>, shape: &Shape) -> Config {
    let gates = Gates::new(meta, shape);
    let instance = meta.instance_column();
    let columns = &gates.columns;
    columns.units.configure(meta, &gates);
    columns.operands.iter().for_each(|operands| operands.configure(meta, &gates));
    columns.gather.iter().for_each(|gather| gather.configure(meta, &gates));
    columns.roots.iter().for_each(|roots| roots.configure(meta, &gates));
    let mut derivations = columns.units.configure_evaluations(meta, &gates);
    derivations.extend(columns.gather.iter().flat_map(|gather| gather.configure_evaluations(meta, &gates)));
    derivations.extend(columns.weights.configure(meta, &gates));
    derivations.extend(columns.lookups.configure(meta, &gates));
    for place in &shape.copied {
        match *place {
            Place::Advice(column) => meta.enable_equality(gates.advice[usize::from(column)]),
            Place::Fixed(column) => meta.enable_equality(gates.fixed[usize::from(column)]),
            Place::Instance => meta.enable_equality(instance),
        }
    }
    meta.set_minimum_degree(DEGREE);
    let num_first_phase = columns.num_first_phase;
    Config { num_first_phase, challenges: gates.challenges, advice: gates.advice, fixed: gates.fixed, instance, derivations }
}

impl Config {
    /// How the columns of the second phase are derived, in order.
    pub fn derivations(&self) -> &[Derivation] {
        &self.derivations
    }

    fn column(&self, place: Place) -> Column<Any> {
        match place {
            Place::Advice(column) => self.advice[usize::from(column)].into(),
            Place::Fixed(column) => self.fixed[usize::from(column)].into(),
            Place::Instance => self.instance.into(),
        }
    }

    fn cell(&self, cell: Cell) -> HaloCell {
        HaloCell { row_offset: index(cell.row), column: self.column(cell.place) }
    }
}

impl Circuit<Fr> for SwornCircuit<'_> {
    type Config = Config;
    type FloorPlanner = SimpleFloorPlanner;
    type Params = Shape;

    fn params(&self) -> Shape {
        self.layout.shape.clone()
    }

    fn without_witnesses(&self) -> Self {
        Self { layout: self.layout, witness: None }
    }

    fn configure_with_params(meta: &mut ConstraintSystem<Fr>, shape: Shape) -> Config {
        configure(meta, &shape)
    }

    fn configure(meta: &mut ConstraintSystem<Fr>) -> Config {
        configure(meta, &Shape::default())
    }

    fn synthesize(&self, config: Config, mut layouter: impl Layouter<Fr>) -> Result<(), Error> {
        let challenges = Challenges {
            channel: layouter.get_challenge(config.challenges.channel),
            position: layouter.get_challenge(config.challenges.position),
            theta: layouter.get_challenge(config.challenges.theta),
            lambda: layouter.get_challenge(config.challenges.lambda),
        };
        let known = known(challenges);
        layouter.assign_region(
            || "layout",
            |mut region| {
                if known.is_none() {
                    for (column, values) in config.fixed.iter().zip(&self.layout.fixed) {
                        for row in 0..values.len() {
                            region.assign_fixed(*column, row, embed(values.get(row)));
                        }
                    }
                    for (from, to) in &self.layout.copies {
                        region.constrain_equal(config.cell(*from), config.cell(*to));
                    }
                }
                let Some(witness) = self.witness else { return Ok(()) };
                match known {
                    None => assign_first(&mut region, &config, &witness.first),
                    Some(challenges) => {
                        let columns = witness.second_phase(self.layout, challenges);
                        for (column, values) in config.advice[config.num_first_phase..].iter().zip(columns) {
                            for (row, value) in values.into_iter().enumerate() {
                                region.assign_advice(*column, row, Value::known(value));
                            }
                        }
                    }
                }
                Ok(())
            },
        )
    }
}

fn assign_first(region: &mut halo2_proofs::circuit::Region<'_, Fr>, config: &Config, columns: &[IntColumn]) {
    for (column, values) in config.advice.iter().zip(columns) {
        for row in 0..values.len() {
            region.assign_advice(*column, row, Value::known(embed(values.get(row))));
        }
    }
}

/// The challenges, once they can be known.
fn known(challenges: Challenges<Value<Fr>>) -> Option<Challenges<Fr>> {
    let mut out = None;
    let pairs = challenges.channel.zip(challenges.position).zip(challenges.theta.zip(challenges.lambda));
    pairs.map(|((channel, position), (theta, lambda))| out = Some(Challenges { channel, position, theta, lambda }));
    out
}
