"""What an emulated study holds: values of every type, written as CSV or JSON, read as CSV."""

from typing import Any

import pytest

from tests.emulators.sostrades.asking import Client

AT = "SellarCoupling.Report"


@pytest.fixture
def sellar(me: Client) -> int:
    """Return a new study that has variables of every type."""
    return me.add("test_sellar_coupling", "all")


def write(me: Client, study: int, variable: str, value: Any) -> None:
    """Write one variable as JSON, and wait until that is done."""
    body = {"variableId": f"all.{variable}", "unit": None, "newValue": value}
    assert me.post(f"study-case/{study}/parameters", json=body).status_code == 200
    me.settled(study)


def upload(me: Client, study: int, variable: str, data: bytes) -> None:
    """Write one variable as CSV, and wait until that is done."""
    files = {f"all.{variable}": ("any.txt", data)}
    assert me.post(f"study-case/{study}/parameters", files=files).status_code == 200
    me.settled(study)


@pytest.mark.parametrize(
    ("variable", "value", "text"),
    [
        (f"{AT}.scale", 2.5, "value\n2.5\n"),
        (f"{AT}.scale", 1e-7, "value\n1e-07\n"),
        (f"{AT}.scale", 3, "value\n3\n"),
        (f"{AT}.horizon", 7, "value\n7\n"),
        (f"{AT}.label", "two, or more", 'value\n"two, or more"\n'),
        (f"{AT}.label", "", 'value\n""\n'),
        (f"{AT}.rounded", True, "value\nTrue\n"),
        (f"{AT}.factors", [1.5, 2], "value\n1.5\n2\n"),
        (f"{AT}.costs", {"steel": 4.0, "work": 1}, "variable,value\nsteel,4.0\nwork,1\n"),
        (f"{AT}.prices", {"years": [1, 2]}, 'variable,value\nyears,"[1, 2]"\n'),
    ],
)
def test_what_is_written_as_json_is_read_as_csv(
    me: Client, sellar: int, variable: str, value: object, text: str
) -> None:
    """A backend that reads back what it wrote would be compared with something else."""
    write(me, sellar, variable, value)
    assert me.read(sellar, variable) == text


def test_what_has_no_value_cannot_be_read(me: Client, sellar: int) -> None:
    """A backend that takes any answer for a value would keep an error as a result."""
    write(me, sellar, f"{AT}.scale", None)
    for variable in (f"{AT}.scale", f"{AT}.total"):
        assert '"statusCode": 400' in me.read(sellar, variable)


@pytest.mark.parametrize(
    ("variable", "data", "text"),
    [
        (f"{AT}.prices", b"years,price\n2030,1\n2031,2.5\n", "years,price\n2030,1.0\n2031,2.5\n"),
        (f"{AT}.prices", b"years,price\r\n2030,\r\n", "years,price\n2030,\n"),
        (f"{AT}.prices", b'n,"a, b"\nx,True\n', 'n,"a, b"\nx,True\n'),
        (f"{AT}.offsets", b"value\n0.5\n1.5\n", "value\n0.5\n1.5\n"),
        (f"{AT}.factors", b"value\n1\n2\n", "value\n1\n2\n"),
        (f"{AT}.costs", b"variable,value\nsteel,1.5\n", "variable,value\nsteel,1.5\n"),
    ],
)
def test_what_is_uploaded_is_read_as_csv(
    me: Client, sellar: int, variable: str, data: bytes, text: str
) -> None:
    """A table would come back otherwise than pandas writes it."""
    upload(me, sellar, variable, data)
    assert me.read(sellar, variable) == text


def test_a_file_becomes_what_its_variable_is(me: Client, sellar: int) -> None:
    """An array that came as a list would be found out only when the study is executed."""
    for variable, data in (
        ("offsets", b"value\n0.5\n1.5\n"),
        ("factors", b"value\n1\n2\n3\n"),
        ("costs", b"variable,value\nsteel,3.0\nwork,1.0\n"),
    ):
        upload(me, sellar, f"{AT}.{variable}", data)
    me.execute(sellar)
    assert me.over(sellar) == "FINISHED"
    assert me.read(sellar, f"{AT}.shares") == "variable,value\nsteel,0.75\nwork,0.25\n"
    y1 = float(me.read(sellar, "SellarCoupling.y_1").split()[1])
    curve = [float(it) for it in me.read(sellar, f"{AT}.curve").split()[1:]]
    assert curve == [y1 + 0.5, y1 + 1.5]
    write(me, sellar, f"{AT}.offsets", [0.5, 1.5])
    me.execute(sellar)
    assert me.over(sellar) == "FAILED"


