import io
import json
import os
import re
import shutil
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from PIL import Image

from dashboard.workers import channel, inference
from dashboard.workers.inference import InferenceClient
from ml.data.pixels.cpu_budget import TOO_SLOW
from ml.errors import BadInputError, MLError
from ml.inference.classifier import Classifier
from ml.inference.model_folder import checksum_of
from tests.helpers.slow_pictures import ppm_of_comments
from tests.helpers.trained import CLASSES, picture, trained

FAKE = """
import os, sys, time
from pathlib import Path
from ml.serving.protocol import read_frame, write_frame
from ml.data.pixels.cpu_budget import TOO_SLOW
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
    error = TOO_SLOW if data == b"slow" else None
    result = {"label": data.decode(), "name": header["name"], "error": error}
    answer = {"result": result, "seen": 0, "preview": 0, "id": header["id"]}
    write_frame(sys.stdout.buffer, answer)
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
    assert answer["preview"].startswith(b"\xff\xd8\xff")
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

    class Interrupted(Future):
        def result(self, timeout=None):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(channel, "Future", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            client.classify(Path(), b"first", "a.png")
    assert client.classify(Path(), b"second", "b.png")["label"] == "second"


def test_pictures_that_end_the_worker_end_no_request_but_their_own(fake):
    client = fake()
    words = [b"deadly" if n % 3 == 1 else f"picture {n}".encode() for n in range(12)]
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda word: client.classify(Path(), word, "a.png"), words))
    for word, answer in zip(words, answers, strict=True):
        if word == b"deadly":
            assert "is not tried again" in answer["error"]
        else:
            assert answer["label"] == word.decode()


def test_two_models_asked_at_once_each_answer_for_themselves(real, tmp_path):
    first = trained().run.folder / "model"
    second = shutil.copytree(first, tmp_path / "second")
    manifest = json.loads((second / "model.json").read_text("utf-8"))
    manifest["classes"] = [f"my {name}" for name in manifest["classes"]]
    manifest["checksum"] = checksum_of(manifest)
    (second / "model.json").write_text(json.dumps(manifest), "utf-8")
    folders = {"ours": first, "theirs": second}
    alone = {name: Classifier.load(folder) for name, folder in folders.items()}
    pictures = [os.urandom(400) if n == 7 else picture(n % 3, n) for n in range(12)]
    jobs = [(name, data) for data in pictures for name in folders]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda job: real.classify(folders[job[0]], job[1], "p", 3), jobs))
    for (name, data), answer in zip(jobs, answers, strict=True):
        wanted = alone[name].classify(data, "p", 3)
        assert (answer["label"], answer["error"]) == (wanted["label"], wanted["error"])
        if not wanted["error"]:
            assert answer["probability"] == pytest.approx(wanted["probability"], abs=1e-5)
            assert answer["seen"] is not None


def test_two_sessions_are_answered_when_the_worker_is_killed_midway(real, until):
    run, process = trained().run.folder, psutil.Process(real.ping())
    process.suspend()
    pictures = [picture(label, 3) for label in (0, 1)]
    with ThreadPoolExecutor(2) as pool:
        asking = [pool.submit(real.classify, run, data, "p", 3) for data in pictures]
        until(lambda: real.busy == 2)
        process.kill()
        answers = [one.result(60) for one in asking]
    alone = Classifier.load(run / "model")
    for data, answer in zip(pictures, answers, strict=True):
        assert answer["label"] == alone.classify(data, "p", 3)["label"]
    assert real.ping() != process.pid


def test_a_frame_gets_no_pictures_and_a_non_frame_gets_a_sentence(real):
    run = trained().run.folder
    frame, large = io.BytesIO(), io.BytesIO()
    Image.effect_noise((64, 48), 90).convert("RGB").save(frame, "JPEG")
    Image.new("L", (inference.MAX_FRAME_SIDE + 1, 40)).save(large, "JPEG")
    answer = real.classify_frame(run, frame.getvalue(), 3)
    assert answer == Classifier.load(run / "model").classify(frame.getvalue(), "", 3)
    for data in (picture(1, 1), large.getvalue(), os.urandom(300)):
        assert "at most 1280 pixels" in real.classify_frame(run, data, 3)["error"]


def test_a_frame_that_ends_the_worker_is_not_tried_again(fake, log):
    client = fake()
    with pytest.raises(MLError, match="started again"):
        client.classify_frame(Path(), b"deadly", 3)
    assert asked(log) == ["deadly"]
    assert client.classify_frame(Path(), b"fine", 3)["label"] == "fine"


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read as Linux tells it")
def test_many_large_pictures_at_once_take_little_more_memory_than_one(real):
    def peak():
        status = Path(f"/proc/{real.ping()}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) // 1024

    run, large = trained().run.folder, io.BytesIO()
    Image.new("RGB", (4000, 3000), "red").save(large, "PNG")
    assert real.classify(run, large.getvalue(), "large.png")["error"] is None
    one = peak()
    with ThreadPoolExecutor(8) as pool:
        asking = [pool.submit(real.classify, run, large.getvalue(), "p") for _ in range(8)]
        assert all(job.result()["error"] is None for job in asking)
    assert peak() - one < 150, "megabytes: another one at a time, and what it takes besides"


def test_a_file_that_is_too_large_is_not_even_sent(fake, log, monkeypatch):
    monkeypatch.setattr(inference, "MAX_DATA_BYTES", 3)
    assert "larger than" in fake().classify(Path(), b"1234", "a.png")["error"]
    assert not log.exists()


def test_a_worker_that_cannot_start_is_an_error_of_its_own(tmp_path):
    with pytest.raises(MLError, match="cannot be started"):
        InferenceClient(command=(str(tmp_path / "absent"),)).ping()
    broken = InferenceClient(command=(sys.executable, "-c", "raise SystemExit(1)"))
    with pytest.raises(MLError, match="as soon as it starts"):
        broken.ping()


def test_closing_ends_the_worker(fake, log):
    client = fake()
    client.classify(Path(), b"fine", "a.png")
    client.close()
    assert not psutil.pid_exists(pids(log)[0])


def test_a_picture_that_takes_too_much_computing_is_asked_about_once(fake, log):
    client = fake()
    for _ in range(2):
        assert client.classify(Path(), b"slow", "a.png", visitor="one")["error"] == TOO_SLOW
    assert asked(log) == ["slow"]
    assert client._turns._is_held_back("one")
    assert client.classify(Path(), b"fine", "b.png", visitor="one")["label"] == "fine"


def test_slow_pictures_of_two_keep_a_third_waiting_a_second_or_two(real):
    run = trained().run.folder
    real.classify(run, picture(1, 1), "warm.png")
    slow = [ppm_of_comments(3_000_000 + n) for n in range(2)]
    with ThreadPoolExecutor(2) as pool:
        asking = [
            pool.submit(real.classify, run, data, "slow.ppm", visitor=f"slow {n}")
            for n, data in enumerate(slow)
        ]
        assert real.classify(run, picture(1, 1), "a.png", visitor="third")["error"] is None
        still_asking = [one for one in asking if not one.done()]
    assert len(still_asking) == 2
