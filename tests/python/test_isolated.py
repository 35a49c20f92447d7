"""Networks from strangers: what a file may ask for, and what happens to one that asks for more."""

import _thread
import gc
import json
import os
import resource
import subprocess
import sys
import time
from functools import partial
from multiprocessing import Pipe

import numpy as np
import onnx
import onnxruntime
import pytest
from click.testing import CliRunner
from onnx import TensorProto, helper, numpy_helper

import faceprint as fp
from faceprint import NetworkError, NetworkLimits, isolated
from faceprint.cli import command
from faceprint.isolated import IsolatedSession, receive_arrays
from faceprint.known import BUNDLED
from faceprint.onnxfile import check_onnx
from faceprint.runtime import open_session

FLOAT = TensorProto.FLOAT
LITTLE = NetworkLimits(memory=2 * 2**30, seconds=20)


def written(path, nodes, initializers=(), shape=("n", 2), functions=(), domains=("",)):
    """A network from x to y."""
    graph = helper.make_graph(
        nodes,
        "hostile",
        [helper.make_tensor_value_info("x", FLOAT, shape)],
        [helper.make_tensor_value_info("y", FLOAT, None)],
        initializers,
    )
    imports = [helper.make_opsetid(domain, 17 if domain == "" else 1) for domain in domains]
    model = helper.make_model(graph, opset_imports=imports, functions=functions)
    model.ir_version = 8
    path.write_bytes(model.SerializeToString())
    return path


def huge(path, numbers):
    """A file of some 150 bytes that makes as many numbers as it is asked to."""
    shape = numpy_helper.from_array(np.array([numbers], np.int64), "shape")
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["large"]),
        helper.make_node("ReduceSum", ["large"], ["sum"], keepdims=1),
        helper.make_node("Add", ["x", "sum"], ["y"]),
    ]
    return written(path, nodes, [shape])


