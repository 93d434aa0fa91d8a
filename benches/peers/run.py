"""Measures EZKL and Sworn on the same models, one after the other on this machine, and prints one table.

    python3 benches/peers/run.py [--models NAME ...] [--runs N] [--skip-ezkl]

Needs python3 with venv, pip's network access and cargo; everything else it makes itself, under target/peers. Every step of EZKL is a
process of its own and its peak memory is what the kernel reports when it ends (wait4). Sworn is measured by `sworn bench`, which
does the same. Run it on a quiet machine. The table and the raw figures go to benches/results/<date>-<machine>/{README.md,raw.csv}.
"""
import argparse, csv, datetime, json, os, pathlib, platform, re, statistics, subprocess, sys, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PEERS = ROOT / "benches" / "peers"
MAKER = ROOT / "benches" / "models" / "make_models.py"
DEFAULT_MODELS = ["mlp_16", "mnist_cnn4", "mlp_784_128_10", "lenet5_avg", "lenet5_max"]
EZKL_VERSION = re.search(r"ezkl==(\S+)", (PEERS / "requirements.txt").read_text())[1]


# --- Processes ------------------------------------------------------------------------------------------------------------

class Failed(Exception):
    """A step that did not end well; the text says why."""


def measured(command, memory_mb):
    """Runs a command to its end: (stdout, peak resident MB). Stops it when it holds more than `memory_mb`."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = subprocess.Popen([str(c) for c in command], stdout=out, stderr=err, cwd=ROOT)
        stopped = False
        while True:
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            if pid:
                break
            if not stopped and resident_mb(child.pid) > memory_mb:
                child.kill()
                stopped = True
            time.sleep(0.02)
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0), err.seek(0)
        text, words = out.read().decode(errors="replace"), err.read().decode(errors="replace").strip()
    if stopped:
        raise Failed(f"needs over {memory_mb / 1024:.0f} GB")
    if child.returncode:
        raise Failed(words.splitlines()[-1][:200] if words else f"exit status {child.returncode}")
    # Linux counts ru_maxrss in KiB, macOS in bytes.
    return text, usage.ru_maxrss / (1024 if sys.platform == "linux" else 1024 * 1024)


def resident_mb(pid):
    try:
        return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except (OSError, IndexError):
        return 0.0


def quietly(*command):
    return subprocess.run([str(c) for c in command], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


# --- The machine ----------------------------------------------------------------------------------------------------------

def machine():
    """CPU model, usable cores, RAM in GB."""
    cpu, ram = platform.processor() or platform.machine(), 0
    if pathlib.Path("/proc/cpuinfo").exists():
        names = re.findall(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
        cpu = names[0].strip() if names else cpu
    if hasattr(os, "sysconf"):
        ram = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return cpu, cores, ram


def slug(cpu, cores):
    return re.sub(r"[^a-z0-9]+", "-", f"{re.sub(r'[(](R|TM)[)]', '', cpu)} {cores} cores".lower()).strip("-")


# --- The two systems ------------------------------------------------------------------------------------------------------

def ezkl(python, folder, runs, memory_mb):
    """EZKL's figures for a model, in the fields of `sworn bench`, and every single run."""
    row, singles = {"model": folder.name}, []

    def step(name, *rest):
        out, peak = measured([python, PEERS / "ezkl_step.py", name, folder, *rest], memory_mb)
        answer = json.loads(out.strip().splitlines()[-1])
        singles.append((name, answer["seconds"], peak))
        return answer, peak

    try:
        step("settings")
        answer, _ = step("calibrate")
        row["calibrate_s"], k = answer["seconds"], answer["logrows"]
        row["logrows"] = k
        step("compile")
        step("srs", k)
        answer, _ = step("setup", k)
        row["setup_s"], row["pk_bytes"] = answer["seconds"], answer["pk_bytes"]
        row["witness_s"] = step("witness")[0]["seconds"]
        proofs = [step("prove", k) for _ in range(runs)]
        row["prove_s"], row["prove_mb"] = statistics.median(a["seconds"] for a, _ in proofs), max(peak for _, peak in proofs)
        row["proof_bytes"] = proofs[0][0]["proof_bytes"]
        row["verify_s"] = step("verify", k)[0]["seconds"]
        row["max_abs_err"] = step("error")[0]["max_abs_err"]
    except Failed as reason:
        row["failed"] = f"{singles[-1][0]} passed, then: {reason}" if singles else str(reason)
    for name in ("pk", "circuit"):
        (folder / "ezkl" / name).unlink(missing_ok=True)
    return row, singles


