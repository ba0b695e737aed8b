#include "base/fsm.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const struct fsm_state states[] = {
    {"pending", {"running"}}, {"running", {"stopped"}}, {"stopped", {NULL}}};
static const struct fsm fsm = {"thing", states, 3};

static void the_table_says_which_moves_are_allowed(void **state)
{
    (void)state;
    assert_true(fsm_allows(&fsm, "pending", "running"));
    assert_true(fsm_allows(&fsm, "stopped", "stopped"));
    assert_false(fsm_allows(&fsm, "pending", "stopped"));
    assert_false(fsm_allows(&fsm, "pending", "unheard-of"));
    assert_ptr_equal(fsm_move(&fsm, "running", "stopped"), states[2].name);
}

static void a_move_that_is_not_allowed_aborts(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        close(STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        fsm_move(&fsm, "stopped", "running");
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_says_which_moves_are_allowed),
        cmocka_unit_test(a_move_that_is_not_allowed_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