def endless(path):
    """A loop of a body that hardly does anything, as often as can be said."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["condition"], ["again"]),
            helper.make_node("Add", ["before", "before"], ["after"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("condition", TensorProto.BOOL, []),
            helper.make_tensor_value_info("before", FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("again", TensorProto.BOOL, []),
            helper.make_tensor_value_info("after", FLOAT, None),
        ],
    )
    times = numpy_helper.from_array(np.array(2**62, np.int64), "times")
    return written(path, [helper.make_node("Loop", ["times", "", "x"], ["y"], body=body)], [times])


def elsewhere(tensor, location="other.bin"):
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", location
    return tensor


def two():
    return numpy_helper.from_array(np.array([1, 2], np.float32), "w")


def test_an_isolated_network_answers_as_any_other():
    inputs = np.random.default_rng(0).random((3, 3, 150, 150), np.float32)
    plain, isolated = open_session(BUNDLED), open_session(BUNDLED, untrusted=True)
    for name in ("inputs", "outputs", "types", "sha256", "device"):
        assert getattr(isolated, name) == getattr(plain, name), name
    np.testing.assert_array_equal(isolated.run({"chips": inputs})[0], plain.run({"chips": inputs})[0])
    (name,) = plain.outputs
    np.testing.assert_array_equal(isolated.run({"chips": inputs[:1]}, [name])[0].shape, (1, 128))


def test_load_isolates_what_is_given_and_not_what_is_bundled(network_file, small_recipe, photos, tmp_path):
    path = network_file()
    path.with_suffix(".json").write_text(json.dumps(small_recipe(path)))
    model = fp.load(path, untrusted=LITTLE)
    session = model.network.session._session
    assert isinstance(session, IsolatedSession)
    assert session._limits == LITTLE
    some = [photos / "obama.jpg", photos / "biden.jpg"]
    np.testing.assert_array_equal(model.embed(some), fp.load(path).embed(some))
    assert not isinstance(fp.load(untrusted=True).network.session._session, IsolatedSession)
    with pytest.raises(NetworkError, match=r"y\.onnx does not exist"):
        fp.load(detector=tmp_path / "y.onnx", untrusted=True)
    with pytest.raises(ValueError, match="device must be 'cpu' for an untrusted network, not 'cuda'"):
        open_session(path, device="cuda", untrusted=True)


def test_draft_and_info_isolate_where_they_are_asked_to(network_file, small_recipe, monkeypatch):
    path, started = network_file(), []

    def record(content, limits, threads):
        started.append(limits)
        return IsolatedSession(content, limits, threads)

    monkeypatch.setattr("faceprint.isolated.IsolatedSession", record)
    assert fp.draft_recipe(path, untrusted=LITTLE) == fp.draft_recipe(path)
    assert started == [LITTLE]
    path.with_suffix(".json").write_text(json.dumps(small_recipe(path)))
    assert fp.info(path, untrusted=LITTLE) == fp.info(path)
    assert started == [LITTLE] * 2
    for words in (["--draft"], ["--golden"], ["--json"], []):
        plain, isolated = (
            CliRunner().invoke(command, ["info", str(path), *words, *more]) for more in ([], ["--untrusted"])
        )
        assert (isolated.exit_code, isolated.stdout) == (plain.exit_code, plain.stdout) == (0, plain.stdout)
    assert started == [LITTLE] * 2 + [NetworkLimits()] * 4


@pytest.mark.parametrize(
    ("where", "name", "value", "lacks"),
    [
        ("os", "name", "nt", "limits on a process, which this system does not have"),
        ("sys", "frozen", True, "a Python to start, which frozen and embedding programs do not have"),
        ("sys", "executable", None, "a Python to start, which frozen and embedding programs do not have"),
        ("sys", "executable", "", "a Python to start, which frozen and embedding programs do not have"),
        ("_thread", "get_ident", lambda: 0, "Python's own threads, which gevent or eventlet has replaced"),
    ],
)
def test_starts_nothing_where_there_would_be_no_limits(where, name, value, lacks, monkeypatch):
    """A frozen application that is started as Python would be begins anew, and starts the next."""
    started = []
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: started.append(1))
    with monkeypatch.context() as patched:
        patched.setattr(f"{where}.{name}", value, raising=False)
        with pytest.raises(fp.DeviceError) as raised:
            IsolatedSession(b"", LITTLE, 1)
    assert (str(raised.value), started) == (f"untrusted networks need {lacks}", [])


def test_debuggers_may_start_threads_in_their_own_way(tmp_path, monkeypatch):
    """That of editors puts a function of its own in the place of Python's."""
    start = _thread.start_new_thread
    monkeypatch.setattr(_thread, "start_new_thread", lambda *words: start(*words))
    small = open_session(huge(tmp_path / "small.onnx", 100), untrusted=LITTLE)
    np.testing.assert_array_equal(small.run({"x": np.ones((1, 2), np.float32)})[0], [[1, 1]])


def test_a_draft_heeds_the_limits(network_file):
    with pytest.raises(NetworkError, match=r"^network .*x\.onnx is not a network that ONNX Runtime can load: "):
        fp.draft_recipe(network_file(), untrusted=NetworkLimits(memory=2**20))


def test_a_small_file_that_asks_for_all_memory(tmp_path):
    path = huge(tmp_path / "huge.onnx", 2**40)
    assert path.stat().st_size < 200
    with pytest.raises(NetworkError, match=r"^network .*huge\.onnx (is not a network|failed: )"):
        open_session(path, untrusted=LITTLE).run({"x": np.zeros((1, 2), np.float32)})
    small = open_session(huge(tmp_path / "small.onnx", 100), untrusted=LITTLE)
    np.testing.assert_array_equal(small.run({"x": np.ones((1, 2), np.float32)})[0], [[1, 1]])


