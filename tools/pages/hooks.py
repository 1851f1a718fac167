"""Hooks of MkDocs: pages that are generated, globes that are flown, figures in the dark, links that
leave the site.

Nothing generated is kept in the repository, so that a page cannot be older than what it tells of.
"""

import sys
from pathlib import Path

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)] if str(ROOT) not in sys.path else []

from tools.pages import cards, environments, figures, globes, links, reference, scenarios, texts  # noqa: E402

GENERATORS = (environments, scenarios, cards, reference, texts)
"""Each has `pages()`: Markdown by its path in the site; and may have `pictures()`: files by theirs."""


def on_files(files: Files, config) -> Files:
    """Add what is generated."""
    for generator in GENERATORS:
        for path, text in generator.pages().items():
            files.append(File.generated(config, path, content=text))
        for path, source in getattr(generator, "pictures", dict)().items():
            files.append(File.generated(config, path, abs_src_path=str(source)))
    for path, page in globes.fly_all(ROOT / "build" / "globes").items():
        files.append(File.generated(config, path, content=page.read_bytes()))
    drawn = [
        file for file in files if file.src_uri.endswith(".png") and not file.src_uri.startswith("assets/")
    ]
    for file in drawn:  # not what the theme brings
        twin = figures.darkened(Path(file.abs_src_path))
        files.append(File.generated(config, figures.dark_path(file.src_uri), content=twin))
    return files


def on_page_markdown(markdown: str, *, page, config, files: Files) -> str:
    """Fill in what a page leaves to declarations; links to files that are no pages become their names."""
    markdown = markdown.replace(texts.COMMANDS, texts.commands_table())
    known = frozenset(file.src_uri for file in files)
    markdown = figures.for_both(markdown, page.file.src_uri, known)
    return links.within_site(markdown, page.file.src_uri, known)
