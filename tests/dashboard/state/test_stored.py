"""State of a page lies in session state as plain data."""

from dataclasses import dataclass, field

from dashboard.state.stored import storage_key, stored_in


@dataclass
class Pages:
    shown: int = 12
    names: list[str] = field(default_factory=list)


def test_a_field_that_is_set_is_there_in_the_next_run():
    memory = {}
    stored_in(memory, Pages).shown = 24
    stored_in(memory, Pages).names.append("a")
    assert stored_in(memory, Pages) == Pages(24, ["a"])


def test_each_subject_has_a_state_of_its_own():
    memory = {}
    stored_in(memory, Pages, "one").shown = 24
    stored_in(memory, Pages, "one").names.append("a")
    assert stored_in(memory, Pages, "two") == Pages() == stored_in(memory, Pages)


def test_state_outlives_a_reload_of_its_class():
    memory = {}
    stored_in(memory, Pages).shown = 24

    @dataclass
    class Reloaded:
        shown: int = 12
        order: str = "Name"

    Reloaded.__name__ = "Pages"
    state = stored_in(memory, Reloaded)
    assert isinstance(state, Reloaded)
    assert (state.shown, state.order) == (24, "Name")
    state.order = "Size"
    assert stored_in(memory, Reloaded).order == "Size"


def test_memory_holds_no_object_of_ours():
    memory = {}
    stored_in(memory, Pages).names = ["a"]
    assert memory == {storage_key(Pages): {"shown": 12, "names": ["a"]}}
    assert type(memory["Pages"]) is dict
