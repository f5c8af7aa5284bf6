"""A program whose own hook for forks is registered before the package is imported, so it runs before the package's."""

from __future__ import annotations

import os
import signal


def calls_by_hooks_that_run_right_after_the_fork() -> None:
    os.register_at_fork(after_in_child=lambda: call())
    from tests.programs.forks import ended_well, fork, forking, open_gate, pass_gate, start
    from tests.support.constant import cached

    answers = []

    def call():
        signal.alarm(20)
        answers.append(f(1))

    @cached()
    def f(x):
        pass_gate()
        return [x]

    @forking
    def program():
        thread = start(lambda: f(1))
        child = fork()
        if child == 0:
            assert answers == [[1]]
            assert f(1) is answers[0]
            print("child")
        else:
            ended_well(child)
            open_gate([thread])
            print("parent")

    program()
