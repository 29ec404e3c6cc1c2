"""Formulas as MathML, which browsers draw themselves: no script and no font from another machine."""

from latex2mathml.converter import convert


def setup(app):
    """Registers the renderer that `conf.py` chooses."""
    app.add_html_math_renderer("mathml", (inline, None), (display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def inline(self, node):
    """A formula within a sentence."""
    from docutils import nodes

    self.body.append(convert(node.astext()))
    raise nodes.SkipNode


def display(self, node):
    """A formula on a line of its own."""
    from docutils import nodes

    self.body.append(convert(node.astext(), display="block"))
    raise nodes.SkipNode
