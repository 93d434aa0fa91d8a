//! `sworn inspect --devices`: what there is to prove on.

use serde_json::json;
use sworn::{Devices, Icicle};

use super::Answer;

/// The CUDA devices that `prove --backend cuda` and `--backend icicle` can use, or why there are none.
pub(super) fn answer() -> Answer {
    let (list, reason) = match Devices::find() {
        Ok(devices) => (devices.list, None),
        Err(reason) => (Vec::new(), Some(reason.to_string())),
    };
    let mut text = String::from("cpu     always\n");
    for (index, device) in list.iter().enumerate() {
        let (major, minor) = device.capability;
        text += &format!("cuda    {index}: {}, sm_{major}{minor}, {:.1} GB\n", device.name, device.memory as f64 / 1e9);
    }
    if let Some(reason) = &reason {
        text += &format!("cuda    none: {reason}\n");
    }
    let icicle = match Icicle::find() {
        Ok(device) => {
            let memory = device.memory().map(|(total, _)| total).ok();
            text += "icicle  0: a CUDA device";
            text += &memory.map_or_else(|| "\n".to_owned(), |bytes| format!(", {:.1} GB\n", bytes as f64 / 1e9));
            json!({ "memory": memory })
        }
        Err(reason) => {
            text += &format!("icicle  none: {reason}\n");
            json!({ "reason": reason.to_string() })
        }
    };
    let devices: Vec<_> = list
        .iter()
        .map(|d| {
            let capability = [d.capability.0, d.capability.1];
            json!({ "name": d.name, "memory": d.memory, "capability": capability, "processors": d.processors })
        })
        .collect();
    Answer { text, json: json!({ "devices": devices, "reason": reason, "icicle": icicle }) }
}
