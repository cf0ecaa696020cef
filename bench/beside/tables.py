"""Tables of what bench/peers and bench/start measured: lists of texts, then as aligned text or as Markdown. Pure, and tested by
tests/bench."""
import figures


def us(value):
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def times(value):
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def table(title, head, rows):
    return {"title": title, "head": head, "rows": rows}


def shape_cell(record):
    return figures.name_of(record) + ("" if record["steady"] else " ?")


def measured(item):
    return bool(item["us"]) and figures.is_right(item)


def calls_of(record, language="C"):
    """exciton's items that are compared with peers on the processor, by device."""
    return {item["device"]: item for item in figures.named(record, kind="exciton", language=language, beside="cpu")}


def columns(result, kind, **wanted):
    """Names of a kind over all shapes, in their order."""
    return list(dict.fromkeys(item["name"] for record in result["shapes"] for item in figures.named(record, kind=kind, **wanted)))


def item_named(record, name, kind):
    return next(iter(figures.named(record, kind=kind, name=name)), None)


# ---- bench/peers

def own_cell(record, item):
    if not item or not measured(item):
        return "–" if not item else item.get("why", "–")
    ratio = figures.over_floor(record, item)
    return us(figures.median(item["us"])) + (f" ({ratio:.2f})" if ratio else "")


def own(result):
    names = columns(result, "exciton", beside="cpu")
    rows = [[shape_cell(record)] + [own_cell(record, item_named(record, name, "exciton")) for name in names] for record in result["shapes"]]
    return table("microseconds a call of exciton (÷ floor of the device)", ["shape"] + [name.removeprefix("exciton ") for name in names], rows)


def peer_cell(item):
    if not item:
        return "–"
    if not measured(item):
        return "wrong" if item.get("why") == "wrong result" else "–"
    return us(figures.median(item["us"]))


def others(result):
    names = columns(result, "peer")
    rows = [[shape_cell(record)] + [peer_cell(item_named(record, name, "peer")) for name in names] for record in result["shapes"]]
    return table("microseconds a call of the peers", ["shape"] + names, rows)


def ahead_of(record, item):
    return figures.best_peer(record, item) if item and measured(item) else None


def comparison(result):
    devices = list(dict.fromkeys(device for record in result["shapes"] for device in calls_of(record)))
    rows, ratios, copies = [], {device: [] for device in devices}, {device: [] for device in devices}
    for record in result["shapes"]:
        calls, row = calls_of(record), [shape_cell(record)]
        for device in devices:
            best = ahead_of(record, calls.get(device))
            row.append(f"{times(best[1])} ({best[0]})" if best else "–")
            if best:
                ratios[device].append(best[1])
                floor = figures.floor_of(record, device)
                copies[device] += [figures.best_peer(record, floor)[1]] if floor else []
        rows.append(row)
    if len(result["shapes"]) > 1:
        for name, of in (("geometric mean", ratios), ("the floor's", copies)): # what a copy of as many bytes would have
            rows.append([name] + [times(figures.geometric_mean(of[device])) if of[device] else "–" for device in devices])
    return table("times faster than the fastest peer on the processor, which is named: the median of the rounds' ratios", ["shape"] + devices, rows)


def hosted(result):
    rows = []
    for record in result["shapes"]:
        for item in figures.named(record, kind="exciton", beside="hosted"):
            peer = item_named(record, "ncnn-vulkan", "peer")
            ours = us(figures.median(item["us"])) if measured(item) else item.get("why", "–")
            best = figures.best_peer(record, item, "hosted") if measured(item) else None
            rows.append([shape_cell(record), ours, peer_cell(peer), times(best[1]) if best else "–"])
    return table("lavapipe, upload and download included: microseconds a call", ["shape", "exciton", "ncnn Vulkan", "times faster"], rows)


def floors(result):
    rows = []
    for record in result["shapes"]:
        for device in figures.devices_of(record):
            floor, item = figures.floor_of(record, device), calls_of(record).get(device)
            if floor and item:
                way = f"{item.get('schedule', '–')}, {item.get('form', '–')}" + (f", {item['shares']} shares" if item.get("shares", 1) > 1 else "")
                rows.append([shape_cell(record), device, way, us(figures.median(floor["us"])), floor["name"], f"{100 * figures.drift(floor['us']):.0f} %",
                             str(record["rounds"])])
    return table("floors, and what auto chose", ["shape", "device", "auto", "floor, us", "its copy", "it moved by", "rounds"], rows)


def versions(result):
    rows = [[name, str(info["version"]), info.get("device", "–"), info.get("driver_version", "–")] for name, info in result["versions"].items()]
    rows += [[name, "left out", why, "–"] for name, why in result["absent"].items()]
    return table("versions", ["", "version", "device", "driver"], rows)


def peers(result):
    tables = [own(result), comparison(result), others(result), hosted(result), floors(result), versions(result)]
    return [t for t in tables if t["rows"] and len(t["head"]) > 1]


def line(record):
    """A shape in brief, for who waits."""
    parts = []
    for device, item in calls_of(record).items():
        best = ahead_of(record, item)
        parts.append(f"{device} {own_cell(record, item)}" + (f", {times(best[1])} times ahead of {best[0]}" if best else ""))
    return f"  {shape_cell(record)}: " + "; ".join(parts)


def shortcomings(result):
    """Lines; none: all was steady and right, and exciton faster than every peer on the processor."""
    lines = []
    for record in result["shapes"]:
        name = figures.name_of(record)
        if not record["steady"]:
            lines.append(f"{name}: a floor moved by more than {100 * figures.MOST_DRIFT:.0f} %, twice: not to be trusted")
        for item in figures.named(record, kind="exciton"):
            if "why" in item:
                lines.append(f"{name}: {item['name']}: {item['why']}")
        for device, item in calls_of(record).items():
            best = ahead_of(record, item)
            if best and best[1] < 1 and device != "lavapipe":
                lines.append(f"{name}: {device}: slower than {best[0]}, {times(best[1])}")
    return lines


# ---- bench/start

def starts(result):
    rows = []
    for row in result["rows"]:
        rows.append([row["device"], row["cache"], us(figures.median(row["us"]) / 1000), us(figures.median(row["empty_us"]) / 1000),
                     f"{figures.median([a - b for a, b in zip(row['us'], row['empty_us'], strict=True)]) / 1000:.1f}"])
    return [table("process start to first result: milliseconds", ["device", "caches", "exciton", "an empty program", "above it"], rows)]


# ---- as text

def text(tables):
    lines = []
    for t in tables:
        widths = [max(len(row[i]) for row in [t["head"], *t["rows"]]) for i in range(len(t["head"]))]
        lines += [t["title"], ""]
        for row in [t["head"], *t["rows"]]:
            lines.append("  ".join(cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths))).rstrip())
        lines.append("")
    return "\n".join(lines)


def markdown(tables):
    lines = []
    for t in tables:
        lines += [f"**{t['title'][0].upper()}{t['title'][1:]}**", "", f"| {' | '.join(t['head'])} |", "|" + "---|" * len(t["head"])]
        lines += [f"| {' | '.join(row)} |" for row in t["rows"]] + [""]
    return "\n".join(lines)
