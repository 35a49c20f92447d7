"""A good guest in other people's processes: beside other libraries, after a fork, under an event loop."""

import importlib.util
import re
import subprocess
import sys

import pytest

# What else finds the three nearest rows of x to each row of x, by its own threads where it has some.
PARTNERS = {
    "sklearn": """
from sklearn.neighbors import NearestNeighbors
found = NearestNeighbors(n_neighbors=3, algorithm="brute").fit(x).kneighbors(x, return_distance=False)
""",
    "onnxruntime": """
from onnx import parser
network = parser.parse_model('''
    <ir_version: 8, opset_import: ["": 17]>
    nearest (float[n, 64] x, int64[1] k) => (float[n, k] products, int64[n, k] found)
    { turned = Transpose(x) all = MatMul(x, turned) products, found = TopK(all, k) }''')
session = onnxruntime.InferenceSession(network.SerializeToString(), providers=["CPUExecutionProvider"])
found = session.run(["found"], {"x": x, "k": numpy.array([3])})[0]
""",
    "usearch": """
from usearch.index import search
found = search(x, x, 3, "l2sq", exact=True).keys
""",
    "pyarrow": """
from pyarrow import compute
products = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array((x @ x.T).ravel()), len(x))
found = numpy.stack([compute.array_sort_indices(row.values, order="descending")[:3] for row in products])
""",
    "torch": "found = torch.topk(torch.from_numpy(x) @ torch.from_numpy(x).T, 3).indices.numpy()",
    "faiss": "index = faiss.IndexFlatL2(64); index.add(x); found = index.search(x, 3)[1]",
    "cv2": "found = [[match.trainIdx for match in row] for row in cv2.BFMatcher().knnMatch(x, x, 3)]",
}
OF_THE_TEST_EXTRA = ("sklearn", "onnxruntime", "usearch", "pyarrow")
INSTALLED = [name for name in PARTNERS if name in OF_THE_TEST_EXTRA or importlib.util.find_spec(name)]

BESIDE = """
import {first}
import {second}
import numpy
x = numpy.random.default_rng(0).standard_normal((1500, 64), numpy.float32)
x /= numpy.linalg.norm(x, axis=1, keepdims=True)
def ask_other():
    {call}
    return numpy.asarray(found)
def ask():
    return faceprint.nearest(x, x, 3, threads=2)[1]
from concurrent.futures import ThreadPoolExecutor
assert (ask() == ask_other()).all()
with ThreadPoolExecutor() as pool:
    both = [pool.submit(asked) for asked in (ask, ask_other)]
    assert (both[0].result() == both[1].result()).all()
print("the same")
"""


def python(code, *arguments, timeout=120):
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("partner", INSTALLED)
@pytest.mark.parametrize("is_first", [True, False])
def test_imported_before_and_after_others(partner, is_first):
    order = ("faceprint", partner) if is_first else (partner, "faceprint")
    call = PARTNERS[partner].strip().replace("\n", "\n    ")
    assert python(BESIDE.format(first=order[0], second=order[1], call=call)) == "the same\n"


# How many threads there are more than `before`. One that has ended may be listed for some moments yet.
MORE_THREADS = """
import os, time
def count_more(before):
    end = time.monotonic() + 10
    while (more := len(os.listdir("/proc/self/task")) - before) > 0 and time.monotonic() < end:
        time.sleep(0.01)
    return more
"""


def test_starts_no_thread_at_import_and_leaves_none_behind():
    code = """
import numpy
before = len(os.listdir("/proc/self/task"))
import faceprint, faceprint._core, faceprint.model, faceprint.gallery, faceprint.evaluate, faceprint.graph
x = numpy.random.default_rng(0).standard_normal((5000, 64), numpy.float32)
print(count_more(before))
faceprint.neighbours(x, 3, threads=3), faceprint.cluster(x, threshold=1, threads=3)
print(count_more(before))
"""
    assert python(MORE_THREADS + code) == "0\n0\n"


def test_of_a_model_only_the_runtime_of_its_networks_keeps_threads(photos):
    code = """
import sys, faceprint
model = faceprint.load(threads=3)
before = len(os.listdir("/proc/self/task"))
model.embed([sys.argv[1]] * 3), next(model.faces([sys.argv[1]] * 3))
print(count_more(before))
"""
    assert python(MORE_THREADS + code, str(photos / "biden.jpg")) == "0\n"


def test_brings_no_openmp_runtime():
    code = """
import numpy, faceprint
x = numpy.eye(100, dtype=numpy.float32)
faceprint.cluster(x), faceprint.neighbours(x, 3)
print([line for line in open("/proc/self/maps") if "omp" in line])
"""
    assert python(code) == "[]\n"


