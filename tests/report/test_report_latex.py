"""Tables as LaTeX: marks, escapes, and that they compile where there is a LaTeX."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bench.report.document import chapter
from bench.report.numbers.grid import grids
from bench.report.tables.as_latex import as_latex, escaped
from bench.report.tables.main import main_table
from bench.report.tables.published import versus
from bench.report.tables.table import Table
from tests.synthetic import comparison, result

DOCUMENT = r"""\documentclass{article}\usepackage{booktabs,graphicx}
\begin{document}\input{table}\end{document}"""


def tables(methods: int, tasks: int, seeds: int) -> list[Table]:
    (grid,) = grids(comparison(methods, tasks, seeds, suite="vtab1k"))
    return list(chapter(grid).tables)


def test_the_best_is_bold_and_the_second_underlined() -> None:
    found = [
        result(name, accuracy={"test": value}) for name, value in (("a_1", 0.9), ("b", 0.8), ("c", 0.7), ("d", 0.8))
    ]
    (grid,) = grids(found)
    text = as_latex([main_table(grid)])
    assert r"\texttt{a\_1} & \textbf{90.0} &" in text
    assert all(rf"\texttt{{{name}}} & \underline{{80.0}} &" in text for name in "bd")
    assert r"\texttt{c} & 70.0 &" in text


def test_deviations_missing_figures_and_groups_are_shown() -> None:
    found = comparison(2, 3, 2, suite="vtab1k")
    (grid,) = grids([one for one in found if (one.method, one.task[-1]) != ("fine_tune", "1")])
    text = as_latex([main_table(grid)])
    assert re.search(r"\d\d\.\d\\,\{\\tiny\$\\pm\$\d\.\d\}", text) and "& -- " in text
    assert r" & natural & specialized & structured & \multicolumn{5}{c}{means} & " in text
    assert r"\cmidrule(lr){2-2}\cmidrule(lr){3-3}\cmidrule(lr){4-4}\cmidrule(lr){5-9}\cmidrule(lr){10-13}" in text


def test_text_is_escaped_wherever_it_stands() -> None:
    name = "a_b & 50 % of $x^2$ {~} #1 \\n <|>"
    safe = (
        r"a\_b \& 50 \% of \$x\textasciicircum{}2\$ \{\textasciitilde{}\} \#1 \textbackslash{}n "
        r"$<$\textbar{}$>$"
    )
    assert escaped(name) == safe
    (grid,) = grids([result(name, f"demo/{at}{name}", group=name, backbone=name) for at in "xy"])
    text = as_latex([main_table(grid)])
    heading, method = rf"\multicolumn{{2}}{{c}}{{{safe}}}", rf"\texttt{{{safe}}} & 80.0"
    assert heading in text and method in text
    assert rf"\rotatebox{{90}}{{x{safe}}}" in text and f"backbone {safe}, 2 tasks" in text


def published() -> list[Table]:
    found = [
        result(name, f"vtab1k/{task}", group=task.partition("/")[0], backbone="vit_base_patch16_224.augreg_in21k")
        for name in ("lora", "knn")
        for task in ("natural/dtd", "natural/svhn", "structured/dmlab")
    ]
    return list(versus(grids(found), ["published"]).tables)


def test_published_rows_stand_under_their_sources() -> None:
    text = as_latex(published())
    assert r"\begin{tabular}{ll rrrrr}" in text
    figures = " & ".join([r"\textbf{80.0}"] * 5)
    assert rf"this run & \texttt{{knn}} & {figures} \\" in text
    assert rf" & \texttt{{lora}} & {figures} \\" in text and r"{[}1] published, not comparable: " in text
    assert r"\cmidrule{1-7}" in text and r"\cmidrule{1-7}" + "\n" + r"\bottomrule" not in text


@pytest.mark.parametrize("size", [(1, 1, 1), (5, 7, 3), (12, 24, 3)])
def test_floats_are_whole(size: tuple[int, int, int]) -> None:
    """Environments and braces close, and every line of a tabular has as many cells as it has columns."""
    text = as_latex(tables(*size))
    open_ones: list[str] = []
    for kind, name in re.findall(r"\\(begin|end)\{([^}]*)\}", text):
        if kind == "begin":
            open_ones.append(name)
        else:
            assert open_ones.pop() == name
    assert not open_ones and "±" not in text and "−" not in text
    unescaped = text.replace(r"\{", "").replace(r"\}", "")
    assert unescaped.count("{") == unescaped.count("}")
    for spec, body in re.findall(r"\\begin\{tabular\}\{([lr ]+)\}(.*?)\\end\{tabular\}", text, re.DOTALL):
        for line in body.splitlines():
            if line.endswith(r"\\") and "multicolumn" not in line:
                assert len(re.findall(r"(?<!\\)&", line)) == len(spec.replace(" ", "")) - 1


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no pdflatex on the PATH")
def test_it_compiles(tmp_path: Path) -> None:
    odd, other = (result("m_" * 20, f"vtab1k/a&b%{name}_$x^2", backbone="a#b~c") for name in "xy")
    (grid,) = grids([odd, other])
    (tmp_path / "table.tex").write_text(
        as_latex([main_table(grid), *tables(5, 7, 3), *tables(12, 19, 1), *published()]), encoding="utf-8"
    )
    (tmp_path / "document.tex").write_text(DOCUMENT, encoding="utf-8")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "document.tex"], cwd=tmp_path, capture_output=True
    )
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]
