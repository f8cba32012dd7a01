"""The store gives back what was put in, bit by bit, and says clearly what it cannot do."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nst

from ltspec.engine import disk
from ltspec.engine.record import DTYPES, canonical, pack
from ltspec.engine.store import Realm, Store
from ltspec.errors import DataError, StoreError

KEY, OTHER = "0123456789abcdef" * 4, "f" * 64
FACTS = {"count": 12, "whole": 3.0, "tiny": 5e-324, "text": "é\ud800", "list": [True, None, {}]}
ARRAYS = {
    "weights/fc1.weight": np.arange(6, dtype=np.float32).reshape(2, 3) - 2.5,
    "mask/fc1.weight": np.array([[True, False, True], [False, True, True]]),
    "scalar": np.array(-0.0),
    "empty": np.zeros((0, 4), np.int64),
    "bytes": np.arange(3, dtype=np.uint8),
    "counts": np.arange(3, dtype=np.int32)[::-1],
    "transposed": np.array([[np.nan, 1.0], [2.0, np.inf]]).T,
}


@pytest.fixture
def reports() -> list[str]:
    return []


@pytest.fixture
def store(tmp_path: Path, reports: list[str]) -> Store:
    return Store.open(tmp_path / "store", report=reports.append)


@pytest.fixture
def realm(store: Store) -> Realm:
    return store.realm("torch-float32")


def same(left: dict[str, np.ndarray], right: dict[str, np.ndarray]) -> bool:
    return sorted(left) == sorted(right) and all(
        left[name].dtype == right[name].dtype
        and left[name].shape == right[name].shape
        and left[name].tobytes() == right[name].tobytes()
        for name in left
    )


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_result_comes_back_bit_by_bit(realm: Realm, reports: list[str]) -> None:
    assert not realm.has(KEY)
    assert realm.read(KEY) is None
    assert realm.read_facts(KEY) is None
    realm.write(KEY, FACTS, ARRAYS)
    found = realm.read(KEY)
    assert realm.has(KEY)
    assert found is not None
    assert found.facts == FACTS
    assert type(found.facts["whole"]) is float
    assert type(found.facts["count"]) is int
    assert same(found.arrays, ARRAYS)
    assert realm.read_facts(KEY) == FACTS
    assert not reports


def test_the_layout_on_disk(store: Store, realm: Realm) -> None:
    realm.write(KEY, FACTS, ARRAYS)
    kept = [name for name in files(store.folder) if not name.startswith("locks")]
    assert kept == [
        f"results/torch-float32/01/{KEY}/arrays.safetensors",
        f"results/torch-float32/01/{KEY}/facts.json",
        "store.json",
    ]
    assert store.size(KEY) == sum((store.folder / name).stat().st_size for name in kept[:2])
    assert store.size(OTHER) == 0
    assert not any((store.folder / "temporary").iterdir())


def test_a_result_that_is_there_stays(realm: Realm) -> None:
    realm.write(KEY, {"first": True}, {"a": np.zeros(1)})
    realm.write(KEY, {"first": False}, {"a": np.ones(1)})
    found = realm.read(KEY)
    assert found is not None
    assert found.facts == {"first": True}
    assert found.arrays["a"] == 0


def test_realms_are_apart(store: Store) -> None:
    store.realm("torch-float32").write(KEY, {}, {})
    assert not store.realm("numpy-float64").has(KEY)


def test_a_result_may_be_changed_by_its_reader_alone(realm: Realm) -> None:
    realm.write(KEY, {}, {"a": np.zeros(3)})
    first = realm.read(KEY)
    assert first is not None
    first.arrays["a"][:] = 7
    again = realm.read(KEY)
    assert again is not None
    assert not again.arrays["a"].any()


@settings(max_examples=60, deadline=None)
@given(
    facts=st.dictionaries(
        st.text(),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats(allow_nan=False, allow_infinity=False)
            | st.text(),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
            ),
            max_leaves=8,
        ),
        max_size=4,
    ),
    arrays=st.dictionaries(
        st.text(min_size=1).filter(lambda name: name != "__metadata__" and name.isprintable()),
        st.sampled_from(DTYPES).flatmap(
            lambda name: nst.arrays(
                name, nst.array_shapes(min_dims=0, min_side=0, max_dims=3, max_side=4)
            )
        ),
        max_size=4,
    ),
)
def test_any_content_gives_the_same_bytes_in_any_order(
    facts: dict[str, object], arrays: dict[str, np.ndarray]
) -> None:
    title = {"format": 1, "realm": "a", "key": KEY}
    turned = (dict(reversed(facts.items())), dict(reversed(arrays.items())))
    assert pack(title, facts, arrays) == pack(title, *turned)
    with tempfile.TemporaryDirectory() as folder:
        realm = Store.open(Path(folder)).realm("a")
        realm.write(KEY, facts, arrays)
        found = realm.read(KEY)
    assert found is not None
    assert found.facts == facts
    assert same(found.arrays, arrays)


def test_the_bytes_of_a_record_never_change() -> None:
    """A change here makes every store unreadable: then raise FORMAT."""
    arrays, facts = pack({"format": 1, "key": KEY}, {"b": 1, "a": 1.0}, {"x": np.ones(2, bool)})
    assert facts == (
        b'{"arrays":"'
        + _sha256(arrays).encode()
        + b'","facts":{"a":1.0,"b":1},"format":1,"key":"'
        + KEY.encode()
        + b'","sha256":"'
        + facts[-66:-2]
        + b'"}'
    )
    unsigned = facts[:-77] + b"}"
    assert facts[-66:-2].decode() == _sha256(unsigned)
    header = arrays[8 : 8 + int.from_bytes(arrays[:8], "little")]
    assert header.rstrip() == (
        b'{"__metadata__":{"ltspec":"{\\"format\\":1,\\"key\\":\\"'
        + KEY.encode()
        + b'\\"}"},"x":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}}'
    )


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_byte_order_and_memory_layout_do_not_matter() -> None:
    plain = np.arange(6.0).reshape(2, 3)
    for other in (plain.astype(">f8"), np.asfortranarray(plain)):
        assert pack({}, {}, {"a": other}) == pack({}, {}, {"a": plain})


@pytest.mark.parametrize(
    "facts",
    [
        {"a": float("nan")},
        {"a": float("inf")},
        {1: 2},
        {"a": (1, 2)},
        {"a": {2: 3}},
        {"a": np.float32(1)},
        {"a": np.int64(1)},
        {"a": b"x"},
    ],
)
def test_facts_that_json_would_change_are_refused(facts: dict[str, object], realm: Realm) -> None:
    with pytest.raises((ValueError, TypeError)):
        realm.write(KEY, facts, {})
    assert not realm.has(KEY)


@pytest.mark.parametrize("dtype", ["float16", "complex64", "object", "U3", "int8"])
def test_arrays_of_other_types_are_refused(dtype: str, realm: Realm) -> None:
    with pytest.raises(TypeError, match=r"a store holds bool, uint8"):
        realm.write(KEY, {}, {"a": np.zeros(2, dtype)})
    assert not realm.has(KEY)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "0123",
        "../../../../etc",
        "ABCDEF0123",
        "0123456789\n",
        "g" * 64,
        "a" * 129,
        "a/b",
        "01234567\0",
    ],
)
def test_keys_lead_nowhere_else(key: str, realm: Realm, store: Store) -> None:
    for call in (
        realm.has,
        realm.read,
        realm.read_facts,
        realm.checkpoint_read,
        realm.checkpoint_drop,
        realm.points,
        store.size,
        lambda key: realm.write(key, {}, {}),
        lambda key: realm.checkpoint_write(key, {}, {}),
        lambda key: realm.add_point(KEY, 1, key),
        lambda key: realm.lock(key).__enter__(),
    ):
        with pytest.raises(ValueError, match="cannot be the name of a key"):
            call(key)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a--b", "-a", "A", "a\n", "a.b", "a\\b"])
def test_realms_and_data_sets_lead_nowhere_else(name: str, store: Store) -> None:
    with pytest.raises(ValueError, match="cannot be the name"):
        store.realm(name)
    with pytest.raises(ValueError, match="cannot be the name"):
        store.check_data(name, "00")


def test_the_newest_checkpoint_is_kept(realm: Realm, store: Store) -> None:
    assert realm.checkpoint_read(KEY) is None
    for step in (100, 200):
        realm.checkpoint_write(KEY, {"step": step}, {"w": np.full(3, step)})
    found = realm.checkpoint_read(KEY)
    assert found is not None
    assert found.facts == {"step": 200}
    assert found.arrays["w"].tolist() == [200, 200, 200]
    assert len(list((store.folder / "checkpoints" / "torch-float32" / KEY).iterdir())) == 2
    realm.checkpoint_drop(KEY)
    realm.checkpoint_drop(KEY)
    assert realm.checkpoint_read(KEY) is None
    assert not any(name.startswith("checkpoints") for name in files(store.folder))


def test_points_of_a_training(realm: Realm) -> None:
    assert realm.points(KEY) == {}
    realm.add_point(KEY, 500, OTHER)
    realm.add_point(KEY, 500, OTHER)
    realm.add_point(KEY, 0, KEY)
    assert realm.points(KEY) == {0: KEY, 500: OTHER}


def test_other_data_under_a_name_is_an_error_that_says_so(store: Store) -> None:
    store.check_data("mnist", "aa" * 32)
    store.check_data("mnist", "aa" * 32)
    store.check_data("digits", "bb" * 32)
    with pytest.raises(DataError, match=f"{'cc' * 32}, and was {'aa' * 32}") as caught:
        Store.open(store.folder).check_data("mnist", "cc" * 32)
    assert caught.value.code == "LT307"
    assert "--store" in caught.value.hint
    store.check_data("mnist", "cc" * 32, version=2)  # another reader may give other bytes
    store.check_data("mnist", "aa" * 32)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"name":"mnist","fingerprints":3}',
        "\xff",
        '{"name":"digits","fingerprints":{}}',
    ],
)
def test_a_damaged_note_of_data_is_not_taken_for_a_missing_one(text: str, store: Store) -> None:
    store.check_data("mnist", "aa" * 32)
    (store.folder / "data" / "mnist.json").write_bytes(text.encode("latin1"))
    with pytest.raises(DataError, match="damaged") as caught:
        store.check_data("mnist", "aa" * 32)
    assert caught.value.code == "LT307"


def test_opening_again_changes_nothing(store: Store, realm: Realm) -> None:
    realm.write(KEY, FACTS, ARRAYS)
    before = files(store.folder)
    Store.open(store.folder)
    found = Store.open(store.folder, create=False).realm("torch-float32").read(KEY)
    assert found is not None
    assert files(store.folder) == before
    assert (store.folder / "store.json").read_bytes().startswith(b'{"about":"made by ltspec')


def test_a_store_is_not_made_where_none_is_wanted(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no store at") as caught:
        Store.open(tmp_path / "none", create=False)
    assert caught.value.code == "LT404"
    assert not (tmp_path / "none").exists()


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(StoreError, match="holds other things") as caught:
        Store.open(tmp_path)
    assert caught.value.code == "LT404"
    assert files(tmp_path) == ["thesis.tex"]


def test_a_store_that_died_while_it_was_made_is_made(tmp_path: Path) -> None:
    (tmp_path / ".store-0011").write_text("{")
    assert Store.open(tmp_path).realm("a").read(KEY) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"format": 2}', "has format 2, and this ltspec reads format 1"),
        ('{"format": "1"}', "has format '1'"),
        ("{}", "damaged"),
        ("[1]", "damaged"),
        ("", "damaged"),
    ],
)
def test_a_store_of_another_format(text: str, says: str, store: Store) -> None:
    (store.folder / "store.json").write_text(text)
    for create in (True, False):
        with pytest.raises(StoreError, match=says) as caught:
            Store.open(store.folder, create=create)
        assert caught.value.code == "LT404"


def test_a_file_is_not_a_store(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    for place in (file, file / "below"):
        with pytest.raises(StoreError, match=str(file)) as caught:
            Store.open(place)
        assert caught.value.code == "LT403"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that nobody may write")
def test_a_place_that_nobody_may_write() -> None:
    with pytest.raises(StoreError, match="cannot write /proc/store") as caught:
        Store.open(Path("/proc/store"))
    assert caught.value.code == "LT403"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_store_can_be_read_but_not_written(store: Store, realm: Realm) -> None:
    realm.write(KEY, FACTS, {})
    folders = [store.folder, *(path for path in store.folder.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    try:
        again = Store.open(store.folder, create=False).realm("torch-float32")
        assert again.read_facts(KEY) == FACTS
        with pytest.raises(StoreError) as caught:
            realm.write(OTHER, FACTS, {})
        assert caught.value.code == "LT403"
    finally:
        for folder in folders:
            folder.chmod(0o755)


def test_scratch_of_the_living_is_left_and_of_the_dead_removed(store: Store) -> None:
    temporary = store.folder / "temporary"
    with disk.scratch_folder(temporary) as mine:
        (mine / "half").write_text("x")
        (temporary / "dead").mkdir()
        (temporary / "dead" / "half").write_text("x")
        (temporary / "dead.lock").touch()
        Store.open(store.folder)
        assert files(temporary) == [f"{mine.name}.lock", f"{mine.name}/half"]
    assert not any(temporary.iterdir())


def test_canonical_json_keeps_numbers_apart() -> None:
    assert canonical({"b": 1, "a": 1.0, "c": 1e-7}) == b'{"a":1.0,"b":1,"c":1e-07}'
