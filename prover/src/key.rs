//! The proving key: graph, layout and verifying key; halo2's key is made from them.
//!
//! ```text
//! encoding = magic (8) ‖ version (4) ‖ postcard(graph, visibility, choice, verifying key)
//! ```
//!
//! About as many bytes as the weights: fixed columns and permutation follow from the graph and the choice of the layout.

use halo2_proofs::halo2curves::bn256::{Bn256, G1Affine};
use halo2_proofs::plonk::{self, keygen_pk, keygen_vk, permutation};
use halo2_proofs::poly::kzg::commitment::ParamsKZG;
use halo2_proofs::poly::EvaluationDomain;
use serde::{Deserialize, Serialize};
use sworn_circuits::circuit::{configure, SwornCircuit};
use sworn_circuits::graph::{NodeId, Op, QuantGraph};
use sworn_circuits::layout::{Choice, Layout, Visibility};
use sworn_verifier::{ConstraintSystem, PublicTensor, Role, VerifyingKey};

use crate::error::KeyError;
use crate::srs::Srs;

/// Marks a proving key.
const MAGIC: &[u8; 8] = b"SWORNPK\0";
/// Version of the encoding.
const VERSION: u32 = 1;

/// What proving needs to know of a model and its setup.
#[derive(Debug)]
pub struct ProvingKey {
    pub(crate) graph: QuantGraph,
    pub(crate) visibility: Visibility,
    pub(crate) layout: Layout,
    pub(crate) halo2: plonk::ProvingKey<G1Affine>,
    verifying: VerifyingKey,
}

#[derive(Serialize, Deserialize)]
struct Body<'a> {
    graph: std::borrow::Cow<'a, QuantGraph>,
    visibility: Visibility,
    choice: Choice,
    verifying: Vec<u8>,
}

/// Makes the keys of a graph and its layout.
///
/// # Errors
/// A reference string of another size, or a circuit that halo2 refuses.
pub fn setup(graph: QuantGraph, visibility: Visibility, layout: Layout, srs: &Srs) -> Result<ProvingKey, KeyError> {
    let params = params(srs, &layout)?;
    let circuit = SwornCircuit { layout: &layout, witness: None };
    let halo2_vk = keygen_vk(params, &circuit).map_err(KeyError::Halo2)?;
    let verifying = VerifyingKey {
        log_rows: layout.log_rows,
        constraints: ConstraintSystem::describe(halo2_vk.cs())?,
        fixed_commitments: halo2_vk.fixed_commitments().clone(),
        permutation_commitments: halo2_vk.permutation().commitments().clone(),
        g2: srs.g2(),
        s_g2: srs.s_g2(),
        srs_digest: srs.digest(),
        graph_digest: graph_digest(&graph),
        tensors: public_tensors(&graph, visibility),
    };
    let halo2 = keygen_pk(params, halo2_vk, &circuit).map_err(KeyError::Halo2)?;
    Ok(ProvingKey { graph, visibility, layout, halo2, verifying })
}

/// The powers of a reference string that has the layout's size.
fn params<'s>(srs: &'s Srs, layout: &Layout) -> Result<&'s ParamsKZG<Bn256>, KeyError> {
    if srs.k() != layout.log_rows {
        return Err(KeyError::SrsSize { expected: layout.log_rows, actual: srs.k() });
    }
    Ok(srs.params())
}

/// Digest of a quantised model.
fn graph_digest(graph: &QuantGraph) -> [u8; 32] {
    // Writing to a vector cannot fail, and every field has a length.
    *blake3::hash(&postcard::to_stdvec(graph).unwrap_or_default()).as_bytes()
}

fn public_tensors(graph: &QuantGraph, visibility: Visibility) -> Vec<PublicTensor> {
    let tensor = |id: NodeId, role: Role| {
        let node = graph.node(id);
        PublicTensor { name: node.name.clone(), role, shape: node.shape.clone(), scale: node.scale }
    };
    let inputs = if visibility.input { graph.inputs.as_slice() } else { &[] };
    inputs.iter().map(|&id| tensor(id, Role::Input)).chain(graph.outputs.iter().map(|&id| tensor(id, Role::Output))).collect()
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

    /// The layout.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Which tensors are public.
    pub fn visibility(&self) -> Visibility {
        self.visibility
    }

    /// halo2's proving key, for tests against its own prover.
    pub fn halo2(&self) -> &plonk::ProvingKey<G1Affine> {
        &self.halo2
    }

    /// The encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        let body = Body {
            graph: std::borrow::Cow::Borrowed(&self.graph),
            visibility: self.visibility,
            choice: self.layout.choice(),
            verifying: self.verifying.to_bytes(),
        };
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&VERSION.to_le_bytes());
        // Writing to a vector cannot fail, and every field has a length.
        out.extend(postcard::to_stdvec(&body).unwrap_or_default());
        out
    }

    /// log₂ of the powers that a key's reference string has, from its encoding.
    ///
    /// # Errors
    /// Bytes that are no proving key.
    pub fn required_k(bytes: &[u8]) -> Result<u32, KeyError> {
        Ok(decode(bytes)?.choice.log_rows)
    }

    /// Decodes a key and makes halo2's from it.
    ///
    /// # Errors
    /// Bytes that are no key, a key whose parts do not belong together, or another reference string.
    pub fn from_bytes(bytes: &[u8], srs: &Srs) -> Result<Self, KeyError> {
        let body = decode(bytes)?;
        let verifying = VerifyingKey::from_bytes(&body.verifying)?;
        let graph = body.graph.into_owned();
        check_serialised(&graph)?;
        let layout = Layout::restore(&graph, body.visibility, body.choice)?;
        let params = params(srs, &layout)?;
        if srs.digest() != verifying.srs_digest {
            return Err(KeyError::SrsMismatch);
        }
        let mut meta = plonk::ConstraintSystem::default();
        configure(&mut meta, &layout.shape);
        let same = ConstraintSystem::describe(&meta)? == verifying.constraints
            && layout.log_rows == verifying.log_rows
            && graph_digest(&graph) == verifying.graph_digest
            && public_tensors(&graph, body.visibility) == verifying.tensors;
        if !same {
            return Err(KeyError::Mismatch);
        }
        let domain = EvaluationDomain::new(meta.degree() as u32, layout.log_rows);
        let sigma = permutation::VerifyingKey::from_commitments(verifying.permutation_commitments.clone());
        let halo2_vk = plonk::VerifyingKey::from_parts(domain, verifying.fixed_commitments.clone(), sigma, meta, vec![], false);
        let circuit = SwornCircuit { layout: &layout, witness: None };
        let halo2 = keygen_pk(params, halo2_vk, &circuit).map_err(KeyError::Halo2)?;
        Ok(Self { graph, visibility: body.visibility, layout, halo2, verifying })
    }
}

fn decode(bytes: &[u8]) -> Result<Body<'_>, KeyError> {
    let rest = bytes.strip_prefix(MAGIC.as_slice()).and_then(|rest| rest.strip_prefix(&VERSION.to_le_bytes())).ok_or(KeyError::Encoding)?;
    postcard::from_bytes(rest).map_err(|_| KeyError::Encoding)
}

/// Scales of a decoded graph: the rest is checked by the layout.
fn check_serialised(graph: &QuantGraph) -> Result<(), KeyError> {
    let inputs = graph.inputs.iter().all(|id| graph.nodes.get(id.0).is_some_and(|n| n.op == Op::Input));
    if inputs && graph.nodes.iter().all(|n| n.scale.is_finite() && n.scale > 0.0) {
        Ok(())
    } else {
        Err(KeyError::Encoding)
    }
}
