#!/usr/bin/env python3
"""Makes copies of the product's sources with the bugs of planted_bugs.txt in them.

usage: plant.py BUGS SOURCES OUT   writes OUT/<file> for each file with a bug, and OUT/planted_bugs.inc
       plant.py --files BUGS       prints those files
"""
import pathlib
import sys


class Change:
    def __init__(self, bug, path, line):
        self.bug, self.path, self.line = bug, path, line
        self.before, self.after = [], []


def read(path):
    """The bugs' names and texts in order, and the changes."""
    bugs, changes = [], []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        where = f"{path}:{number}"
        if not line or line.startswith("#"):
            continue
        if line.startswith("bug "):
            name, _, what = line[4:].partition(": ")
            bugs.append((name, what))
        elif line.startswith("file ") and bugs:
            changes.append(Change(len(bugs), line[5:], where))
        elif line[0] == "-" and changes and not changes[-1].after:
            changes[-1].before.append(line[1:])
        elif line[0] == "+" and changes:
            changes[-1].after.append(line[1:])
        else:
            sys.exit(f"{where}: wants bug, file, - or +, in this order: {line}")
    return bugs, changes


def planted(change, text):
    before = "\n".join(change.before) + "\n"
    count = text.count(before) if change.before else 0
    if count != 1:
        sys.exit(f"{change.line}: what is to be replaced is in {change.path} {count} times, not once")
    after = "\n".join(change.after) + "\n"
    return text.replace(before, after.replace("PLANTED", f"::heliotrope::planted::Is({change.bug})"))


def main():
    if sys.argv[1] == "--files":
        print(";".join(sorted({change.path for change in read(pathlib.Path(sys.argv[2]))[1]})), end="")
        return
    bugs_path, sources, out = map(pathlib.Path, sys.argv[1:])
    bugs, changes = read(bugs_path)
    texts = {}
    for change in changes:
        text = texts.get(change.path) or (sources / change.path).read_text()
        texts[change.path] = planted(change, text)
    for path, text in texts.items():
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        (out / path).write_text('#include "tests/sim/planted.h"\n' + text)
    names = "".join(f'{{"{name}", "{what}"}},\n' for name, what in bugs)
    (out / "planted_bugs.inc").write_text(names)


main()
