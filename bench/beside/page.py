"""The page of bench/peers."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import figures # noqa: E402
import plots # noqa: E402
import tables # noqa: E402


def bars(record):
    """exciton and the peers by how much longer they take than exciton's fastest device, the fastest first."""
    items = [item for item in record["items"] if item["kind"] != "copy" and item.get("beside") == "cpu" and tables.measured(item)]
    best = min((item for item in items if item["kind"] == "exciton"), key=lambda item: figures.median(item["us"]), default=None)
    if not best:
        return None
    rows = [(figures.ratio(item["us"], best["us"]), item) for item in items]
    return figures.name_of(record) + ("" if record["steady"] else " ?"), [
        (ratio, f"{item['name']}: {tables.us(figures.median(item['us']))} us", plots.COLOURS[0 if item["kind"] == "exciton" else 1])
        for ratio, item in sorted(rows, key=lambda row: row[0])]


def peers(result):
    machine = result["machine"]
    groups = [group for group in map(bars, result["shapes"]) if group]
    parts = [f"<p>{plots.text(result['date'])}, exciton {plots.text(result['commit'])}, on {plots.text(machine['processor'])}, {machine['processors']} processors. "
             "Times are medians of rounds in which each takes a turn. Bars: how many times longer than exciton on its fastest device there. "
             "Blue: exciton; red: others. ? : a floor moved by more than 20 %.</p>"]
    if groups:
        parts.append(plots.bars(groups, 3.0, 20.0))
    for t in tables.peers(result):
        parts += [f"<h2>{plots.text(t['title'])}</h2>", plots.table(t["head"], t["rows"])]
    return plots.page("exciton beside its peers", *parts)
