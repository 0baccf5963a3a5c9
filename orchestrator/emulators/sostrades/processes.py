"""Processes: what kinds of studies there are, and which variables they have."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

COUPLING, DISCIPLINE = "ProxyCoupling", "ProxyDiscipline"
COUPLING_MODEL = "sostrades_core.execution_engine.proxy_coupling"


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of a discipline, and the value that it has in a new study.

    `coupled`: disciplines compute it from each other, so a first guess may be left out.
    """

    name: str
    type: str
    value: Any = None
    unit: str | None = None
    output: bool = False
    numerical: bool = False
    optional: bool = False
    coupled: bool = False
    range: tuple[float, float] | None = None
    possible: tuple[Any, ...] | None = None
    columns: tuple[tuple[str, str], ...] | None = None  # names and types, of a table


@dataclass(frozen=True, slots=True)
class Discipline:
    """A part of a process. `path` is its place below the study; "" is the study itself."""

    path: str
    model: str
    variables: tuple[Variable, ...]
    kind: str = DISCIPLINE
    charts: tuple[str, ...] = ()

    @property
    def shows(self) -> bool:
        """Whether it is asked for charts."""
        return self.kind == COUPLING or bool(self.charts)


@dataclass(frozen=True, slots=True)
class Process:
    """A kind of study. `name` is that of the process, `study` the name its studies have."""

    name: str
    repository: str
    study: str
    disciplines: tuple[Discipline, ...]
    can_reload: bool = True

    def variables(self) -> Iterable[tuple[Discipline, Variable]]:
        """Yield all variables, and what they belong to."""
        for discipline in self.disciplines:
            for variable in discipline.variables:
                yield discipline, variable

    def find(self, name: str) -> Variable | None:
        """Return a variable by its name below the study."""
        found = {below(it.path, variable.name): variable for it, variable in self.variables()}
        return found.get(name)


def below(*parts: str) -> str:
    """Return a name below others; those that are empty leave no dot."""
    return ".".join(part for part in parts if part)


def of_discipline() -> tuple[Variable, ...]:
    """Return the numerical settings that every discipline has."""
    modes = (
        "direct", "reverse", "adjoint", "auto", "complex_step", "finite_differences",
        "centered_differences", "hybrid_complex_step", "hybrid_finite_differences",
        "hybrid_centered_differences",
    )  # fmt: skip
    debug = ("", "nan", "input_change", "min_max_couplings", "all")
    return (
        _numerical("linearization_mode", "string", "auto", possible=modes),
        _numerical("cache_type", "string", "", possible=("", "SimpleCache")),
        _numerical("cache_file_path", "string", "", optional=True),
        _numerical("debug_mode", "string", "", possible=debug),
        _numerical("residual_variables", "dict", {}),
        _numerical("run_solves_residuals", "bool", value=False),
    )


def of_coupling() -> tuple[Variable, ...]:
    """Return the numerical settings that a coupling has."""
    inner = ("Jacobi", "GaussSeidel", "NewtonRaphson", "QuasiNewton", "GSNewton", "Sequential")
    transformations = (
        "Aitken", "Alternate2Delta", "AlternateDeltaSquared", "MinimumPolynomial",
        "NoTransformation", "Secant",
    )  # fmt: skip
    scalings = (
        "no_scaling", "initial_residual_norm", "initial_subresidual_norm", "n_coupling_variables",
        "initial_residual_component", "scaled_initial_residual_component",
    )  # fmt: skip
    either, conditioners = (True, False), ("None", "ilu")
    options = {"max_iter": 1000, "tol": 1e-08}
    return (
        _numerical(
            "inner_mda_name", "string", "MDAJacobi", possible=tuple(f"MDA{it}" for it in inner)
        ),
        _numerical("max_mda_iter", "int", 30, "-"),
        _numerical("n_processes", "int", 1, "-"),
        _numerical("use_threading", "bool", value=True, unit="-"),
        _numerical("mdachain_parallelize_tasks", "bool", value=False, unit="-"),
        _numerical("chain_linearize", "bool", value=False, possible=either),
        _numerical("tolerance", "float", 1e-06, "-"),
        _numerical("use_lu_fact", "bool", value=False, possible=either),
        _numerical("warm_start", "bool", value=False, possible=either),
        _numerical("acceleration_method", "string", "Alternate2Delta", possible=transformations),
        _numerical("scaling_method", "string", "n_coupling_variables", possible=scalings),
        _numerical("max_mda_iter_gs", "int", 30, "-"),
        _numerical("tolerance_gs", "float", 10.0, "-"),
        _numerical("over_relaxation_factor", "float", 0.99, "-", range=(0.0, 1.0)),
        _numerical("epsilon0", "float", 1e-06, "-"),
        _numerical("linear_solver_MDO", "string", "GMRES"),
        _numerical("linear_solver_MDO_preconditioner", "string", "None", possible=conditioners),
        _numerical("linear_solver_MDO_options", "dict", options, "-"),
        _numerical("linear_solver_MDA", "string", "GMRES"),
        _numerical("linear_solver_MDA_preconditioner", "string", "None", possible=conditioners),
        _numerical("linear_solver_MDA_options", "dict", options, "-"),
        _numerical("group_mda_disciplines", "bool", value=False, possible=either),
        _numerical("propagate_cache_to_children", "bool", value=False, possible=either),
        *of_discipline(),
    )


def _numerical(name: str, type_: str, value: Any, unit: str | None = None, **more: Any) -> Variable:
    return Variable(name, type_, value, unit, numerical=True, **more)
