"""One step of EZKL in this process: `ezkl_step.py STEP FOLDER [LOGROWS]`, where FOLDER holds network.onnx and input.json.

The last line of stdout is a JSON object with `seconds`, the time of the call alone, and what else the step measures.
Visibility: input private, output public, parameters fixed, as `sworn prove` does by default. Files go to FOLDER/ezkl.
"""
import json, os, sys, time


def main(step, folder, logrows=None):
    import ezkl
    path = lambda name: os.path.join(folder, "ezkl", name)
    model, data = os.path.join(folder, "network.onnx"), os.path.join(folder, "input.json")
    settings, circuit, vk, pk, witness, proof = map(path, ("settings.json", "circuit", "vk", "pk", "witness.json", "proof.json"))
    # Beside the models' folders: all models of one size share a file.
    srs = os.path.join(folder, "..", f"ezkl-{logrows}.srs")
    visibility = ezkl.PyRunArgs()
    visibility.input_visibility, visibility.output_visibility, visibility.param_visibility = "private", "public", "fixed"
    steps = {
        "settings": lambda: ezkl.gen_settings(model, settings, py_run_args=visibility),
        "calibrate": lambda: ezkl.calibrate_settings(data, model, settings, "resources"),
        "compile": lambda: ezkl.compile_circuit(model, circuit, settings),
        "srs": lambda: os.path.exists(srs) or ezkl.gen_srs(srs, int(logrows)),
        "setup": lambda: ezkl.setup(circuit, vk, pk, srs),
        "witness": lambda: ezkl.gen_witness(data, circuit, witness),
        "prove": lambda: ezkl.prove(witness, circuit, pk, proof, srs),
        "verify": lambda: ezkl.verify(proof, settings, vk, srs),
        "error": lambda: None,
    }
    os.makedirs(path(""), exist_ok=True)
    start = time.perf_counter()
    if steps[step]() is False:
        sys.exit(f"{step} answered False")
    measured = {"seconds": time.perf_counter() - start}
    if step == "calibrate":
        measured["logrows"] = json.load(open(settings))["run_args"]["logrows"]
    if step == "setup":
        measured["pk_bytes"] = os.path.getsize(pk)
    if step == "prove":
        measured["proof_bytes"] = len(json.load(open(proof))["hex_proof"].removeprefix("0x")) // 2
    if step == "error":
        measured["max_abs_err"] = largest_error(model, data, witness)
    print(json.dumps(measured))


def largest_error(model, data, witness):
    """Of the outputs in EZKL's witness against onnxruntime."""
    import numpy as np
    import onnxruntime
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    given, answered = json.load(open(data)), json.load(open(witness))["pretty_elements"]["rescaled_outputs"]
    feeds = {slot.name: np.array(values, np.float32).reshape(shape)
             for slot, values, shape in zip(session.get_inputs(), given["input_data"], given["input_shapes"])}
    wanted = session.run(None, feeds)
    return max(float(np.abs(w.reshape(-1) - np.array(a, np.float64)).max()) for w, a in zip(wanted, answered))


if __name__ == "__main__":
    main(*sys.argv[1:])