PROCESSES = """
import multiprocessing, sys
import numpy as np
import faceprint as fp

def answer(model, gallery, photo):
    model = model or fp.load(threads=2)
    x = np.random.default_rng(0).standard_normal((3000, 64), np.float32)
    if gallery is None:
        gallery = fp.Gallery()
        gallery.add(x)
    found, rows = gallery.search(x[:200], 3, threads=2), model.embed([photo, photo])
    return found.ids, found.distances, model.embed(photo), rows, fp.neighbours(x, 3, threads=2)[1]

def work(queue, *arguments):
    queue.put(answer(*arguments))

if __name__ == "__main__":
    method, photo = sys.argv[1:]
    model, gallery = fp.load(threads=2), fp.Gallery()
    gallery.add(np.random.default_rng(0).standard_normal((3000, 64), np.float32))
    expected = answer(model, gallery, photo)
    context = multiprocessing.get_context(method)
    queue = context.SimpleQueue()
    given = (model, gallery) if method == "fork" else (None, None)  # the others start without what there is
    children = [context.Process(target=work, args=(queue, *given, photo)) for _ in range(2)]
    for child in children:
        child.start()
    for _ in children:
        for mine, theirs in zip(expected, queue.get(), strict=True):
            assert np.array_equal(mine, theirs)
    for child in children:
        child.join()
        assert child.exitcode == 0
    assert np.array_equal(answer(model, gallery, photo)[0], expected[0])
    print("the same")
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes_answer_as_the_one_that_made_them(method, photos, tmp_path):
    script = tmp_path / "processes.py"
    script.write_text(PROCESSES)
    words = [sys.executable, str(script), method, str(photos / "biden.jpg")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "the same\n"), done.stderr


LOOP = """
import asyncio, sys, threading
from concurrent.futures import ThreadPoolExecutor
import numpy as np
import faceprint as fp

class Stopped(Exception):
    pass

async def main(photo):
    model, gallery = fp.load(threads=2), fp.Gallery()
    x = np.random.default_rng(0).standard_normal((20_000, 256), np.float32)
    gallery.add(x)
    loop, ticks, stop, ended = asyncio.get_running_loop(), 0, threading.Event(), threading.Event()

    def look(done):
        if stop.is_set():
            ended.set()
            raise Stopped

    async def tick():
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.001)

    ticking = asyncio.create_task(tick())
    alone = model.embed(photo)
    with ThreadPoolExecutor(3) as pool:
        rows = [loop.run_in_executor(pool, model.embed, photo) for _ in range(3)]
        rows.append(asyncio.to_thread(model.embed, photo))
        assert all([np.array_equal(row, alone) for row in await asyncio.gather(*rows)])
    assert ticks > 3  # the loop went on

    task = asyncio.create_task(asyncio.to_thread(gallery.search, x, 10, progress=look))
    await asyncio.sleep(0.2)
    task.cancel()
    stop.set()
    try:
        await task
    except asyncio.CancelledError:
        print("cancelled")
    print(await asyncio.to_thread(ended.wait, 60))
    found = await asyncio.to_thread(gallery.search, x[7:8], 1)
    ids = await asyncio.to_thread(gallery.add, x[:1])
    print(found.ids.tolist(), ids.tolist(), len(gallery))
    ticking.cancel()

asyncio.run(main(sys.argv[1]))
"""


def test_an_event_loop_goes_on_and_a_cancelled_task_leaves_all_usable(photos):
    told = python(LOOP, str(photos / "biden.jpg"))
    assert told == "cancelled\nTrue\n[[7]] [20000] 20001\n"


SUBINTERPRETER = """
try:
    import _interpreters as interpreters
except ImportError:  # before Python 3.13
    import _xxsubinterpreters as interpreters
import numpy, faceprint
x = numpy.eye(4, dtype=numpy.float32)
other = interpreters.create()
script = '''
import warnings
warnings.simplefilter("ignore")  # numpy's own, about subinterpreters
try:
    import faceprint
    faceprint.backends()
except ImportError as error:
    print(error, flush=True)
'''
{before}
interpreters.run_string(other, script)
print(faceprint.neighbours(x, 1)[0].max())
"""


@pytest.mark.parametrize("before", ["", "faceprint.neighbours(x, 1)"], ids=["before", "after"])
def test_a_subinterpreter_is_refused_with_an_error(before):
    told = python(SUBINTERPRETER.format(before=before), timeout=60)
    # Where the subinterpreter has a GIL of its own, as from Python 3.13 on, Python itself refuses.
    own = "faceprint runs in the main interpreter alone: instead of a subinterpreter, use a process"
    assert re.fullmatch(f"({own}|module .* does not support loading in subinterpreters)\n2.0\n", told)
