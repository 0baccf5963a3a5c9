"""Sizes, times, nodes and arrays mean what they mean to Slurm."""

import pytest

from orchestrator.backends.slurm import words


@pytest.mark.parametrize(
    ("text", "mebibytes"),
    [("16G", 16 * 1024), ("500", 500), ("500M", 500), ("1T", 1 << 20), ("1025K", 2), ("2GB", 2048)],
)
def test_sizes_are_powers_of_two(text: str, mebibytes: int) -> None:
    """A job would be killed for memory that its user thinks he asked for."""
    assert words.mebibytes(text) == mebibytes


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("90", 90),
        ("90:30", 91),
        ("1:30:00", 90),
        ("0:0:1", 1),
        ("2-12", 3600),
        ("2-12:30", 3630),
        ("2-12:30:01", 3631),
    ],
)
def test_times_are_rounded_up_to_what_slurm_keeps(text: str, minutes: int) -> None:
    """A job would be stopped before its time, or an hour taken for a minute."""
    assert words.minutes(text) == minutes


@pytest.mark.parametrize(
    ("text", "tasks"),
    [
        ("0-3", (0, 1, 2, 3)),
        ("7", (7,)),
        ("1,3,5-7%2", (1, 3, 5, 6, 7)),
        ("0-10:5", (0, 5, 10)),
        ("3,1-3", (1, 2, 3)),
    ],
)
def test_the_tasks_of_an_array_are_known(text: str, tasks: tuple[int, ...]) -> None:
    """A task would be missing from the judgement of its array."""
    assert words.tasks(text) == tasks


@pytest.mark.parametrize(("text", "span"), [("2", (2, 2)), ("2-4", (2, 4))])
def test_nodes_are_a_span(text: str, span: tuple[int, int]) -> None:
    """A job would get other nodes than were asked for."""
    assert words.nodes(text) == span


@pytest.mark.parametrize("text", ["", "16 gigs", "-1", "1.5G", "16GiG"])
def test_what_is_no_size_is_told(text: str) -> None:
    """A typing error would become a job."""
    with pytest.raises(ValueError, match="expected a size"):
        words.mebibytes(text)


@pytest.mark.parametrize("text", ["", "0", "0:0:0", "1h", "1-", "1:2:3:4"])
def test_what_is_no_time_is_told(text: str) -> None:
    """A typing error would become a job; 0 means no limit to sbatch."""
    with pytest.raises(ValueError, match="expected a time"):
        words.minutes(text)


@pytest.mark.parametrize("text", ["", "a", "3-1", "1-9:0", "1-9%", "1-9%0", "1,,2", "0-10000"])
def test_what_is_no_array_is_told(text: str) -> None:
    """A typing error would become ten thousand jobs, or none."""
    with pytest.raises(ValueError, match="expected"):
        words.tasks(text)


@pytest.mark.parametrize("text", ["", "0", "4-2", "two"])
def test_what_is_no_number_of_nodes_is_told(text: str) -> None:
    """A typing error would become a job."""
    with pytest.raises(ValueError, match="expected a number of nodes"):
        words.nodes(text)
