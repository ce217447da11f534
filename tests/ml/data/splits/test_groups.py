"""Group numbers of chosen items, against components counted by a graph."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from ml.data.splits.groups import group_ids
from ml.data.store.item import Item


@given(st.data())
def test_items_of_one_picture_or_group_have_one_number(data) -> None:
    pictures = data.draw(st.lists(st.integers(0, 9), min_size=1, max_size=25))
    group_names = st.sampled_from([None, "a", "b", "c"])
    items = [Item(f"{one:064x}", 0, group=data.draw(group_names)) for one in pictures]
    chosen = data.draw(st.permutations(range(len(items))))
    pool = np.array(chosen[: data.draw(st.integers(1, len(items)))])
    joined = np.array(
        [
            [
                items[n].hash == items[m].hash
                or (items[n].group is not None and items[n].group == items[m].group)
                for m in pool
            ]
            for n in pool
        ]
    )
    count, wanted = connected_components(coo_matrix(joined))
    found = group_ids(items, pool)
    if count == len(pool):
        assert found is None
    else:
        assert found is not None
        assert sorted(set(found.tolist())) == list(range(count))
        assert len(set(zip(found.tolist(), wanted.tolist(), strict=True))) == count
