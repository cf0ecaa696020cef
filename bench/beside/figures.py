"""What rounds of times say: medians, ratios, whether a run was steady. Pure, and tested by tests/bench.

A record is a shape's part of the JSON of bench/peers:
    {"shape": [n, c, h, w], "hidden": r, "rounds": n, "steady": bool,
     "items": [{"name", "kind": "exciton" | "peer" | "copy", "device": exciton's and its copies', "us": [a round each], "error"?, "why"?}, …]}
"""
import math

LEAST_ROUNDS = 9
MOST_DRIFT = 0.2   # of a floor's median between parts of a run
MOST_ERROR = 1e-5  # of the largest element of y; float32 throughout gives some 1e-7
QUARTERED = 36     # rounds from which on drift is looked for in quarters, not halves
COPIES_KEPT = 6
SLOW_COPY = 1.5


def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def geometric_mean(values):
    return math.exp(sum(math.log(v) for v in values) / len(values))


def drift(samples):
    """How far apart the medians of the rounds' parts are; 0.2 is 20 %."""
    parts = 4 if len(samples) >= QUARTERED else 2
    medians = [median(samples[len(samples) * i // parts:len(samples) * (i + 1) // parts]) for i in range(parts)]
    return max(medians) / min(medians) - 1


def ratio(upper, lower):
    """The median of the ratios round by round: what disturbs a round disturbs both."""
    return median([a / b for a, b in zip(upper, lower, strict=True)])


def calls_a_turn(us):
    """(untimed, timed) calls of something that takes so many microseconds."""
    return (0 if us > 20000 else 1 if us > 2000 else 2), (1 if us > 2000 else 3 if us > 200 else 5)


def copies_to_keep(samples):
    """Of {copy: [us]}: those that may still turn out to be the fastest, the best few in any case."""
    medians = {name: median(us) for name, us in samples.items()}
    best = sorted(medians.values())
    limit = max(best[min(COPIES_KEPT, len(best)) - 1], SLOW_COPY * best[0])
    return {name for name, us in medians.items() if us <= limit}


def named(record, **wanted):
    return [item for item in record["items"] if all(item.get(key) == value for key, value in wanted.items())]


def floor_of(record, device):
    """The copy with the least median of those that took part in all rounds; None: the device has none."""
    copies = [item for item in named(record, kind="copy", device=device) if len(item["us"]) == record["rounds"]]
    return min(copies, key=lambda item: median(item["us"]), default=None)


def devices_of(record):
    """In the order of the items."""
    return list(dict.fromkeys(item["device"] for item in named(record, kind="exciton")))


def is_steady(record):
    floors = [floor_of(record, device) for device in devices_of(record)]
    return all(floor is None or drift(floor["us"]) <= MOST_DRIFT for floor in floors)


def is_right(item):
    return "why" not in item and item.get("error", 0) <= MOST_ERROR


def peers_of(record, beside):
    """The peers that are right and count as on the processor ("cpu"), or beside a device's call with its transfers ("hosted")."""
    return [item for item in named(record, kind="peer", beside=beside) if is_right(item) and item["us"]]


def best_peer(record, item, beside="cpu"):
    """(name, how many times faster than it `item` is); None without peers."""
    ahead = [(ratio(peer["us"], item["us"]), peer["name"]) for peer in peers_of(record, beside)]
    least = min(ahead, default=None)
    return least and (least[1], least[0])


def over_floor(record, item):
    floor = floor_of(record, item["device"])
    return floor and ratio(item["us"], floor["us"])


def name_of(record):
    return "x".join(map(str, record["shape"])) + f":{record['hidden']}"


def parse_shape(text):
    """(n, c, h, w, r) of NxCxHxW[:R]; ValueError."""
    sizes, colon, hidden = text.partition(":")
    numbers = [int(size) for size in sizes.split("x")]
    if len(numbers) != 4:
        raise ValueError(f"{text}: not NxCxHxW[:R]")
    numbers.append(int(hidden) if colon else max(numbers[1] // 16, 1))
    if min(numbers) < 1:
        raise ValueError(f"{text}: sizes are at least 1")
    return tuple(numbers)


NINE = ("1x64x32x32:4", "1x256x56x56:16", "1x512x28x28:32", "1x1024x14x14:64", "1x2048x7x7:128", "1x672x14x14:168", "8x256x56x56:16", "8x1024x14x14:64",
        "32x256x56x56:16")
