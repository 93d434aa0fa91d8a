//! The typed contract of a model: its public tensors by name, and the adapter to `IProofVerifier`.

use crate::key::{Key, Tensor};
use crate::reference::Reference;

/// With more tensors than this, one array of arrays: the compiler's stack has sixteen slots.
const MAX_ARGUMENTS: usize = 4;

/// With more, the contract's code is longer than the EVM allows.
pub(crate) const MAX_TENSORS: usize = 256;

/// Words of Solidity that no argument may be.
const RESERVED: [&str; 16] = [
    "proof", "data", "bytes", "string", "address", "mapping", "function", "contract", "this", "super", "return", "new", "delete", "true",
    "false", "tensors",
];

/// The bound of integers that are not packed.
const BOUND: &str = "    /// @dev Bound of the integers.\n    int256 private constant BOUND = 2 ** 127;\n";

/// `MyTensor/out:0` as a name of Solidity, different for different tensors.
fn argument(index: usize, tensor: &Tensor, tensors: &[Tensor]) -> String {
    let clean = |name: &str| -> String { name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect() };
    let name = clean(&tensor.name);
    let is_taken = tensors.iter().filter(|t| clean(&t.name) == name).count() > 1;
    let is_word = name.starts_with(|c: char| c.is_ascii_alphabetic()) && !name.starts_with("tensor");
    let is_name = is_word && !RESERVED.contains(&name.as_str());
    // A type, a unit or a keyword that was not thought of is no word with an underscore at its end.
    if is_taken || !is_name {
        format!("tensor{index}_")
    } else {
        format!("{name}_")
    }
}

/// Printable and without line breaks.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_graphic() && c != '*' && c != '@' || c == ' ' { c } else { '?' }).collect()
}

fn describe(tensor: &Tensor) -> String {
    let role = if tensor.is_input { "Input" } else { "Output" };
    let shape: Vec<String> = tensor.shape.iter().map(usize::to_string).collect();
    let (elements, scale) = (tensor.elements, tensor.scale);
    let (name, shape) = (plain(&tensor.name), shape.join(", "));
    let range =
        tensor.packing.map_or(String::new(), |p| format!(", each from {} to {}, {} to a public value", p.low, p.high(), p.digits()));
    let stands = match &tensor.features {
        None => format!("1 stands for {scale}"),
        Some(f) => {
            format!("feature f = i / {} mod {} of element i has scale and offset of its own: see deployment.json", f.run, f.scales.len())
        }
    };
    format!("{role} `{name}`, shape [{shape}], {elements} elements{range}, row-major; {stands}.")
}

/// The source of `ModelVerifier.sol`.
pub(crate) fn source(key: &Key, data_hash: &[u8; 32]) -> String {
    let reference = Reference::new(key.origin);
    let count = key.tensors.len();
    let inputs = key.tensors.iter().filter(|t| t.is_input).count();
    let names: Vec<String> = key.tensors.iter().enumerate().map(|(i, t)| argument(i, t, &key.tensors)).collect();
    let is_typed = is_typed(count);
    let comments: String = if is_typed {
        key.tensors.iter().zip(&names).map(|(t, n)| format!("    /// @param {n} {}\n", describe(t))).collect()
    } else {
        let lines = key.tensors.iter().enumerate().map(|(i, t)| format!("\n    ///        {i}: {}", describe(t)));
        format!("    /// @param tensors The public tensors:{}\n", lines.collect::<String>())
    };
    let arguments = if is_typed {
        names.iter().map(|n| format!("int256[] calldata {n}, ")).collect::<String>()
    } else {
        "int256[][] memory tensors, ".into()
    };
    let gather = if is_typed {
        let lines = names.iter().enumerate().map(|(i, n)| format!("\n        tensors[{i}] = {n};"));
        format!("int256[][] memory tensors = new int256[][]({count});{}", lines.collect::<String>()) + "\n        "
    } else {
        String::new()
    };
    let decode = if is_typed {
        let targets: Vec<String> = (0..count).map(|i| format!("tensors[{i}]")).collect();
        let types = vec!["int256[]"; count].join(", ");
        format!("tensors = new int256[][]({count});\n        ({}) = abi.decode(metadata, ({types}));", targets.join(", "))
    } else {
        "tensors = abi.decode(metadata, (int256[][]));".into()
    };
    let places: String = key
        .tensors
        .iter()
        .enumerate()
        .map(|(i, t)| match t.packing {
            None => format!("\n        next = _embed(tensors[{i}], {i}, {}, instances, next);", t.elements),
            Some(p) => format!("\n        next = _pack(tensors[{i}], {i}, {}, {}, {}, instances, next);", t.elements, p.low, p.width),
        })
        .collect();
    let lengths = if count == 0 { places } else { format!("\n        uint256 next;{places}") };
    let is_packed = |tensor: &Tensor| tensor.packing.is_some();
    let (bound, embed) = match key.tensors.iter().all(is_packed) {
        true => ("", ""),
        false => (BOUND, include_str!("../solidity/embed.sol.in")),
    };
    let pack = if key.tensors.iter().any(is_packed) { include_str!("../solidity/pack.sol.in") } else { "" };
    format!(
        include_str!("../solidity/ModelVerifier.sol.in"),
        digest = hex::encode(key.digest),
        hash = hex::encode(data_hash),
        graph = hex::encode(key.graph_digest),
        srs = hex::encode(key.srs_identity),
        notice = reference.notice(),
        reference = reference.text,
        constant = reference.constant(),
        roles = key.tensors.iter().map(|t| if t.is_input { "01" } else { "00" }).collect::<String>(),
        instances = key.num_instances(),
        inputs = inputs,
        outputs = count - inputs,
        count = count,
        comments = comments,
        arguments = arguments,
        gather = gather,
        decode = decode,
        lengths = lengths,
        bound = bound,
        embed = embed,
        pack = pack,
    )
}

/// Whether tensors are arguments of their own.
pub(crate) fn is_typed(count: usize) -> bool {
    (1..=MAX_ARGUMENTS).contains(&count)
}
