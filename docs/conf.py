"""How the site is built from this folder: ``make docs``."""

project = "versioned-lru-cache"
html_title = "versioned-lru-cache"
smartquotes_action = "D"  # dashes, but no curly quotes: what is quoted is code more often than not
exclude_patterns = ["benchmarks"]  # numbers, and what those who work on the package ask of them
html_theme = "furo"
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False

nitpicky = True  # a docstring that names what is not there fails the build
nitpick_ignore = [("py:exc", "redis.RedisError")]  # of redis-py
python_maximum_signature_line_length = 100

# The pages are Markdown, to be read in the repository as well; the reference comes from the docstrings.
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 3  # a link to a heading is the same here as in the repository
autodoc_typehints = "none"
