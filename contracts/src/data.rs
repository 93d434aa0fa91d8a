//! The data contracts: a verifying key as the contract reads it.
//!
//! ```text
//! code       00 ‖ data                                    STOP first: the contract can do nothing
//! data       header ‖ digest ‖ [s]G2 ‖ −G2 ‖ G ‖ hashes of the other data contracts
//!            ‖ schedule ‖ before ‖ after ‖ multiplications ‖ points ‖ constants
//! header     4 bytes a field, in the order of [`Field`]; addresses are of memory, where data is loaded to 0x400
//! schedule   bytes absorbed before each challenge, 4 bytes each
//! multiplications   action (1) ‖ source (1) ‖ slot (2) ‖ count (4) ‖ offset (4), of memory or calldata
//!            action 0 fold, 1 term, 2 add, 3 load data contract `offset` to the buffer
//!            source 0 memory, points ascending; 1 calldata, points descending
//! memory     data (its constants are the first slots) ‖ named slots ‖ temporaries ‖ work (12 words) ‖ buffer
//! ```
//!
//! A key whose points do not fit has them in further contracts of points only, in the order of their use.

use sha3::{Digest, Keccak256};
use sworn_verifier::field::encode;

use crate::error::ExportError;
use crate::key::Key;
use crate::program::Place;
use crate::protocol::{constant, Action, Multiplication, Point, Protocol};
use crate::slots::Squeezed;

/// Bytes of code that the EVM allows (EIP-170).
pub const MAX_CODE: usize = 24_576;
/// Bytes of data in a contract: its code begins with STOP.
const MAX_DATA: usize = MAX_CODE - 1;
/// Points in a further data contract.
const POINTS_IN_PART: usize = MAX_DATA / 64;
/// Marks the data.
const MAGIC: u32 = u32::from_be_bytes(*b"SWRN");
/// Version of the format.
const VERSION: u32 = 2;
/// Where the data is loaded to: behind what the compiler may keep in memory.
const MEMORY: usize = 0x400;
/// Bytes of a line of the list of multiplications.
const SEGMENT_BYTES: usize = 12;
/// Words behind the slots: the sum, two points and a scalar; the input of the pairing.
const WORK_WORDS: usize = 12;
/// First byte of the proof in calldata, without public values.
pub(crate) const PROOF_IN_CALLDATA: usize = 0xa4;
/// First byte behind the header.
const DIGEST: usize = Field::Count as usize * 4;
/// Hashes of the other data contracts.
const HASHES: usize = DIGEST + 32 + 256 + 64;
/// The generator of G1.
const GENERATOR: usize = DIGEST + 32 + 256;

/// Fields of the header, in order.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Field {
    Magic,
    Version,
    NumInstances,
    ProofLength,
    Slots,
    Schedule,
    NumChallenges,
    Challenges,
    Evaluations,
    EvaluationsInProof,
    NumEvaluations,
    Before,
    After,
    Multiplications,
    MultiplicationsEnd,
    Inverses,
    NumInverses,
    Lagrange,
    NumLagrange,
    InstanceLagrange,
    Point,
    Instance,
    Work,
    NumParts,
    /// Number of fields.
    Count,
}

/// One line of the list of multiplications.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment {
    pub(crate) action: u8,
    pub(crate) is_calldata: bool,
    pub(crate) slot: u16,
    pub(crate) count: usize,
    pub(crate) offset: usize,
}

/// Loads a data contract of points.
pub(crate) const LOAD: u8 = 3;

/// A key as data contracts.
#[derive(Debug)]
pub(crate) struct Data {
    /// The data of each contract, without the STOP.
    pub(crate) parts: Vec<Vec<u8>>,
    pub(crate) segments: Vec<Segment>,
    pub(crate) before: Vec<u8>,
    pub(crate) after: Vec<u8>,
    /// Bytes from the start of the data to the buffer.
    pub(crate) memory: usize,
}

/// The runtime code of a data contract.
pub(crate) fn code(data: &[u8]) -> Vec<u8> {
    [&[0], data].concat()
}

