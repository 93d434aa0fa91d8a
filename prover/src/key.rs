//! The proving key: graph, layout and verifying key, with what follows from them.
//!
//! ```text
//! encoding = magic (8) ‖ version (4) ‖ postcard(graph, visibility, choice, digest of the reference string, verifying key)
//! ```
//!
//! Fixed columns and permutation follow from the graph and the choice of the layout. In memory a weight is a small integer
//! twice, in the graph and in its column, and a cell of a permuted column four bytes: nothing is a field element.

use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use serde::{Deserialize, Serialize};
use sworn_circuits::graph::{self, Node, NodeId, Op, QuantGraph};
use sworn_circuits::layout::packing::PublicNode;
use sworn_circuits::layout::{Choice, Layout, Visibility};
use sworn_circuits::memory::Budget;
use sworn_verifier::sets::{Commitment, Member, Polynomial, Set};
use sworn_verifier::shape::Shape;
use sworn_verifier::{About, Features, Form, InputScale, KeyParts, Packing, PublicTensor, Role, VerifyingKey};

use crate::backend::Backend;
use crate::circuit::{constraint_system, Circuit};
use crate::cpu::Cpu;
use crate::error::{KeyError, ProveError};
use crate::halo2::convert::{to_g1, to_g2};
use crate::halo2::describe;
use crate::memory::{check_proof, permutation_bytes};
use crate::pack::Strides;
use crate::permutation::sigma;
use crate::resident::names;
use crate::srs::Srs;

/// Marks a proving key.
const MAGIC: &[u8; 8] = b"SWORNPK\0";
/// Version of the encoding.
const VERSION: u32 = 6;

/// What proving needs to know of a model and its setup.
#[derive(Debug)]
pub struct ProvingKey {
    pub(crate) graph: QuantGraph,
    pub(crate) visibility: Visibility,
    pub(crate) layout: Layout,
    pub(crate) circuit: Circuit,
    /// The next cell of each cell's cycle, by permuted column.
    pub(crate) sigma: Vec<Vec<u32>>,
    /// Of all powers of the reference string: the verifying key has its point of G2 alone.
    srs_digest: [u8; 32],
    verifying: VerifyingKey,
}

/// What an encoding has behind the graph.
#[derive(Serialize, Deserialize)]
struct Rest {
    visibility: Visibility,
    choice: Choice,
    srs_digest: [u8; 32],
    verifying: Vec<u8>,
}

/// What a key says of a graph: its bits and its scales. Where it comes from and how far it is off is for whoever made it to add.
pub fn about(model: &str, graph: &QuantGraph) -> About {
    let input = |id: &NodeId| {
        let node = graph.node(*id);
        InputScale { name: node.name.clone(), scales: features(node).map_or_else(|| vec![node.scale], |features| features.scales) }
    };
    let input_scales = graph.inputs.iter().map(input).collect();
    About { model: model.into(), source: [0; 32], bits: graph.bits, input_scales, samples: 0, report: [0; 32], relative_error: 0.0 }
}

/// Whether what a key says of its graph is so.
fn is_about(about: &About, graph: &QuantGraph) -> bool {
    let actual = self::about(&about.model, graph);
    (about.bits, &about.input_scales) == (actual.bits, &actual.input_scales)
}

/// Makes the keys of a graph and its layout.
///
/// # Errors
/// A reference string that was not checked, of another size or without the power that blinds the quotient, a circuit that halo2
/// refuses, or words about another graph.
pub fn setup(graph: QuantGraph, visibility: Visibility, layout: Layout, about: About, srs: &Srs) -> Result<ProvingKey, KeyError> {
    require_checked(srs)?;
    check_size(srs, &layout)?;
    if !is_about(&about, &graph) {
        return Err(KeyError::Mismatch);
    }
    let (meta, derivations) = constraint_system(&layout);
    let circuit = Circuit::new(&layout, &meta, &derivations)?;
    Budget::SYSTEM.require(permutation_bytes(&layout), "the permutation of the model's cells")?;
    let sigma = sigma(&layout, &circuit.permuted)?;
    let constraints = describe(&meta)?;
    let shape = Shape::new(&constraints, layout.pack, &circuit.closed);
    let (fixed_commitments, permutation_commitments) = match shape.is_packed() {
        true => (packed_commitments(&Cpu, &layout, &sigma, &shape, srs)?, Vec::new()),
        false => commitments(&Cpu, &layout, &sigma, srs),
    };
    let verifying = VerifyingKey::new(&KeyParts {
        log_rows: layout.log_rows,
        pack: layout.pack as u32,
        constraints,
        closed: circuit.closed,
        fixed_commitments: fixed_commitments.iter().map(to_g1).collect(),
        permutation_commitments: permutation_commitments.iter().map(to_g1).collect(),
        g2: to_g2(&srs.g2()),
        s_g2: to_g2(&srs.s_g2()),
        graph_digest: graph_digest(&graph),
        about,
        tensors: public_tensors(&graph, visibility),
    })?;
    Ok(ProvingKey { graph, visibility, layout, circuit, sigma, srs_digest: srs.digest(), verifying })
}

