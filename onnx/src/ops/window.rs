//! Windows of convolutions and pools along one axis: output length and padding.
//!
//! ```text
//! extent = (kernel − 1)·dilation + 1
//! NOTSET:  output = ⌊(input + before + after − extent) / stride⌋ + 1        ⌈ ⌉ with ceil_mode
//! VALID:   the same without padding
//! SAME:    output = ⌈input / stride⌉; the padding is what that takes, the odd one after (UPPER) or before (LOWER)
//! ```

use crate::error::Problem;
use crate::operator::Operator;

/// Largest kernel, stride, dilation or padding.
const MAX_ATTRIBUTE: i64 = 1 << 20;

/// The windows along one axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Window {
    /// Length of the input.
    pub(super) input: usize,
    /// Elements of the kernel.
    pub(super) kernel: usize,
    /// Step between windows.
    pub(super) stride: usize,
    /// Step between elements of the kernel.
    pub(super) dilation: usize,
    /// Padding before the input.
    pub(super) before: usize,
    /// Padding after the input.
    pub(super) after: usize,
    /// Number of windows.
    pub(super) output: usize,
}

impl Window {
    /// Position in the input of element `tap` of window `w`, if it is not padding.
    pub(super) fn position(&self, w: usize, tap: usize) -> Option<usize> {
        (w * self.stride + tap * self.dilation).checked_sub(self.before).filter(|&p| p < self.input)
    }

    /// Whether element `tap` of window `w` lies in the input or its padding, and not beyond.
    pub(super) fn in_padded(&self, w: usize, tap: usize) -> bool {
        w * self.stride + tap * self.dilation < self.input + self.before + self.after
    }
}

/// Attributes that not every operator has in every opset.
#[derive(Clone, Copy)]
pub(super) struct Extras {
    /// `dilations`.
    pub(super) dilations: bool,
    /// `ceil_mode`.
    pub(super) ceil_mode: bool,
}

/// The windows along each spatial axis, from the attributes `strides`, `dilations`, `pads`, `auto_pad` and `ceil_mode`.
pub(super) fn windows(op: &Operator<'_>, input: &[usize], kernel: &[usize], extras: Extras) -> Result<Vec<Window>, Problem> {
    let rank = input.len();
    let strides = attribute(op, "strides", rank, 1, 1)?;
    let dilations = if extras.dilations { attribute(op, "dilations", rank, 1, 1)? } else { vec![1; rank] };
    let pads = attribute(op, "pads", 2 * rank, 0, 0)?;
    let ceil = extras.ceil_mode && op.flag("ceil_mode", false)?;
    let mode = op.string("auto_pad", "NOTSET")?;
    if !matches!(mode, "" | "NOTSET") && pads.iter().any(|&p| p != 0) {
        return Err(Problem::Malformed { rule: "pads and auto_pad are both given" });
    }
    (0..rank)
        .map(|i| {
            let (input, kernel, stride, dilation) = (input[i], kernel[i], strides[i], dilations[i]);
            if kernel == 0 || kernel > MAX_ATTRIBUTE as usize {
                return Err(Problem::Malformed { rule: "a kernel is empty or too large" });
            }
            let extent = (kernel - 1) * dilation + 1;
            let mut window = Window { input, kernel, stride, dilation, before: 0, after: 0, output: 0 };
            match mode {
                "" | "NOTSET" => (window.before, window.after) = (pads[i], pads[rank + i]),
                "VALID" => {}
                "SAME_UPPER" | "SAME_LOWER" => {
                    window.output = input.div_ceil(stride);
                    let total = ((window.output.max(1) - 1) * stride + extent).saturating_sub(input);
                    let small = total / 2;
                    (window.before, window.after) = if mode == "SAME_UPPER" { (small, total - small) } else { (total - small, small) };
                    return Ok(window);
                }
                other => return Err(Problem::Attribute { attribute: "auto_pad", value: other.to_string() }),
            }
            let room = (input + window.before + window.after)
                .checked_sub(extent)
                .ok_or(Problem::Malformed { rule: "the kernel is larger than the padded input" })?;
            window.output = 1 + if ceil { room.div_ceil(stride) } else { room / stride };
            // A last window that starts in the padding after the input is left out.
            if ceil && (window.output - 1) * stride >= input + window.before {
                window.output -= 1;
            }
            Ok(window)
        })
        .collect()
}

/// The attribute `kernel_shape`.
pub(super) fn kernel_shape(op: &Operator<'_>, rank: usize) -> Result<Vec<usize>, Problem> {
    if op.ints("kernel_shape")?.is_none() {
        return Err(Problem::Malformed { rule: "the attribute kernel_shape is missing" });
    }
    attribute(op, "kernel_shape", rank, 1, 1)
}

fn attribute(op: &Operator<'_>, name: &'static str, length: usize, default: usize, least: i64) -> Result<Vec<usize>, Problem> {
    let Some(values) = op.ints(name)?.filter(|v| !v.is_empty()) else { return Ok(vec![default; length]) };
    if values.len() != length || values.iter().any(|v| !(least..=MAX_ATTRIBUTE).contains(v)) {
        return Err(Problem::Attribute { attribute: name, value: format!("{values:?}") });
    }
    Ok(values.iter().map(|&v| v as usize).collect())
}
