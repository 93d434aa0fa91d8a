//! The operators: each is lowered to operations of the [`Graph`](crate::graph::Graph) by its file.
//!
//! Adding an operator is one file with a function `fn(&mut Operator) -> Lowered`, and one line in the
//! registry of its domain.

mod batch_normalization;
mod binary;
mod concat;
mod constant;
mod conv;
mod cum_sum;
mod depth_to_space;
mod expand;
mod extremum;
mod flatten;
mod gather;
mod gather_elements;
mod gather_nd;
mod gelu;
mod gemm;
mod identity;
mod matmul;
mod normalization;
mod one_hot;
mod pad;
mod pool;
mod pow;
mod prelu;
mod reduce;
mod reshape;
mod resize;
mod reverse_sequence;
mod scatter;
mod slice;
mod softmax;
mod split;
mod squeeze;
mod tile;
mod transpose;
mod trilu;
mod unary;
mod r#where;
mod window;

use crate::error::Problem;
use crate::operator::{Operator, Value};

/// The outputs of a node, or why it cannot be lowered. Outputs that are missing at the end are not supported.
pub(crate) type Lowered = Result<Vec<Value>, Problem>;

/// Lowers one node.
pub(crate) type Lower = fn(&mut Operator<'_>) -> Lowered;

/// Name, oldest opset whose semantics are known, lowering.
type Entry = (&'static str, i64, Lower);

/// Operators of the standard domain.
const REGISTRY: &[Entry] = &[
    ("Abs", 1, unary::lower),
    ("Acos", 7, unary::lower),
    ("Acosh", 9, unary::lower),
    ("Add", 1, binary::add),
    ("Asin", 7, unary::lower),
    ("Asinh", 9, unary::lower),
    ("Atan", 7, unary::lower),
    ("Atanh", 9, unary::lower),
    ("AveragePool", 1, pool::average),
    ("BatchNormalization", 1, batch_normalization::lower),
    ("Cast", 6, identity::cast),
    ("CastLike", 15, identity::cast_like),
    ("Ceil", 1, unary::lower),
    ("Celu", 12, unary::lower),
    ("Clip", 1, unary::clip),
    ("Concat", 4, concat::lower),
    ("Constant", 1, constant::lower),
    ("ConstantOfShape", 9, constant::of_shape),
    ("Conv", 1, conv::lower),
    ("Cos", 7, unary::lower),
    ("Cosh", 9, unary::lower),
    ("CumSum", 11, cum_sum::lower),
    ("DepthToSpace", 1, depth_to_space::lower),
    ("Div", 1, binary::div),
    ("Dropout", 1, identity::dropout),
    ("Elu", 1, unary::lower),
    ("Erf", 9, unary::lower),
    ("Exp", 1, unary::lower),
    ("Expand", 8, expand::lower),
    ("EyeLike", 9, constant::eye_like),
    ("Flatten", 1, flatten::lower),
    ("Floor", 1, unary::lower),
    ("Gather", 1, gather::lower),
    ("GatherElements", 11, gather_elements::lower),
    ("GatherND", 11, gather_nd::lower),
    ("Gelu", 20, gelu::lower),
    ("Gemm", 1, gemm::lower),
    ("GlobalAveragePool", 1, pool::global_average),
    ("GlobalMaxPool", 1, pool::global_max),
    ("HardSigmoid", 1, unary::lower),
    ("HardSwish", 14, unary::lower),
    ("Identity", 1, identity::lower),
    ("InstanceNormalization", 6, normalization::instance),
    ("IsInf", 10, constant::is_inf),
    ("IsNaN", 9, constant::is_nan),
    ("LayerNormalization", 17, normalization::layer),
    ("LeakyRelu", 1, unary::lower),
    ("Log", 1, unary::lower),
    ("MatMul", 1, matmul::lower),
    ("Max", 1, extremum::max),
    ("MaxPool", 1, pool::max),
    ("Mean", 1, extremum::mean),
    ("Min", 1, extremum::min),
    ("Mish", 18, unary::lower),
    ("Mul", 1, binary::mul),
    ("Neg", 1, unary::neg),
    ("OneHot", 11, one_hot::lower),
    ("PRelu", 1, prelu::lower),
    ("Pad", 2, pad::lower),
    ("Pow", 1, pow::lower),
    ("RMSNormalization", 23, normalization::rms),
    ("Range", 11, constant::range),
    ("Reciprocal", 1, unary::lower),
    ("ReduceL1", 1, reduce::l1),
    ("ReduceL2", 1, reduce::l2),
    ("ReduceLogSum", 1, reduce::log_sum),
    ("ReduceMax", 1, reduce::max),
    ("ReduceMean", 1, reduce::mean),
    ("ReduceMin", 1, reduce::min),
    ("ReduceSum", 1, reduce::sum),
    ("ReduceSumSquare", 1, reduce::sum_square),
    ("Relu", 1, unary::lower),
    ("Reshape", 1, reshape::lower),
    ("Resize", 10, resize::resize),
    ("ReverseSequence", 10, reverse_sequence::lower),
    ("Round", 11, unary::lower),
    ("Scatter", 9, scatter::lower),
    ("ScatterElements", 11, scatter::lower),
    ("ScatterND", 11, scatter::nd),
    ("Selu", 1, unary::lower),
    ("Shape", 1, constant::shape),
    ("Shrink", 9, unary::lower),
    ("Sigmoid", 1, unary::lower),
    ("Sign", 9, unary::lower),
    ("Sin", 7, unary::lower),
    ("Sinh", 9, unary::lower),
    ("Size", 1, constant::size),
    ("Slice", 1, slice::lower),
    ("Softmax", 1, softmax::lower),
    ("Softplus", 1, unary::lower),
    ("Softsign", 1, unary::lower),
    ("SpaceToDepth", 1, depth_to_space::inverse),
    ("Split", 2, split::lower),
    ("Sqrt", 1, unary::lower),
    ("Squeeze", 1, squeeze::squeeze),
    ("Sub", 1, binary::sub),
    ("Sum", 1, extremum::sum),
    ("Swish", 24, unary::lower),
    ("Tan", 7, unary::lower),
    ("Tanh", 1, unary::lower),
    ("ThresholdedRelu", 10, unary::lower),
    ("Tile", 6, tile::lower),
    ("Transpose", 1, transpose::lower),
    ("Trilu", 14, trilu::lower),
    ("Unsqueeze", 1, squeeze::unsqueeze),
    ("Upsample", 7, resize::upsample),
    ("Where", 9, r#where::lower),
];

/// Operators of the domain `com.microsoft`, which onnxruntime's optimizers write.
const MICROSOFT: &[Entry] =
    &[("BiasGelu", 1, gelu::biased), ("FastGelu", 1, gelu::fast), ("Gelu", 1, gelu::exact), ("QuickGelu", 1, gelu::quick)];

/// The newest operator set of `com.microsoft`.
const MAX_MICROSOFT: i64 = 1;

/// The lowering of an operator.
pub(crate) fn find(domain: &str, op: &str, opset: i64) -> Result<Lower, Problem> {
    let registry = match domain {
        "" => REGISTRY,
        "com.microsoft" if opset > MAX_MICROSOFT => {
            return Err(Problem::Feature { feature: "an operator set of its domain beyond version 1" })
        }
        "com.microsoft" => MICROSOFT,
        _ => &[],
    };
    match registry.iter().find(|(name, _, _)| *name == op) {
        None => Err(Problem::Operator),
        Some(&(_, since, _)) if opset < since => Err(Problem::Opset { expected: since, actual: opset }),
        Some(&(_, _, lower)) => Ok(lower),
    }
}
