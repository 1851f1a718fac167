"""Links of a page that lead to files of the repository: to the page that tells of them, or to none."""

import posixpath
import re
from collections.abc import Set

LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)\s#]+)(#[^)\s]*)?\)")
FENCE = re.compile(r"^( *)(`{3,}|~{3,}).*?^\1\2", re.MULTILINE | re.DOTALL)
PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "agents/trained": "trained.md",
    "agents/qwen/nano/README.md": "trained.md",
    "agents/reading/nano/README.md": "trained.md",
    **{f"envs/{name}_v0.py": f"environments/{name}_v0.md"
       for name in ("tasking", "offloading", "avoidance", "autonomy", "operations")},
}  # fmt: skip
"""Files and folders of the repository that a page of the site stands for."""


def within_site(markdown: str, page: str, known: Set[str]) -> str:
    """`markdown` of the page at `page`, its links to what is no page of `known` resolved by `PAGES` or cut.

    Code is left as it is, and so are links to other sites, which MkDocs leaves alone.
    """
    parts, at = [], 0
    for fence in FENCE.finditer(markdown):
        parts += [_linked(markdown[at : fence.start()], page, known), fence.group()]
        at = fence.end()
    return "".join([*parts, _linked(markdown[at:], page, known)])


def _linked(text: str, page: str, known: Set[str]) -> str:
    folder = posixpath.dirname(page)

    def mended(found: re.Match[str]) -> str:
        label, target, anchor = found.groups(default="")
        if "://" in target or target.startswith("mailto:"):
            return found.group()
        path = posixpath.normpath(posixpath.join("docs", folder, target))
        inside = posixpath.relpath(path, "docs")
        if inside in known:
            return found.group()
        if (stands := PAGES.get(path)) is not None:
            return f"[{label}]({posixpath.relpath(stands, folder or '.')}{anchor})"
        # A page that is missing is left to MkDocs, whose warning ends the build.
        return found.group() if _should_be_page(inside) else label

    return LINK.sub(mended, text)


def _should_be_page(inside: str) -> bool:
    return not inside.startswith("..") and inside.endswith(".md")