def test_memory_is_limited_to_what_is_said(tmp_path):
    """The same file, 1 GB of numbers, within one limit and beyond another."""
    path, x = huge(tmp_path / "gigabyte.onnx", 2**28), {"x": np.zeros((1, 2), np.float32)}
    with pytest.raises(NetworkError):
        open_session(path, untrusted=NetworkLimits(memory=2**30)).run(x)
    assert open_session(path, untrusted=NetworkLimits(memory=6 * 2**30)).run(x)[0].shape == (1, 2)


@pytest.mark.parametrize(("system", "limited"), [("linux", ["AS", "CORE", "FSIZE"]), ("darwin", ["CORE", "FSIZE"])])
def test_limits_are_those_that_the_system_takes(monkeypatch, system, limited):
    """macOS refuses a limit of the address space that is less than what each process has."""
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(resource, "setrlimit", lambda what, limits: taken.update({what: limits}))
    taken = {}
    isolated._limit(2**32)
    wanted = {"AS": 2**32, "CORE": 0, "FSIZE": 0}
    assert taken == {getattr(resource, f"RLIMIT_{what}"): (wanted[what],) * 2 for what in limited}


def test_a_network_that_never_ends(tmp_path):
    session = open_session(endless(tmp_path / "loop.onnx"), untrusted=NetworkLimits(seconds=3))
    start = time.monotonic()
    with pytest.raises(NetworkError, match=r"^network .*loop\.onnx failed: it took more than 3 s$"):
        session.run({"x": np.zeros((1, 2), np.float32)})
    assert time.monotonic() - start < 15
    with pytest.raises(NetworkError, match=r"loop\.onnx failed: its process ended: "):
        session.run({"x": np.zeros((1, 2), np.float32)})


def test_a_mistake_does_not_end_the_process():
    session = open_session(BUNDLED, untrusted=LITTLE)
    with pytest.raises(NetworkError, match=r"dlib_resnet_v1\.onnx failed: "):
        session.run({"chips": np.zeros((1, 3, 7), np.float32)})
    assert session.run({"chips": np.zeros((1, 3, 150, 150), np.float32)})[0].shape == (1, 128)


def test_an_error_is_told_in_one_line():
    assert isolated._said(ValueError("  bad shape\nat length\n")) == "bad shape"
    assert isolated._said(MemoryError()) == "MemoryError"
    assert isolated._said(ValueError("x" * 10**6)) == "x" * isolated.LARGEST_ERROR


def test_no_process_is_left_behind():
    session = open_session(BUNDLED, untrusted=LITTLE)
    process = session._session._process
    assert process.poll() is None
    del session
    gc.collect()
    process.wait(timeout=60)  # the thread that watched the last call may still be about to end


def test_a_fork_does_not_speak_to_the_process_of_another(monkeypatch):
    session = open_session(BUNDLED, untrusted=LITTLE)
    text = "it was opened by another process: open an untrusted network after a fork"
    with monkeypatch.context() as fork:
        fork.setattr(os, "getpid", lambda: 1)
        with pytest.raises(NetworkError, match=text):
            session.run({"chips": np.zeros((1, 3, 150, 150), np.float32)})


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("b'nonsense'", "its process answered with something else: Expecting value"),
        ("b'[' * 100_000", "its process answered with something else: "),
        ("b'[]'", "its process answered with something else: no object"),
        ("b'{}'", "its process answered with something else: 'inputs'"),
        ("""b'{"inputs": [["x", [[]], "tensor(float)"]]}'""", "a shape of something else than numbers"),
        ("""b'{"error": "' + b'x' * 5000 + b'"}'""", "^x{500}$"),
        ("b' ' * (2**20 + 1)", "its process ended: it crashed, or took more than 2,147,483,648 bytes of memory"),
    ],
)
def test_a_process_that_lies(monkeypatch, answer, text):
    """What a network that had taken over its process could send."""
    lie = answer.replace("{", "{{").replace("}", "}}")
    start = "from multiprocessing.connection import Connection as C; C({descriptor}).send_bytes(" + lie + ")"
    monkeypatch.setattr("faceprint.isolated.START", start)
    with pytest.raises(NetworkError, match=text):
        IsolatedSession(b"", LITTLE, 1)


