//! Files that are written and read: where, by whom, whole or not at all.
#![cfg(unix)]

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{symlink, FileTypeExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Place, VERIFY};

/// How long a process may take to come to where it is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

fn command(place: &Place, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sworn"));
    command.args(args).args(["--srs-cache", "cache"]).current_dir(place.dir.path());
    command
}

fn with_stdin(place: &Place, args: &[&str], text: &[u8]) -> Output {
    let mut child = command(place, args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text).unwrap();
    child.wait_with_output().unwrap()
}

fn wait_until(is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "it never came to that");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Names in the place that begin with a dot.
fn hidden(place: &Place) -> Vec<PathBuf> {
    let entries = fs::read_dir(place.dir.path()).unwrap().map(|entry| PathBuf::from(entry.unwrap().file_name()));
    entries.filter(|name| name.as_os_str().as_bytes().starts_with(b".")).collect()
}

fn mode(path: impl AsRef<Path>) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn stdin_and_stdout_are_files_too() {
    let place = Place::proved();
    let input = fs::read(place.path("tiny.json")).unwrap();
    for output in [&["-o", "-"][..], &[]] {
        let made = with_stdin(&place, &[&["prove", "tiny.sworn", "-"], output].concat(), &input);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let checked = with_stdin(&place, &["verify", "-", "--vk", "tiny.sworn", "--allow-insecure-srs"], &made.stdout);
        assert!(checked.status.success() && checked.stdout.starts_with(b"accepted"), "{}", String::from_utf8_lossy(&checked.stderr));
    }
    let rejected = with_stdin(&place, &["verify", "-", "--vk", "tiny.sworn", "--allow-insecure-srs"], b"{}");
    assert_eq!(rejected.status.code(), Some(1));
    assert!(!place.path("-").exists());
    // Numpy's array is known by its first bytes.
    let header = b"\x93NUMPY\x01\x00\x3a\x00{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }\n";
    let values = [0.5f32, -0.25, 0.75].map(f32::to_le_bytes).concat();
    let made = with_stdin(&place, &["prove", "tiny.sworn", "-"], &[&header[..], &values].concat());
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// Devices, FIFOs and links stay what they are.
#[test]
fn what_is_no_regular_file_is_written_through() {
    let place = Place::proved();
    let prove = |output: &str| place.succeed(&["prove", "tiny.sworn", "tiny.json", "-o", output]);
    // A device of one's own needs root; the one that everybody has is to survive as well.
    let device = place.path("device");
    let has_device = Command::new("mknod").arg(&device).args(["c", "1", "3"]).output().is_ok_and(|made| made.status.success());
    for path in [has_device.then_some(device.as_path()), Some(Path::new("/dev/null"))].into_iter().flatten() {
        prove(path.to_str().unwrap());
        assert!(fs::metadata(path).unwrap().file_type().is_char_device(), "{}", path.display());
    }
    assert!(Command::new("mkfifo").arg(place.path("fifo")).status().unwrap().success());
    let reader = std::thread::spawn({
        let fifo = place.path("fifo");
        move || fs::read(fifo).unwrap()
    });
    prove("fifo");
    place.write("through.json", reader.join().unwrap());
    place.succeed(&["verify", "through.json", "--vk", "tiny.sworn", "--allow-insecure-srs"]);
    assert!(fs::metadata(place.path("fifo")).unwrap().file_type().is_fifo());

    fs::create_dir(place.path("elsewhere")).unwrap();
    symlink("elsewhere/r.json", place.path("link")).unwrap();
    prove("link");
    assert!(place.path("link").is_symlink());
    place.succeed(&["verify", "elsewhere/r.json", "--vk", "tiny.sworn", "--allow-insecure-srs"]);
    // A key by a pipe, as shells substitute it.
    let pipe = Command::new("bash")
        .args(["-c", r#"exec "$0" verify r.json --vk <(cat tiny.sworn/verifying.key) --allow-insecure-srs"#, env!("CARGO_BIN_EXE_sworn")])
        .current_dir(place.dir.path())
        .output()
        .unwrap();
    assert!(pipe.status.success(), "{}", String::from_utf8_lossy(&pipe.stderr));

    // The folder's link too.
    fs::rename(place.path("tiny.sworn"), place.path("elsewhere/keys")).unwrap();
    symlink("elsewhere/keys", place.path("tiny.sworn")).unwrap();
    place.succeed(&["compile", "tiny.onnx", "--calibrate", "tiny.json"]);
    assert!(place.path("tiny.sworn").is_symlink());
    place.succeed(&["prove", "elsewhere/keys", "tiny.json"]);
}

#[test]
fn what_is_read_is_not_overwritten() {
    let place = Place::proved();
    fs::create_dir(place.path("samples")).unwrap();
    fs::copy(place.path("tiny.json"), place.path("samples/one.json")).unwrap();
    fs::hard_link(place.path("tiny.onnx"), place.path("again.onnx")).unwrap();
    symlink("tiny.json", place.path("link.json")).unwrap();
    let before = |name: &str| fs::read(place.path(name)).unwrap();
    let read = ["tiny.onnx", "tiny.json", "tiny.sworn/verifying.key", "samples/one.json"];
    let contents = read.map(before);
    let outputs = [
        "tiny.onnx",
        "./tiny.json",
        "again.onnx",
        "link.json",
        "tiny.sworn/verifying.key",
        "tiny.sworn/r.json",
        "samples/one.json",
        "samples/r.json",
    ];
    for output in outputs {
        let calibrated = ["prove", "tiny.onnx", "tiny.json", "--calibrate", "samples"];
        for option in ["-o", "--trace"] {
            place.fail(2, &[&calibrated[..], &[option, output]].concat(), "would overwrite");
        }
    }
    place.fail(2, &["prove", "tiny.sworn", "tiny.json", "-o", "tiny.sworn/verifying.key"], "would overwrite");
    place.fail(2, &["prove", "tiny.sworn", "tiny.json", "-o", "new.json", "--trace", "new.json"], "would overwrite");
    place.succeed(&["srs", "dev", "--k", "3", "-o", "dev.srs"]);
    place.fail(2, &["srs", "import", "dev.srs", "-o", "dev.srs"], "would overwrite");
    assert_eq!(read.map(before), contents);
    place.succeed(&VERIFY);
}

#[test]
fn keys_are_for_their_owner() {
    let place = Place::new();
    let run = |mask: &str, arguments: &str| {
        let script = format!("umask {mask}; exec \"$0\" {arguments} --srs-cache cache");
        let output = Command::new("sh").args(["-c", &script, env!("CARGO_BIN_EXE_sworn")]).current_dir(place.dir.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    for (mask, file, folder) in [("022", 0o644, 0o755), ("077", 0o600, 0o700), ("002", 0o664, 0o775)] {
        fs::remove_dir_all(place.path("tiny.sworn")).unwrap_or_default();
        fs::remove_file(place.path("r.json")).unwrap_or_default();
        run(mask, "compile tiny.onnx --calibrate tiny.json");
        run(mask, "prove tiny.sworn tiny.json -o r.json");
        let modes = ["r.json", "tiny.sworn/verifying.key", "tiny.sworn/manifest.json"].map(|name| mode(place.path(name)));
        assert_eq!(modes, [file; 3], "{mask}");
        assert_eq!(["circuit.bin", "proving.key"].map(|name| mode(place.path("tiny.sworn").join(name))), [0o600; 2], "{mask}");
        assert_eq!(mode(place.path("tiny.sworn")), folder, "{mask}");
    }
    // What was there before keeps its rights.
    fs::set_permissions(place.path("r.json"), Permissions::from_mode(0o640)).unwrap();
    fs::set_permissions(place.path("tiny.sworn"), Permissions::from_mode(0o750)).unwrap();
    run("022", "compile tiny.onnx --calibrate tiny.json");
    run("022", "prove tiny.sworn tiny.json -o r.json");
    assert_eq!((mode(place.path("r.json")), mode(place.path("tiny.sworn"))), (0o640, 0o750));
}

#[test]
fn paths_need_not_be_text() {
    let place = Place::new();
    let name = |end: &str| [b"m\xff\xfe", end.as_bytes()].concat();
    let at = |end: &str| place.dir.path().join(OsStr::from_bytes(&name(end)));
    fs::copy(place.path("tiny.onnx"), at(".onnx")).unwrap();
    fs::copy(place.path("tiny.json"), at(".json")).unwrap();
    let run = |args: &[&[u8]]| -> Value {
        let args = args.iter().map(|arg| OsStr::from_bytes(arg));
        let output = command(&place, &["--json"]).args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let (model, input, folder, receipt) = (name(".onnx"), name(".json"), name(".sworn"), name("r.json"));
    run(&[b"compile", &model, b"--calibrate", &input]);
    assert_eq!(run(&[b"prove", &model, &input, b"-o", &receipt, b"--calibrate", &input])["receipt"], "m\u{fffd}\u{fffd}r.json");
    run(&[b"verify", &receipt, b"--vk", &folder, b"--allow-insecure-srs"]);
    run(&[b"inspect", &folder]);
    run(&[b"export", b"solidity", &folder, b"-o", &name("package"), b"--allow-insecure-srs"]);
    run(&[b"srs", b"dev", b"--k", b"3", b"-o", &name("dev.srs")]);
    assert!(at("r.json").is_file() && at("package").is_dir() && at("dev.srs").is_file());
}

/// A small archive with a large array, under a limit on the address space: the array is nobody's, or goes on behind what is asked for.
#[test]
fn bombs_in_archives_do_not_go_off() {
    let place = Place::proved();
    let values = [0.5f32, -0.25, 0.75].map(f32::to_le_bytes).concat();
    let array = |shape: &str| -> Vec<u8> {
        let text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n");
        [b"\x93NUMPY\x01\x00", &(text.len() as u16).to_le_bytes()[..], text.as_bytes()].concat()
    };
    let zeros = vec![0; 1 << 20];
    let bomb = |name: &str, shape: &str| {
        let mut writer = npyz::npz::NpzWriter::create(place.path(name)).unwrap();
        let zip = writer.zip_writer();
        zip.start_file("x.npy", Default::default()).unwrap();
        zip.write_all(&[array(shape), values.clone()].concat()).unwrap();
        if shape == "(3,)" {
            zip.start_file("bomb.npy", Default::default()).unwrap();
            zip.write_all(&array("(200000000,)")).unwrap();
        }
        (0..700).for_each(|_| zip.write_all(&zeros).unwrap());
        zip.finish().unwrap();
    };
    bomb("other.npz", "(3,)");
    bomb("same.npz", "(183500803,)");
    for (name, part) in [("other.npz", ""), ("same.npz", "elements, expected 3")] {
        assert!(fs::metadata(place.path(name)).unwrap().len() < 1 << 20);
        let script = format!("ulimit -v 524288; exec \"$0\" prove tiny.sworn {name} -o r.json --srs-cache cache");
        let output = Command::new("sh").args(["-c", &script, env!("CARGO_BIN_EXE_sworn")]).current_dir(place.dir.path()).output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(if part.is_empty() { 0 } else { 2 }), "{name}: {err}");
        assert!(err.contains(part), "{name}: {err}");
    }
    place.succeed(&VERIFY);
}

/// A compilation that has begun: it holds its lock.
fn compiling(place: &Place, more: &[&str]) -> Child {
    let child = command(place, &[&["compile", "digits.onnx", "--calibrate", "digits.npy"], more].concat())
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    wait_until(|| place.path(".digits.sworn.lock").exists());
    child
}

fn with_digits() -> Place {
    let place = Place::new();
    let digits = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/digits");
    fs::copy(digits.join("digits.onnx"), place.path("digits.onnx")).unwrap();
    fs::copy(digits.join("calibration.npy"), place.path("digits.npy")).unwrap();
    fs::copy(digits.join("images/0.json"), place.path("image.json")).unwrap();
    place
}

fn is_whole(place: &Place) {
    place.succeed(&["prove", "digits.sworn", "image.json", "-o", "r.json"]);
    place.succeed(&["verify", "r.json", "--vk", "digits.sworn", "--allow-insecure-srs"]);
    assert_eq!(hidden(place), Vec::<PathBuf>::new());
}

#[test]
fn interrupted_compilations_leave_nothing() {
    let place = with_digits();
    for signal in ["INT", "TERM"] {
        let child = compiling(&place, &[]);
        assert!(Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        let expected = if signal == "INT" { 2 } else { 15 };
        assert_eq!(output.status.signal(), Some(expected), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(hidden(&place), Vec::<PathBuf>::new(), "{signal}");
    }
    // Nothing can be done about this one, until the next compilation.
    let mut child = compiling(&place, &[]);
    child.kill().unwrap();
    child.wait().unwrap();
    fs::create_dir(place.path(".digits.sworn.new")).unwrap();
    place.write(".digits.sworn.new/proving.key", "half a key");
    place.write(".digits.sworn.new/.tmpabc", "");
    assert!(!hidden(&place).is_empty() && !place.path("digits.sworn").exists());
    place.succeed(&["compile", "digits.onnx", "--calibrate", "digits.npy"]);
    is_whole(&place);
}

/// Both wait for a third one, and then for each other.
#[test]
fn two_compilations_take_turns() {
    let place = with_digits();
    let reserved = sworn::Reserved::new(place.path("digits.sworn")).unwrap();
    let mut children = [["--bits", "7"], ["--bits", "9"]].map(|bits| compiling(&place, &bits));
    for child in &mut children {
        let mut words = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        while !said.contains("waiting for another process") {
            assert!(words.read_line(&mut said).unwrap() > 0, "{said}");
        }
        child.stderr = Some(words.into_inner());
    }
    assert!(!place.path("digits.sworn").exists());
    drop(reserved);
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    is_whole(&place);
}