def sworn(binary, folder, runs, memory_mb):
    try:
        out, _ = measured([binary, "bench", folder, "--runs", runs], memory_mb)
        row = json.loads(out.strip().splitlines()[-1])
        for stage, figures in row.pop("stages", {}).items():
            row.update({f"{stage}.{name}": value for name, value in figures.items()})
        return row
    except (Failed, ValueError, IndexError) as reason:
        return {"model": folder.name, "failed": str(reason)}


# --- The table ------------------------------------------------------------------------------------------------------------

# Heading, field, unit, significant digits, whether the ratio is given.
COLUMNS = [
    ("k", "logrows", 1, 2, False),
    ("prove s", "prove_s", 1, 3, True),
    ("peak MB", "prove_mb", 1, 5, True),
    ("key MB", "pk_bytes", 1e6, 3, True),
    ("proof B", "proof_bytes", 1, 5, True),
    ("verify s", "verify_s", 1, 2, True),
    ("set-up s", "setup_s", 1, 3, True),
    ("max error", "max_abs_err", 1, 2, False),
]


def digits(value, count):
    """With at least `count` significant digits, and no exponent for large values."""
    return f"{value:.0f}" if abs(value) >= 10**(count - 1) else f"{value:.{count}g}"


def cell(theirs, ours, field, unit, count, ratio):
    a, b = (row and row.get(field) for row in (theirs, ours))
    text = " / ".join("-" if v is None else digits(v / unit, count) for v in (a, b))
    return f"{text} ({digits(a / b, 2)}×)" if ratio and a and b else text


