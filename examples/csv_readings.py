# A CSV file of readings: every row becomes a document, then the questions someone would ask of them.
import os
import time

from microtetherdb import MicroTetherDB
from showing import Problem, show_statistics, thousands, timed


def fields_of(line, delimiter):
    """The fields of one line of CSV, or None when a quote in it is not closed."""
    fields, at, end = [], 0, len(line)
    while True:
        if at < end and line[at] == '"':
            text, at = "", at + 1
            while True:
                quote = line.find('"', at)
                if quote < 0:
                    return None
                text += line[at:quote]
                at = quote + 1
                if line[at : at + 1] != '"':
                    break
                text += '"'
                at += 1
            rest = line.find(delimiter, at)
            text += line[at : rest if rest >= 0 else end]
        else:
            rest = line.find(delimiter, at)
            text = line[at : rest if rest >= 0 else end].strip()
        fields.append(text)
        if rest < 0:
            return fields
        at = rest + 1


def rows_of(file, delimiter):
    """(number of its first line, fields) of every row; a row may span lines inside quotes."""
    number = 1
    for line in file:
        number += 1
        first = number
        line = line.rstrip("\r\n")
        if not line:
            continue
        fields = fields_of(line, delimiter)
        while fields is None and number - first < 100:
            more = file.readline()
            if not more:
                break
            number += 1
            line += "\n" + more.rstrip("\r\n")
            fields = fields_of(line, delimiter)
        yield first, fields or []


def converted(text):
    """An int, a float or the text itself."""
    first = text[:1]
    if not (first.isdigit() or first in "+-."):
        return text
    for kind in (int, float):
        try:
            number = kind(text)
            return text if isinstance(number, float) and number - number != 0 else number
        except ValueError:
            pass
    return text


def open_csv(path):
    """The open file behind its header, the names of its fields, the delimiter."""
    try:
        if os.stat(path)[0] & 0x4000:
            raise Problem("%s is a folder; a CSV file is wanted" % path)
        file = open(path)
    except OSError as error:
        raise Problem(
            "%s cannot be read: %s" % (path, "there is no such file" if error.errno == 2 else "errno %d" % error.errno)
        )
    try:
        header = file.readline().lstrip("\ufeff").rstrip("\r\n")
    except UnicodeError:
        raise Problem("%s is not UTF-8 text" % path)
    if not header:
        raise Problem("%s is empty; its first line should name the fields" % path)
    delimiter = max((",", ";", "\t"), key=lambda candidate: header.count(candidate))
    names = fields_of(header, delimiter)
    if not names or "\0" in header:
        raise Problem("%s does not begin with a line that names the fields" % path)
    # A dot in a name would be read as a path by queries, a $ in front as an operator.
    names = [name.strip().replace(".", "_").lstrip("$") or "column %d" % (n + 1) for n, name in enumerate(names)]
    if len(set(names)) < len(names):
        raise Problem("%s names a field twice: %s" % (path, ", ".join(names)))
    return file, names, delimiter


class Columns:
    """Which fields of the file the questions can be about."""

    def __init__(self, names):
        by_lower = dict((name.lower(), name) for name in names)

        def find(*candidates):
            for candidate in candidates:
                if candidate in by_lower:
                    return by_lower[candidate]

        self.names = names
        self.date = find("date", "datetime", "timestamp", "time")
        self.temperature = find("temperature", "temp")
        self.co2 = find("co2")
        self.light = find("light")
        self.occupancy = find("occupancy", "occupied")

    def tags(self, document):
        tags = []
        if self.occupancy in document:
            tags.append("occupied" if document[self.occupancy] in (1, "1", "true", "True", "yes") else "empty")
        day = str(document.get(self.date, ""))[:10]
        if len(day) == 10 and day[4] == day[7] == "-":
            tags.append(day)
        return tags


def load(db, path, columns, file, delimiter):
    """Puts every row. Returns the set of tags used, and what went wrong with rows left out."""
    names, size = columns.names, max(1, os.stat(path)[6])
    tags_used, left_out, next_report = set(), [], 10
    began = time.ticks_ms()
    try:
        for number, fields in rows_of(file, delimiter):
            if len(fields) != len(names):
                left_out.append("line %d has %d fields, the header %d" % (number, len(fields), len(names)))
                continue
            document = {}
            for name, text in zip(names, fields):
                if text:
                    document[name] = converted(text)
            tags = columns.tags(document)
            tags_used.update(tags)
            try:
                db.put(document, tags=tags)
            except ValueError as error:
                left_out.append("line %d: %s" % (number, error))
            percent = file.tell() * 100 // size
            if percent >= next_report:
                next_report = percent // 10 * 10 + 10
                progress(percent, db, began)
        if next_report <= 100:
            progress(100, db, began)
    except MemoryError:
        progress(percent, db, began)
        print("  The database is full: the questions are asked of what is in it.")
        print("  More heap holds more: micropython -X heapsize=64M …")
    except UnicodeError:
        raise Problem("%s is not UTF-8 text" % path)
    return tags_used, left_out


