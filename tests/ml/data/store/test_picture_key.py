"""A picture keeps its key from version to version."""

import hashlib

import pytest

from ml.data.edits import edits
from ml.data.store.picture_key import PictureKey, items_of_keys, key_of_item, key_of_upload
from ml.data.store.versions import DatasetVersion, Item, read_picture
from tests.helpers import made_up_runs


@pytest.fixture
def version(workspace):
    return made_up_runs.dataset(workspace)


def made(*pictures):
    """A version of ``pictures`` (hash, file)."""
    items = tuple(Item(digest, 0, file=file) for digest, file in pictures)
    return DatasetVersion("made", 1, ("a",), items, "f", {})


def keys_of(version):
    return [key_of_item(version, number) for number in range(len(version.items))]


def test_pictures_are_found_in_a_newer_version_though_their_numbers_moved(workspace, version):
    newer = edits.commit(workspace, version.name, [{"do": "delete", "items": [3]}], base=1)
    assert items_of_keys(newer, keys_of(version)) == [*range(3), None, *range(3, 29)]


def test_a_copy_is_found_by_its_file_name():
    version = made(("x", "one"), ("y", "two"), ("x", "three"))
    assert items_of_keys(version, keys_of(version)) == [0, 1, 2]
    wanted = [PictureKey("x", "four"), PictureKey("x"), PictureKey("y", "four"), PictureKey("z")]
    assert items_of_keys(version, wanted) == [None, None, 1, None]


def test_an_upload_is_the_picture_of_the_store_with_the_same_bytes(workspace, version):
    for number in (0, 7):
        stored = key_of_item(version, number)
        upload = key_of_upload(read_picture(workspace, stored.hash))
        assert upload.hash == stored.hash
        assert upload.short_hash == stored.short_hash == stored.hash[:20]
        assert items_of_keys(version, [upload]) == [number]


def test_the_hash_of_an_upload_is_the_sha256_of_its_bytes():
    assert key_of_upload(b"picture") == (hashlib.sha256(b"picture").hexdigest(), "")
