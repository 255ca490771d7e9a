"""What a hostile page tries: trees of nodes, told in a checkpoint, added, and changed into; and events that are none.

What a vector's script does, and where it would load from, says in the end which vector has come through.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from .events import BODY, LAST, Node, added, element, good, happened, ids, meta, mutation, svg


@dataclass
class Vectors:
    """Trees to be built, and events to be applied, by name."""

    trees: dict[str, Node] = field(default_factory=dict)
    events: dict[str, list[Any]] = field(default_factory=dict)


def vectors(host: str) -> Vectors:
    made = Vectors()

    def url(name: str, ending: str = "") -> str:
        return f"{host}/{name.replace(' ', '-')}{ending}"

    def run(name: str) -> str:
        return f"(top.ran=top.ran||[]).push({name!r});new Image().src={url('ran ' + name)!r}"

    def tree(name: str, build: Callable[[str, str], Node]) -> None:
        made.trees[name] = build(url(name), run(name))

    def javascript(name: str, build: Callable[[str], Node]) -> None:
        made.trees[name] = build(f"javascript:{run(name)}")

    # Scripts.
    tree("script", lambda _, run: element("script", {}, run))
    tree("script src", lambda url, _: element("script", {"src": url}))
    tree("script module", lambda url, run: element("script", {"type": "module", "src": url}, run))
    tree("script upper case", lambda _, run: element("SCRIPT", {}, run))
    tree("svg script", lambda _, run: svg("svg", {}, svg("script", {}, run)))
    tree("svg script href", lambda url, _: svg("svg", {}, svg("script", {"href": url, "xlink:href": url})))
    tree("svg script prefixed", lambda _, run: svg("svg", {}, svg("svg:script", {}, run)))
    tree(
        "svg foreignObject script", lambda _, run: svg("svg", {}, svg("foreignobject", {}, element("script", {}, run)))
    )
    tree("script in template", lambda _, run: element("template", {}, element("script", {}, run)))
    # Handlers.
    tree("img onerror", lambda _, run: element("img", {"src": "data:image/png,no", "onerror": run}))
    tree("svg onload", lambda _, run: svg("svg", {"onload": run}))
    tree("ONERROR", lambda _, run: element("img", {"src": "data:image/png,no", "OnErRoR": run}))
    tree("onfocus autofocus", lambda _, run: element("input", {"autofocus": "", "onfocus": run}))
    tree("details ontoggle", lambda _, run: element("details", {"open": "", "ontoggle": run}, "x"))
    tree("video onerror", lambda _, run: element("video", {"src": "data:video/mp4,no", "onerror": run}))
    tree(
        "animation onanimationstart", lambda _, run: element("p", {"style": "animation: a 1s", "onanimationstart": run})
    )
    tree("body onload", lambda _, run: element("iframe", {"onload": run}))
    tree(
        "svg onbegin",
        lambda _, run: svg("svg", {}, svg("animate", {"attributeName": "x", "dur": "1s", "onbegin": run})),
    )
    tree("handler in a list", lambda _, run: element("img", {"src": "data:image/png,no", "onerror": [run]}))
    # Addresses that are scripts.
    javascript("a href javascript", lambda run: element("a", {"href": run}, "x"))
    javascript("a href javascript split", lambda run: element("a", {"href": f" \x01ja\nva\tscript\r:{run[11:]}"}, "x"))
    javascript("iframe src javascript", lambda run: element("iframe", {"src": run}))
    javascript("iframe src list", lambda run: element("iframe", {"src": [run]}))
    javascript("frame src javascript", lambda run: element("frameset", {}, element("frame", {"src": run})))
    javascript("object data javascript", lambda run: element("object", {"data": run}))
    javascript("embed src javascript", lambda run: element("embed", {"src": run}))
    javascript("form action javascript", lambda run: element("form", {"action": run}, element("button", {}, "x")))
    javascript("formaction javascript", lambda run: element("form", {}, element("button", {"formaction": run}, "x")))
    javascript("svg a javascript", lambda run: svg("svg", {}, svg("a", {"xlink:href": run}, svg("text", {}, "x"))))
    javascript(
        "svg set href", lambda run: svg("svg", {}, svg("a", {}, svg("set", {"attributeName": "href", "to": run})))
    )
    javascript(
        "svg animate href",
        lambda run: svg("svg", {}, svg("a", {}, svg("animate", {"attributeName": "xlink:href", "values": f"#;{run}"}))),
    )
    javascript("base javascript", lambda run: element("base", {"href": run}))
    tree("a href data html", lambda _, run: element("a", {"href": f"data:text/html,<script>{run}</script>"}, "x"))
    tree("iframe data html", lambda _, run: element("iframe", {"src": f"data:text/html,<script>{run}</script>"}))
    tree("iframe srcdoc", lambda url, run: element("iframe", {"srcdoc": f"<script>{run}</script><img src={url}>"}))
    tree(
        "svg use data",
        lambda url, run: svg("svg", {}, svg("use", {"href": f"data:image/svg+xml,<svg onload='{run}'/>"})),
    )
    # Elsewhere.
    tree("meta refresh", lambda url, _: element("meta", {"http-equiv": "refresh", "content": f"0;url={url}"}))
    tree("meta set-cookie", lambda _, run: element("meta", {"http-equiv": "set-cookie", "content": "a=b"}))
    tree("meta referrer", lambda url, _: element("meta", {"name": "referrer", "content": "unsafe-url"}))
    tree("base href", lambda url, _: element("base", {"href": f"{url}/", "target": "_top"}))
    tree(
        "form action",
        lambda url, _: element("form", {"action": url, "target": "_top"}, element("input", {"name": "a"})),
    )
    # What loads by itself.
    tree("iframe src", lambda url, _: element("iframe", {"src": url}))
    tree("object data", lambda url, _: element("object", {"data": url, "type": "text/html"}))
    tree("embed src", lambda url, _: element("embed", {"src": url, "type": "text/html"}))
    tree("applet", lambda url, _: element("applet", {"code": "A", "codebase": url, "archive": url}))
    tree("portal", lambda url, _: element("portal", {"src": url}))
    tree("fencedframe", lambda url, _: element("fencedframe", {"src": url}))
    tree("img src", lambda url, _: element("img", {"src": url}))
    tree("img srcset", lambda url, _: element("img", {"srcset": f"{url} 1x, {url} 2x"}))
    tree("img rr_dataURL", lambda url, _: element("img", {"rr_dataURL": url}))
    tree("img attributionsrc", lambda url, _: element("img", {"src": "data:,", "attributionsrc": url}))
    tree("picture source", lambda url, _: element("picture", {}, element("source", {"srcset": url}), element("img")))
    tree("video poster", lambda url, _: element("video", {"src": url, "poster": url, "autoplay": "", "muted": ""}))
    tree("audio source", lambda url, _: element("audio", {"autoplay": ""}, element("source", {"src": url})))
    tree(
        "track", lambda url, _: element("video", {}, element("track", {"src": url, "default": "", "kind": "captions"}))
    )
    tree("input image", lambda url, _: element("input", {"type": "image", "src": url}))
    tree("table background", lambda url, _: element("table", {"background": url}, element("td", {"background": url})))
    tree("svg image", lambda url, _: svg("svg", {}, svg("image", {"href": url, "xlink:href": url})))
    tree("svg use", lambda url, _: svg("svg", {}, svg("use", {"href": f"{url}#a"})))
    tree("svg feImage", lambda url, _: svg("svg", {}, svg("filter", {}, svg("feimage", {"href": url}))))
    for rel in ("stylesheet", "preload", "prefetch", "preconnect", "dns-prefetch", "modulepreload", "icon", "manifest"):
        more = {"as": "image"} if rel == "preload" else {}
        made.trees[f"link {rel}"] = element("link", {"rel": rel, "href": url(f"link {rel}"), **more})
    tree("link sheet and more", lambda url, _: element("link", {"rel": "stylesheet preconnect", "href": url}))
    tree("link imagesrcset", lambda url, _: element("link", {"rel": "preload", "as": "image", "imagesrcset": url}))
    tree("a ping", lambda url, _: element("a", {"href": "#", "ping": url}, "x"))
    # Style sheets in every carrier.
    tree("style import", lambda url, _: element("style", {}, f"@import url({url});"))
    tree("style import as text", lambda url, _: element("style", {"_cssText": f"@import '{url}';"}))
    tree("style background", lambda url, _: element("style", {}, f"body {{ background: url({url}) }}"))
    tree(
        "style font",
        lambda url, _: element("style", {}, f"@font-face{{font-family:f;src:url({url})}}p{{font-family:f}}"),
    )
    tree(
        "style attribute",
        lambda url, _: element("p", {"style": f"background: url({url}); cursor: url({url}), auto"}, "x"),
    )
    tree(
        "style image-set",
        lambda url, _: element("p", {"style": f"background: image-set('{url}' 1x); content: url({url})"}),
    )
    tree("style of a link", lambda url, _: element("link", {"_cssText": f"p {{ border-image: url({url}) }}"}))
    # Names.
    for name in ("constructor", "__proto__", "prototype", "tostring"):
        made.trees[f"tag {name}"] = element(name)
    made.trees["attribute constructor"] = element("p", {"constructor": "a", "prototype": "b"})
    made.trees["name of the document"] = element("img", {"name": "createElement", "id": "documentElement"})
    made.trees["name of a form"] = element("form", {}, *[element("input", {"name": n}) for n in ("appendChild", "id")])
    made.trees["tag odd"] = element("a b<c>")
    made.trees["custom element reserved"] = element("font-face", {}, isCustom=True)
    made.trees["host of no shadow"] = element("input", {}, element("b", {}, isShadow=True), isShadowHost=True)
    made.trees["attribute odd"] = element("p", {"<b>": "x", "": "y", 'a"b': "z"})
    made.trees["attribute huge"] = element("p", {"title": "x" * 1_200_000})
    _events(made, url, run)
    return made


def _events(made: Vectors, url: Callable[[str], str], run: Callable[[str], str]) -> None:
    """What is no tree."""
    holder, style = element("div"), element("style", {}, "p { color: black }")
    sheet = style["id"]
    event = made.events
    css = f"p {{ background: url({url('insertRule')}) }}"
    event["insertRule"] = [added(style), happened(8, id=sheet, adds=[{"rule": css, "index": 0}])]
    css = f"@import url({url('insertRule-import')});"
    event["insertRule import"] = [happened(8, id=sheet, adds=[{"rule": css, "index": 0}])]
    set_ = {"property": "background", "value": f"url({url('setProperty')})"}
    event["setProperty"] = [happened(13, id=sheet, index=[0], set=set_)]
    rules = [{"rule": f"p {{ background: url({url('adopted')}) }}", "index": 0}]
    event["adopted sheet"] = [happened(15, id=1, styleIds=[1], styles=[{"styleId": 1, "rules": rules}])]
    event["replaceSync"] = [happened(8, styleId=1, replaceSync=f"p {{ background: url({url('replaceSync')}) }}")]
    css = f"p {{ background: url({url('text-of-style')}) }}"
    event["text of a style"] = [mutation(texts=[{"id": style["childNodes"][0]["id"], "value": css}])]
    parts = {"background": f"url({url('style-parts')})", "constructor": "x", "color": ["red", "important"]}
    event["style in parts"] = [
        added(holder),
        mutation(attributes=[{"id": holder["id"], "attributes": {"style": parts}}]),
    ]
    event["canvas"] = [
        happened(9, id=BODY, type=0, commands=[{"property": "constructor", "args": [run("canvas")]}]),
        happened(9, id=BODY, type=0, property="drawImage", args=[{"rr_type": "Function", "args": [run("canvas")]}]),
    ]
    source = f"url({url('font-event')})"
    event["font"] = [happened(10, family="f", fontSource=source, buffer=False)]
    event["plugin"] = [{"type": 6, "timestamp": 1, "data": {"plugin": "rrweb/console@1", "payload": run("plugin")}}]
    event["unknown type"] = [{"type": 99, "timestamp": 1, "data": {}}, {"type": "2", "timestamp": 1, "data": {}}]
    event["unknown source"] = [happened(99), happened("constructor"), happened(None)]
    event["no event"] = [None, 1, "text", [], {}, {"type": 3}, {"type": 3, "timestamp": 1, "data": None}]
    event["times of no clock"] = [{**good("late"), "timestamp": t} for t in (float("nan"), float("inf"), "1", None)]
    event["ids that are none"] = [
        mutation(
            adds=[
                {"parentId": p, "nextId": n, "node": {**element("p"), "id": i}} for p in IDS for n in IDS for i in IDS
            ],
            removes=[{"parentId": p, "id": i} for p in IDS for i in IDS],
            texts=[{"id": i, "value": v} for i in IDS for v in ODD],
            attributes=[{"id": i, "attributes": a} for i in IDS for a in ODD],
        )
    ]
    outer, inner = element("div", {"class": "outer"}), element("div", {"class": "inner"})
    event["a child its own ancestor"] = [
        added({**outer, "childNodes": [inner]}),
        mutation(adds=[{"parentId": inner["id"], "nextId": None, "node": outer}]),
        mutation(adds=[{"parentId": outer["id"], "nextId": None, "node": outer}]),
    ]
    twice = element("p")
    event["an id twice"] = [added(twice), added({**element("b"), "id": twice["id"]}), added({**twice, "id": BODY})]
    waits = [
        {"parentId": BODY, "nextId": 9_000_001 + n, "node": {**element("p"), "id": 9_000_000 + n}} for n in range(3)
    ]
    event["siblings that never come"] = [mutation(adds=waits)] * 20
    event["a document in a paragraph"] = [
        added({"id": next(ids), "type": 0, "childNodes": [element("html")]}, LAST, None),
        mutation(removes=[{"parentId": 1, "id": 1}]),
    ]
    event["nodes too deep one by one"] = _chain(700)
    event["scroll to nowhere"] = [
        happened(3, id=BODY, x=x, y=1e308) for x in (float("nan"), float("inf"), -1e308, "1", None)
    ]
    event["pointer to nowhere"] = [
        happened(1, positions=[{"x": float("nan"), "y": 1, "id": BODY, "timeOffset": 0}]),
        happened(1, positions=[]),
        happened(2, type=99, id=BODY, x=1, y=1),
        happened(2, type=2, id=BODY, x=float("inf"), y=1),
    ]
    event["viewport of no size"] = [happened(4, width=w, height=h) for w, h in SIZES] + [meta(*size) for size in SIZES]
    event["selection of nothing"] = [
        happened(14, ranges=[{"start": 1, "startOffset": 1e9, "end": BODY, "endOffset": -1}])
    ]
    event["media that is none"] = [happened(7, id=BODY, type=t, volume=9, currentTime=-1) for t in (0, 1, 2, 3, 9)]
    event["input into nothing"] = [
        happened(5, id=BODY, text=run("input"), isChecked=True),
        happened(5, id=BODY, text=[]),
    ]
    event["custom element"] = [happened(16, define={"name": n}) for n in CUSTOM]
    custom = {"kind": "chosen", "id": BODY, "indexes": [1e9, -1]}
    event["custom event"] = [
        {"type": 5, "timestamp": 1, "data": {"tag": "cobrowse", "payload": custom}},
        {"type": 5, "timestamp": 1, "data": {"tag": "cobrowse", "payload": {"kind": "popover", "id": 1, "open": True}}},
        {"type": 5, "timestamp": 1, "data": {"tag": {"a": 1}, "payload": run("custom")}},
    ]


def markup(host: str) -> list[Node]:
    """Entries of the session's state that carry markup, which is text to the viewer."""
    bad = f"<img src={host}/state onerror=\"(top.ran=top.ran||[]).push('state')\"><script>top.ran=['state']</script>"
    line = {"id": "l1", "from": "", "name": bad[:60], "text": bad}
    page = {"title": bad, "address": f"javascript:{bad}", "hidden": False}
    present = [{"id": "v", "name": bad, "role": "<b>"}]
    entries = [{"kind": "chat", "line": line}, {"kind": "page", "page": page}, {"kind": "present", "present": present}]
    return [{"type": 5, "timestamp": 1, "data": {"tag": "cobrowse", "payload": one}} for one in entries]


ODD: Final[list[Any]] = ["x", 1, {}, [], None]
CUSTOM: Final[list[Any]] = ["font-face", "<b>", "x-constructor", {}]
IDS: Final = (-1, 0, 1.5, "constructor", None, 2**60, 5_000_000)
SIZES: Final = ((float("nan"), 1), (float("inf"), 1), (-1, 1), (1e9, 1e9), ("1", 1), (None, None))


def _chain(count: int) -> list[Node]:
    """Each in the one before."""
    nodes = [element("i") for _ in range(count)]
    parents = [BODY, *(node["id"] for node in nodes)]
    adds = [{"parentId": parent, "nextId": None, "node": node} for parent, node in zip(parents, nodes, strict=False)]
    return [mutation(adds=adds[:300]), *(mutation(adds=[one]) for one in adds[300:])]
