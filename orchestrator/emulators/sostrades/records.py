"""Records of studies: as a reply to a change tells them, and the tree of the read-only mode."""

import uuid
from collections.abc import Mapping
from typing import Any

from orchestrator.emulators.database import Row
from orchestrator.emulators.sostrades import charts
from orchestrator.emulators.sostrades.processes import (
    COUPLING,
    Discipline,
    Process,
    Variable,
    below,
)
from orchestrator.emulators.sostrades.studies import process_of
from orchestrator.emulators.sostrades.values import shown

Values = Mapping[str, Any]
PLACE = uuid.UUID("5a0de3c1-7c1f-4a86-9a5e-0d9a7b0c1d2e")  # what ids are derived from
DONE = "DONE"


def study_case(
    row: Row, status: str, *, read_only: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the short record; `read_only` has the host's usage, where the study is read only."""
    process = process_of(row)
    nothing = dict.fromkeys(("regeneration_id", "regeneration_status"))
    flavors = dict.fromkeys(f"{it}_pod_flavor" for it in ("study", "execution", "generation"))
    roles = ("manager", "contributor", "commenter", "restricted_viewer")
    return {
        "id": row["id"],
        "name": row["name"],
        "process": process.name,
        "repository": process.repository,
        "process_display_name": process.name,
        "repository_display_name": process.repository,
        "creation_date": row["created"],
        "modification_date": row["modified"],
        "execution_status": status,
        "creation_status": "CREATION DONE",
        "study_type": "Study",
        "group_name": "lab",
        "group_id": 3,
        "group_confidential": False,
        "is_reference_running": False,
        **nothing,
        **{f"is_{role}": False for role in roles},
        "is_favorite": False,
        "is_last_study_opened": False,
        "opening_date": "",
        "error": None,
        **flavors,
        "last_memory_usage": read_only["memory"] if read_only else "",
        "last_cpu_usage": read_only["cpu"] if read_only else "",
        "has_read_only_file": read_only is not None,
        "is_stand_alone": False,
    }


def study(row: Row, status: str) -> dict[str, Any]:
    """Return the record of a study that is being loaded."""
    return {
        "study_case": study_case(row, status),
        "treenode": {},
        "post_processings": {},
        "plotly": {},
        "n2_diagram": {},
        "user_id_execution_authorized": 1,
        "no_data": False,
        "read_only": False,
        "can_reload": process_of(row).can_reload,
        "load_status": "in_progress",
        "dashboard": {},
    }


def read_only(
    row: Row, status: str, usage: Mapping[str, str], values: Values, *, no_data: bool
) -> dict[str, Any]:
    """Return the whole study, which may be large; `no_data`: without any value."""
    process = process_of(row)
    drawn = charts.of_study(row["name"], process, values)
    if no_data:
        drawn = {name: [] for name in drawn}
    return study(row, status) | {
        "study_case": study_case(row, status, read_only=usage),
        "treenode": _tree(row["name"], process, values, no_data=no_data),
        "post_processings": {
            name: [_bundle(process, row["name"], name, found)] for name, found in drawn.items()
        },
        "n2_diagram": _diagrams(process),
        "user_id_execution_authorized": 0,
        "read_only": True,
        "can_reload": True,
        "load_status": "read_only_mode",
    }


def _tree(name: str, process: Process, values: Values, *, no_data: bool) -> dict[str, Any]:
    """Return the root of the tree; a place that no discipline has is one that holds data only."""
    paths = {it.path for it in process.disciplines}
    found = (
        process.disciplines
        if "" in paths
        else (Discipline("", "", (), "data"), *process.disciplines)
    )
    nodes = {it.path: _node(name, it, {} if no_data else values) for it in found}
    for path, node in nodes.items():
        if path:
            nodes[path.rpartition(".")[0]]["children"].append(node)
    return nodes[""]


def _node(name: str, discipline: Discipline, values: Values) -> dict[str, Any]:
    whole = below(name, discipline.path)
    is_data = discipline.kind == "data"
    data = {
        below(whole, it.name): _record(
            name, discipline, it, values[below(discipline.path, it.name)]
        )
        for it in discipline.variables
        if values
    }
    return {
        "name": whole.rpartition(".")[2],
        "data": data,
        "node_type": discipline.kind,
        "status": "INPUT_DATA" if is_data else DONE,
        "full_namespace": "" if is_data else whole,
        "identifier": "" if is_data else _id(whole),
        "maturity": "" if is_data else "Fake(1)",
        "disc_data": data,
        "model_name_full_path": discipline.model or None,
        "models_full_path_list": [] if is_data else [discipline.model],
        "data_management_disciplines": {}
        if is_data
        else {whole: _management(whole, discipline, data)},
        "children": [],
    }


def _management(whole: str, discipline: Discipline, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same once more, as the service sorts it for its pages."""
    counts = {"Fake": 1, "Research": 0, "Official": 0, "Official Validated": 0}
    kinds: dict[str, dict[str, Any]] = {"inputs": {}, "outputs": {}, "numerical": {}}
    for name, it in data.items():
        side = "outputs" if it["io_type"] == "out" else "inputs"
        kinds["numerical" if it["numerical"] else side][name] = it
    return {
        "model_name_full_path": discipline.model,
        "discipline_label": whole,
        "namespace": whole,
        "maturity": counts if discipline.kind == COUPLING else "Fake",
        "disciplinary_inputs": kinds["inputs"],
        "disciplinary_outputs": kinds["outputs"],
        "numerical_parameters": kinds["numerical"],
    }


def _record(name: str, discipline: Discipline, it: Variable, value: Any) -> dict[str, Any]:
    whole, side = below(name, discipline.path), "output" if it.output else "input"
    owner = _id(whole)
    tables = {
        "dataframe_descriptor": {n: [t, None, True] for n, t in it.columns} if it.columns else None,
        "dataframe_edition_locked": True,
        "dataframe_excluded_columns": ["year", "years"],
    }
    return {
        "type": it.type,
        "default": shown(it.value),
        "unit": it.unit,
        "io_type": "out" if it.output else "in",
        "type_metadata": None,
        "var_name": it.name,
        "user_level": 1,
        "range": it.range,
        "description": None,
        "possible_values": it.possible,
        **(tables if it.type in ("dataframe", "dict") else {}),
        "discipline_full_path_list": [discipline.model],
        "value": shown(value),
        "coupling": it.coupled,
        "optional": it.optional or it.coupled,
        "numerical": it.numerical,
        "meta_input": False,
        "editable": False,
        "ns_reference": {
            "name": whole.rpartition(".")[2],
            "value": whole,
            "_Namespace__display_value": None,
            "dependency_disc_list": [],
            "database_infos": None,
        },
        "check_integrity_msg": "",
        "formula": None,
        "is_formula": False,
        "is_eval": False,
        "model_origin": owner,
        "disciplines_dependencies": [owner],
        "display_name": below(whole, it.name),
        "variable_key": f"{discipline.model}_{side}_{it.name}",
        "size_mo": len(str(value)) / (1 << 20),
    }


def _bundle(process: Process, study_name: str, name: str, drawn: list[Any]) -> dict[str, Any]:
    """Return the charts of a discipline with what they can be chosen by."""
    [it] = [it for it in process.disciplines if below(study_name, it.path) == name]
    titles = ["Residuals History"] if it.kind == COUPLING else list(it.charts)
    return {
        "name": it.model,
        "discipline_name": name,
        "filters": [
            {
                "filter_name": "Charts",
                "filter_values": titles,
                "selected_values": titles,
                "filter_key": "charts" if it.kind == COUPLING else "Charts",
                "multiple_selection": True,
            }
        ],
        "post_processings": drawn,
    }


def _diagrams(process: Process) -> dict[str, Any]:
    """Return the diagrams, which show nothing here."""
    graph = f"// Dependency graph\ndigraph {{\n\tgraph [label={process.name}]\n}}\n"
    return {
        "n2_diagram": {},
        "interface_diagram": {
            "discipline_nodes": [], "parameter_nodes": [], "links": [], "dotString": graph,
        },
        "execution_sequence": {"nodes_list": [], "links_list": [], "dotString": graph},
    }  # fmt: skip


def _id(whole: str) -> str:
    return str(uuid.uuid5(PLACE, whole))
