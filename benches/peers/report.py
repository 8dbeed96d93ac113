"""From the rows of all rounds to one table and one JSON."""

from rounds import median, median_interval, ratios

OWN = "intformer"
COLUMNS = [
    "",
    "median, ms",
    "quartiles, ms",
    "images/s",
    "times as long as intformer",
    "images to the card, ms",
    "logits back, ms",
    "all, by the host, ms",
    "error",
]
# What is told of the card's state right after runs: name, key, unit.
STATE = [
    ("multiprocessors", "multiprocessor_mhz", "MHz"),
    ("memory", "memory_mhz", "MHz"),
    ("temperature", "celsius", "°C"),
    ("power", "watts", "W"),
]


def figure(row):
    """The times of a row of `intformer bench --json`: the card's clock where there is one, else the host's."""
    on_card = row.get("card") or {}
    host = (row["q1_ms"], row["median_ms"], row["q3_ms"])
    q1, middle, q3 = on_card.get("graph_ms", host)
    copies = {name: on_card[name][1] for name in ("upload_ms", "download_ms") if name in on_card}
    # Where the copies are not timed, the host's clock has not seen them either.
    copies |= {"host_ms": row["median_ms"]} if copies or not on_card else {}
    told = {"error": row.get("error"), "state": on_card.get("state") or {}}
    return {"clock": "card" if on_card else "host", "median_ms": middle, "q1_ms": q1, "q3_ms": q3} | copies | told


class Figures:
    """The figures of every contender in every round."""

    def __init__(self, rounds):
        self.rounds = rounds
        # By executor and batch: one of `figure` for each round, None where it did not run.
        self.rows = {}

    def add(self, number, rows):
        """Takes up the rows of a party's turn in round `number`, counted from 0."""
        for row in rows:
            self.rows.setdefault((row["executor"], row["batch"]), [None] * self.rounds)[number] = figure(row)

    def own(self, batch):
        """The rounds of intformer at a batch size."""
        found = [rows for (executor, of), rows in self.rows.items() if executor.startswith(OWN) and of == batch]
        # That by the card's clock before that by the host's.
        return min(found, key=lambda rows: next(row["clock"] for row in rows if row) != "card")

    def summaries(self):
        """What each contender's rounds come to: batch by batch, intformer first."""
        order = sorted(self.rows, key=lambda key: (key[1], not key[0].startswith(OWN)))
        return [self.summary(executor, batch) for executor, batch in order]

    def summary(self, executor, batch):
        """One contender: medians over the rounds, and how many times as long as intformer it takes."""
        rows = self.rows[executor, batch]
        ran = [row for row in rows if row]
        found = {"executor": executor, "batch": batch, "clock": ran[0]["clock"], "rounds": len(ran)}
        for name in ("median_ms", "q1_ms", "q3_ms", "host_ms", "upload_ms", "download_ms", "error"):
            values = [row[name] for row in ran if row.get(name) is not None]
            found[name] = median(values) if values else None
        found["medians_ms"] = [row and row["median_ms"] for row in rows]
        found["states"] = [row and row["state"] for row in rows]
        own = self.own(batch)
        # Times by different clocks are of different things.
        alike = [row if row and base and row["clock"] == base["clock"] else None for row, base in zip(rows, own)]
        pairs = ratios([row and row["median_ms"] for row in alike], [base and base["median_ms"] for base in own])
        found["ratio"] = median_interval(pairs) if pairs and not executor.startswith(OWN) else None
        return found


def span(states, name):
    """The least and the largest of a value of the card's state, as a text; empty where nothing was told."""
    values = [state[name] for state in states if name in state]
    if not values:
        return ""
    low, high = min(values), max(values)
    return f"{low:.0f}" if low == high else f"{low:.0f} to {high:.0f}"


def cell(value, form=".3f"):
    """A value in a table; empty where there is none."""
    return "" if value is None else format(value, form)


def ratio(values):
    """A ratio with its interval."""
    if values is None:
        return ""
    low, middle, high = values
    return f"{middle:.2f} [{low:.2f}, {high:.2f}]"


def markdown(setting, parties, summaries):
    """The report for people."""
    lines = [f"# Float baselines: {setting['model']} on {setting['card']}", ""]
    if setting["quick"]:
        lines += ["**A quick test of the programs: no figure here is a measurement.**", ""]
    lines += [f"{setting['date']}. Random weights: these times say nothing of accuracy.", ""]
    for name in ("driver", "max_multiprocessor_mhz", "max_memory_mhz", "limit_watts"):
        if name in setting:
            lines.append(f"- {name.replace('_', ' ')}: {setting[name]}")
    for party in parties:
        if "left_out" in party:
            lines.append(f"- {party['name']}: left out: {party['left_out']}")
        else:
            versions = {name: value for name, value in party["setting"].items() if name not in setting and name != "device"}
            lines.append(f"- {party['name']}: " + ", ".join(f"{name} {value}" for name, value in versions.items()))
    states = [state for summary in summaries for state in summary["states"] if state]
    told = [f"{name} {span(states, key)} {unit}" for name, key, unit in STATE if span(states, key)]
    if told:
        lines.append(f"- right after runs: {', '.join(told)}")
    hold = "hold the median with 95 %" if setting["rounds"] > 5 else "are the least and the largest of so few rounds"
    clocks = sorted({summary["clock"] for summary in summaries})
    lines += [
        "",
        f"{setting['rounds']} rounds in turn, every other one backwards, in each {setting['runs']} runs after "
        f"{setting['warm_up']}. Times are medians over the rounds of a round's median and quartiles, by the clock "
        f"of the {' or '.join(clocks)}. Brackets {hold}.",
    ]
    for batch in sorted({summary["batch"] for summary in summaries}):
        lines += [
            "",
            f"## Batch {batch}",
            "",
            f"| {' | '.join(COLUMNS)} |",
            f"|{' --- |' * len(COLUMNS)}",
        ]
        for row in summaries:
            if row["batch"] != batch:
                continue
            name = row["executor"]
            if row["rounds"] < setting["rounds"]:
                name += f" ({row['rounds']} of {setting['rounds']} rounds)"
            quartiles = f"{cell(row['q1_ms'])} to {cell(row['q3_ms'])}"
            rate = cell(1e3 * batch / row["median_ms"], ".1f")
            rest = [cell(row[part]) for part in ("upload_ms", "download_ms", "host_ms")]
            cells = [name, cell(row["median_ms"]), quartiles, rate, ratio(row["ratio"]), *rest, cell(row["error"], ".4f")]
            lines.append(f"| {' | '.join(cells)} |")
    failures = [failure for party in parties for failure in party.get("failures", [])]
    if failures:
        lines += ["", "Did not run:", ""]
        lines += [f"- {failure['executor']}, batch {failure['batch']}: {failure['failure']}" for failure in failures]
    return "\n".join(lines) + "\n"