def table(pairs):
    lines = ["| model | " + " | ".join(c[0] for c in COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for name, theirs, ours in pairs:
        lines.append(f"| {name} | " + " | ".join(cell(theirs, ours, *c[1:]) for c in COLUMNS) + " |")
    notes = [f"- {system}, {name}: {row['failed']}" for name, *rows in pairs for system, row in zip(("EZKL", "Sworn"), rows) if row and "failed" in row]
    return "\n".join(lines + ([""] + notes if notes else []))


STAGES = ["witness", "first phase", "second phase", "products", "quotient", "openings"]


def stage_table(pairs):
    """Sworn's seconds by stage, and the largest memory up to its end."""
    lines = ["| model | " + " | ".join(STAGES) + " |", "|---" * (len(STAGES) + 1) + "|"]
    for name, _, ours in pairs:
        if ours and f"{STAGES[0]}.s" in ours:
            figures = [f"{digits(1e3 * ours[f'{s}.s'], 2)} ms, {digits(ours.get(f'{s}.peak_mb') or 0, 2)} MB" for s in STAGES]
            lines.append(f"| {name} | " + " | ".join(figures) + " |")
    return "\n".join(lines)


def report(pairs, args, where):
    cpu, cores, ram = where
    theirs = f"EZKL {EZKL_VERSION}" if not args.skip_ezkl else "EZKL (not run)"
    commit = quietly("git", "rev-parse", "--short=12", "HEAD") + (" with local changes" if quietly("git", "status", "--porcelain", "-uno") else "")
    return f"""# EZKL and Sworn on the same models

{cpu}, {cores} cores, {ram:.0f} GB RAM, {platform.system()}; {datetime.date.today()}; Sworn {commit}; {theirs};
`python3 benches/peers/run.py {' '.join(sys.argv[1:])}`

Each cell is EZKL / Sworn (EZKL ÷ Sworn). *prove* is the median of {args.runs} runs in fresh processes, *peak* the largest resident memory of a
proving process, *key* the proving key's file, *max error* the largest absolute difference from onnxruntime's output. EZKL's times are of
the Python call, which reads its keys and SRS from files; it is calibrated with `resources` on the given input. Input private, output
public, weights fixed, for both. SRS of a known secret, for both: no time depends on it.

{table(pairs)}

Sworn's proofs by stage: median time, and the largest resident memory of the process up to the stage's end. What is missing to *prove* is
reading the keys, making the development SRS, and writing the receipt.

{stage_table(pairs)}
"""


def write_raw(path, pairs, singles):
    with open(path, "w", newline="") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow(["system", "model", "quantity", "value"])
        for name, *rows in pairs:
            for system, row in zip(("ezkl", "sworn"), rows):
                out.writerows((system, name, field, value) for field, value in (row or {}).items() if field != "model")
            for step, seconds, peak in singles.get(name, []):
                out.writerow(("ezkl", name, f"run.{step}.seconds", seconds))
                out.writerow(("ezkl", name, f"run.{step}.peak_mb", peak))


# --- Main -----------------------------------------------------------------------------------------------------------------

def environment(work):
    """The python of a virtual environment with the requirements, made on the first call."""
    python, stamp = work / "venv" / "bin" / "python", work / "venv" / "requirements.txt"
    wanted = (PEERS / "requirements.txt").read_text()
    if not stamp.exists() or stamp.read_text() != wanted:
        print("making the Python environment ...", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", work / "venv"], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--requirement", PEERS / "requirements.txt"], check=True)
        stamp.write_text(wanted)
    return python


def build():
    """The path of the release binary."""
    messages = quietly("cargo", "build", "--release", "--package", "sworn", "--bin", "sworn", "--message-format", "json-render-diagnostics")
    return [m["executable"] for m in map(json.loads, messages.splitlines()) if m.get("executable")][-1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", metavar="NAME", default=DEFAULT_MODELS, help="names of benches/models/make_models.py, or folders with network.onnx and input.json")
    parser.add_argument("--runs", type=int, default=3, help="proofs of each model (median)")
    parser.add_argument("--skip-ezkl", action="store_true", help="measure Sworn only")
    parser.add_argument("--skip-sworn", action="store_true", help="measure EZKL only")
    parser.add_argument("--memory-gb", type=float, help="stop a process that holds more than this (default: 90 %% of RAM)")
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "target" / "peers", help="folder for the environment, models and keys")
    parser.add_argument("--out", type=pathlib.Path, help="folder for README.md and raw.csv")
    args = parser.parse_args()

    where = machine()
    memory_mb = (args.memory_gb or 0.9 * where[2]) * 1024
    work = args.work.resolve()
    out = args.out or ROOT / "benches" / "results" / f"{datetime.date.today()}-{slug(*where[:2])}"
    work.mkdir(parents=True, exist_ok=True)
    python = environment(work)
    binary = None if args.skip_sworn else build()

    pairs, singles = [], {}
    for name in args.models:
        folder = pathlib.Path(name).resolve()
        if not (folder / "network.onnx").exists():
            folder = work / "models" / name
            quietly(python, MAKER, work / "models", name)
        theirs = ours = None
        if not args.skip_ezkl:
            print(f"{folder.name}: EZKL ...", file=sys.stderr)
            theirs, singles[folder.name] = ezkl(python, folder, args.runs, memory_mb)
        if not args.skip_sworn:
            print(f"{folder.name}: Sworn ...", file=sys.stderr)
            ours = sworn(binary, folder, args.runs, memory_mb)
        pairs.append((folder.name, theirs, ours))

    text = report(pairs, args, where)
    out.mkdir(parents=True, exist_ok=True)
    (out / "README.md").write_text(text)
    write_raw(out / "raw.csv", pairs, singles)
    print(text)
    print(f"written to {out}", file=sys.stderr)
    return any(row and "failed" in row for _, *rows in pairs for row in rows[1:])


if __name__ == "__main__":
    sys.exit(main())