/// What deploys a data contract: `PUSH2 size, DUP1, PUSH1 10, PUSH0, CODECOPY, PUSH0, RETURN`.
pub(crate) fn init_code(data: &[u8]) -> Vec<u8> {
    let code = code(data);
    let [high, low] = (code.len() as u16).to_be_bytes();
    let mut out = vec![0x61, high, low, 0x80, 0x60, 0x0a, 0x5f, 0x39, 0x5f, 0xf3];
    out.extend(code);
    out
}

/// Addresses in memory of what the first data contract holds, and of what comes behind it.
#[derive(Clone, Copy, Debug, Default)]
struct Addresses {
    /// Number of further data contracts.
    parts: usize,
    schedule: usize,
    before: usize,
    after: usize,
    multiplications: usize,
    points: usize,
    slots: usize,
    work: usize,
    buffer: usize,
}

impl Addresses {
    fn new(protocol: &Protocol, parts: usize, lengths: [usize; 4]) -> Self {
        let inline = if parts == 0 { protocol.points.len() * 64 } else { 0 };
        let [schedule, before, after, multiplications] = lengths;
        let mut at = Self { parts, schedule: MEMORY + HASHES + 32 * parts, ..Self::default() };
        at.before = at.schedule + schedule;
        at.after = at.before + before;
        at.multiplications = at.after + after;
        at.points = at.multiplications + multiplications;
        at.slots = (at.points + inline).next_multiple_of(32);
        at.work = at.slots + 32 * num_slots(protocol);
        at.buffer = at.work + 32 * WORK_WORDS;
        at
    }

    /// The address of a place, in words.
    fn slot(&self, protocol: &Protocol, place: Place) -> u16 {
        let constants = protocol.constants.len();
        let index = match place {
            Place::Constant(i) => i,
            Place::Named(i) => constants + i,
            Place::Temporary(i) => constants + protocol.slots.end + i,
        };
        // `Data::new` refuses more.
        u16::try_from(self.slots / 32 + index).unwrap_or(u16::MAX)
    }
}

fn num_slots(protocol: &Protocol) -> usize {
    protocol.constants.len() + protocol.slots.end + protocol.temporaries
}

impl Data {
    pub(crate) fn new(key: &Key, protocol: &Protocol) -> Result<Self, ExportError> {
        let schedule: Vec<u8> = protocol.bytes.absorbed.iter().flat_map(|n| (*n as u32).to_be_bytes()).collect();
        // Lengths do not depend on addresses.
        let nowhere = |_: Place| 0;
        let lengths = |count: usize| {
            [schedule.len(), protocol.before.encode(&nowhere).len(), protocol.after.encode(&nowhere).len(), SEGMENT_BYTES * count]
        };
        let layout = |parts: usize| {
            let count = segments(protocol, &Addresses { parts, ..Addresses::default() }, key.num_instances()).len();
            let at = Addresses::new(protocol, parts, lengths(count));
            (at, at.slots - MEMORY + 32 * protocol.constants.len())
        };
        // With its points in the same contract, if they fit.
        let (mut at, mut size) = layout(0);
        if size > MAX_DATA {
            (at, size) = layout(protocol.points.len().div_ceil(POINTS_IN_PART));
        }
        if size > MAX_DATA {
            return Err(ExportError::TooLarge { actual: size, limit: MAX_DATA });
        }
        if at.work / 32 > usize::from(u16::MAX) {
            return Err(ExportError::TooLarge { actual: at.work, limit: 32 * usize::from(u16::MAX) });
        }
        let slot = |place: Place| at.slot(protocol, place);
        let (before, after) = (protocol.before.encode(&slot), protocol.after.encode(&slot));
        let segments = segments(protocol, &at, key.num_instances());

        let mut parts = vec![Vec::new()];
        if at.parts > 0 {
            parts.extend(protocol.points.chunks(POINTS_IN_PART).map(|points| points.concat()));
        }
        let mut main: Vec<u8> = header(key, protocol, &at).iter().flat_map(|(_, value)| (*value as u32).to_be_bytes()).collect();
        main.extend(key.digest);
        main.extend(key.s_g2);
        main.extend(key.minus_g2);
        main.extend([[0; 31].as_slice(), &[1], &[0; 31], &[2]].concat());
        parts[1..].iter().for_each(|part| main.extend(Keccak256::digest(code(part))));
        main.extend(&schedule);
        main.extend(&before);
        main.extend(&after);
        segments.iter().for_each(|segment| segment.encode(&mut main));
        if at.parts == 0 {
            main.extend(protocol.points.concat());
        }
        main.resize(at.slots - MEMORY, 0);
        debug_assert_eq!((constant::OMEGA, constant::OMEGA_FIRST), (2, 3));
        protocol.constants.iter().for_each(|c| main.extend(encode(c)));
        parts[0] = main;
        Ok(Self { parts, segments, before, after, memory: at.buffer })
    }