@pytest.mark.parametrize(
    ("described", "text"),
    [
        ([["object", [1]]], r"an array of 'object' and shape \[1\]"),
        ([["float32", [-1]]], r"an array of 'float32' and shape \[-1\]"),
        ([["float32", [True]]], r"an array of 'float32' and shape \[True\]"),
        ([["float32", [0, 2**70]]], "an array of 'float32'"),
        ([["int8", [2**29]], ["float64", [2**27]]], "1,610,612,736 bytes; the limit is 1,073,741,824"),
    ],
)
def test_arrays_that_are_promised(described, text):
    mine, theirs = Pipe()
    with mine, theirs, pytest.raises(ValueError, match=text):
        receive_arrays(mine, described)


def test_arrays_that_are_not_as_promised():
    mine, theirs = Pipe()
    with mine, theirs:
        theirs.send_bytes(bytes(12))
        with pytest.raises(ValueError, match=r"buffer size must be a multiple of element size|cannot reshape"):
            receive_arrays(mine, [["float32", [4]]])
        theirs.send_bytes(bytes(17))
        with pytest.raises(OSError, match="bad message length"):
            receive_arrays(mine, [["float32", [4]]])


@pytest.mark.parametrize(
    ("limits", "error", "text"),
    [
        ({"memory": 0}, ValueError, "memory must be 1 or more, not 0"),
        ({"memory": -1}, ValueError, "memory must be 1 or more, not -1"),
        ({"memory": 4e9}, TypeError, "memory must be a whole number, not float"),
        ({"memory": "a"}, TypeError, "memory must be a whole number, not str"),
        ({"seconds": 0}, ValueError, "seconds must be above 0 and finite, not 0"),
        ({"seconds": -1}, ValueError, "seconds must be above 0 and finite, not -1"),
        ({"seconds": float("nan")}, ValueError, "seconds must be above 0 and finite, not nan"),
        ({"seconds": float("inf")}, ValueError, "seconds must be above 0 and finite, not inf"),
        ({"seconds": "3"}, TypeError, "seconds must be a number, not str"),
    ],
)
def test_limits_that_are_none(limits, error, text):
    with pytest.raises(error, match=f"^{text}$"):
        NetworkLimits(**limits)


def test_limits_of_numpy(tmp_path):
    limits = NetworkLimits(memory=np.int64(2**32), seconds=np.float32(30))
    assert open_session(BUNDLED, untrusted=limits).outputs == open_session(BUNDLED).outputs


@pytest.mark.parametrize("untrusted", ["yes", 1, None])
def test_trust_is_true_or_false_or_limits(untrusted):
    text = f"^untrusted must be True, False or a NetworkLimits, not {type(untrusted).__name__}$"
    for read in (fp.load, partial(fp.load, BUNDLED), partial(fp.draft_recipe, BUNDLED), partial(fp.info, BUNDLED)):
        with pytest.raises(TypeError, match=text):
            read(untrusted=untrusted)


@pytest.mark.parametrize("location", ["other.bin", "../../../etc/passwd", "*/_ORT_MEM_ADDR_/*"])
def test_numbers_that_are_kept_elsewhere(tmp_path, location):
    text = r"x\.onnx must hold all its numbers itself, but some are kept outside of it \(external data\)$"
    add = helper.make_node("Add", ["x", "w"], ["y"])
    path = written(tmp_path / "x.onnx", [add], [elsewhere(two(), location)])
    with pytest.raises(NetworkError, match=text):
        open_session(path)


