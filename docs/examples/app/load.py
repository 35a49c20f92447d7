"""Many clients at once on the service, each enrolling, verifying, searching and erasing somebody, again and again.

    python docs/examples/app/load.py --clients 50 --seconds 60

Tells how many requests were answered, how many wrongly, how long they took, and by how much the server's memory grew in
the second half. Ends with 1 where an answer was wrong or the server kept more than GROWTH.
"""

import argparse
import http.client
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from faceprint.demo import PHOTOS

APP = Path(__file__).with_name("app.py")
GROWTH = 64 * 2**20  # bytes, which the allocators of many threads may keep
PEOPLE = [("obama.jpg", "obama2.jpg"), ("collins.png", "collins.png"), ("biden.jpg", "biden.jpg")]


class Client(threading.Thread):
    """Goes through the four requests once, and when all clients have, for so many seconds."""

    def __init__(self, port: int, number: int, seconds: float, warm: threading.Barrier) -> None:
        super().__init__()
        self.name = f"client-{number}"
        self.seconds: list[float] = []
        self.wrong: list[str] = []
        self._port, self._duration, self._warm = port, seconds, warm
        self._enrolled, self._shown = (PHOTOS / photo for photo in PEOPLE[number % len(PEOPLE)])

    def run(self) -> None:
        """Time each answer but those of the first time round, and keep those that are wrong."""
        self._go_round()
        self.seconds.clear()
        self._warm.wait()
        end = time.monotonic() + self._duration
        while time.monotonic() < end:
            self._go_round()

    def _go_round(self) -> None:
        place = f"/people/{self.name}"
        self._ask("PUT", place, self._enrolled, 201, lambda answer: answer["name"] == self.name)
        self._ask("POST", f"{place}/verify", self._shown, 200, lambda answer: answer["same"] is True)
        self._ask("POST", "/search", self._shown, 200, lambda answer: answer["name"] is not None)
        self._ask("DELETE", place, None, 204, lambda answer: answer is None)

    def _ask(self, method: str, place: str, photo: Path | None, status: int, is_right: Any) -> None:
        start = time.perf_counter()
        try:
            code, answer = ask(self._port, method, place, photo)
            if code != status or not is_right(answer):
                self.wrong.append(f"{method} {place}: {code} {answer}")
        except OSError as error:
            self.wrong.append(f"{method} {place}: {error}")
        self.seconds.append(time.perf_counter() - start)


def ask(port: int, method: str, place: str, photo: Path | None = None) -> tuple[int, Any]:
    """Send a request, with a photograph as its body, and return the status and what the JSON says."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    body = None if photo is None else photo.read_bytes()
    try:
        connection.request(method, place, body)
        response = connection.getresponse()
        content = response.read()
        return response.status, json.loads(content) if content else None
    finally:
        connection.close()


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    """Until the server answers."""
    while server.poll() is None:
        try:
            ask(port, "DELETE", "/people/nobody")
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the server has ended")


def resident(process: int) -> int:
    """Bytes of memory that a process occupies (Linux)."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("the server has ended")


def measure(clients: int, seconds: float, folder: str) -> dict[str, Any]:
    """Start the service on a gallery of its own, ask for so long, and tell what was seen."""
    port = free_port()
    server = subprocess.Popen([sys.executable, str(APP), str(Path(folder, "gallery")), "--port", str(port)])
    try:
        wait_for(port, server)
        warm = threading.Barrier(clients + 1, timeout=120)
        asking = [Client(port, number, seconds, warm) for number in range(clients)]
        for client in asking:
            client.start()
        warm.wait()
        start = time.monotonic()
        time.sleep(seconds / 2)
        halfway = resident(server.pid)
        for client in asking:
            client.join()
        took, grown = time.monotonic() - start, resident(server.pid) - halfway
    finally:
        server.terminate()
        server.wait()
    times = sorted(second for client in asking for second in client.seconds)
    wrong = [answer for client in asking for answer in client.wrong]
    return {
        "clients": clients,
        "requests": len(times),
        "requests_a_second": len(times) / took,
        "wrong": len(wrong),
        "first_wrong": wrong[:5],
        "p50_seconds": statistics.median(times),
        "p99_seconds": times[int(0.99 * (len(times) - 1))],
        "memory_mib": (halfway + grown) / 2**20,
        "grown_mib": grown / 2**20,
    }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(given.clients, given.seconds, folder)
    print(json.dumps(found, indent=2))
    return 0 if found["requests"] and not found["wrong"] and found["grown_mib"] * 2**20 <= GROWTH else 1


if __name__ == "__main__":
    sys.exit(main())
