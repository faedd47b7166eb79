# Shows the database at work.
import sys
import time

import microtetherdb
import csv_readings
from microtetherdb import MicroTetherDB
from showing import Problem, show_statistics, timed

USAGE = """\
micropython examples/host_monitor.py [--seconds N]    this machine's readings, from /proc
micropython examples/host_monitor.py --csv FILE       a file of readings, a document each row"""

KEPT = 4  # seconds a reading lives


def lines_of(path):
    try:
        with open(path) as file:
            return file.read().split("\n")
    except OSError:
        raise Problem("%s cannot be read: watching this machine needs Linux; --csv FILE works everywhere" % path)


def load_reading():
    words = lines_of("/proc/loadavg")[0].split()
    running, processes = words[3].split("/")
    return {
        "kind": "load",
        "one": float(words[0]),
        "five": float(words[1]),
        "running": int(running),
        "processes": int(processes),
    }


def memory_reading():
    kilobytes = {}
    for line in lines_of("/proc/meminfo"):
        name, _, rest = line.partition(":")
        if rest:
            kilobytes[name] = int(rest.split()[0])
    total, free = kilobytes["MemTotal"], kilobytes["MemAvailable"]
    return {"kind": "memory", "free_mb": free // 1024, "used_percent": round(100 * (total - free) / total, 1)}


def network_counters():
    """{interface: (bytes received, bytes sent)}"""
    counters = {}
    for line in lines_of("/proc/net/dev")[2:]:
        name, _, rest = line.partition(":")
        if rest:
            numbers = rest.split()
            counters[name.strip()] = int(numbers[0]), int(numbers[8])
    return counters


def network_readings(before, after, seconds):
    for name in after:
        received, sent = before.get(name, after[name])
        yield {
            "kind": "network",
            "interface": name,
            "rate": {
                "received": round((after[name][0] - received) / 1024 / seconds, 1),
                "sent": round((after[name][1] - sent) / 1024 / seconds, 1),
            },
        }


def sample(db, second, counters):
    """Puts the readings of one second; returns the network's counters for the next."""
    readings = [load_reading(), memory_reading()]
    now = network_counters()
    readings += network_readings(counters, now, 1)
    for reading in readings:
        reading["second"] = second
        busy = (
            reading.get("running", 0) > 1
            or reading.get("used_percent", 0) > 80
            or reading.get("rate", {}).get("received", 0) > 1
        )
        db.put(reading, ttl=KEPT, tags=[reading["kind"], "busy" if busy else "calm"])
    return now


def watch_this_machine(seconds):
    print(
        "This machine for %d s: load, memory and network go into the database each second and live for %d s.\n"
        % (seconds, KEPT)
    )
    db = MicroTetherDB()
    counters = network_counters()
    names = sorted((name for name in counters if name != "lo"), key=lambda name: -sum(counters[name])) or list(counters)
    shown = names[0] if names else "none"  # the busiest of them
    db.put("machine", {"kind": "machine", "interfaces": names}, tags=["machine"])
    print("           newest of each kind, by query                          found by query")
    print("second   load  memory used  %-6s in KB/s   out KB/s   records  of them busy  load over 1" % shown[:6])
    for second in range(1, seconds + 1):
        time.sleep(1)
        counters = sample(db, second, counters)
        load = db.query({"kind": "load", "second": second})[0]
        memory = db.query({"kind": "memory", "second": second})[0]
        network = db.query({"tags": "network", "interface": shown, "second": second})
        rate = network[0]["rate"] if network else {"received": 0, "sent": 0}
        print(
            "%6d  %5.2f  %9.1f %%  %14.1f %10.1f  %8d  %12d  %11d"
            % (
                second,
                load["one"],
                memory["used_percent"],
                rate["received"],
                rate["sent"],
                len(db),
                len(db.query({"tags": "busy"})),
                len(db.query({"kind": "load", "one": {"$gt": 1}})),
            )
        )
    ask_about_this_machine(db)
    print("\nNothing is put any more; the records expire:")
    for second in range(KEPT + 1):
        print(
            "  after %d s  records: %2d   of load: %s"
            % (second, len(db), [record["one"] for record in db.find({"tags": "load"})])
        )
        time.sleep(1)
    print("  what has no TTL stays: %s" % list(db))
    show_statistics(db)
    db.close()


def ask_about_this_machine(db):
    print("\nQuestions")
    for question, query in (
        ("the last %d s" % KEPT, {}),
        ("tagged 'memory'", {"tags": "memory"}),
        ("more than 0.5 KB/s received", {"rate.received": {"$gt": 0.5}}),
        ("load or memory, tagged 'calm'", {"kind": {"$in": ["load", "memory"]}, "tags": "calm"}),
        ("an interface with 'e' in its name", {"interface": {"$contains": "e"}}),
    ):
        found, ms = timed(lambda: db.query(query))
        print("  %-34s %4d records  %7.3f ms   %s" % (question, len(found), ms, query))


def main(arguments):
    path, seconds = None, 10
    while arguments:
        word = arguments.pop(0)
        if word in ("--csv", "--seconds") and not arguments:
            raise Problem("%s wants a value\n%s" % (word, USAGE))
        if word == "--csv":
            path = arguments.pop(0)
        elif word == "--seconds":
            value = arguments.pop(0)
            if not value.isdigit() or int(value) < 1:
                raise Problem("--seconds wants a whole number from 1 on, not %s" % value)
            seconds = int(value)
        elif word.startswith("-") or path:
            raise Problem("%s is not understood\n%s" % (word, USAGE))
        else:
            path = word
    print(
        "microtetherdb %s, MicroPython %s\n"
        % (microtetherdb.__version__, ".".join(str(n) for n in sys.implementation[1][:3]))
    )
    if path:
        csv_readings.load_and_ask(path)
    else:
        watch_this_machine(seconds)


try:
    main(sys.argv[1:])
except Problem as problem:
    print("host_monitor: %s" % problem)
    sys.exit(1)
except KeyboardInterrupt:
    print("\nstopped")