def test_numbers_that_are_kept_elsewhere_deep_inside(tmp_path):
    """In a constant, of a branch, of a branch; in a function; and in a sparse tensor."""
    yes = numpy_helper.from_array(np.array(True), "yes")
    outer = [
        helper.make_node("Constant", [], ["w"], value=elsewhere(two())),
        helper.make_node("Add", ["x", "w"], ["y"]),
    ]
    function = helper.make_function("own", "f", ["x"], ["y"], outer, [helper.make_opsetid("", 17)])
    for depth in range(2):
        graph = helper.make_graph(outer, "branch", [], [helper.make_tensor_value_info("y", FLOAT, None)], [yes][:depth])
        outer = [helper.make_node("If", ["yes"], ["y"], then_branch=graph, else_branch=graph)]
    hidden = [
        written(tmp_path / "if.onnx", outer, [yes]),
        written(tmp_path / "f.onnx", [helper.make_node("f", ["x"], ["y"], domain="own")], functions=[function]),
    ]
    sparse = onnx.load_from_string(written(tmp_path / "s.onnx", []).read_bytes())
    sparse.graph.sparse_initializer.add().values.CopyFrom(elsewhere(two()))
    (tmp_path / "s.onnx").write_bytes(sparse.SerializeToString())
    for path in (*hidden, tmp_path / "s.onnx"):
        with pytest.raises(NetworkError, match="must hold all its numbers itself"):
            check_onnx(path.read_bytes(), path.name)


def in_attribute(model):
    return model.graph.node.add().attribute.add()


@pytest.mark.parametrize(
    "place",
    [
        lambda model: model.graph.initializer.add(),
        lambda model: model.graph.sparse_initializer.add().indices,
        lambda model: in_attribute(model).t,
        lambda model: in_attribute(model).tensors.add(),
        lambda model: in_attribute(model).sparse_tensor.values,
        lambda model: in_attribute(model).sparse_tensors.add().values,
        lambda model: in_attribute(model).g.initializer.add(),
        lambda model: in_attribute(model).graphs.add().initializer.add(),
        lambda model: model.functions.add().node.add().attribute.add().t,
        lambda model: model.functions.add().attribute_proto.add().t,
        lambda model: model.training_info.add().initialization.initializer.add(),
        lambda model: model.training_info.add().algorithm.initializer.add(),
    ],
)
@pytest.mark.parametrize("said", ["location", "external_data"])
def test_numbers_elsewhere_are_found_wherever_a_tensor_may_be(place, said):
    """Told by either of the two fields; what is empty says nothing."""
    model = onnx.ModelProto()
    tensor = place(model)
    tensor.name = "w"
    check_onnx(model.SerializeToString(), "x")
    if said == "location":
        tensor.data_location = TensorProto.EXTERNAL
    else:
        tensor.external_data.add().key = "location"
    with pytest.raises(NetworkError, match="must hold all its numbers itself"):
        check_onnx(model.SerializeToString(), "x")


def test_operators_of_other_domains_are_found_in_branches_and_functions():
    inside, function = onnx.ModelProto(), onnx.ModelProto()
    in_attribute(inside).g.node.add().domain = "evil"
    function.functions.add().node.add().domain = "evil"
    for model in (inside, function):
        with pytest.raises(NetworkError, match="not of 'evil'"):
            check_onnx(model.SerializeToString(), "x")


def test_numbers_elsewhere_in_a_field_that_comes_twice(tmp_path):
    """The parts of a message that comes twice are put together by whoever reads it."""
    add = helper.make_node("Add", ["x", "w"], ["y"])
    whole = written(tmp_path / "x.onnx", [add], [two()]).read_bytes()
    check_onnx(whole, "x")
    more = onnx.GraphProto()
    more.initializer.append(elsewhere(two()))
    inner = more.SerializeToString()
    with pytest.raises(NetworkError, match="must hold all its numbers itself"):
        check_onnx(whole + bytes([7 << 3 | 2, len(inner)]) + inner, "x")