/// Commitments of fixed columns, as the small integers they are, and of the permutation.
fn commitments<B: Backend>(backend: &B, layout: &Layout, sigma: &[Vec<u32>], srs: &Srs) -> (Vec<G1Affine>, Vec<G1Affine>) {
    let rows = 1usize << layout.log_rows;
    let points = backend.points(srs.g_lagrange());
    let fixed: Vec<B::Column> = layout.fixed.iter().map(|c| backend.integers(c, rows)).collect();
    let fixed = backend.commit(&points, &fixed.iter().collect::<Vec<_>>());
    let domain = backend.domain(layout.log_rows);
    let powers = backend.powers(&domain, Fr::one());
    let sources = names(&powers, sigma.len());
    // One column at a time: each is n field elements.
    let permutation = sigma.iter().flat_map(|map| backend.commit(&points, &[&backend.gather(&sources, &backend.map(map))])).collect();
    (fixed, permutation)
}

/// Commitments of packs of fixed columns and the permutation.
fn packed_commitments<B: Backend>(
    backend: &B,
    layout: &Layout,
    sigma: &[Vec<u32>],
    shape: &Shape,
    srs: &Srs,
) -> Result<Vec<G1Affine>, KeyError> {
    let rows = 1usize << layout.log_rows;
    let domain = backend.domain(layout.log_rows);
    let powers = backend.powers(&domain, Fr::one());
    let sources = names(&powers, sigma.len());
    let strides = Strides::new(backend, srs, &layout.choice())?;
    let column = |member: &Member| match member.polynomial {
        Polynomial::Fixed(c) => Some(backend.integers(&layout.fixed[c], rows)),
        Polynomial::Sigma(c) => Some(backend.gather(&sources, &backend.map(&sigma[c]))),
        _ => None,
    };
    let of_key = shape.sets.iter().filter(|set| matches!(set.commitments.first(), Some(Commitment::Fixed(_))));
    // One pack at a time: its columns of field elements have 32 bytes a row.
    let commit = |set: &Set| {
        let columns: Vec<B::Column> = set.members.iter().filter_map(column).collect();
        strides.commit(backend, &domain, &[columns.iter().collect()])
    };
    Ok(of_key.flat_map(commit).collect())
}

/// The reference string was checked.
fn require_checked(srs: &Srs) -> Result<(), KeyError> {
    match srs.is_checked() {
        true => Ok(()),
        false => Err(KeyError::SrsUnchecked),
    }
}

/// The reference string has the layout's size, and where the limbs are blinded by it one power more.
fn check_size(srs: &Srs, layout: &Layout) -> Result<(), KeyError> {
    let expected = layout.choice().log_powers();
    if srs.k() != expected {
        return Err(KeyError::SrsSize { expected, actual: srs.k() });
    }
    if layout.pack > 1 {
        return Ok(());
    }
    srs.next_power().map(drop).ok_or(KeyError::SrsNextPower { k: srs.k() })
}

/// Digest of a quantised model.
fn graph_digest(graph: &QuantGraph) -> [u8; 32] {
    *blake3::hash(&graph.to_bytes()).as_bytes()
}

fn public_tensors(graph: &QuantGraph, visibility: Visibility) -> Vec<PublicTensor> {
    let inputs = if visibility.input { graph.inputs.len() } else { 0 };
    let tensor = |(index, public): (usize, &PublicNode)| {
        let node = graph.node(public.node);
        let output = index.checked_sub(inputs).and_then(|index| graph.outputs.get(index));
        PublicTensor {
            name: output.map_or(&node.name, |output| &output.name).clone(),
            role: if output.is_none() { Role::Input } else { Role::Output },
            form: public.packing.map_or(Form::Plain, |p| Form::Packed(Packing { low: p.low, width: p.width })),
            shape: node.shape.clone(),
            scale: node.scale,
            features: features(node),
        }
    };
    visibility.tensors(graph).iter().enumerate().map(tensor).collect()
}

/// What the integers of an input with features stand for.
fn features(node: &Node) -> Option<Features> {
    match &node.op {
        Op::Features(graph::Features { run, scales, offsets }) => {
            Some(Features { run: *run, scales: scales.clone(), offsets: offsets.clone() })
        }
        _ => None,
    }
}

