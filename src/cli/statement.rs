//! What an accepted receipt says, for people.

use sworn::{Receipt, ReceiptTensor, SrsKind, Visible};

use super::terminal::name;

/// All that a receipt says but the proof, in the words of `sworn verify`.
pub(super) fn statement(receipt: &Receipt) -> String {
    let note = match receipt.srs().kind {
        SrsKind::Ceremony => "",
        SrsKind::Unknown => " (SRS of unknown origin)",
        SrsKind::InsecureDev => " (insecure development SRS)",
    };
    let context = if receipt.context().is_none() { "none".into() } else { sworn::Digest(receipt.context().0).to_string() };
    let visibility = receipt.visibility();
    let shown = match (visibility.input, visibility.output) {
        (Visible::Public, Visible::Public) => "input and output",
        (Visible::Private, Visible::Public) => "output; the input is private",
        (Visible::Public, Visible::Private) => "input; the output is private",
        (Visible::Private, Visible::Private) => "nothing",
    };
    let samples = match receipt.samples() {
        0 => "declared ranges".into(),
        1 => "1 sample".into(),
        samples => format!("{samples} samples"),
    };
    let mut text = format!("accepted: {}{note}\n", name(receipt.model()));
    text += &format!("receipt        {}\n", receipt.id());
    text += &format!("verifying key  {}\n", receipt.verifying_key());
    text += &format!("ONNX graph     {}\n", receipt.source());
    text += &format!("SRS            {}\n", receipt.srs());
    text += &format!("context        {context}\n");
    text += &format!("shows          {shown}\n");
    text += &format!(
        "quantised      to {} bits, off by up to {} of the largest output over {samples}\n",
        receipt.bits(),
        percent(receipt.relative_error())
    );
    let tensors = receipt.inputs().iter().map(|t| ("input ", t)).chain(receipt.outputs().iter().map(|t| ("output", t)));
    tensors.for_each(|(role, tensor)| text += &format!("{role}         {}\n", line(tensor)));
    text
}

/// A tensor in a line.
pub(super) fn line(tensor: &ReceiptTensor) -> String {
    format!("{} {:?} = {}", name(&tensor.name), tensor.shape, excerpt(&tensor.reals))
}

/// A fraction; of numbers that no error has, that it is large.
fn percent(fraction: f64) -> String {
    match 100.0 * fraction {
        percent if percent <= 1000.0 => format!("{percent:.3} %"),
        _ => "more than 1000 %".into(),
    }
}

/// The first values.
pub(super) fn excerpt(values: &[f64]) -> String {
    const SHOWN: usize = 16;
    let shown: Vec<String> = values.iter().take(SHOWN).map(|v| format!("{v:.5}")).collect();
    let more = if values.len() > SHOWN { ", …" } else { "" };
    format!("[{}{more}]", shown.join(", "))
}