def test_operators_of_other_domains(tmp_path):
    known = "ai.onnx, ai.onnx.ml, com.microsoft, com.microsoft.nchwc"
    path = written(tmp_path / "x.onnx", [helper.make_node("Evil", ["x"], ["y"], domain="evil")], domains=["", "evil"])
    with pytest.raises(NetworkError, match=rf"x\.onnx must use operators of the domains {known} only, not of 'evil'$"):
        open_session(path)
    own = helper.make_function(
        "own", "Twice", ["x"], ["y"], [helper.make_node("Add", ["x", "x"], ["y"])], [helper.make_opsetid("", 17)]
    )
    twice = [helper.make_node("Twice", ["x"], ["y"], domain="own")]
    path = written(tmp_path / "own.onnx", twice, functions=[own], domains=["", "own"])
    assert open_session(path).run({"x": np.ones((1, 2), np.float32)})[0].tolist() == [[2, 2]]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"\x80", "it ends too early$"),
        (b"\x3a\x05", "it ends too early$"),
        (b"\x80" * 10 + b"\x00", "it has a number of more than ten bytes$"),
        (b"\x0b", "it has a field 1 of wire type 3$"),
        (b"\x02\x00", "it has a field 0 of wire type 2$"),
        (b"SQLite format 3\0\x04\x00", "it is a database, as galleries are$"),
        (b"\x3a\x02\x80\x80", "it ends too early$"),
    ],
)
def test_what_is_no_file_of_a_network(content, text):
    with pytest.raises(NetworkError, match=f"^x is not a network that ONNX Runtime can load: {text}"):
        check_onnx(content, "x")


def test_files_that_take_long_to_look_at(monkeypatch):
    content = b""
    for _ in range(60):  # an attribute of a node, that holds a graph, of a node, ...
        for field in (6, 5, 1):
            size = len(content)
            length = bytes([size & 127 | 128, size >> 7]) if size > 127 else bytes([size])
            content = bytes([field << 3 | 2]) + length + content
    graph = bytes([7 << 3 | 2, len(content) & 127 | 128, len(content) >> 7]) + content
    with pytest.raises(NetworkError, match="it is nested more than 100 deep"):
        check_onnx(graph, "x")
    monkeypatch.setattr("faceprint.onnxfile.MOST_FIELDS", 10)
    with pytest.raises(NetworkError, match="it has more than 10 fields"):
        check_onnx(bytes([8, 1]) * 11, "x")


def test_a_file_of_another_format_is_not_taken(tmp_path):
    """ONNX Runtime's own format, which it knows by bytes 4 to 7, is not what was checked."""
    path = tmp_path / "x.onnx"
    path.write_bytes(bytes([0x0A, 16]) + b"..ORTM" + bytes(10))
    with pytest.raises(NetworkError, match=r"x\.onnx is not a network that ONNX Runtime can load: "):
        open_session(path)


@pytest.mark.parametrize("call", ["fp.info()", "fp.load()", "fp.draft_recipe(sys.argv[1], untrusted=True)"])
def test_nothing_is_noted_down_to_be_sent(call, tmp_path):
    """As ONNX Runtime is imported it makes files of what it will send, and names this machine, unless told not to."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ORT_", "XDG_"))}
    environment |= {"HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    code = f"import sys; import faceprint as fp; {call}; assert 'onnxruntime' in sys.modules"
    subprocess.run([sys.executable, "-c", code, BUNDLED], env=environment, check=True)
    assert list(tmp_path.rglob("*")) == []


def test_who_asks_for_telemetry_has_it(monkeypatch):
    called = []
    monkeypatch.setattr(onnxruntime, "disable_telemetry_events", lambda: called.append(True))  # of older ones
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "0")
    open_session(BUNDLED)
    assert (os.environ["ORT_DISABLE_TELEMETRY"], called) == ("0", [True])
