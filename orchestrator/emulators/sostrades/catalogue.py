"""The processes that there are studies of, as they were recorded; `Report` and LINES are ours."""

from orchestrator.emulators.sostrades.lines import LINES
from orchestrator.emulators.sostrades.processes import (
    COUPLING,
    COUPLING_MODEL,
    Discipline,
    Process,
    Variable,
    of_coupling,
    of_discipline,
)
from orchestrator.emulators.sostrades.values import array, table

NO_TABLE = table({"iteration": [], "residual": []})
HISTORY = Variable("residuals_history", "dataframe", NO_TABLE, "-", numerical=True)
TEST = "sostrades_core.sos_processes.test"
SELLAR_MODEL = "sostrades_core.sos_wrapping.test_discs.sellar"


def _coupling(path: str, *variables: Variable) -> Discipline:
    return Discipline(path, COUPLING_MODEL, (*of_coupling(), *variables), COUPLING)


def _plain(
    path: str,
    model: str,
    inputs: tuple[Variable, ...] = (),
    *more: Variable,
    charts: tuple[str, ...] = (),
) -> Discipline:
    """Return a discipline: its inputs stand before the numerical settings, outputs behind."""
    return Discipline(path, model, (*inputs, *of_discipline(), *more), charts=charts)


def _output(name: str, type_: str, unit: str | None = None) -> Variable:
    return Variable(name, type_, None, unit, output=True)


SLOW = Process(
    "slow_study", "livelab.sos_processes", "slow",
    (
        _coupling("", HISTORY),
        _plain(
            "Slow", "livelab.slow_disc",
            (
                Variable("sleep_s", "float", 0.0, "s"),
                Variable("fail", "bool", value=False, unit="-"),
                Variable("factor", "float", 2.0, "-"),
                Variable(
                    "table", "dataframe", table({"years": [1982, 1983], "quantity": [10.0, 5.0]}),
                    "-", columns=(("years", "int"), ("quantity", "float")),
                ),
            ),
            _output("result", "float", "-"),
            _output("out_table", "dataframe", "-"),
            _output("nan_out", "float", "-"),
            charts=("out",),
        ),
    ),
)  # fmt: skip
COUPLED = Process(
    "test_disc1_disc2_coupling", TEST, "coupling",
    (
        _coupling("", HISTORY, Variable("x", "float", 10.0, "-")),
        _plain(
            "Disc1", "sostrades_core.sos_wrapping.test_discs.disc1",
            (Variable("a", "float", 5.0, "-"), Variable("b", "float", 25431.0, "-")),
            _output("y", "float", "-"),
        ),
        _plain(
            "Disc2", "sostrades_core.sos_wrapping.test_discs.disc2",
            (Variable("constant", "float", 3.1416, "-"), Variable("power", "int", 2, "-")),
            _output("z", "float", "-"),
        ),
    ),
)  # fmt: skip
REPORT = (
    Variable(
        "prices", "dataframe",
        table({"years": [2020, 2021, 2022], "price": [1.5, 2.5, 4.0]}), "EUR",
        columns=(("years", "int"), ("price", "float")),
    ),
    Variable("horizon", "int", 3, "year", range=(1, 50)),
    Variable("scale", "float", 1.0, "m", range=(0.0, 1000.0)),
    Variable("label", "string", "base"),
    Variable("method", "string", "sum", possible=("sum", "mean")),
    Variable("rounded", "bool", value=False, unit="-"),
    Variable("factors", "list", [1.0, 1.0, 1.0], "-"),
    Variable("costs", "dict", {"steel": 2.0, "work": 3.0}, "EUR"),
    Variable("offsets", "array", array([0.0, 0.0]), "m"),
)  # fmt: skip
SELLAR = Process(
    "test_sellar_coupling", f"{TEST}.sellar", "sellar",
    (
        _coupling(
            "SellarCoupling",
            Variable("x", "array", array([1.0])),
            Variable("y_1", "array", array([1.0]), coupled=True),
            Variable("y_2", "array", array([1.0]), coupled=True),
            Variable("z", "array", array([1.0, 1.0])),
            Variable("debug_mode_sellar", "bool", value=False),
            _output("c_1", "array"),
            _output("c_2", "array"),
            _output("obj", "array"),
            Variable("residuals_history", "dataframe", None, "-", output=True),
        ),
        _plain(
            "SellarCoupling.Sellar_Problem", SELLAR_MODEL, (Variable("local_dv", "float", 10.0),)
        ),
        _plain("SellarCoupling.Sellar_2", SELLAR_MODEL),
        _plain("SellarCoupling.Sellar_1", SELLAR_MODEL),
        _plain(
            "SellarCoupling.Report", "livelab.report_disc", REPORT,
            _output("summary", "dataframe", "EUR"),
            _output("total", "float", "EUR"),
            _output("note", "string"),
            _output("shares", "dict", "-"),
            _output("curve", "array", "m"),
            charts=("Cost per year", "Costs", "Convergence"),
        ),
    ),
)  # fmt: skip
ALL_TYPES = Process(
    "test_disc1_all_types", TEST, "alltypes",
    (
        _coupling("", HISTORY),
        _plain(
            "Disc1", "sostrades_core.sos_wrapping.test_discs.disc1_all_types",
            (
                Variable("x", "float", 2.0, "kg", range=(0.0, 1000.0)),
                Variable("a", "float", 1.0, "-"),
                Variable("b", "int", 5, "-", possible=(2, 5)),
                Variable("name", "string", "A1"),
                Variable("z_list", "list", [0.0, 0.0]),
                Variable("x_dict", "dict", {}, "kg"),
                Variable("y_array", "array", array([0.0, 1.0])),
            ),
            _output("y", "float"),
        ),
    ),
    can_reload=False,
)  # fmt: skip
PROCESSES = {it.name: it for it in (SLOW, COUPLED, SELLAR, ALL_TYPES, LINES)}