def progress(percent, db, began):
    ms = time.ticks_diff(time.ticks_ms(), began)
    print("  %3d %%  %8s documents  %6d ms" % (percent, thousands(len(db)), ms))


def per_hour(db, columns):
    """[(average temperature, hour)], hottest first."""
    sums = {}
    for document in db.find({columns.temperature: {"$exists": True}, columns.date: {"$contains": ":"}}):
        hour, value = document[columns.date][:13], document[columns.temperature]
        if not isinstance(value, str):
            total, count = sums.get(hour, (0, 0))
            sums[hour] = total + value, count + 1
    return sorted(((total / count, hour) for hour, (total, count) in sums.items()), reverse=True)


def ranges(db, columns):
    """[(name, lowest, average, highest, whether all are ints)], reading one document at a time."""
    seen = {}
    for document in db.find({}):
        for name in columns.names:
            value = document.get(name)
            if isinstance(value, (int, float)):
                lowest, total, highest, count, whole = seen.get(name, (value, 0, value, 0, True))
                seen[name] = (
                    min(lowest, value),
                    total + value,
                    max(highest, value),
                    count + 1,
                    whole and isinstance(value, int),
                )
    return [
        (name, seen[name][0], seen[name][1] / seen[name][3], seen[name][2], seen[name][4])
        for name in columns.names
        if name in seen
    ]


def how_many(db, query):
    try:
        return len(db.query(query))
    except MemoryError:  # the matches do not fit into memory at once
        return sum(1 for _ in db.find(query))


def answer(question, ms, text):
    print("  %-50s %9.3f ms   %s" % (question, ms, text))


def ask(db, columns, tags_used):
    count = len(db)
    print("\nQuestions to %s documents" % thousands(count))

    def counting(question, query):
        found, ms = timed(lambda: how_many(db, query))
        answer(question, ms, "%s documents   %s" % (thousands(found), query))

    if columns.co2 and columns.occupancy:
        counting("over 1,000 ppm CO2 while occupied", {columns.co2: {"$gt": 1000}, "tags": "occupied"})
        counting("over 1,000 ppm CO2 while empty", {columns.co2: {"$gt": 1000}, "tags": "empty"})
    if columns.light and columns.occupancy:
        counting("lights on (over 300 lux) and nobody there", {columns.light: {"$gt": 300}, "tags": "empty"})
    if columns.temperature and columns.date:
        hours, ms = timed(lambda: per_hour(db, columns))
        if hours:
            answer("the hottest hour", ms, "%s: %.2f degrees on average" % (hours[0][1], hours[0][0]))
            answer("the coldest hour", ms, "%s: %.2f degrees on average" % (hours[-1][1], hours[-1][0]))
    numbers, ms = timed(lambda: ranges(db, columns))
    answer("lowest, average, highest of every number", ms, "")
    for name, lowest, average, highest, _ in numbers:
        print("      %-30s %12.6g %12.6g %12.6g" % (name, lowest, average, highest))
    for name, _, average, highest, _ in [entry for entry in numbers if not entry[4]][:3]:  # no ids, no flags
        limit = float("%.4g" % (average + (highest - average) / 2))
        counting("%s over %g" % (name, limit), {name: {"$gt": limit}})
    for tag in sorted(tags_used)[:12]:
        counting("tagged %s" % tag, {"tags": tag})
    first, ms = timed(lambda: db.query({"$limit": 1}, keys=True))
    answer("the first document", ms, "%s" % first)
    _, ms = timed(lambda: sum(db.get(first[0][0]) is None for _ in range(1000)))
    answer("one document by its key", ms / 1000, "the mean of 1,000 gets")


def load_and_ask(path):
    file, names, delimiter = open_csv(path)
    columns = Columns(names)
    print("%s: each row a document with the fields %s\n" % (path, ", ".join(names)))
    db = MicroTetherDB(ram_percentage=60)
    with file:
        tags_used, left_out = load(db, path, columns, file, delimiter)
    if left_out:
        print("  %s rows were left out; the first: %s" % (thousands(len(left_out)), left_out[0]))
    if not len(db):
        raise Problem("%s has no rows that fit its header" % path if left_out else "%s has a header and no rows" % path)
    try:
        ask(db, columns, tags_used)
    except MemoryError:
        raise Problem("there is too little memory to ask more; more heap helps: micropython -X heapsize=64M …")
    show_statistics(db)
    db.close()
