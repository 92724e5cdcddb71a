"""Each judge finds what it is there for, and a clean history has nothing wrong."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                                "integration"))
from fleet import jobs_pb2  # noqa: E402
import judges  # noqa: E402
from jobs import Record  # noqa: E402

JOB = "jobs/a"


def line(time, kind, attempt=1, pid=1, count=0, of=0, sequence=0, place="frankfurt-1", said=None):
    return judges.Line(time, kind, JOB, 0, attempt, pid, count, of, sequence, said or place, place)


# It saves once, goes on in the same attempt, and again in another data center.
HISTORY = [line(10, "start"), line(11, "save", count=4, of=1, sequence=1),
           line(20, "start", pid=2, count=4, of=1, sequence=1),
           line(21, "save", pid=2, count=8, of=1, sequence=2),
           line(30, "start", 2, 3, 8, 1, 2, "frankfurt-2"),
           line(31, "end", 2, 3, 10, 1, 2, "frankfurt-2")]


def record(state="SUCCEEDED", attempt=2):
    made = Record()
    made.submitted["r"] = {"residency": ["EU"], "steps": 10}
    made.answers["r"] = {JOB}
    made.checkpoints = [(12, JOB, 0, 1, 1), (22, JOB, 0, 1, 2)]
    made.ends[JOB, 0] = (40, state)
    made.at_rest = {("frankfurt-2", JOB)}
    task = jobs_pb2.Task(name=f"{JOB}/tasks/0", attempt=attempt,
                         state=jobs_pb2.Task.State.Value(f"STATE_{state}"))
    made.listed[JOB] = ("r", state, [task])
    return made


class JudgesTest(unittest.TestCase):
    def wrong(self, lines, told):
        return sorted(name for name, found in judges.judge(lines, told).items() if found)

    def expect(self, verdict, lines=None, told=None):
        self.assertEqual(self.wrong(lines or HISTORY, told or record()), [verdict])

    def test_a_clean_history(self):
        self.assertEqual(self.wrong(HISTORY, record()), [])

    def test_a_job_that_is_gone(self):
        told = record()
        told.listed.clear()
        self.expect("acknowledged jobs lost", told=told)

    def test_a_request_with_two_jobs(self):
        told = record()
        told.listed["jobs/b"] = ("r", "SUCCEEDED", [])
        self.expect("request ids with two jobs", told=told)
        told = record()
        told.answers["r"] = {JOB, "jobs/b"}
        told.listed["jobs/b"] = ("", "SUCCEEDED", [])
        self.expect("request ids with two jobs", told=told)

    def test_two_that_live_at_once(self):
        self.expect("two live attempts of a task", HISTORY + [line(32, "doubled", 2, 3, 0, 1, 2,
                                                                  "frankfurt-2")])
        self.expect("two live attempts of a task", sorted(HISTORY + [line(30, "at", pid=2)]))

    def test_an_attempt_in_two_places_and_an_older_one_later(self):
        self.expect("two live attempts of a task",
                    sorted(HISTORY + [line(25, "at", pid=4, place="frankfurt-2")]))
        self.expect("two live attempts of a task",
                    HISTORY + [line(35, "start", pid=9, of=1, sequence=2)])

    def test_an_end_that_did_not_stay(self):
        self.expect("ends that did not stay, or were not",
                    HISTORY + [line(50, "start", 3, 5, 8, 1, 2)])
        told = record()
        told.ends[JOB, 0] = (40, "FAILED")
        self.expect("ends that did not stay, or were not", told=told)
        self.expect("ends that did not stay, or were not", HISTORY[:-1])

    def test_progress_that_is_lost(self):
        lines = HISTORY[:4] + [line(30, "start", 2, 3), line(31, "end", 2, 3, 10)]
        self.expect("progress lost that a checkpoint held", lines)
        # The one before the newest is as far back as it may go.
        lines = HISTORY[:4] + [line(30, "start", 2, 3, 4, 1, 1), line(31, "end", 2, 3, 10, 1, 1)]
        self.assertEqual(self.wrong(lines, record()), [])

    def test_a_process_that_goes_on_from_before_the_save_of_its_attempt(self):
        told = record()
        told.checkpoints = []  # Whatever clients have been told by then.
        start = HISTORY[2]._replace(count=0, from_attempt=0, from_sequence=0)
        self.expect("progress lost that a checkpoint held",
                    HISTORY[:2] + [start] + HISTORY[3:], told)
        third = line(24, "start", pid=4, count=4, of=1, sequence=1)
        self.expect("progress lost that a checkpoint held",
                    HISTORY[:4] + [third] + HISTORY[4:], told)

    def test_what_was_not_sworn_to_or_not_kept_is_not_missed(self):
        told = record()
        told.checkpoints = []
        # It was killed between its save and its word, or before it saved.
        self.assertEqual(self.wrong(HISTORY[:1] + HISTORY[2:], told), [])
        # It saved, and was killed before that was sealed: another attempt does without.
        lines = HISTORY[:4] + [line(30, "start", 2, 3, 4, 1, 1), line(31, "end", 2, 3, 10, 1, 1)]
        self.assertEqual(self.wrong(lines, told), [])
        lines = HISTORY[:2] + [line(30, "start", 2, 3), line(31, "end", 2, 3, 10)]
        self.assertEqual(self.wrong(lines, told), [])

    def test_outside_residency(self):
        outside = [one._replace(place="virginia", said="virginia") if one.attempt == 2 else one
                   for one in HISTORY]
        self.expect("attempts outside their residency", outside)
        told = record()
        told.at_rest.add(("hangzhou", JOB))
        self.expect("attempts outside their residency", told=told)

    def test_an_attempt_after_a_cancel(self):
        told = record()
        told.cancels[JOB] = {0: 1}
        self.expect("attempts after a cancel", told=told)

    def test_a_job_that_does_not_end_well(self):
        told = record("FAILED")
        self.expect("jobs that did not end well", HISTORY, told)
        told = record("CANCELLED")
        self.expect("jobs that did not end well", HISTORY, told)
        told.cancels[JOB] = {0: 2}
        self.assertEqual(self.wrong(HISTORY, told), [])


if __name__ == "__main__":
    unittest.main()