@pytest.mark.parametrize("data", [b"", b"years,price\n1,2,3\n"])
def test_a_file_that_is_no_table_is_refused(me: Client, sellar: int, data: bytes) -> None:
    """A broken file would count as an empty table."""
    before = me.read(sellar, f"{AT}.prices")
    files = {f"all.{AT}.prices": ("any.txt", data)}
    answer = me.post(f"study-case/{sellar}/parameters", files=files)
    assert answer.status_code == 400
    assert answer.json()["description"].startswith("StudyCaseError(the following exception")
    assert me.read(sellar, f"{AT}.prices") == before


def test_one_unknown_name_stops_all_changes(me: Client, slow: int) -> None:
    """A client would take a part for nothing, or nothing for a part."""
    assert me.write(slow, factor=9.0, nope=1).status_code == 400
    assert not me.study(slow)["is_updated"]
    assert me.read(slow, "Slow.factor") == "value\n2.0\n"


def test_values_come_some_time_after_the_answer(me: Client, slow: int) -> None:
    """A client that reads back at once, and believes it, would not be found out."""
    me.faults("slow-update=1000")
    answer = me.write(slow, factor=9.0).json()
    assert answer["load_status"] == "in_progress"
    assert me.read(slow, "Slow.factor") == "value\n2.0\n"
    second = me.write(slow, sleep_s=5.0)  # lost: one is under way
    assert second.status_code == 200
    dates = [it["study_case"]["modification_date"] for it in (answer, second.json())]
    assert dates[0] < dates[1]  # each tells when the study was changed before
    me.ahead(1000)
    me.settled(slow)
    assert me.read(slow, "Slow.factor") == "value\n9.0\n"
    assert me.read(slow, "Slow.sleep_s") == "value\n0.0\n"


def test_loading_tells_types_units_and_inputs_only(me: Client, sellar: int) -> None:
    """A backend could not check what a job wants to write."""
    told = me.get(f"study-case/{sellar}").json()
    assert told[f"all.{AT}.horizon"] == {
        "type": "int", "unit": "year", "var_name": "horizon", "value": 3, "optional": False,
    }  # fmt: skip
    assert told[f"all.{AT}.prices"]["value"] == "://dataframe"
    assert told[f"all.{AT}.offsets"]["value"] == "://ndarray"
    types = {it["type"] for it in told.values()}
    assert types == {"float", "int", "string", "bool", "list", "dict", "array", "dataframe"}
    assert not [name for name in told if name.endswith((".total", ".obj"))]


def test_a_copy_is_a_study_of_its_own(me: Client, slow: int) -> None:
    """A copy would change with its source, or count as executed with it."""
    me.act(slow, "edit", {"Slow.factor": 4.0})
    me.execute(slow)
    assert me.over(slow) == "FINISHED"
    copy = me.post(f"study-case/{slow}/copy", json={"new_study_name": "other"}).json()
    assert me.status(copy) == ""
    me.write(copy, factor=5.0)
    me.settled(copy)
    assert me.read(copy, "Slow.factor") == "value\n5.0\n"
    assert me.read(slow, "Slow.factor") == "value\n4.0\n"
    assert me.status(slow) == "FINISHED"


def test_a_right_allows_what_it_says(me: Client, slow: int) -> None:
    """A backend would never meet a key that may look, and not execute."""
    body = {"parameter_key": "mine.Slow.factor"}
    calls = [
        ("GET", f"calculation/status/{slow}", {}),
        ("POST", f"study-case/{slow}/parameter/download", {"json": body}),
        ("POST", f"calculation/execute/{slow}", {}),
    ]
    found = {}
    for right in ("", "RESTRICTED_VIEWER", "COMMENTER", "CONTRIBUTOR"):
        me.act(slow, "right", {"right": right})
        asked = [me.ask(method, f"/api/v0/{it}", "bob", **more) for method, it, more in calls]
        found[right] = [it.status_code for it in asked]
    assert found == {
        "": [403, 403, 403],
        "RESTRICTED_VIEWER": [200, 403, 403],
        "COMMENTER": [200, 200, 403],
        "CONTRIBUTOR": [200, 200, 200],
    }
