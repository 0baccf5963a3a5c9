"""The page of a study's charts: a template, and what Plotly writes for each chart.

Plotly adds its default template, some 7 kB, to every layout; that is left out.
"""

import html
import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
    <meta charset="UTF-8">
    <title>Plotly title</title>
</head>
<body>
    <div id="main_title" style="text-align: center;">
        <h1>Chart for study case {name} - {study}</h1>
    </div>
    {disciplines}
</body>
</html>
"""
DISCIPLINE = """
        <div class="discipline_title" style="text-align: center;">
            <h3>{name}</h3>
        </div>
        <div class="discipline_graphs" style="{style}">
            
                {graphs}
            

        </div>
    """  # noqa: W293 - as the template over there leaves it
STYLE = "display: flex; flex-wrap: wrap;  justify-content: center;"
GRAPH = """
                    <div class="graph" style="flex: 1 2 500px;">
                    {graph}
                    </div>
                """
SCRIPT = (
    '<div>                        <script type="text/javascript">'
    "window.PlotlyConfig = {{MathJaxConfig: 'local'}};</script>\n"
    '        <script charset="utf-8" src="https://cdn.plot.ly/plotly-2.35.0.min.js"></script>'
    '                <div id="{id}" class="plotly-graph-div" style="height:{height}px;'
    ' width:{width}px;"></div>            <script type="text/javascript">'
    "                                    window.PLOTLYENV=window.PLOTLYENV || {{}};"
    '                                    if (document.getElementById("{id}")) {{'
    '                    Plotly.newPlot(                        "{id}",'
    "                        {data},                        {layout},"
    '                        {{"responsive": true}}                    )                }};'
    "                            </script>        </div>"
)


def page(study: int, name: str, charts: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Return the page."""
    disciplines = [
        DISCIPLINE.format(name=html.escape(it), style=STYLE, graphs="".join(map(_graph, shown)))
        for it, shown in charts.items()
    ]
    return PAGE.format(name=html.escape(name), study=study, disciplines="".join(disciplines))


def _graph(chart: Mapping[str, Any]) -> str:
    layout = chart["layout"]
    script = SCRIPT.format(
        id=uuid.uuid4(),
        height=layout["height"],
        width=layout["width"],
        data=_script(chart["data"]),
        layout=_script(layout, is_sorted=True),
    )
    return GRAPH.format(graph=script)


def _script(value: Any, *, is_sorted: bool = False) -> str:
    """Return JSON that may stand within a script."""
    text = json.dumps(value, separators=(",", ":"), sort_keys=is_sorted)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("/", "\\u002f")