impl ProvingKey {
    /// The verifying key.
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.verifying
    }

    /// The quantised model.
    pub fn graph(&self) -> &QuantGraph {
        &self.graph
    }

    /// Whether it was made with this reference string: all its powers, and the point that the verifying key has of it.
    pub(crate) fn check_srs(&self, srs: &Srs) -> Result<(), KeyError> {
        is_of(srs, &self.srs_digest, &self.verifying)
    }

    /// The layout.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Which tensors are public.
    pub fn visibility(&self) -> Visibility {
        self.visibility
    }

    /// The encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        let rest = Rest {
            visibility: self.visibility,
            choice: self.layout.choice(),
            srs_digest: self.srs_digest,
            verifying: self.verifying.to_bytes(),
        };
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend(self.graph.to_bytes());
        // Writing to a vector cannot fail, and every field has a length.
        out.extend(postcard::to_stdvec(&rest).unwrap_or_default());
        out
    }

    /// Decodes a key.
    ///
    /// # Errors
    /// Bytes that are no key, a key whose parts do not belong together, or another reference string or one that was not checked.
    pub fn from_bytes(bytes: &[u8], srs: &Srs) -> Result<Self, KeyError> {
        DecodedKey::new(bytes)?.open(srs)
    }
}

/// A proving key that is decoded and checked, but not yet with its reference string.
pub struct DecodedKey {
    graph: QuantGraph,
    visibility: Visibility,
    layout: Layout,
    circuit: Circuit,
    srs_digest: [u8; 32],
    verifying: VerifyingKey,
}

impl DecodedKey {
    /// Decodes a key.
    ///
    /// # Errors
    /// As [`DecodedKey::within`].
    pub fn new(bytes: &[u8]) -> Result<Self, KeyError> {
        Self::within(bytes, Budget::SYSTEM)
    }

    /// Decodes a key in no more memory than this.
    ///
    /// # Errors
    /// Bytes that are no proving key, a key whose parts do not belong together, or one that takes more memory.
    pub fn within(bytes: &[u8], budget: Budget) -> Result<Self, KeyError> {
        let (graph, Rest { visibility, choice, srs_digest, verifying }) = decode(bytes, budget)?;
        let verifying = VerifyingKey::from_bytes(&verifying)?;
        let layout = Layout::restore_within(&graph, visibility, choice, budget)?;
        let (meta, derivations) = constraint_system(&layout);
        let same = describe(&meta)? == verifying.constraints
            && layout.log_rows == verifying.log_rows
            && u32::try_from(layout.pack) == Ok(verifying.pack)
            && graph_digest(&graph) == verifying.graph_digest
            && is_about(&verifying.about, &graph)
            && public_tensors(&graph, visibility) == verifying.tensors;
        if !same {
            return Err(KeyError::Mismatch);
        }
        let circuit = Circuit::new(&layout, &meta, &derivations)?;
        if circuit.closed != verifying.closed {
            return Err(KeyError::Mismatch);
        }
        Ok(Self { graph, visibility, layout, circuit, srs_digest, verifying })
    }

    /// The choice of its layout, which tells what its reference string needs.
    pub fn choice(&self) -> Choice {
        self.layout.choice()
    }

    /// The quantised model.
    pub fn graph(&self) -> &QuantGraph {
        &self.graph
    }

    /// The layout.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// That a proof with it fits, to ask before its reference string is loaded.
    ///
    /// # Errors
    /// It takes more memory.
    pub fn check_memory(&self, budget: Budget) -> Result<(), ProveError> {
        check_proof(&self.layout, &self.circuit, budget)
    }

    /// The key.
    ///
    /// # Errors
    /// A key whose parts do not belong together, or another reference string or one that was not checked.
    pub fn open(self, srs: &Srs) -> Result<ProvingKey, KeyError> {
        let Self { graph, visibility, layout, circuit, srs_digest, verifying } = self;
        check_size(srs, &layout)?;
        is_of(srs, &srs_digest, &verifying)?;
        Budget::SYSTEM.require(permutation_bytes(&layout), "the permutation of the model's cells")?;
        let sigma = sigma(&layout, &circuit.permuted)?;
        Ok(ProvingKey { graph, visibility, layout, circuit, sigma, srs_digest, verifying })
    }
}

/// The digest is whatever a file of a proving key says; the point is what its proofs are checked with.
fn is_of(srs: &Srs, digest: &[u8; 32], verifying: &VerifyingKey) -> Result<(), KeyError> {
    require_checked(srs)?;
    match srs.digest() == *digest && to_g2(&srs.s_g2()) == verifying.s_g2 {
        true => Ok(()),
        false => Err(KeyError::SrsMismatch),
    }
}

fn decode(bytes: &[u8], budget: Budget) -> Result<(QuantGraph, Rest), KeyError> {
    let rest = bytes.strip_prefix(MAGIC.as_slice()).and_then(|rest| rest.strip_prefix(&VERSION.to_le_bytes())).ok_or(KeyError::Encoding)?;
    let (graph, rest) = QuantGraph::take_from_bytes(rest, budget)?;
    match postcard::take_from_bytes::<Rest>(rest) {
        Ok((rest, [])) if rest.choice.is_sized() => Ok((graph, rest)),
        _ => Err(KeyError::Encoding),
    }
}
