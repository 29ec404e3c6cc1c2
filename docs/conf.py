"""How the pages are built: `make docs`, with every warning an error."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent)]

project = "market_sim"
copyright = "the authors of market_sim"

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.viewcode", "lesson_pages", "mathml"]
exclude_patterns = ["images"]
source_suffix = {".md": "myst-nb", ".rst": "restructuredtext", ".ipynb": "myst-nb"}
# lesson_pages.py has run them, side by side and only if something has changed.
nb_execution_mode = "off"
html_math_renderer = "mathml"

# A page says what it says to everybody: no font, script or picture comes from another machine.
html_theme = "furo"
html_title = "market_sim"
html_copy_source = False

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
# Pages are also read where they lie, so links into the code are links to files.
myst_url_schemes = ["http", "https", "mailto"]

# Docstrings are written to be read in the source: `name` is code there.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_default_options = {"members": True, "show-inheritance": True}
