"""What the quickstart shows while it runs. Pure: values in, lines of text out."""

from dataclasses import dataclass

import fleet

FOREGROUND, BATCH, FREE, TARGET = "█", "▒", "·", "|"
RESET, DIM, BLUE, ORANGE, BOLD = "\x1b[0m", "\x1b[2m", "\x1b[34m", "\x1b[38;5;214m", "\x1b[1m"


@dataclass(frozen=True)
class Row:
    """One data center at a moment. Cores are whole machines' cores."""

    name: str
    local: str
    capacity: float
    foreground: float
    batch: float
    tasks: int


def rows_of(answer, now):
    """Rows, by region, from the answer of `datacenter list --json`."""
    by_name = {item["name"].partition("/")[2]: item for item in answer["data_centers"]}
    rows = []
    for region in fleet.REGIONS:
        for item in fleet.DATA_CENTERS.values():
            if item.region != region or item.name not in by_name:
                continue
            value = by_name[item.name]
            rows.append(Row(
                name=item.name, local=f"{item.local(now):%a %H:%M}",
                capacity=int(value["capacity_milli_cores"]) / 1000,
                foreground=int(value["foreground_milli_cores"]) / 1000,
                batch=int(value["batch_milli_cores"]) / 1000,
                tasks=int(value["task_count"])))
    return rows


def bar(row, width, color):
    """Foreground and batch as shares of the machine, with a mark at the target."""
    if row.capacity <= 0:
        return FREE * width
    foreground = min(width, round(width * row.foreground / row.capacity))
    batch = min(width - foreground, round(width * row.batch / row.capacity))
    if row.batch > 0 and batch == 0 and foreground < width:
        batch = 1
    cells = FOREGROUND * foreground + BATCH * batch + FREE * (width - foreground - batch)
    target = round(width * fleet.TARGET_UTILIZATION)
    if cells[target:target + 1] == FREE:
        cells = cells[:target] + TARGET + cells[target + 1:]
    if not color:
        return cells
    rest = foreground + batch
    return (f"{BLUE}{cells[:foreground]}{ORANGE}{cells[foreground:rest]}"
            f"{RESET}{DIM}{cells[rest:]}{RESET}")


def frame(*, rows, now, hours, days, counts, width, color):
    """The live picture: one line a data center, then the tasks."""
    bar_width = max(10, min(40, width - 55))
    heading = (f"{now:%a %d %b %H:%M} UTC, hour {hours:4.1f} of {days * 24:g}    "
               f"{FOREGROUND} foreground  {BATCH} batch  {TARGET} target")
    lines = ["", f"{BOLD}{heading}{RESET}" if color else heading]
    for row in rows:
        share = 100 * row.foreground / row.capacity if row.capacity else 0
        lines.append(f"{row.name:15} {row.local:>9}  {bar(row, bar_width, color)}  "
                     f"{share:3.0f} %  {row.batch:4.1f} cores {row.tasks:2} tasks")
    lines.append(tasks_line(counts))
    return lines


def tasks_line(counts):
    words = [f"{counts.get(state, 0)} {word}" for state, word in (
        ("pending", "waiting"), ("assigned", "starting"), ("running", "running"),
        ("checkpointing", "saving"), ("succeeded", "finished"))]
    words += [f"{counts[state]} {state}" for state in ("failed", "cancelled") if counts.get(state)]
    return "tasks: " + ", ".join(words)


def plain(rows, now, hours, counts):
    """The same on one line, for logs."""
    places = "  ".join(f"{row.name} {row.foreground / row.capacity:.0%}+{row.batch:g}"
                       for row in rows if row.capacity)
    return f"hour {hours:4.1f}  {now:%a %H:%M} UTC  {places}  {tasks_line(counts)}"


def table(rows, headings):
    """Left-aligned columns."""
    widths = [max(len(str(row[column])) for row in [headings, *rows])
              for column in range(len(headings))]
    return ["  ".join(str(cell).ljust(width) for cell, width in zip(row, widths)).rstrip()
            for row in [headings, *rows]]


SHOWN_DECISIONS = {"KIND_MOVE": "moves", "KIND_YIELD": "gives way", "KIND_AGENT": "gives way",
                   "KIND_NODE_LOST": "node lost"}


def decision_line(decision, width):
    """One line for a decision about something that already ran; None for the others."""
    what = SHOWN_DECISIONS.get(decision["kind"])
    # That a move arrives where it was to go is no news.
    going_on = (decision["kind"] == "KIND_PLACE" and int(decision["attempt"]) > 1
                and decision["reason"] != "MOVE_TARGET")
    if not what and not going_on:
        return None
    task = decision["task"].removeprefix("jobs/").replace("/tasks/", "/")
    left, reached = (decision[key].partition("/")[2]
                     for key in ("from_data_center", "to_data_center"))
    where = " -> ".join(name for name in (left, reached) if name)
    words = [decision["time"][11:16], f"{task or decision['node']:14}", what or "goes on",
             f"{where}:" if where else ":", decision["reason"]]
    if decision["detail"]:
        words.append(f"({decision['detail']})")
    line = " ".join(words)
    return line if len(line) <= width else line[:width - 1] + "…"


def verdict_lines(checks, color):
    lines = []
    for check in checks:
        word = "ok" if check.holds else "FAILED"
        shown = f"{BOLD}{word:6}{RESET}" if color and not check.holds else f"{word:6}"
        lines.append(f"  {shown}  {check.name:21}  {check.summary}")
        lines += [f"          - {fault}" for fault in check.faults[:8]]
    return lines
