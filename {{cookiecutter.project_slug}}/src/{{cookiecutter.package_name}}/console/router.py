import re
from html import escape
from itertools import groupby
from pathlib import Path
from string import Template

from fastapi import Request
from fastapi.responses import HTMLResponse

from ..streaming.routing import ProblemRouter
from .links import find_links

router = ProblemRouter(include_in_schema=False)

CODE = re.compile(r"`([^`]+)`")
PAGE = Template(Path(__file__).with_name("page.html").read_text(encoding="utf-8"))


def markdown_code(text: str) -> str:
    return CODE.sub(r"<code>\1</code>", escape(text))


@router.get("/", response_class=HTMLResponse)
async def console(request: Request) -> str:
    """The page that links what is there, read off the service's own OpenAPI document."""
    openapi = request.app.openapi()
    sections = [
        f"<h2>{escape(group)}</h2>\n<dl>\n"
        + "".join(
            f'<dt><a href="{escape(link.url[1:])}">{escape(link.url)}</a></dt>'
            f"<dd>{markdown_code(link.summary)}</dd>\n"
            for link in links
        )
        + "</dl>"
        for group, links in groupby(find_links(openapi), key=lambda link: link.group)
    ]
    about = openapi["info"]
    return PAGE.substitute(
        title=escape(about["title"]),
        summary=escape(about.get("summary", "")),
        sections="\n".join(sections),
    )
