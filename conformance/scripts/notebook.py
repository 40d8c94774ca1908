"""Run a notebook of the given cells with a kernel: notebook.py KERNEL NOTEBOOK CELL...; prints what its outputs show."""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

kernel, path, *cells = sys.argv[1:]
notebook = nbformat.v4.new_notebook()
notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
nbformat.write(notebook, path)
folder = {"metadata": {"path": str(Path(path).parent)}}
NotebookClient(notebook, kernel_name=kernel, timeout=500, startup_timeout=300, resources=folder).execute()
for cell in notebook.cells:
    for output in cell.outputs:
        print("".join(output.get("text", "")))
