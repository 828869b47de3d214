"""The value of the label `pool`."""

from hypothesis import given
from hypothesis import strategies as st

from xo_exporter.pool_labels import Identity, PoolLabels

A = "aaaaaaaa-0000-4000-8000-000000000001"
B = "bbbbbbbb-0000-4000-8000-000000000002"
C = "cccccccc-0000-4000-8000-000000000003"


def test_a_pool_goes_by_its_configured_name_else_its_own_else_its_NAME() -> None:
    """The configured `name` counts before the pool's own, and NAME where neither is known."""
    labels = PoolLabels().labels(
        [
            Identity("Main", "Main", A, "its own"),
            Identity("xcp2.example.org", None, B, "Second"),
            Identity("xcp3.example.org:8443", None, C, ""),
        ]
    )
    assert labels == {
        "Main": "Main",
        "xcp2.example.org": "Second",
        "xcp3.example.org:8443": "xcp3.example.org:8443",
    }


def test_a_pool_that_was_never_read_goes_by_its_NAME() -> None:
    """Without a UUID a pool is not known, and its NAME is all there is."""
    assert PoolLabels().labels([Identity("xcp1", None, "", "")]) == {"xcp1": "xcp1"}


def test_pools_of_one_name_get_their_uuids_beginning() -> None:
    """Both pools of one name get the first eight characters of their UUID in parentheses."""
    labels = PoolLabels().labels(
        [
            Identity("x1", None, A, "Prod"),
            Identity("x2", None, B, "Prod"),
            Identity("x3", None, C, "Lab"),
        ]
    )
    assert labels == {"x1": "Prod (aaaaaaaa)", "x2": "Prod (bbbbbbbb)", "x3": "Lab"}


def test_a_configured_name_collides_like_any_other() -> None:
    """A configured name that is another pool's own is told apart in both."""
    labels = PoolLabels().labels(
        [Identity("Prod", "Prod", A, "x"), Identity("x2", None, B, "Prod")]
    )
    assert labels == {"Prod": "Prod (aaaaaaaa)", "x2": "Prod (bbbbbbbb)"}


def test_told_apart_once_is_told_apart_for_ever() -> None:
    """The suffix stays when the other pool takes another name, and newcomers get one, too."""
    labels = PoolLabels()
    labels.labels([Identity("x1", None, A, "Prod"), Identity("x2", None, B, "Prod")])
    later = [Identity("x1", None, A, "Prod"), Identity("x2", None, B, "Test")]
    assert labels.labels(later) == {"x1": "Prod (aaaaaaaa)", "x2": "Test"}
    newcomer = [*later, Identity("x3", None, C, "Prod")]
    assert labels.labels(newcomer)["x3"] == "Prod (cccccccc)"


def test_a_NAME_that_is_another_pools_name_tells_them_apart() -> None:
    """An unknown pool keeps its NAME; a known one of that very name gets its UUID appended."""
    labels = PoolLabels()
    pools = [Identity("xcp1", None, A, "xcp2"), Identity("xcp2", None, "", "")]
    assert labels.labels(pools) == {"xcp1": "xcp2 (aaaaaaaa)", "xcp2": "xcp2"}
    known = [pools[0], Identity("xcp2", None, B, "Other")]
    assert labels.labels(known) == {"xcp1": "xcp2 (aaaaaaaa)", "xcp2": "Other"}


def test_a_second_entry_for_one_pool_is_a_twin() -> None:
    """Of two entries with one UUID the first exports the pool, the second goes by its NAME."""
    pools = [Identity("x1", None, A, "Prod"), Identity("x2", None, A, "Prod")]
    labels = PoolLabels()
    assert labels.twins(pools) == {"x2": "x1"}
    assert labels.labels(pools) == {"x1": "Prod", "x2": "x2"}


def test_the_entry_that_was_the_pool_already_stays_it() -> None:
    """An entry that turns out to be a pool which a later one is already, is the twin."""
    labels = PoolLabels()
    labels.labels([Identity("x1", None, "", ""), Identity("x2", None, A, "Prod")])
    both = [Identity("x1", None, A, "Prod"), Identity("x2", None, A, "Prod")]
    assert labels.twins(both) == {"x1": "x2"}
    assert labels.labels(both) == {"x1": "x1", "x2": "Prod"}


def test_a_twin_ends_when_the_first_entry_is_another_pool() -> None:
    """Once the entry that held a pool is another one, its twin is the pool."""
    labels = PoolLabels()
    labels.labels([Identity("x1", None, A, "Prod"), Identity("x2", None, A, "Prod")])
    moved = [Identity("x1", None, B, "Moved"), Identity("x2", None, A, "Prod")]
    assert labels.twins(moved) == {}
    assert labels.labels(moved) == {"x1": "Moved", "x2": "Prod"}


def test_one_beginning_of_two_uuids_is_not_enough() -> None:
    """Pools of one name and one beginning of the UUID get the whole UUID."""
    other = f"{A[:8]}-ffff-4000-8000-00000000000f"
    labels = PoolLabels().labels([Identity("x1", None, A, "P"), Identity("x2", None, other, "P")])
    assert labels == {"x1": f"P ({A})", "x2": f"P ({other})"}


def test_a_name_that_looks_told_apart_is_told_apart() -> None:
    """A pool whose name is what another's label has become gets a UUID of its own appended."""
    labels = PoolLabels().labels(
        [
            Identity("x1", None, A, "P"),
            Identity("x2", None, B, "P"),
            Identity("x3", None, C, "P (aaaaaaaa)"),
        ]
    )
    assert labels == {
        "x1": "P (aaaaaaaa)",
        "x2": "P (bbbbbbbb)",
        "x3": "P (aaaaaaaa) (cccccccc)",
    }


_UUIDS = st.sampled_from(["", A, B, C, f"{A[:8]}-1", f"{A[:8]}-2"])
_NAMES = st.one_of(
    st.sampled_from(
        ["", "P", "x0", "x1", "P (aaaaaaaa)", f"P ({A})", f"P ({A}) ({A})", "P (aaaaaaaa-1)"]
    ),
    st.text(max_size=3),
)


@given(
    st.lists(
        st.lists(st.tuples(st.booleans(), _UUIDS, _NAMES), min_size=1, max_size=5),
        min_size=1,
        max_size=4,
    ),
    st.lists(_NAMES.filter(bool), min_size=5, max_size=5, unique=True),
)
def test_labels_are_always_distinct(
    moments: list[list[tuple[bool, str, str]]], names: list[str]
) -> None:
    """Whatever pools say of themselves, and however that changes, no two labels are equal."""
    labels = PoolLabels()
    for moment in moments:
        pools = [
            Identity(name, name if configured else None, uuid, own if uuid else "")
            for name, (configured, uuid, own) in zip(names, moment, strict=False)
        ]
        given_labels = labels.labels(pools)
        assert list(given_labels) == [pool.key for pool in pools]
        assert len(set(given_labels.values())) == len(pools)
        assert all(given_labels.values())
