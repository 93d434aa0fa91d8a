//! A key and its reference string on a backend: uploaded once, used by every proof.

use std::collections::HashMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::PrimeField;

use crate::algebra::Source;
use crate::backend::Backend;
use crate::circuit::Derived;
use crate::error::KeyError;
use crate::key::ProvingKey;
use crate::pack::{Basis, Strides};
use crate::srs::Srs;

/// Columns by coset.
type Kept<C> = HashMap<(usize, Source), Arc<C>>;

/// What stays on a backend between proofs.
pub(crate) struct Resident<B: Backend> {
    pub(crate) domain: B::Domain,
    pub(crate) basis: Basis<B>,
    pub(crate) fixed: Vec<B::Column>,
    /// `ω^r`.
    pub(crate) points: B::Column,
    pub(crate) sigma: Vec<B::Map>,
    /// Maps of derived columns that are copies, by column.
    pub(crate) copies: Vec<(u32, B::Map)>,
    /// Columns of the key on cosets, by coset, once there is more than one proof and memory for them.
    pub(crate) cosets: Mutex<Kept<B::Column>>,
    /// Proofs that were begun.
    pub(crate) proofs: AtomicUsize,
}

/// The names of all cells: `ω^r` with the factor `δ^c` for each column `c`.
pub(crate) fn names<C>(powers: &C, columns: usize) -> Vec<(&C, Fr)> {
    std::iter::successors(Some(Fr::one()), |d| Some(d * Fr::DELTA)).take(columns).map(|d| (powers, d)).collect()
}

impl<B: Backend> Resident<B> {
    pub(crate) fn new(backend: &B, key: &ProvingKey, srs: &Srs) -> Result<Self, KeyError> {
        key.check_srs(srs)?;
        let rows = 1usize << key.layout.log_rows;
        let domain = backend.domain(key.layout.log_rows);
        let copies = key.circuit.derived.iter().filter_map(|d| match d {
            Derived::Copies { column, map, .. } => Some((*column, backend.map(map))),
            _ => None,
        });
        Ok(Self {
            basis: match key.layout.pack {
                1 => Basis::Plain {
                    lagrange: backend.points(srs.g_lagrange()),
                    powers: backend.points(srs.g()),
                    next_power: srs.next_power().ok_or(KeyError::SrsNextPower { k: srs.k() })?,
                },
                _ => Basis::Packed(Strides::new(backend, srs, &key.layout.choice())?),
            },
            fixed: key.layout.fixed.iter().map(|c| backend.integers(c, rows)).collect(),
            points: backend.powers(&domain, Fr::one()),
            sigma: key.sigma.iter().map(|map| backend.map(map)).collect(),
            copies: copies.collect(),
            cosets: Mutex::default(),
            proofs: AtomicUsize::new(0),
            domain,
        })
    }

    /// The map of a derived column.
    pub(crate) fn map(&self, column: u32) -> Option<&B::Map> {
        self.copies.iter().find(|(c, _)| *c == column).map(|(_, map)| map)
    }

    /// A column of the key on a coset, if it was kept.
    pub(crate) fn kept(&self, coset: usize, source: Source) -> Option<Arc<B::Column>> {
        self.cosets.lock().unwrap_or_else(PoisonError::into_inner).get(&(coset, source)).cloned()
    }

    /// Keeps a column of the key on a coset.
    pub(crate) fn keep(&self, coset: usize, source: Source, column: &Arc<B::Column>) {
        self.cosets.lock().unwrap_or_else(PoisonError::into_inner).insert((coset, source), column.clone());
    }

    /// A column of the key in the row domain.
    pub(crate) fn column(&self, source: Source) -> Option<&B::Column> {
        match source {
            Source::Fixed(c) => self.fixed.get(c as usize),
            Source::Point => Some(&self.points),
            _ => None,
        }
    }
}
