"""The examples run, and say clearly what is wrong with a file that is none of readings."""

import os
import sys

NEEDS = "unix"
EXAMPLES = sys.path[0] + "/../examples/"


def run(arguments):
    """(exit status, what was printed)"""
    status = os.system("'%s' '%s%s > output.txt 2>&1" % (sys.executable, EXAMPLES, arguments))
    with open("output.txt") as file:
        text = file.read()
    assert "Traceback" not in text, text
    return status >> 8, text


def monitor(csv):
    """host_monitor.py on a file of that text."""
    with open("readings.csv", "w") as file:
        file.write(csv)
    return run("host_monitor.py' --csv readings.csv")


def answers(text, question):
    """The line of output that begins with the question."""
    lines = [line for line in text.split("\n") if line.strip().startswith(question)]
    assert len(lines) == 1, (question, text)
    return lines[0]


def test_first_steps():
    status, text = run("first_steps.py'")
    assert status == 0
    assert "kitchen: 21.5 degrees" in text and "kitchen, warmer: 22.5" in text and "attic is there: False" in text
    assert text.endswith("half a second later: ['cellar', 'kitchen']\n"), text


def test_watching_this_machine():
    status, text = run("host_monitor.py' --seconds 1")
    assert status == 0 and "\nStatistics\n" in text
    assert "what has no TTL stays: ['machine']" in text, text
    assert answers(text, "after 4 s").strip().startswith("after 4 s  records:  1 ")


def test_readings_from_a_file_become_documents_and_are_asked():
    rows = ['"number","date","Temperature","CO2","Occupancy"']
    for n in range(300):
        rows.append(
            '"%d","2015-02-%02d %02d:10:00",%s,%d,%d'
            % (n, 2 + n // 200, n % 24, 20 + (n % 24) / 4, 800 + n, n % 3 == 0)
        )
    status, text = monitor("\n".join(rows) + "\n")
    assert status == 0
    assert " 33 documents" in answers(text, "over 1,000 ppm CO2 while occupied"), text
    assert " 66 documents" in answers(text, "over 1,000 ppm CO2 while empty")
    assert " 100 documents" in answers(text, "tagged occupied") and " 200 documents" in answers(
        text, "tagged 2015-02-02"
    )
    assert "2015-02-03 23: 25.75 degrees" in answers(text, "the hottest hour")
    assert answers(text, "CO2 ").split() == ["CO2", "800", "949.5", "1099"]


def test_files_of_other_shapes_are_read_too():
    status, text = monitor('\ufeffa;b.c;$d;\r\n1;2,5;"x ""y""; z";\r\n\r\n-3;4.5;nan;5\r\n6;7\r\n')
    assert status == 0 and "the fields a, b_c, d, column 4" in text, text
    assert (
        "Questions to 2 documents" in text
        and "1 rows were left out; the first: line 5 has 2 fields, the header 4" in text
    )
    assert "'x \"y\"; z'" in answers(text, "the first document") and answers(text, "a ").split() == [
        "a",
        "-3",
        "-1",
        "1",
    ]
    status, text = monitor('t,text\n1,"two\nlines"\n2,x')
    assert status == 0 and "'two\\nlines'" in answers(text, "the first document") and "Questions to 2 documents" in text


def test_what_is_no_file_of_readings_is_said_in_a_line():
    for csv, said in (
        ("", "is empty"),
        ("a,b\n", "has a header and no rows"),
        ("a,b\n1\n2,3,4\n", "has no rows that fit its header"),
        ("a,a\n1,2\n", "names a field twice"),
        ("\0\1\2\n", "does not begin with a line that names the fields"),
    ):
        status, text = monitor(csv)
        assert (
            status == 1
            and said in text.split("\n")[-2]
            and text.split("\n")[-2].startswith("host_monitor: readings.csv ")
        ), text
    for arguments, said in (
        ("--csv missing.csv", "there is no such file"),
        ("--csv .", "is a folder"),
        ("--csv", "wants a value"),
        ("--what", "is not understood"),
        ("--seconds 0", "wants a whole number"),
        ("--seconds ten", "wants a whole number"),
    ):
        status, text = run("host_monitor.py' " + arguments)
        assert status == 1 and said in text, text
