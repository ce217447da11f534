import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from dashboard import inference
from dashboard.inference import InferenceClient
from ml.errors import BadInputError, MLError
from tests.trained import CLASSES, picture, trained

FAKE = """
import os, sys, time
from pathlib import Path
from ml.frames import read_frame, write_frame
log = Path(sys.argv[1])
while (frame := read_frame(sys.stdin.buffer)) is not None:
    header, data = frame
    with log.open("a") as file:
        file.write(f"{os.getpid()} {data.decode()}\\n")
    lines = log.read_text().splitlines()
    if data == b"deadly" or (data == b"deadly once" and len(lines) == 1):
        os._exit(9)
    if data == b"endless" or (data == b"endless once" and len(lines) == 1):
        time.sleep(600)
    if data == b"garbage":
        os.write(1, b"this is no frame at all")
        continue
    result = {"label": data.decode(), "name": header["name"], "error": None}
    write_frame(sys.stdout.buffer, {"result": result, "seen": 0, "preview": 0})
"""


@pytest.fixture
def log(tmp_path):
    """Where the stand-in for the worker notes its process id and what it was asked."""
    return tmp_path / "asked.txt"


@pytest.fixture
def fake(log):
    """Makes clients of a worker that ends, hangs or talks nonsense when told to."""
    made = []

    def make(seconds=30.0):
        made.append(InferenceClient(seconds, (sys.executable, "-c", FAKE, str(log))))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture(scope="module")
def real():
    client = InferenceClient()
    yield client
    client.close()


def asked(log: Path) -> list[str]:
    return [line.partition(" ")[2] for line in log.read_text().splitlines()]


def pids(log: Path) -> list[int]:
    return [int(line.split()[0]) for line in log.read_text().splitlines()]


def test_a_picture_is_answered_with_what_the_model_sees(real):
    run = trained().run.folder
    answer = real.classify(run, picture(1, 1), "red.png", top_k=2)
    assert answer["label"] in CLASSES
    assert answer["file"] == "red.png"
    assert len(answer["top"]) == 2
    assert answer["error"] is None
    assert answer["seen"].startswith(b"\x89PNG")
    assert answer["preview"][8:12] == b"WEBP"
    assert real.classify(run / "model", picture(1, 1), "red.png", top_k=2) == answer


def test_what_is_no_picture_is_answered_with_a_sentence(real):
    answer = real.classify(trained().run.folder, os.urandom(500), "x.png")
    assert answer["error"].endswith(".")
    for name in ("label", "probability", "decision", "seen", "preview"):
        assert answer[name] is None


def test_a_model_that_is_not_there_is_told_once_and_the_worker_lives_on(real, tmp_path):
    before = real.ping()
    with pytest.raises(BadInputError, match="no trained model"):
        real.classify(tmp_path, picture(0, 0), "x.png")
    assert real.ping() == before


def test_a_worker_that_was_killed_is_started_again(real):
    process = psutil.Process(real.ping())
    process.kill()
    process.wait(10)
    assert real.classify(trained().run.folder, picture(1, 1), "a.png")["label"] in CLASSES
    assert real.ping() != process.pid


def test_a_worker_killed_in_the_middle_of_a_picture_gets_it_once_more(fake, log, until):
    client, answers = fake(), []
    asking = threading.Thread(
        target=lambda: answers.append(client.classify(Path(), b"endless once", "a.png"))
    )
    asking.start()
    until(lambda: log.exists() and asked(log))
    psutil.Process(pids(log)[0]).kill()
    asking.join(30)
    assert answers[0]["label"] == "endless once"
    assert len(set(pids(log))) == 2


def test_a_picture_that_ends_the_worker_twice_is_not_tried_again(fake, log):
    client = fake()
    answer = client.classify(Path(), b"deadly", "bad.png")
    assert "is not tried again" in answer["error"]
    assert asked(log) == ["deadly", "deadly"]
    assert client.classify(Path(), b"deadly", "bad.png")["error"] == answer["error"]
    assert asked(log) == ["deadly", "deadly"]
    assert client.classify(Path(), b"fine", "good.png")["label"] == "fine"


def test_a_picture_whose_worker_ended_by_chance_is_answered(fake):
    assert fake().classify(Path(), b"deadly once", "a.png")["label"] == "deadly once"


def test_a_picture_that_takes_too_long_is_given_up_and_its_worker_ended(fake, log):
    client = fake(seconds=1.0)
    answer = client.classify(Path(), b"endless", "slow.png")
    assert "longer than 1 seconds" in answer["error"]
    assert not psutil.pid_exists(pids(log)[0])
    assert fake().classify(Path(), b"fine", "good.png")["label"] == "fine"


def test_a_worker_that_talks_nonsense_is_replaced(fake):
    client = fake()
    assert "is not tried again" in client.classify(Path(), b"garbage", "a.png")["error"]
    assert client.classify(Path(), b"fine", "b.png")["label"] == "fine"


def test_sessions_that_ask_at_once_each_get_their_own_answer(fake):
    client = fake()
    names = [f"picture {n}" for n in range(40)]
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda name: client.classify(Path(), name.encode(), name), names)
    assert [(answer["label"], answer["name"]) for answer in answers] == list(
        zip(names, names, strict=True)
    )


def test_an_interrupted_request_leaves_no_answer_for_the_next_one(fake, monkeypatch):
    client = fake()

    def interrupted(pipe):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(inference, "read_frame", interrupted)
        with pytest.raises(KeyboardInterrupt):
            client.classify(Path(), b"first", "a.png")
    assert client.classify(Path(), b"second", "b.png")["label"] == "second"


def test_a_file_that_is_too_large_is_not_even_sent(fake, log, monkeypatch):
    monkeypatch.setattr(inference, "MOST_BYTES", 3)
    assert "larger than" in fake().classify(Path(), b"1234", "a.png")["error"]
    assert not log.exists()


def test_a_worker_that_cannot_start_is_an_error_of_its_own(tmp_path):
    with pytest.raises(MLError, match="cannot be started"):
        InferenceClient(command=(str(tmp_path / "absent"),)).ping()
    broken = InferenceClient(command=(sys.executable, "-c", "raise SystemExit(1)"))
    with pytest.raises(MLError, match="as soon as it starts"):
        broken.ping()


def test_closing_ends_the_worker(fake):
    client = fake()
    client.classify(Path(), b"fine", "a.png")
    worker = client._worker
    client.close()
    assert worker.returncode is not None
