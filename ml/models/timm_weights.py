"""Pretrained weights of timm's models: address, licence, download and hash.

Hugging Face's hub names the SHA-256 of a file in a header; it becomes part of the file's name in
the weights folder, where every later load checks it. Light: no torch.
"""

import os
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml.errors import BadInputError
from ml.models.download import TIMEOUT_SECONDS, fetch, matches_hash, weights_folder
from ml.utils import environment
from ml.utils.files import sha256_of

HUB = "https://huggingface.co"
MIRROR_VARIABLE = "LENSMITH_WEIGHTS"
ACCEPT_VARIABLE = "LENSMITH_ACCEPT_LICENCES"
"""This environment variable lists licences of weights that are accepted, with commas."""
FREE_LICENCES = frozenset(
    {
        "apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "bsd", "cc0-1.0", "cc-by-4.0",
        "cc-by-sa-4.0", "isc", "unlicense",
    }
)  # fmt: skip
"""Licences that allow any use, commercial use included."""
HASH_LENGTH = 16
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class WeightsSource:
    """Where weights come from: a repository of the hub with a file in it, or a plain ``url``.

    ``licence`` is the SPDX name, empty where timm knows none.
    """

    repository: str = ""
    file: str = ""
    url: str = ""
    licence: str = ""

    @property
    def exists(self) -> bool:
        """Whether there are weights at all."""
        return bool(self.repository or self.url)

    @property
    def address(self) -> str:
        """The address of the file, on the hub or its mirror."""
        if self.repository:
            mirror = os.environ.get(MIRROR_VARIABLE, "").rstrip("/") or HUB
            return f"{mirror}/{self.repository}/resolve/main/{self.file}"
        return self.url


def needs_acceptance(source: WeightsSource) -> bool:
    """Whether the licence restricts use, or is unknown, and nobody has accepted it."""
    accepted = {one.strip().lower() for one in environment.value(ACCEPT_VARIABLE).split(",")}
    licence = source.licence.lower() or "unknown"
    return source.exists and licence not in FREE_LICENCES and licence not in accepted


def check_licence(name: str, source: WeightsSource) -> None:
    """Refuse weights whose licence nobody has accepted.

    Raises:
        BadInputError: it restricts use, such as a non-commercial one, or is unknown.
    """
    if needs_acceptance(source):
        licence = source.licence.lower() or "unknown"
        raise BadInputError(
            f"The weights of {name} have the licence {licence}, which may forbid commercial or "
            f"other use. Read it at {source.address.partition('/resolve/')[0]}, and set the "
            f"environment variable {ACCEPT_VARIABLE}={licence} to accept it, or choose another "
            "model."
        )


def fetch_weights(
    name: str, source: WeightsSource, progress: Callable[[float], None] = lambda share: None
) -> Path:
    """The file with the weights of ``name``, downloaded where it is missing.

    Raises:
        BadInputError: nobody has accepted its licence.
        MLError: the download fails, or the file does not have the hash that the hub names.
    """
    check_licence(name, source)
    if file := stored_file(name, source):
        if matches_hash(file):
            return file
        file.unlink()
    sha256 = _announced_sha256(source.address)
    target = _stem(name) + (f"-{sha256[:HASH_LENGTH]}" if sha256 else "") + _suffix(source)
    path = fetch(source.address, weights_folder(), name, progress, file_name=target)
    if sha256:
        return path
    # The server names no hash: the first download is trusted, later changes are noticed.
    hashed = path.with_name(f"{_stem(name)}-{sha256_of(path)[:HASH_LENGTH]}{_suffix(source)}")
    return path.replace(hashed)


def stored_file(name: str, source: WeightsSource) -> Path | None:
    """The file with the weights where it is downloaded; its hash is not checked."""
    hexadecimal = "[0-9a-f]" * HASH_LENGTH
    files = sorted(weights_folder().glob(f"{_stem(name)}-{hexadecimal}{_suffix(source)}"))
    return files[0] if files else None


def _stem(name: str) -> str:
    return "".join(c if c.isalnum() or c in "._-" else "--" for c in name)


def _suffix(source: WeightsSource) -> str:
    return Path(source.file or source.url).suffix or ".pth"


def _announced_sha256(address: str) -> str:
    """The SHA-256 that the hub names for a file; empty where it names none or does not answer."""
    request = urllib.request.Request(address, method="HEAD")
    try:
        with urllib.request.build_opener(_NoRedirect).open(
            request, timeout=TIMEOUT_SECONDS
        ) as response:
            headers: Any = response.headers
    except urllib.error.HTTPError as error:
        headers = error.headers
        error.close()
    except OSError:
        return ""  # the download itself says what is wrong
    tag = str(headers.get("X-Linked-ETag") or "").strip('W/"')
    return tag if _SHA256.fullmatch(tag) else ""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Stay at the hub: the storage that it redirects to names no SHA-256."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Follow nothing."""