    /// Code hash of the first data contract.
    pub(crate) fn hash(&self) -> [u8; 32] {
        Keccak256::digest(code(&self.parts[0])).into()
    }
}

fn header(key: &Key, protocol: &Protocol, at: &Addresses) -> [(Field, usize); Field::Count as usize] {
    let names = &protocol.slots;
    let named = |index: usize| 32 * usize::from(at.slot(protocol, Place::Named(index)));
    [
        (Field::Magic, MAGIC as usize),
        (Field::Version, VERSION as usize),
        (Field::NumInstances, key.num_instances()),
        (Field::ProofLength, protocol.bytes.length),
        (Field::Slots, at.slots),
        (Field::Schedule, at.schedule),
        (Field::NumChallenges, names.num_challenges()),
        (Field::Challenges, named(0)),
        (Field::Evaluations, named(names.evaluations)),
        (Field::EvaluationsInProof, protocol.bytes.evaluations),
        (Field::NumEvaluations, names.num_evaluations),
        (Field::Before, at.before),
        (Field::After, at.after),
        (Field::Multiplications, at.multiplications),
        (Field::MultiplicationsEnd, at.points),
        (Field::Inverses, named(names.inverses)),
        (Field::NumInverses, names.instance - names.inverses),
        (Field::Lagrange, named(names.lagrange)),
        (Field::NumLagrange, names.num_lagrange),
        (Field::InstanceLagrange, named(names.lagrange + key.first_row)),
        (Field::Point, named(names.squeezed(Squeezed::Point))),
        (Field::Instance, named(names.instance)),
        (Field::Work, at.work),
        (Field::NumParts, at.parts),
    ]
}

impl Segment {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend([self.action, u8::from(self.is_calldata)]);
        out.extend(self.slot.to_be_bytes());
        out.extend((self.count as u32).to_be_bytes());
        out.extend((self.offset as u32).to_be_bytes());
    }
}

/// The multiplications, neighbours with the same scalar joined.
fn segments(protocol: &Protocol, at: &Addresses, num_instances: usize) -> Vec<Segment> {
    let mut out: Vec<Segment> = Vec::new();
    let mut next = 0;
    for Multiplication { action, scalar, point } in &protocol.multiplications {
        let (is_calldata, offset) = match point {
            Point::Proof(byte) => (true, PROOF_IN_CALLDATA + 32 * num_instances + byte),
            Point::Generator => (false, MEMORY + GENERATOR),
            Point::Key => {
                let index = next;
                next += 1;
                let (first, index) = if at.parts == 0 { (at.points, index) } else { (at.buffer, index % POINTS_IN_PART) };
                if at.parts > 0 && index == 0 {
                    let part = (next - 1) / POINTS_IN_PART;
                    out.push(Segment { action: LOAD, is_calldata: false, slot: 0, count: 0, offset: part });
                }
                (false, first + 64 * index)
            }
        };
        let action = match action {
            Action::Fold => 0,
            Action::Term => 1,
            Action::Add => 2,
        };
        let segment = Segment { action, is_calldata, slot: at.slot(protocol, *scalar), count: 1, offset };
        match out.last_mut() {
            Some(last) if last.continues(&segment) => last.count += 1,
            _ => out.push(segment),
        }
    }
    out
}

impl Segment {
    fn continues(&self, next: &Self) -> bool {
        let place =
            if self.is_calldata { self.offset == next.offset + 64 * self.count } else { next.offset == self.offset + 64 * self.count };
        let same = (self.action, self.is_calldata, self.slot) == (next.action, next.is_calldata, next.slot);
        same && place && self.action == 0
    }
}
