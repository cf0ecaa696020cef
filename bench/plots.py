"""Plots as SVG in a page that needs nothing else: shared by bench/report and bench/peers."""
import html
from math import log10

COLOURS = ("#1b6ca8", "#c8553d", "#4f7f52", "#8a5a9e", "#b8860b", "#3a8f8f")
WIDTH, BAR, LEFT, RIGHT = 860, 14, 190, 90

STYLE = """body{font:15px/1.45 system-ui,sans-serif;max-width:920px;margin:2em auto;padding:0 1em;color:#222}
h1{font-size:1.5em}h2{font-size:1.15em;margin-top:2em}table{border-collapse:collapse;font-size:13px}
td,th{padding:2px 10px 2px 0;text-align:right;border-bottom:1px solid #ddd}td:first-child,th:first-child{text-align:left}
svg text{font:12px system-ui,sans-serif;fill:#333}.note{color:#666;font-size:13px}"""


def text(value):
    return html.escape(str(value))


def page(title, *parts):
    return "\n".join([f"<!doctype html><meta charset='utf-8'><title>{text(title)}</title><style>{STYLE}</style><h1>{text(title)}</h1>", *parts]) + "\n"


def bars(groups, longest, cut):
    """groups: [(name, [(value, words beside it, colour)])], a bar each from 0; 1 is marked. Beyond `cut` bars end."""
    lines, y, longest = [], 22, max(longest, max(min(cut, value) for _, rows in groups for value, _, _ in rows) * 1.1)
    scale = (WIDTH - LEFT - RIGHT) / longest
    height = sum(len(rows) * (BAR + 2) + 8 for _, rows in groups) + 30
    step = max(1, round(longest / 12))
    for tick in range(1, int(longest) + 1, step):
        x = LEFT + tick * scale
        lines.append(f'<line x1="{x:.1f}" y1="16" x2="{x:.1f}" y2="{height - 8}" stroke="{"#888" if tick == 1 else "#e4e4e4"}"/>'
                     f'<text x="{x:.1f}" y="12" text-anchor="middle">{tick}</text>')
    for name, rows in groups:
        lines.append(f'<text x="{LEFT - 8}" y="{y + len(rows) * (BAR + 2) / 2 + 4:.1f}" text-anchor="end">{text(name)}</text>')
        for i, (value, words, colour) in enumerate(rows):
            length = min(value, longest) * scale
            lines.append(f'<rect x="{LEFT}" y="{y + i * (BAR + 2)}" width="{length:.1f}" height="{BAR}" fill="{colour}"/>'
                         f'<text x="{LEFT + length + 5:.1f}" y="{y + i * (BAR + 2) + BAR - 3}">{text(words)}</text>')
        y += len(rows) * (BAR + 2) + 8
    return f'<svg width="{WIDTH + 60}" height="{height}" role="img">{"".join(lines)}</svg>'


def lines(axis, groups):
    """groups: lists of (value, microseconds, floor); both logarithmic over the axis, the floor dashed."""
    width, height, left, bottom = 520, 300, 60, 40
    points = [p for group in groups for p in group]
    xs, ys = [log10(p[0]) for p in points], [log10(t) for p in points for t in p[1:]]
    x_span, y_span = max(max(xs) - min(xs), 1e-9), max(max(ys) - min(ys), 1e-9)

    def at(value, time):
        return (left + (log10(value) - min(xs)) / x_span * (width - left - 20), height - bottom - (log10(time) - min(ys)) / y_span * (height - bottom - 20))

    out = [f'<text x="{width / 2}" y="{height - 6}" text-anchor="middle">{axis}</text>']
    for value in sorted({p[0] for p in points}):
        out.append(f'<text x="{at(value, 10 ** min(ys))[0]:.1f}" y="{height - bottom + 16}" text-anchor="middle">{value}</text>')
    for time in (10 ** min(ys), 10 ** ((min(ys) + max(ys)) / 2), 10 ** max(ys)):
        out.append(f'<text x="{left - 6}" y="{at(points[0][0], time)[1] + 4:.1f}" text-anchor="end">{time:.3g} us</text>')
    for i, group in enumerate(groups):
        for which, dash in ((1, ""), (2, ' stroke-dasharray="4 3"')):
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(p[0], p[which]) for p in group))
            out.append(f'<polyline points="{path}" fill="none" stroke="{COLOURS[i % len(COLOURS)]}" stroke-width="2"{dash}/>')
    return f'<svg width="{width}" height="{height}" role="img">{"".join(out)}</svg>'


def table(head, rows):
    cells = "".join(f"<th>{text(cell)}</th>" for cell in head)
    return f"<table><tr>{cells}</tr>" + "".join("<tr>" + "".join(f"<td>{text(cell)}</td>" for cell in row) + "</tr>" for row in rows) + "</table>"
